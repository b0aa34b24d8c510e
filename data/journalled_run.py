"""A run as its journal tells it: while it is going on, and after it was cut off.

Only the places of the entries are kept in memory. The bytes of an entry are verified when they are first
used, and read where they lie from then on.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from data.disk import reason_of
from data.entries import (
    ENTRIES,
    TABLES,
    End,
    Head,
    Kind,
    Opening,
    RowKey,
    RowPlaces,
    Version,
    unpack,
)
from data.errors import DamagedRunError, EmptyJournalError, NewerSchemaError, UnreadableFileError
from data.header import PointForm, RunHeader
from data.journal import Frame, JournalReader
from data.layout import Column, columns_of
from data.packing import unpack_column
from data.readings import InstrumentReading, Message, ReadingLog, logs_of
from data.results import Analysis, restore
from data.sources import TableEnds
from data.stored_header import EndStatus, RunState

_CUT_OFF: Final = "cut off while it was running"
_OTHERS_USABLE: Final = "the other points can be read"
_NOTHING_USABLE: Final = "nothing else can be understood without it"


@dataclass(frozen=True, slots=True)
class _Piece:
    """Rows of columns that lie in one frame."""

    frame: Frame
    places: RowPlaces


@dataclass(slots=True)
class _Table:
    """The pieces that hold the rows of one table.

    Attributes:
        pieces: with at least one row each, in order.
        ends: row after the last of each piece.
    """

    pieces: list[_Piece] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return self.ends[-1] if self.ends else 0

    def add(self, piece: _Piece, rows: int) -> None:
        if rows:
            self.ends.append(self.rows + rows)
            self.pieces.append(piece)

    def span(self, begin: int, end: int) -> Iterator[tuple[_Piece, int, int]]:
        """Yield (piece, its first row wanted, the row after its last) for rows of the table."""
        number = bisect_right(self.ends, begin)
        while begin < end:
            start, stop = self.ends[number - 1] if number else 0, min(end, self.ends[number])
            yield self.pieces[number], begin - start, stop - start
            begin, number = stop, number + 1


class JournalledRun:
    """The source of a run that has a journal.

    Attributes:
        form: of every point.
        experiment: its name.
        destination: run file that is to be made of it.
        left_out: points that were damaged, for people.
        has_writer: whether a program was writing the journal at the last look; None if that cannot be known
            from here.
    """

    def __init__(self, path: Path, *, verify: bool = False, take_over: bool = False) -> None:
        """Open a journal.

        Args:
            path: of the journal.
            verify: look through all of it for damage.
            take_over: it has no writer any more, even where that cannot be known from here.

        Raises:
            RunFileError: one of its kinds: it is no journal of a run, or of a newer ionloom, or damaged, or
                holds not even the head of a run.
        """
        self._path = path
        self._take_over = take_over
        self._reader = JournalReader(path, verify="all" if verify else "tail")
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            self._reader.close()
            raise UnreadableFileError(path, reason_of(error)) from error
        self._verified: set[int] = set()
        self._tables = {table: _Table() for table in TABLES}
        self._ends: dict[str, list[int]] = {table: [] for table in TABLES}
        self._pending: list[_Piece] = []
        self._opening: Opening | None = None
        self._cut_off: int | None = None
        self._readings: list[InstrumentReading] = []
        self._messages: list[Message] = []
        self._end: End | None = None
        self.has_writer: bool | None = None
        self.left_out: list[str] = []
        try:
            self._read_head()
            self.refresh()
        except BaseException:
            self.close()
            raise

    def _read_head(self) -> None:
        frames = self._reader.poll()
        if not frames and not self._reader.gaps:
            raise EmptyJournalError(self._path)
        self._head = head = self._sound_head(frames)
        self.form: PointForm = head.header.form
        self.experiment = head.header.experiment
        self.destination = Path(head.destination)
        self._columns = columns_of(self.form)
        self._by_path: Mapping[str, Column] = {column.path: column for column in self._columns}
        for frame in frames:
            self._take(frame)

    def _sound_head(self, frames: Sequence[Frame]) -> Head:
        """Return the head of the run, which stands twice."""
        reason = "none of its two copies is whole"
        for frame in frames:
            if frame.kind == Kind.HEAD:
                try:
                    with self._damage_told(frame, _NOTHING_USABLE):
                        payload = self._reader.payload(frame)
                        version = unpack(payload, Version).entries
                        if version > ENTRIES:
                            raise NewerSchemaError(self._path, version, ENTRIES)
                        head: Head = unpack(payload, Head)
                        return head
                except DamagedRunError as error:
                    reason = error.reason
        raise DamagedRunError(self._path, "the head of the run", reason, _NOTHING_USABLE)

    def refresh(self) -> None:
        """Look what has come since the last time."""
        # Asked before: a writer that is gone by now has left nothing that this look does not find.
        self.has_writer = self._reader.has_writer()
        for frame in self._reader.poll():
            self._take(frame)
        is_gone = self.has_writer is False or (self.has_writer is None and self._take_over)
        if is_gone and self._end is None and self._pending:
            self._close_cut_off_point()

    @property
    def is_live(self) -> bool:
        """Whether a program was writing the journal at the last look."""
        return self._end is None and self.has_writer is True

    @property
    def end(self) -> End | None:
        """How the run ended; None if it is going on or was cut off."""
        return self._end

    @property
    def damage(self) -> str:
        """What of the journal is lost, for people; empty if all is there."""
        lost = [f"bytes {gap.offset} to {gap.offset + gap.length} are damaged" for gap in self._reader.gaps]
        return "; ".join([*lost, *self.left_out])

    def state(self) -> RunState:
        """Tell how the run stands."""
        if self._end is not None:
            return RunState(
                self._head.run, cast("EndStatus", self._end.status), self._end.message, self._end.ended
            )
        if self.is_live:
            return RunState(self._head.run, "running")
        told = [_CUT_OFF]
        if self.has_writer is None and not self._take_over:
            told = ["on another machine: whether a program still writes it cannot be known from here"]
        if self._cut_off is not None:
            told.append(f"point {self._cut_off} may lack shots")
        return RunState(self._head.run, "unfinished", "; ".join([*told, *filter(None, [self.damage])]))

    @property
    def id(self) -> str:
        """Of the run."""
        return self._head.run

    def header(self) -> RunHeader:
        """Return what was known before the first point."""
        return self._head.whole_header()

    def table_ends(self) -> TableEnds:
        """Tell which rows belong to which completed point."""
        return {table: np.array(ends, dtype=np.int64) for table, ends in self._ends.items()}

    def read(self, path: str, begin: int, end: int) -> NDArray[Any]:
        """Read rows of a column.

        Raises:
            DamagedRunError: they are not those that were written.
        """
        column = self._by_path[path]
        table = self._tables[column.table]
        parts = [
            self._rows(piece, column, first, last)
            for piece, first, last in table.span(begin, min(end, table.rows))
        ]
        if not parts:
            return np.zeros((0, *column.tail), column.dtype)
        return np.concatenate(parts).astype(column.dtype, copy=False)

    def readings(self) -> Mapping[str, ReadingLog]:
        """Return what instruments said."""
        return logs_of(self._readings)

    def messages(self) -> Sequence[Message]:
        """Return what there was to tell."""
        return tuple(self._messages)

    def analyses(self) -> Sequence[Analysis]:
        """Return what an analysis found, if the run has ended with one."""
        if self._end is None or not self._end.results:
            return ()
        results = restore(self._end.results, self._end.array)
        return (Analysis("0001", self._end.ended, "ionloom", results),)

    def close(self) -> None:
        """Let go of the journal."""
        self._reader.close()
        self._file.close()

    def _take(self, frame: Frame) -> None:
        """Take note of an entry; one that is damaged is left out."""
        try:
            self._note(frame)
        except DamagedRunError as error:
            self.left_out.append(f"{error.part} is damaged ({error.reason}) and left out")

    def _note(self, frame: Frame) -> None:
        with self._damage_told(frame, _OTHERS_USABLE):
            if frame.kind == Kind.OPEN:
                self._opening, self._pending = unpack(self._reader.payload(frame), Opening), []
            elif frame.kind == Kind.BATCH:
                self._pending.append(_Piece(frame, self._places(frame)))
            elif frame.kind == Kind.POINT:
                self._close_point(_Piece(frame, self._places(frame)))
            elif frame.kind == Kind.READINGS:
                self._readings += unpack(self._reader.payload(frame), list[InstrumentReading])
            elif frame.kind == Kind.MESSAGE:
                self._messages.append(unpack(self._reader.payload(frame), Message))
            elif frame.kind == Kind.END:
                self._end = unpack(self._reader.payload(frame), End)

    def _places(self, frame: Frame) -> RowPlaces:
        """Read where the rows of a frame are; the rows themselves are verified when they are read."""
        places = RowPlaces.read(self._pread(frame, 0, RowPlaces.BYTES))
        head = self._pread(frame, 0, places.head_bytes(self._columns))
        if places.length(self._columns, head) != frame.length:
            raise ValueError(f"its {frame.length} bytes are not as many as its rows need")
        return places

    def _close_point(self, row: _Piece) -> None:
        """Take a point whose batches are all there; one of which a part is lost is left out."""
        self._opening = None
        pending, self._pending = self._pending, []
        key = row.places.key
        batches = _in_order(pending, key)
        if len(batches) != key.batch:
            self.left_out.append(f"point {key.point} is not all there and left out")
            return
        self._commit(batches, row)

    def _commit(self, batches: Sequence[_Piece], row: _Piece) -> None:
        """Take the rows of a point: those of the tables from its batches, and its row of the scan."""
        for table in TABLES[:-1]:
            for piece in batches:
                self._tables[table].add(piece, piece.places.rows(table))
        self._tables["scan"].add(row, row.places.rows("scan"))
        for table in TABLES:
            self._ends[table].append(self._tables[table].rows)

    def _close_cut_off_point(self) -> None:
        """Take the point that was going on when the run was cut off, with the shots that it has."""
        opening, pending = self._opening, self._pending
        self._pending = []
        if opening is None:
            return
        batches: list[_Piece] = []
        try:
            for piece in _in_order(pending, RowKey(opening.index, opening.opening, len(pending))):
                self._verify(piece.frame)
                batches.append(piece)
        except DamagedRunError as error:
            self.left_out.append(
                f"{error.part} is damaged ({error.reason}), so point {opening.index} ends there"
            )
        if any(piece.places.rows("shots") for piece in batches):
            self._cut_off = opening.index
            self._commit(batches, batches[-1])

    def _rows(self, piece: _Piece, column: Column, begin: int, end: int) -> NDArray[Any]:
        """Read rows of a column out of a piece."""
        self._verify(piece.frame)
        with self._damage_told(piece.frame, _OTHERS_USABLE):
            head = self._pread(piece.frame, 0, piece.places.head_bytes(self._columns))
            place, packing = piece.places.place(column.path, self._columns, head)
            first, last = begin * column.row_elements, end * column.row_elements
            content = self._pread(piece.frame, place + first * packing.width, (last - first) * packing.width)
            values = unpack_column(packing, content, column.dtype, first, last)
        return values.reshape(end - begin, *column.tail)

    def _verify(self, frame: Frame) -> None:
        """Verify a payload as a whole, the first time that something of it is used."""
        if frame.sequence not in self._verified:
            with self._damage_told(frame, _OTHERS_USABLE):
                self._reader.payload(frame)
            self._verified.add(frame.sequence)

    def _pread(self, frame: Frame, begin: int, length: int) -> bytes:
        """Read some bytes of a payload."""
        content = os.pread(self._file.fileno(), length, frame.offset + begin)
        if len(content) < length:
            raise OSError(f"only {len(content)} of {length} bytes can be read")
        return content

    @contextmanager
    def _damage_told(self, frame: Frame, usable: str) -> Iterator[None]:
        try:
            yield
        except (msgspec.MsgspecError, struct.error, ValueError, OSError) as error:
            part = f"entry {frame.sequence} of the journal"
            raise DamagedRunError(self._path, part, str(error), usable) from error


def _in_order(pieces: Sequence[_Piece], key: RowKey) -> list[_Piece]:
    """Return the batches of a point up to the first that is lost."""
    # One that was interrupted when it was written already, and then repeated, is there twice.
    mine = {piece.places.key.batch: piece for piece in pieces if piece.places.key.opening == key.opening}
    return [mine[batch] for batch in takewhile(mine.__contains__, range(key.batch))]
