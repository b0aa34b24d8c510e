"""Writing a run while it is going on: its journal holds every completed point, whatever happens.

When the run ends, its file is made from the journal (see `data.archive`), and only then the journal goes.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self, TypeAlias

from data.archive import archive_journal
from data.columns import Record
from data.disk import RESERVE, check_space, reason_of, sync_folder
from data.entries import End, Head, Kind, Opening, RowKey, pack, pack_rows
from data.errors import (
    DamagedRunError,
    DataError,
    JournalBusyError,
    PointError,
    RunClosedError,
    UnwritableFolderError,
    WriteFailedError,
)
from data.header import PointForm, RunHeader, storable
from data.journal import JournalWriter, this_machine
from data.journalled_run import JournalledRun
from data.pointers import remove_pointer, write_pointer
from data.points import (
    ChannelValues,
    PointValues,
    Rows,
    Totals,
    check_values,
    scan_row,
    table_rows,
    unknown_channels,
)
from data.readings import InstrumentReading, Message
from data.results import Results, encode
from data.run_names import FINISHED, JOURNAL
from data.stored_header import EndStatus, RunState

Write: TypeAlias = Callable[[Kind, Sequence[Any]], None]
"""Appends an entry to the journal."""

_REST_USABLE: Final = "what is not can be read"

NO_CHANNELS: Final[ChannelValues] = MappingProxyType({})


class OpenPoint:
    """A point that is being measured: it takes batch after batch of its shots.

    Attributes:
        index: number of the point in its run.
        channels: value of each channel; those that are not set before the point is complete are NaN.
    """

    def __init__(self, opening: Opening, channels: ChannelValues, form: PointForm, write: Write) -> None:
        self.index = opening.index
        self.channels = channels
        self._opening = opening
        self._form = form
        self._write = write
        self._batches = 0
        self._totals = Totals.none(form)

    @property
    def shots(self) -> int:
        """Shots so far."""
        return self._totals.sizes["shots"]

    def add(self, record: Record) -> None:
        """Add a batch of shots; when this returns, it survives the death of the program.

        Args:
            record: what was seen; its shots are counted from 0.

        Raises:
            PointError: if the batch does not fit the header; nothing of it is written.
            NoSpaceError: if the disk would be full; nothing of it is written.
            WriteFailedError: if the system refuses to write.
            RunClosedError: after the end of the run.
        """
        rows = table_rows(self.index, record, self._form, self._totals)
        totals = self._totals.joined(rows, record.duration_ps, record.images, record.notes)
        # Should nothing follow any more, this is the row of the point: with what it has, pictures included.
        rows |= self._row(totals)
        self._write(Kind.BATCH, pack_rows(self._key(), rows, self._form, record.duration_ps))
        self._totals = totals
        self._batches += 1

    def close(self) -> None:
        """Complete the point; channels that were not set are NaN."""
        self._write(Kind.POINT, pack_rows(self._key(), self._row(self._totals), self._form))

    def _row(self, totals: Totals) -> Rows:
        channels = unknown_channels(self._form) | dict(self.channels)
        return scan_row(self.index, self._opening.values, channels, self._form, totals)

    def _key(self) -> RowKey:
        return RowKey(self.index, self._opening.opening, self._batches)


class RunWriter:
    """A run that is going on. Use it in a `with` block: leaving it finishes the run.

    Attributes:
        path: of the file that will be made; `data.open_run` takes it from the beginning.
        journal: path of the journal, until then.
        id: of the run: time of the start (UTC, milliseconds) and four random digits; ids sort by time.
        header: of the run.
        points: completed points.
    """

    def __init__(
        self, path: Path, run_id: str, header: RunHeader, journal: JournalWriter, reserve: int
    ) -> None:
        self.path = path
        self.journal = journal.path
        self.id = run_id
        self.header = header
        self.points = 0
        self._openings = 0
        self._opened: OpenPoint | None = None
        self._journal: JournalWriter | None = journal
        self._reserve = reserve
        self._began = time.monotonic()

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        header: RunHeader,
        *,
        journals: str | os.PathLike[str] | None = None,
        reserve: int = RESERVE,
    ) -> RunWriter:
        """Begin a new run, whose file will be `folder/<YYYY-MM-DD>/<id>-<experiment>.h5`.

        Args:
            folder: of all runs; made if it is not there.
            header: all that is known before the first point.
            journals: folder for the journal, on a disk of this machine; needed where `folder` is on a network
                drive, in which a pointer to the journal is left. None for beside the file.
            reserve: bytes that must stay free on the disk.

        Raises:
            UnwritableFolderError: if the system does not let the run be made; it names the folder at fault.
            NoSpaceError: if the disk is full.
        """
        folder, started = Path(folder), header.provenance.started.astimezone(UTC)
        day = folder / f"{started:%Y-%m-%d}"
        with _refusals_told(folder, "runs"):
            day.mkdir(parents=True, exist_ok=True)
        place, what = (day, "runs") if journals is None else (Path(journals), "the journals of runs")
        with _refusals_told(folder if journals is None else place, what):
            place.mkdir(parents=True, exist_ok=True)
            check_space(place / "a new run", reserve, 0)
            run_id, path, journal = _create_journal(day, place, header)
        try:
            with _refusals_told(folder, "runs"):
                if not place.samefile(day):
                    write_pointer(path, journal.path)
                sync_folder(day)
        except BaseException:
            journal.close()
            journal.path.unlink()
            raise
        return cls(path, run_id, header, journal, reserve)

    @property
    def kept_in(self) -> Path:
        """Where the points are now: the file if it is made, else the journal."""
        return self.path if self.path.exists() else self.journal

    def append(self, point: PointValues, record: Record, channels: ChannelValues = NO_CHANNELS) -> None:
        """Add a completed point and sync it to the disk: after this returns, no crash loses it.

        Args:
            point: value of each axis of the header.
            record: what was seen.
            channels: value of each channel of the header.

        Raises:
            PointError: if the point does not fit the header; nothing is written.
            NoSpaceError: if the disk would be full; nothing is written.
            WriteFailedError: if the system refuses to write.
            RunClosedError: after the end of the run.
        """
        opened = self._open(point, channels)
        try:
            opened.add(record)
            self._close(opened)
        finally:
            self._opened = None

    @contextmanager
    def point(self, values: PointValues, channels: ChannelValues = NO_CHANNELS) -> Iterator[OpenPoint]:
        """Measure a point batch by batch, in any number: none is held in memory.

        Leaving the block completes the point and syncs it to the disk; an error completes it with the batches
        that it has, if there are any.

        Args:
            values: value of each axis of the header.
            channels: value of each channel; may also be set on the point, before the block ends, else NaN.

        Raises:
            PointError: if the values do not fit the header, or another point is still open; nothing is
                written.
            RunClosedError: after the end of the run.
        """
        opened = self._open(values, unknown_channels(self.header.form) | dict(channels))
        try:
            yield opened
        except BaseException as error:
            if opened.shots:
                try:
                    self._close(opened)
                except DataError as failure:
                    error.add_note(str(failure))  # what came first is what has to be seen
            raise
        else:
            self._close(opened)
        finally:
            self._opened = None

    def add_readings(self, readings: Sequence[InstrumentReading]) -> None:
        """Add what instruments said; it is synced with the next point.

        Raises:
            NoSpaceError: if the disk would be full; nothing is written.
            WriteFailedError: if the system refuses to write.
            RunClosedError: after the end of the run.
        """
        if readings:
            self._write(Kind.READINGS, pack(readings))

    def log(self, text: str, level: str = "info") -> None:
        """Add a message, with the time since the start of the run; it is synced with the next point.

        Args:
            text: for people.
            level: one of `data.readings.LEVELS`.

        Raises:
            NoSpaceError: if the disk would be full; nothing is written.
            WriteFailedError: if the system refuses to write.
            RunClosedError: after the end of the run.
        """
        self._write(Kind.MESSAGE, pack(Message(time.monotonic() - self._began, level, text)))

    def finish(
        self,
        results: Results | None = None,
        status: EndStatus = "complete",
        message: str = "",
        ended: datetime | None = None,
    ) -> Path:
        """End the run: its file is made from the journal, with the results, and then the journal goes.

        Args:
            results: of the analysis, see `data.results.encode`.
            status: how the run ended.
            message: what there is to say about it.
            ended: when; None for now.

        Returns:
            Path of the file.

        Raises:
            ResultsError: for results that a file cannot hold; the run goes on.
            NoSpaceError: if there is no room for the file; the journal keeps all, and `repair` finishes it
                later.
            WriteFailedError: if the system refuses to write the file; likewise.
            DamagedRunError: if the disk has lost some of the journal; likewise.
            RunClosedError: after the end of the run.
        """
        encoded = encode(results) if results is not None else None
        journal, ended = self._live("finish"), ended or datetime.now(UTC)
        message = storable(message)
        self._write(Kind.END, pack(End.of(status, message, ended, encoded)))
        self._journal = None
        try:
            journal.sync()
            with closing(JournalledRun(self.journal)) as source:
                if source.damage:
                    raise DamagedRunError(self.journal, "the journal", source.damage, _REST_USABLE)
                state = RunState(self.id, status, message, ended)
                archive_journal(source, self.path, state, encoded, self._reserve)
        except DataError as error:
            error.add_note(
                f"all that was recorded is in {self.journal}; `ionloom repair` makes the file of it"
            )
            raise
        finally:
            journal.close()
        self.journal.unlink(missing_ok=True)  # a repair may have been faster
        remove_pointer(self.path)
        return self.path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._journal is None:
            return
        try:
            if error is None or isinstance(error, KeyboardInterrupt):
                told = "stopped by the user" if error else "left before its end"
                self.finish(status="interrupted", message=told)
            else:
                self.finish(status="failed", message=f"{type(error).__name__}: {error}")
        finally:
            self.close()

    def close(self) -> None:
        """Let go of a run without finishing it: its journal keeps all, `data.repair` finishes it later."""
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def _open(self, values: PointValues, channels: ChannelValues) -> OpenPoint:
        self._live("add a point to")
        if self._opened is not None:
            raise PointError(self.points, "the point", "begun within another one", "the end of that one")
        form = self.header.form
        # Whatever does not fit is refused before anything is written.
        check_values(self.points, values, channels, form)
        opening = Opening(self.points, self._openings, dict(values))
        self._write(Kind.OPEN, pack(opening))
        self._openings += 1

        def write(kind: Kind, buffers: Sequence[Any]) -> None:
            if self._opened is not opened:
                raise RunClosedError(self.path, f"add to point {opened.index} of")
            self._write(kind, buffers)

        self._opened = opened = OpenPoint(opening, channels, form, write)
        return opened

    def _close(self, opened: OpenPoint) -> None:
        opened.close()
        self._count()

    def _count(self) -> None:
        """Count a point that is complete, and bring it to the disk."""
        journal = self._live("add a point to")
        self.points += 1
        journal.sync()
        journal.points = self.points

    def _write(self, kind: Kind, buffers: Sequence[Any]) -> None:
        journal = self._live("add a point to")
        try:
            check_space(self.journal, sum(len(part) for part in buffers) + self._reserve, self.points)
        except OSError as error:  # the folder is gone
            raise WriteFailedError(self.journal, reason_of(error), self.points) from error
        journal.append(kind, buffers)

    def _live(self, action: str) -> JournalWriter:
        if self._journal is None:
            raise RunClosedError(self.path, action)
        return self._journal


@contextmanager
def _refusals_told(folder: Path, what: str) -> Iterator[None]:
    """Tell what the system does not let be made in the block as a fault of a folder.

    Raises:
        UnwritableFolderError: if it does not.
    """
    try:
        yield
    except UnwritableFolderError as error:
        raise UnwritableFolderError(folder, error.reason, what) from error
    except OSError as error:
        raise UnwritableFolderError(folder, reason_of(error), what) from error


def _create_journal(day: Path, place: Path, header: RunHeader) -> tuple[str, Path, JournalWriter]:
    """Create a journal with the head of a run, under a name that no run has.

    Returns:
        Id of the run, path of the file to be, and the journal.
    """
    started = header.provenance.started.astimezone(UTC)
    name = re.sub(r"[^\w.]+", "_", header.experiment)
    while True:
        run_id = f"{started:%Y%m%dT%H%M%S}{started.microsecond // 1000:03d}-{secrets.token_hex(2)}"
        path = day / f"{run_id}-{name}{FINISHED}"
        head = pack(Head.of(run_id, header, str(path.resolve()), this_machine()))
        with suppress(FileExistsError, JournalBusyError):  # that is how a repair looks whether it is empty
            if not path.exists():
                journal = (place / path.name).with_suffix(JOURNAL)
                # Twice, since without it nothing else can be understood.
                return run_id, path, JournalWriter.create(journal, [(Kind.HEAD, head)] * 2)
