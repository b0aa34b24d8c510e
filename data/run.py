"""A run, read: one that is going on and one that has ended look the same."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from data.columns import Record
from data.errors import (
    DamagedRunError,
    JournalElsewhereError,
    NoFileYetError,
    RunClosedError,
    UnknownColumnError,
    UnreadableFileError,
)
from data.header import Axis, Camera, Channel, Readout, RunHeader, StoredParameter, averages_of
from data.journalled_run import JournalledRun
from data.layout import LOG, SCAN, SHOTS, Column, columns_of
from data.photons import Photons
from data.pointers import journal_at
from data.points import PointValues, Rows, joined_notes, record_of
from data.readings import Message, ReadingLog, Start
from data.results import Analysis
from data.run_names import FINISHED, JOURNAL, find_run
from data.sources import Source, TableEnds
from data.stored_header import RunStatus
from data.stored_run import StoredRun

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

POLL: Final = 0.05
"""Seconds between two looks for new points of a run that is going on."""


def open_run(which: str | os.PathLike[str], folder: str | os.PathLike[str] = "runs") -> Run:
    """Open a run for reading.

    Only its head is read; columns and results follow when they are asked for. Of a run that is going on, or
    that was cut off by a crash or a power cut, the journal is read, and gives the points that were completed.

    Args:
        which: path of the run file, also while there is only its journal, beside it or elsewhere; or path of
            the journal; or an id, the first characters of an id, or "latest".
        folder: of the runs, for finding one by its id.

    Raises:
        RunNotFoundError: if no run answers.
        AmbiguousRunError: if several do.
        JournalElsewhereError: if there is only a journal, which cannot be seen from here.
        RunFileError: one of its kinds, if the file is missing, foreign, cut short, damaged or being written.
    """
    place = Path(which)
    if place.suffix not in {FINISHED, JOURNAL} and not place.exists():
        place = find_run(folder, which)
    journal = place.with_suffix(JOURNAL)
    if place.suffix == JOURNAL or (not place.exists() and journal.exists()):
        try:
            journal = journal_at(journal)
            return Run(journal, JournalledRun(journal))
        except (UnreadableFileError, JournalElsewhereError):
            if not (place := place.with_suffix(FINISHED)).exists():
                raise  # else it was finished just now
    return Run(place, StoredRun(place))


class Run:
    """One run. Use it in a `with` block, or close it.

    What every point has is there by name, as ``run["wait"]`` of what was scanned, and ``run["ions"]`` of what
    was counted.

    Attributes:
        path: of the file, or of the journal.
        experiment: name of the experiment.
        axes: what differs from point to point.
        readouts: counts of each shot.
        channels: numbers that each point gives beside its counts.
        cameras: whose picture of each point is kept.
        columns: what grows by rows, see `column`.
    """

    def __init__(self, path: Path, source: Source) -> None:
        self.path = path
        self.experiment = source.experiment
        self.axes: tuple[Axis, ...] = source.form.axes
        self.readouts: tuple[Readout, ...] = source.form.readouts
        self.channels: tuple[Channel, ...] = source.form.channels
        self.cameras: tuple[Camera, ...] = source.form.cameras
        self.columns: tuple[Column, ...] = columns_of(source.form)
        self._form = source.form
        self._tables = {column.path: column.table for column in self.columns}
        self._open_source: Source | None = source
        self._state = source.state()
        self._ends: TableEnds | None = None

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
        if self._open_source is not None:
            self._open_source.close()
        self._open_source = None

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return what every completed point has of a scanned value, a readout, a channel, or a camera.

        Args:
            name: of it, or of any column of the scan, for example ``"ions_mean_errors"``.

        Returns:
            (points,) of an axis or channel; of a readout (points, width) mean counts of a shot; of a camera
            (points, rows, columns). Counts shot by shot are `column`'s, and `record`'s.

        Raises:
            UnknownColumnError: there is none; it is a `KeyError`.
            DamagedRunError: it cannot be read.
        """
        path = self._path_of(name)
        if path is None:
            kinds = ("axes", "readouts", "channels", "cameras")
            known = {kind: tuple(one.name for one in getattr(self, kind)) for kind in kinds}
            raise UnknownColumnError(self.id, name, known)
        values = self.column(path)
        return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values

    __iter__: ClassVar[None] = None  # else Python would ask for the items 0, 1, 2 ... in a loop

    def __contains__(self, name: str) -> bool:
        """Tell whether every point has something of that name."""
        return self._path_of(name) is not None

    def _path_of(self, name: str) -> str | None:
        """Return the column of the scan that has a name, or the mean counts of the readout that has it."""
        paths = (f"{SCAN}/{column}" for column in (name, averages_of(name)[0]))
        return next((path for path in paths if path in self._tables), None)

    def __len__(self) -> int:
        """Count the completed points."""
        return len(self._table_ends()["scan"])

    def __repr__(self) -> str:
        return f"<Run {self.id} {self.experiment}: {self.status}, {len(self)} points>"

    @property
    def id(self) -> str:
        """Unique; begins with the time when the run was started."""
        return self._state.id

    @property
    def status(self) -> RunStatus:
        """Complete, interrupted or failed; "running" while it is going on, "unfinished" if it was cut off."""
        return self._state.status

    @property
    def message(self) -> str:
        """What there is to say about the status."""
        return self._state.message

    @property
    def ended(self) -> datetime | None:
        """When, in UTC; None for a run that is going on or was cut off."""
        return self._state.ended

    @property
    def start(self) -> Start:
        """When the run began, on both of its clocks.

        Times of readings and messages are seconds since ``start.wall``, those of shots, attempts, gates and
        clicks picoseconds of the lab's clock, of which ``start.lab_ps`` is the same moment. So a reading was
        made when that clock showed ``start.lab_ps + 1e12 * time``: to some milliseconds in a lab of
        instruments; in a simulated one only if its time is paced as the wall's is.
        """
        first = self.column(f"{SHOTS}/start", 0, 1)
        return Start(self.header.provenance.started, int(first[0]) if len(first) else 0)

    @property
    def file(self) -> h5py.File:
        """The HDF5 file itself, open for reading: data/README.md tells what is in it.

        Raises:
            NoFileYetError: there is only a journal.
            RunClosedError: the run was closed.
        """
        source = self._source
        if not isinstance(source, StoredRun):
            raise NoFileYetError(self.path)
        return source.file

    @cached_property
    def header(self) -> RunHeader:
        """All that was known before the first point: parameters, texts, provenance."""
        return self._source.header()

    @cached_property
    def parameters(self) -> Mapping[str, StoredParameter]:
        """Every value that the experiment used, by name."""
        return MappingProxyType({parameter.name: parameter for parameter in self.header.parameters})

    @cached_property
    def points(self) -> tuple[PointValues, ...]:
        """Value of each axis at each completed point."""
        return self._values(0, len(self))

    @property
    def results(self) -> dict[str, Any]:
        """The latest results of an analysis, empty if there are none."""
        analyses = self.analyses
        return analyses[-1].results if analyses else {}

    @cached_property
    def analyses(self) -> Sequence[Analysis]:
        """What every analysis found, the newest last."""
        return self._source.analyses()

    @cached_property
    def readings(self) -> Mapping[str, ReadingLog]:
        """What instruments said, by "instrument/setting"."""
        return self._source.readings()

    @cached_property
    def messages(self) -> Sequence[Message]:
        """What programs and people had to tell while the run was going on, each with its time."""
        return self._source.messages()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the timing core had to say about points, each thing once; `Record.notes` tells of which."""
        if not self.table_rows["log"]:
            return ()
        point, note, text = (self.column(f"{LOG}/{name}") for name in ("point", "note", "text"))
        numbers = zip(point.tolist(), note.tolist(), strict=True)
        return tuple(dict.fromkeys(joined_notes(numbers, text)))

    @property
    def photons(self) -> Photons:
        """All clicks of the completed points; nothing is read before it is asked for."""
        return Photons(self._source.read, self._table_ends(), 0, self.table_rows["photons"])

    def refresh(self) -> Self:
        """Look what has come since the last look; a finished file does not change."""
        self._source.refresh()
        self._state = self._source.state()
        self._ends = None
        for name in ("points", "analyses", "readings", "messages"):
            self.__dict__.pop(name, None)
        return self

    def follow(self, poll: float = POLL) -> Iterator[tuple[int, PointValues, Record]]:
        """Give each point as it is completed, those that are there at first, until the run ends.

        Args:
            poll: seconds between two looks.

        Yields:
            Number of the point, value of each axis, what was seen.
        """
        done = 0
        while True:
            is_over = self.refresh().status != "running"
            values = self._values(done, len(self))
            for index, each in enumerate(values, done):
                yield index, each, self.record(index)
            done += len(values)
            if is_over:
                return
            time.sleep(poll)

    def _values(self, begin: int, end: int) -> tuple[PointValues, ...]:
        """Read the values of the axes at some points."""
        columns = {}
        for axis in self.axes:
            values = self.column(f"{SCAN}/{axis.name}", begin, end).tolist()
            columns[axis.name] = [value.decode() for value in values] if axis.text else values
        return tuple({name: columns[name][i] for name in columns} for i in range(end - begin))

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
        return record_of(self.rows(index % count), self._form)

    def records(self) -> Iterator[Record]:
        """Read what was seen, point by point."""
        return (self.record(index) for index in range(len(self)))

    @property
    def table_rows(self) -> dict[str, int]:
        """Rows of each table that belong to completed points."""
        return {table: int(ends[-1]) if len(ends) else 0 for table, ends in self._table_ends().items()}

    def column(self, path: str, begin: int = 0, end: int | None = None) -> NDArray[Any]:
        """Read a column over all completed points.

        Args:
            path: of the column, for example ``"entry/gates/open"``.
            begin: first row.
            end: row after the last; the rows of the completed points if None.

        Raises:
            DamagedRunError: if the column cannot be read.
        """
        rows = self.table_rows[self._tables[path]]
        return self._source.read(path, begin, rows if end is None else min(end, rows))

    def rows(self, index: int) -> Rows:
        """Read the rows that a point has in each column.

        Raises:
            DamagedRunError: if the bytes are not those that were written.
        """
        ends = self._table_ends()
        spans = {
            table: (int(ends[table][index - 1]) if index else 0, int(ends[table][index])) for table in ends
        }
        try:
            return {path: self._source.read(path, *spans[table]) for path, table in self._tables.items()}
        except DamagedRunError as error:
            others = f"each of the other {len(self) - 1} points can be read unless it says the same"
            part = f"point {index} ({error.part})"
            raise DamagedRunError(self.path, part, error.reason, others) from error

    def photons_of(self, index: int) -> Photons:
        """Return the clicks of a point; nothing is read before it is asked for."""
        ends = self._table_ends()["photons"]
        return self.photons[int(ends[index - 1]) if index else 0 : int(ends[index])]

    def to_xarray(self, table: str = "scan") -> xr.Dataset:
        """Return a table as an xarray data set, see `data.exchange.arrays.to_xarray`."""
        from data.exchange.arrays import to_xarray  # noqa: PLC0415 - the formats of others stand above

        return to_xarray(self, table)

    def to_pandas(self, table: str = "scan") -> pd.DataFrame:
        """Return a table as a pandas data frame, see `data.exchange.arrays.to_pandas`."""
        from data.exchange.arrays import to_pandas  # noqa: PLC0415 - the formats of others stand above

        return to_pandas(self, table)

    def to_datatree(self) -> xr.DataTree:
        """Return all tables as an xarray tree, see `data.exchange.arrays.to_datatree`."""
        from data.exchange.arrays import to_datatree  # noqa: PLC0415 - the formats of others stand above

        return to_datatree(self)

    def _repr_html_(self) -> str:
        """Return a small table for notebooks."""
        from data.pages import run_html  # noqa: PLC0415 - nobody else needs it

        return run_html(self)

    @property
    def _source(self) -> Source:
        if self._open_source is None:
            raise RunClosedError(self.path, "read")
        return self._open_source

    def _table_ends(self) -> TableEnds:
        if self._ends is None:
            self._ends = self._source.table_ends()
        return self._ends
