"""Writing a run while it is going on: at every moment its file holds every completed point.

The file grows in place, uncompressed, and is synced to the disk at each point. When the run ends, a
compressed copy with the results takes its place (see `data.archive`).
"""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import h5py

from data.archive import archive_run
from data.columns import Record
from data.disk import RESERVE, check_space, reason_of, sync_file, sync_folder
from data.errors import RunClosedError, UnwritableFolderError, WriteFailedError
from data.header import RunHeader
from data.layout import append_rows, columns_of, create_columns
from data.points import PointValues, rows_of
from data.results import Results, encode
from data.stored_header import EndStatus, RunState, write_header

# The index of every column fits into one such block, so that a live file never holds a pointer behind its
# own end: HDF5 writes pointers before it writes the new length. Unused, the block is a hole in the file.
_METADATA_BLOCK: Final = 2**22


class RunWriter:
    """A run that is going on. Use it in a `with` block: leaving it finishes the run.

    Attributes:
        path: of the file.
        id: of the run: time of the start (UTC, milliseconds) and four random digits; ids sort by time.
        header: of the run.
        points: completed points.
    """

    def __init__(self, path: Path, run_id: str, header: RunHeader, file: h5py.File, reserve: int) -> None:
        self.path = path
        self.id = run_id
        self.header = header
        self.points = 0
        self._file: h5py.File | None = file
        self._reserve = reserve
        paths = [column.path for column in columns_of(header.axes, header.readouts)]
        self._columns = {path: file[path] for path in paths}
        self._lengths = dict.fromkeys(paths, 0)

    @classmethod
    def create(
        cls, folder: str | os.PathLike[str], header: RunHeader, *, reserve: int = RESERVE
    ) -> RunWriter:
        """Create the file of a new run, `folder/<YYYY-MM-DD>/<id>-<experiment>.h5`.

        Args:
            folder: of all runs; made if it is not there.
            header: all that is known before the first point.
            reserve: bytes that must stay free on the disk.

        Raises:
            UnwritableFolderError: if the system does not let the file be made.
            NoSpaceError: if the disk is full.
        """
        started = header.provenance.started.astimezone(UTC)
        day = Path(folder) / f"{started:%Y-%m-%d}"
        try:
            day.mkdir(parents=True, exist_ok=True)
            check_space(day / "a new run", reserve, 0)
            run_id, path, file = _create_file(day, started, header.experiment)
        except OSError as error:
            raise UnwritableFolderError(Path(folder), reason_of(error)) from error
        try:
            write_header(file, header, RunState(run_id, "running"))
            create_columns(file, header, rows=None)
            sync_file(file)
        except (OSError, RuntimeError) as error:
            raise _given_up(file, path, 0, error) from error
        sync_folder(day)
        return cls(path, run_id, header, file, reserve)

    def append(self, point: PointValues, record: Record) -> None:
        """Add a completed point and sync it to the disk: after this returns, no crash loses it.

        Args:
            point: value of each axis of the header.
            record: what was seen.

        Raises:
            PointError: if the point does not fit the header; nothing is written.
            NoSpaceError: if the disk would be full; nothing is written.
            WriteFailedError: if the system refuses to write; the run takes no more points.
            RunClosedError: after the end of the run.
        """
        file = self._live("add a point to")
        rows = rows_of(self.points, point, record, self.header)
        size = sum(values.nbytes for values in rows.values())
        try:
            check_space(self.path, size + self._reserve, self.points)
            for path, values in rows.items():
                if len(values):
                    append_rows(self._columns[path], self._lengths[path], values)
            sync_file(file)
        except (OSError, RuntimeError) as error:
            self._file = None
            raise _given_up(file, self.path, self.points, error) from error
        # Only now: after a Ctrl-C within a point, the next point overwrites what there is of it.
        for path, values in rows.items():
            self._lengths[path] += len(values)
        self.points += 1

    def finish(
        self, results: Results | None = None, status: EndStatus = "complete", message: str = ""
    ) -> Path:
        """End the run: its file becomes a compressed and checksummed one with the results.

        Args:
            results: of the analysis, see `data.results.encode`.
            status: how the run ended.
            message: what there is to say about it.

        Returns:
            Path of the file, the same as before.

        Raises:
            ResultsError: for results that a file cannot hold; the run goes on.
            NoSpaceError: if there is no room for the copy; the file keeps its points as an unfinished run.
            WriteFailedError: if the system refuses to write the copy; the file keeps its points, too.
            RunClosedError: after the end of the run.
        """
        encoded = encode(results) if results is not None else None
        file, self._file = self._live("finish"), None
        file.close()
        archive_run(self.path, RunState(self.id, status, message, datetime.now(UTC)), encoded, self._reserve)
        return self.path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is None:
            return
        if error is None or isinstance(error, KeyboardInterrupt):
            self.finish(
                status="interrupted", message="stopped by the user" if error else "left before its end"
            )
        else:
            self.finish(status="failed", message=f"{type(error).__name__}: {error}")

    def _live(self, action: str) -> h5py.File:
        if self._file is None:
            raise RunClosedError(self.path, action)
        return self._file


def _given_up(file: h5py.File, path: Path, points: int, error: Exception) -> WriteFailedError:
    """Let go of a file that the system refuses to write, as a killed process would.

    HDF5 cannot close a file without writing what it still has in mind, and of that only a part would reach
    the disk: a head that promises more than there is, which nothing opens. So from here on it writes to
    nowhere.
    """
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, file.id.get_vfd_handle())
    os.close(nowhere)
    with suppress(OSError, RuntimeError):  # nowhere has no length, which HDF5 does not like
        file.close()
    return WriteFailedError(path, reason_of(error), points)


def _create_file(day: Path, started: datetime, experiment: str) -> tuple[str, Path, h5py.File]:
    """Create an empty file under a name that no run has."""
    name = re.sub(r"[^\w.]+", "_", experiment)
    while True:
        run_id = f"{started:%Y%m%dT%H%M%S}{started.microsecond // 1000:03d}-{secrets.token_hex(2)}"
        path = day / f"{run_id}-{name}.h5"
        with suppress(FileExistsError):
            # Without a chunk cache rows go to the file at once, before anything that points to them.
            file = h5py.File(path, "x", locking="best-effort", rdcc_nbytes=0, meta_block_size=_METADATA_BLOCK)
            return run_id, path, file
