"""A strand: a stretch of unrolled events, which can be put after another one.

Latencies let events lie a little beyond the end of their timeline, so that the end of one pass and the head
of the next one interleave. Strands are joined exactly as if everything had been written one after the other
and then sorted: by time, then channel, and what was played earlier comes first, so that at a seam, too, what
ends comes before what starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sequences.program import Program, ShotValues
from sequences.timeline import Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Events of a strand whose values change from shot to shot.

    Attributes:
        values: (different shots, rows) float64, as in `ShotValues`.
        at: (changes,) int64, places in the strand.
        row: (changes,) int64, which column of `values` each takes.
        shot: (changes,) int64, how many shots after the strand's first shot each is played.
    """

    values: NDArray[np.float64]
    at: NDArray[np.int64]
    row: NDArray[np.int64]
    shot: NDArray[np.int64]

    def in_shot(self, first: int) -> NDArray[np.float64]:
        """Return the values (changes,) of a strand that begins in shot `first`."""
        return self.values[(self.shot + first) % len(self.values), self.row]

    def moved(self, by: int, shots: int) -> Changes:
        """Return the same changes, so many places and shots later."""
        return replace(self, at=self.at + by, shot=self.shot + shots)

    def within(self, start: int, stop: int) -> Changes:
        """Return the changes from place `start` to before `stop`, as places from `start`."""
        inside = (self.at >= start) & (self.at < stop)
        return Changes(self.values, self.at[inside] - start, self.row[inside], self.shot[inside])


class Columns(NamedTuple):
    """The columns of a timeline, in its order."""

    time: NDArray[np.int64]
    channel: NDArray[np.uint16]
    operation: NDArray[np.uint8]
    value: NDArray[np.float64]
    source: NDArray[np.uint32]

    def within(self, start: int, stop: int) -> Columns:
        """Return the rows from `start` to before `stop`."""
        rows = slice(start, stop)
        return Columns(
            self.time[rows], self.channel[rows], self.operation[rows], self.value[rows], self.source[rows]
        )

    def later(self, ticks: int) -> Columns:
        """Return the same rows at times that are larger by `ticks`."""
        return self._replace(time=self.time + ticks)

    def followed_by(self, others: Columns) -> Columns:
        """Return a copy with the rows of both."""
        return Columns(
            np.concatenate((self.time, others.time)),
            np.concatenate((self.channel, others.channel)),
            np.concatenate((self.operation, others.operation)),
            np.concatenate((self.value, others.value)),
            np.concatenate((self.source, others.source)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Strand:
    """Sorted events, and where the next strand begins.

    Strands compare and hash by identity: they are the keys under which a seam is looked up.

    Attributes:
        duration: ticks until the next strand; events may lie later.
        shots: how many shots later the next strand is played; 0 within a shot.
        columns: of the events; times from the start of the strand, none below 0.
        changes: values that differ from shot to shot, one entry for each `ShotValues` that is played.
    """

    duration: int
    shots: int
    columns: Columns
    changes: tuple[Changes, ...] = ()

    def __len__(self) -> int:
        return len(self.columns.time)

    def within(self, start: int, stop: int) -> Strand:
        """Return the events from row `start` to before row `stop`."""
        columns = self.columns.within(start, stop)
        inside = (changing.within(start, stop) for changing in self.changes)
        return replace(
            self, columns=columns, changes=tuple(changing for changing in inside if len(changing.at))
        )

    def fill_in(self, shot: int, values: NDArray[np.float64]) -> None:
        """Set those of the values (events,) that change, for a strand that begins in that shot."""
        for changing in self.changes:
            values[changing.at] = changing.in_shot(shot)


_NO_ROWS: Final = Columns(
    np.empty(0, dtype=np.int64),
    np.empty(0, dtype=np.uint16),
    np.empty(0, dtype=np.uint8),
    np.empty(0, dtype=np.float64),
    np.empty(0, dtype=np.uint32),
)
NOTHING: Final = Strand(0, 0, _NO_ROWS)
NEXT_SHOT: Final = Strand(0, 1, _NO_ROWS)
"""Stands between the last strand of one shot and the first of the next."""


def strands_of(program: Program) -> Iterator[Strand]:
    """Yield the strand of each of `Program.timelines()`."""
    for row, timeline in enumerate(program.timelines()):
        yield _strand(timeline, [entry for entry in program.shot_values if entry.timeline == row])


def _strand(timeline: Timeline, changing: Sequence[ShotValues]) -> Strand:
    columns = Columns(timeline.time, timeline.channel, timeline.operation, timeline.value, timeline.source)
    changes = (
        Changes(entry.values, entry.rows, np.arange(len(entry.rows)), np.zeros(len(entry.rows), np.int64))
        for entry in changing
    )
    return Strand(timeline.duration, 0, columns, tuple(changes))


def join(first: Strand, second: Strand) -> Strand:
    """Return one strand after the other."""
    if not len(second):
        return replace(first, duration=first.duration + second.duration, shots=first.shots + second.shots)
    later = second.columns.later(first.duration)
    columns = first.columns.followed_by(later)
    moved = (changing.moved(len(first), first.shots) for changing in second.changes)
    changes = _united((*first.changes, *moved))
    # Both are sorted: only where they overlap is there something to sort.
    seam = slice(0, 0)
    if len(first):
        start = np.searchsorted(first.columns.time, later.time[0])
        stop = len(first) + np.searchsorted(later.time, first.columns.time[-1], side="right")
        seam = slice(int(start), int(stop))
    order = np.lexsort((columns.channel[seam], columns.time[seam]))
    for column in columns:
        column[seam] = column[seam][order]
    changes = tuple(_reordered(changing, seam, order) for changing in changes)
    return Strand(first.duration + second.duration, first.shots + second.shots, columns, changes)


def join_all(strands: Sequence[Strand]) -> Strand:
    """Return strands, one at least, one after the other; half by half, so that none is copied often."""
    if len(strands) == 1:
        return strands[0]
    middle = len(strands) // 2
    return join(join_all(strands[:middle]), join_all(strands[middle:]))


def repeat(strand: Strand, count: int) -> Strand:
    """Return a strand `count` times, at least once, one after the other."""
    whole = strand
    for bit in f"{count:b}"[1:]:
        whole = join(whole, whole)
        if bit == "1":
            whole = join(whole, strand)
    return whole


def before_end(strand: Strand) -> Strand:
    """Return the events before the strand's end."""
    return strand.within(0, _end(strand))


def overhang(strand: Strand) -> Strand:
    """Return the events that lie in the strands that follow, with times and shots from where these begin."""
    over = strand.within(_end(strand), len(strand))
    changes = tuple(changing.moved(0, -strand.shots) for changing in over.changes)
    return Strand(0, 0, over.columns.later(-strand.duration), changes)


def cut(strand: Strand, size: int) -> Iterator[Strand]:
    """Yield a strand's events, so many at a time at most, to be read only."""
    for column in strand.columns:
        column.flags.writeable = False
    for row in range(0, len(strand), size):
        yield strand.within(row, row + size)


def _end(strand: Strand) -> int:
    return int(np.searchsorted(strand.columns.time, strand.duration))


def _united(changes: Sequence[Changes]) -> tuple[Changes, ...]:
    """Return the changes with one entry for each table of values."""
    tables: dict[int, list[Changes]] = {}
    for changing in changes:
        tables.setdefault(id(changing.values), []).append(changing)
    return tuple(
        Changes(
            parts[0].values,
            np.concatenate([part.at for part in parts]),
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.shot for part in parts]),
        )
        for parts in tables.values()
    )


def _reordered(changing: Changes, seam: slice, order: NDArray[np.intp]) -> Changes:
    """Follow the events of a seam to their new places."""
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    at = changing.at.copy()
    inside = (at >= seam.start) & (at < seam.stop)
    at[inside] = seam.start + place[at[inside] - seam.start]
    return replace(changing, at=at)
