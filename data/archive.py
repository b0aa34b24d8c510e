"""The finished file of a run: compressed, checksummed, and never modified afterwards.

It is written beside the old file, synced, read back, and takes the old file's name in one step. Whenever this
is interrupted, the old file is still there with all that it held.
"""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import h5py

from data.disk import RESERVE, check_space, reason_of, sync_file, sync_folder
from data.errors import DamagedRunError, RunBusyError, WriteFailedError
from data.layout import Column, create_columns
from data.results import ANALYSIS, Encoded, Results, encode, write_analysis
from data.run import Run, open_run
from data.stored_header import RunState, write_header

# Bytes copied at a time.
_SLAB: Final = 2**24


def write_results(path: str | os.PathLike[str], results: Results, *, reserve: int = RESERVE) -> None:
    """Add the results of a new analysis to a run; those that it has are kept.

    The data are copied as they are. A run that was cut off becomes an interrupted one, with the
    points that were completed.

    Args:
        path: of the run.
        results: see `data.results.encode`.
        reserve: bytes that must stay free on the disk.

    Raises:
        ResultsError: for results that a file cannot hold.
        RunFileError: one of its kinds, if the run cannot be read or the copy not be written.
    """
    archive_run(Path(path), None, encode(results), reserve)


def archive_run(path: Path, state: RunState | None, encoded: Encoded | None, reserve: int) -> None:
    """Replace the file of a run by its archive.

    Args:
        path: of the run.
        state: how the run stands from now on; None if nothing changes.
        encoded: results to add.
        reserve: bytes that must stay free on the disk.

    Raises:
        NoSpaceError: if the disk has no room for the copy.
        WriteFailedError: if the system refuses to write.
        DamagedRunError: if the run cannot be read, or the copy reads back differently.
        RunBusyError: if another program makes a copy of this run.
    """
    part, points = path.with_name(f"{path.name}.part"), 0
    try:
        with open_run(path) as run:
            points = len(run)
            check_space(path, path.stat().st_size + reserve, points)
            sums = _write_copy(run, part, state or _state_of(run), encoded)
            _verify(run, part, sums)
        part.replace(path)
    except BlockingIOError as error:
        raise RunBusyError(path) from error
    except BaseException as error:  # Ctrl-C, too, leaves no half of a copy
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError | RuntimeError):
            raise WriteFailedError(path, reason_of(error), points) from error
        raise
    sync_folder(path.parent)


def _state_of(run: Run) -> RunState:
    if run.status == "unfinished":
        return RunState(run.id, "interrupted", "cut off while it was running")
    return RunState(run.id, run.status, run.message, run.ended)


def _write_copy(run: Run, part: Path, state: RunState, encoded: Encoded | None) -> dict[str, int]:
    """Write the archive and return the checksum of each column."""
    rows = run.table_rows
    with h5py.File(part, "w") as file:
        write_header(file, run.header, state)
        create_columns(file, run.header, rows)
        sums = {}
        for column in run.columns:
            sums[column.path] = 0
            for begin, end in _slabs(column, rows[column.table]):
                values = run.column(column.path, begin, end)
                file[column.path][begin:end] = values
                sums[column.path] = zlib.crc32(values.tobytes(), sums[column.path])
        if ANALYSIS in run.file:
            run.file.copy(ANALYSIS, file)
        if encoded is not None:
            write_analysis(file, encoded, datetime.now(UTC))
        sync_file(file)
    return sums


def _verify(run: Run, part: Path, sums: dict[str, int]) -> None:
    with open_run(part) as copy:
        for column in run.columns:
            total = 0
            for begin, end in _slabs(column, run.table_rows[column.table]):
                total = zlib.crc32(copy.column(column.path, begin, end).tobytes(), total)
            if total != sums[column.path] or copy.table_rows != run.table_rows:
                usable = "the run itself is untouched"
                raise DamagedRunError(part, column.path, "it reads back differently", usable)


def _slabs(column: Column, rows: int) -> list[tuple[int, int]]:
    """Cut rows into (begin, end) that are small enough for the memory."""
    step = max(_SLAB // column.row_bytes, 1)
    return [(begin, min(begin + step, rows)) for begin in range(0, rows, step)]
