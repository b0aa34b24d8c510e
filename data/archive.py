"""The finished file of a run: compressed, checksummed, sealed, and never modified afterwards.

It is written beside its place, read back, sealed, synced, and takes its name in one step. Whenever this is
interrupted, what it is made from is still there with all that it held.
"""

from __future__ import annotations

import os
import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
from numpy.typing import NDArray

from data.chunks import Slab, write_slabs
from data.disk import RESERVE, check_space, reason_of, sync_folder
from data.errors import CopyBusyError, DamagedRunError, SealBrokenError, WriteFailedError
from data.exchange.artiq_names import write_artiq_copies
from data.exchange.photon_names import write_photon_names
from data.journal.locks import take_lock
from data.journalled_run import JournalledRun
from data.layout import EVENT_INDEX, GATES, Column, columns_of, create_columns
from data.results import EXPERIMENT, Encoded, Maker, Results, encode, write_analysis
from data.run import open_run
from data.seal import add_seal, check_seal, unsealed_length
from data.sources import Source
from data.stored_header import RunState, write_header
from data.stored_readings import write_messages, write_readings

PATIENCE: Final = 60.0
"""s to wait for others who make a copy of the same run: one of 10 GB takes a minute on a good disk."""

_PAUSE: Final = 0.02  # s between two looks whether they have ended

# Bytes copied at a time.
_SLAB: Final = 2**24


def archive_journal(
    source: JournalledRun, target: Path, state: RunState, encoded: Encoded | None, reserve: int
) -> None:
    """Make the file of a run from its journal.

    Args:
        source: the journal.
        target: path of the file.
        state: how the run ended.
        encoded: results to add.
        reserve: bytes that must stay free on the disk.

    Raises:
        NoSpaceError: if the disk has no room for the file.
        WriteFailedError: if the system refuses to write.
        DamagedRunError: if the journal cannot be read, or the file reads back differently.
        CopyBusyError: if another program makes this file.
    """
    rows = {table: int(ends[-1]) if len(ends) else 0 for table, ends in source.table_ends().items()}
    needed = sum(rows[column.table] * column.row_bytes for column in columns_of(source.form))
    with _replacing(target, rows["scan"], needed + reserve) as part:
        sums = _write(source, part, rows, state, encoded)
        _verify(part, rows, sums)


def write_results(
    path: str | os.PathLike[str],
    results: Results,
    *,
    maker: Maker = EXPERIMENT,
    reserve: int = RESERVE,
    patience: float = PATIENCE,
) -> None:
    """Add the results of a new analysis to a finished run; those that it has are kept.

    The file itself is not touched: a copy with the results takes its name. Several programs that add results
    at the same time do so one after the other.

    Args:
        path: of the run file.
        results: see `data.results.encode`.
        maker: of the results.
        reserve: bytes that must stay free on the disk.
        patience: seconds to wait for other programs.

    Raises:
        ResultsError: for results that a file cannot hold.
        SealBrokenError: if the file is not what it was when it was finished.
        CopyBusyError: if another program did not end in time.
        RunFileError: one of its kinds, if the run cannot be read or the copy not be written.
    """
    encoded, path = encode(results), Path(path)
    with open_run(path) as run:
        points, size = len(run), Path(run.file.filename).stat().st_size
    with _replacing(path, points, size + reserve, patience) as part:
        if not check_seal(path).is_whole:
            raise SealBrokenError(path)
        shutil.copyfile(path, part)
        os.truncate(part, unsealed_length(path))
        with h5py.File(part, "r+", locking="best-effort") as file:
            write_analysis(file, encoded, datetime.now(UTC), maker)
            write_artiq_copies(file)


@contextmanager
def _replacing(path: Path, points: int, needed: int, patience: float = PATIENCE) -> Iterator[Path]:
    """Give a path to write to; at the end of the block that file is sealed and takes the place of another."""
    part = path.with_name(f"{path.name}.part")
    try:
        check_space(path, needed, points)
        with _claimed(part, patience):
            try:
                yield part
                add_seal(part)
                part.replace(path)
            except BaseException:  # Ctrl-C, too, leaves no half of a copy
                with suppress(OSError):
                    part.unlink()
                raise
    except BlockingIOError as error:
        raise CopyBusyError(path, part, patience) from error
    except (OSError, RuntimeError) as error:
        raise WriteFailedError(path, reason_of(error), points) from error
    sync_folder(path.parent)


@contextmanager
def _claimed(part: Path, patience: float) -> Iterator[None]:
    """Keep others from writing the same file within the block; what a crash left in it is thrown away.

    Args:
        part: path of the file.
        patience: seconds to wait until nobody else writes it.

    Raises:
        BlockingIOError: somebody else still does.
    """
    end = time.monotonic() + patience
    while (descriptor := _claim(part)) is None:
        if time.monotonic() >= end:
            raise BlockingIOError
        time.sleep(_PAUSE)
    try:
        os.ftruncate(descriptor, 0)
        yield
    finally:
        os.close(descriptor)


def _claim(part: Path) -> int | None:
    """Return a descriptor that holds the lock of a file, which is made if need be; None if others hold it."""
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        take_lock(descriptor)
        # Between the two steps it may have become the file of the run, which nobody may touch.
        if os.path.samestat(os.fstat(descriptor), part.stat()):
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _write(
    source: Source, part: Path, rows: dict[str, int], state: RunState, encoded: Encoded | None
) -> dict[str, int]:
    """Write the file and return the checksum of each column."""
    header, sums = source.header(), dict.fromkeys((column.path for column in columns_of(source.form)), 0)
    with h5py.File(part, "w") as file:
        write_header(file, header, state)
        create_columns(file, header, rows)
        write_slabs(file, chain(_columns(source, rows, sums), _event_index(source, rows["gates"])))
        write_readings(file, source.readings())
        write_messages(file, source.messages())
        if encoded is not None:
            write_analysis(file, encoded, datetime.now(UTC))
        write_artiq_copies(file)
        write_photon_names(file)
    return sums


def _columns(source: Source, rows: dict[str, int], sums: dict[str, int]) -> Iterator[Slab]:
    """Read all columns; their checksums are kept in `sums`."""
    for column in columns_of(source.form):
        for begin, end in _slabs(column, rows[column.table]):
            values = source.read(column.path, begin, end)
            sums[column.path] = _crc_of(values, sums[column.path])
            yield Slab(column.path, begin, values)


def _event_index(source: Source, gates: int) -> Iterator[Slab]:
    """Count the first photon of each gate."""
    first = 0
    for begin, end in _slabs(EVENT_INDEX, gates):
        photons = source.read(f"{GATES}/photons", begin, end)
        ends = first + np.cumsum(photons, dtype=np.int64)
        yield Slab(EVENT_INDEX.path, begin, ends - photons)
        first = int(ends[-1])


def _verify(part: Path, rows: dict[str, int], sums: dict[str, int]) -> None:
    """Read all columns back."""
    with open_run(part) as copy:
        for column in copy.columns:
            total = 0
            for begin, end in _slabs(column, rows[column.table]):
                values = copy.column(column.path, begin, end)
                total = _crc_of(values, total)
            if total != sums[column.path] or copy.table_rows != rows:
                usable = "what it was made from is untouched"
                raise DamagedRunError(part, column.path, "it reads back differently", usable)


def _crc_of(values: NDArray[Any], before: int) -> int:
    """Return the CRC-32 of values behind others whose CRC-32 is known."""
    return zlib.crc32(np.ascontiguousarray(values).data, before)


def _slabs(column: Column, rows: int) -> list[tuple[int, int]]:
    """Cut rows into (begin, end), in whole chunks, that are small enough for the memory."""
    chunk = column.chunk_rows(rows)
    step = chunk * max(_SLAB // (chunk * column.row_bytes), 1)
    return [(begin, min(begin + step, rows)) for begin in range(0, rows, step)]
