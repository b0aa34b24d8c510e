"""A run, read from its file: the head at once, the columns when they are asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Literal, Self, TypeAlias

import h5py
import numpy as np
from numpy.typing import NDArray

from data.columns import Record
from data.disk import reason_of
from data.errors import (
    DamagedRunError,
    ForeignFileError,
    NewerSchemaError,
    NotHDF5Error,
    RunBusyError,
    RunClosedError,
    TruncatedFileError,
    UnreadableFileError,
)
from data.header import Axis, Readout, RunHeader, StoredParameter
from data.layout import SCAN, SCHEMA, TABLE_SIZES, Column, columns_of
from data.points import CHECKSUM, PointValues, Rows, checksum, record_of
from data.results import read_results
from data.stored_header import EndStatus, read_axes, read_experiment, read_header, read_readouts, read_state

# What h5py raises where the bytes of a file are not those that were written (found by changing them).
READ_FAULTS: Final = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError)

RunStatus: TypeAlias = EndStatus | Literal["unfinished"]

_NOTHING_USABLE: Final = "nothing is usable through ionloom"
_POINTS_USABLE: Final = "points and records can still be read unless they say the same"

# HDF5 tells the two lengths in its message only.
_TRUNCATED: Final = re.compile(r"truncated file: eof = (\d+).*stored_eof = (\d+)")


def open_run(path: str | os.PathLike[str]) -> Run:
    """Open a run file for reading.

    Only its head is read; columns and results follow when they are asked for. A run that was cut off (by a
    crash or a power cut) opens like any other and gives the points that were completed.

    Raises:
        RunFileError: one of its kinds, if the file is missing, foreign, cut short, damaged or being written.
    """
    place = Path(path)
    file = open_file(place)
    try:
        with damage_told(place, "its head", _NOTHING_USABLE):
            return Run(place, file)
    except BaseException:
        file.close()
        raise


@contextmanager
def damage_told(path: Path, part: str, usable: str) -> Iterator[None]:
    """Tell what h5py raises as damage: it has no kind of error for it, but meets bytes of any meaning.

    Args:
        path: of the run.
        part: what is read within the block.
        usable: what can still be read.

    Raises:
        DamagedRunError: if h5py cannot read it.
    """
    try:
        yield
    except READ_FAULTS as error:
        raise DamagedRunError(path, part, str(error), usable) from error


def open_file(path: Path) -> h5py.File:
    """Open an HDF5 file that holds a run of a known layout, or say why it does not."""
    try:
        file = h5py.File(path, "r", locking="best-effort")
    except BlockingIOError as error:
        raise RunBusyError(path) from error
    except OSError as error:
        raise _explained(path, error) from error
    try:
        with damage_told(path, "its head", _NOTHING_USABLE):
            version, members = file.attrs.get("ionloom_schema"), tuple(file)
            if version is not None and int(version) <= SCHEMA:
                return file
    except BaseException:
        file.close()
        raise
    file.close()
    if version is None:
        raise ForeignFileError(path, members)
    raise NewerSchemaError(path, int(version), SCHEMA)


def _explained(path: Path, error: OSError) -> Exception:
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return UnreadableFileError(path, reason_of(error))
    lengths = _TRUNCATED.search(str(error))
    if lengths:
        return TruncatedFileError(path, int(lengths[1]), int(lengths[2]))
    if path.is_file() and not h5py.is_hdf5(path):
        return NotHDF5Error(path, path.stat().st_size)
    return DamagedRunError(path, "the file", str(error), "nothing in it can be opened")


class Run:
    """One run. Use it in a `with` block, or close it.

    Attributes:
        path: of the file.
        id: unique, begins with the time when the run was started.
        axes: what differs from point to point.
        readouts: counts of each shot.
        columns: datasets of the file that grow by rows, see `column`.
        status: "complete", "interrupted", "failed", or "unfinished" if the run was cut off.
        message: what there is to say about the status.
        ended: when, in UTC; None for an unfinished run.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        state = read_state(file)
        self.path = path
        self.id = state.id
        self.status: RunStatus = "unfinished" if state.status == "running" else state.status
        self.message = state.message
        self.ended: datetime | None = state.ended
        self._open_file: h5py.File | None = file
        self.axes: tuple[Axis, ...] = read_axes(file)
        self.readouts: tuple[Readout, ...] = read_readouts(file)
        self.columns: tuple[Column, ...] = columns_of(self.axes, self.readouts)
        self._tables = {column.path: column.table for column in self.columns}
        self._datasets: dict[str, h5py.Dataset] = {}
        self._ends = dict.fromkeys((*TABLE_SIZES, "scan"), np.zeros(0, dtype=np.int64))
        if self.status == "unfinished":
            self._find_completed_points()
        else:
            self._ends = self._table_ends()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was read stays."""
        if self._open_file is not None:
            self._open_file.close()
        self._open_file = None

    def __len__(self) -> int:
        """Count the completed points."""
        return len(self._ends["scan"])

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.experiment}: {self.status}, {len(self)} points>"

    @property
    def file(self) -> h5py.File:
        """The HDF5 file itself, open for reading: data/README.md tells what is in it."""
        if self._open_file is None:
            raise RunClosedError(self.path, "read")
        return self._open_file

    @cached_property
    def experiment(self) -> str:
        """Name of the experiment."""
        return read_experiment(self.file)

    @cached_property
    def header(self) -> RunHeader:
        """All that was known before the first point: parameters, texts, provenance."""
        with damage_told(self.path, "its head", _POINTS_USABLE):
            return read_header(self.file)

    @cached_property
    def parameters(self) -> Mapping[str, StoredParameter]:
        """Every value that the experiment used, by name."""
        return MappingProxyType({parameter.name: parameter for parameter in self.header.parameters})

    @cached_property
    def points(self) -> tuple[PointValues, ...]:
        """Value of each axis at each completed point."""
        count = len(self)
        columns = {}
        for axis in self.axes:
            values = self.column(f"{SCAN}/{axis.name}").tolist()
            columns[axis.name] = [value.decode() for value in values] if axis.text else values
        return tuple({name: columns[name][i] for name in columns} for i in range(count))

    @cached_property
    def results(self) -> dict[str, Any]:
        """The latest results of an analysis, empty if there are none."""
        with damage_told(self.path, "its analysis", _POINTS_USABLE):
            return read_results(self.file)

    def record(self, index: int) -> Record:
        """Read what was seen at a point.

        Args:
            index: of the point, from 0; negative from the end.

        Raises:
            IndexError: for a point that is not there.
            DamagedRunError: if the bytes are not those that were written.
        """
        count = len(self)
        if not -count <= index < count:
            raise IndexError(f"{self.path} has {count} completed points, there is no point {index}")
        return record_of(self.rows(index % count), self.readouts)

    def records(self) -> Iterator[Record]:
        """Read what was seen, point by point."""
        return (self.record(index) for index in range(len(self)))

    @property
    def table_rows(self) -> dict[str, int]:
        """Rows of each table that belong to completed points."""
        return {table: int(ends[-1]) if len(ends) else 0 for table, ends in self._ends.items()}

    def column(self, path: str, begin: int = 0, end: int | None = None) -> NDArray[Any]:
        """Read a column over all completed points.

        Args:
            path: in the file, for example ``"entry/photons/window"``.
            begin: first row.
            end: row after the last; the rows of the completed points if None.

        Raises:
            DamagedRunError: if the column cannot be read.
        """
        rows = self.table_rows[self._tables[path]]
        with damage_told(
            self.path, path, "each of the other columns can still be read unless it says the same"
        ):
            values: NDArray[Any] = self._dataset(path)[begin : rows if end is None else min(end, rows)]
        return values

    def rows(self, index: int) -> Rows:
        """Read the rows that a point has in each column, and compare them with their checksum.

        Raises:
            DamagedRunError: if the bytes are not those that were written.
        """
        spans = {
            table: slice(int(ends[index - 1]) if index else 0, int(ends[index]))
            for table, ends in self._ends.items()
        }
        others = f"each of the other {len(self) - 1} points can still be read unless it says the same"
        with damage_told(self.path, f"point {index}", others):
            rows = {path: self._dataset(path)[spans[table]] for path, table in self._tables.items()}
        if checksum(rows) != sum(rows[CHECKSUM].tolist()):  # a point that was cut off may have none
            raise DamagedRunError(self.path, f"point {index}", "its checksum does not match", others)
        return rows

    def _dataset(self, path: str) -> h5py.Dataset:
        # A handle that stays open keeps the chunk that was decompressed last, which the next point begins in.
        if path not in self._datasets or self._open_file is None:
            self._datasets[path] = self.file[path]
        return self._datasets[path]

    def _table_ends(self) -> dict[str, NDArray[np.int64]]:
        """Return, by table, the row after the last of each point."""
        ends = {table: np.cumsum(self.file[f"{SCAN}/{size}"][:]) for table, size in TABLE_SIZES.items()}
        points = min(len(column) for column in ends.values())
        ends = {table: column[:points] for table, column in ends.items()}
        return ends | {"scan": np.arange(1, points + 1)}

    def _find_completed_points(self) -> None:
        """Forget points at the end that were being written when the run was cut off."""
        try:
            self._ends = self._table_ends()
        except OSError as error:  # the columns had not even their first chunk
            self.message = f"cut off within its first point ({error})"
        while len(self):
            try:
                self.rows(len(self) - 1)
            except DamagedRunError:
                self._ends = {table: ends[:-1] for table, ends in self._ends.items()}
            else:
                return
