"""What a core is handed: writes, each one or more events of one channel at one tick.

The frequency, phase and amplitude of a tone at one tick are three events and one write. Long timelines are
looked at in blocks that fit the processor's cache; whatever goes on from block to block is what goes on from
timeline to timeline, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sequences.machine.limits import BLOCK, Group, Machine
from sequences.timeline import Operation, Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Writes:
    """Some writes of a timeline, in order.

    Attributes:
        time: (writes,) int64, ticks from the start of the timeline.
        row: (writes,) of the first event of each; None where every event is a write of its own.
        first: row of the first event.
    """

    time: NDArray[np.int64]
    row: NDArray[np.intp] | None
    first: int

    @property
    def rows(self) -> NDArray[np.intp]:
        """Row of each write's first event in the timeline."""
        return np.arange(len(self.time)) + self.first if self.row is None else self.row + self.first

    def event(self, write: int) -> int:
        """Return the row of a write's first event in the timeline."""
        return self.first + (write if self.row is None else int(self.row[write]))


def blocks(events: int) -> Iterator[slice]:
    """Yield the rows of a timeline, some at a time."""
    for start in range(0, events, BLOCK):
        yield slice(start, min(start + BLOCK, events))


def writes_in(timeline: Timeline, rows: slice) -> Writes:
    """Return the writes that begin in these rows; the rows of a tick are in order of their channels."""
    time, channel = timeline.time[rows], timeline.channel[rows]
    new = np.empty(len(time), dtype=bool)
    new[:1] = True
    np.not_equal(time[1:], time[:-1], out=new[1:])
    new[1:] |= channel[1:] != channel[:-1]
    if rows.start:  # the block may begin within a write
        before = rows.start - 1
        new[0] = time[0] != timeline.time[before] or channel[0] != timeline.channel[before]
    if np.count_nonzero(new) == len(new):
        return Writes(time, None, rows.start)
    row = new.nonzero()[0]
    return Writes(time.take(row), row, rows.start)


@dataclass(frozen=True, slots=True, eq=False)
class Closings:
    """Where the gates of a timeline close: (gates,) each."""

    readout: NDArray[np.intp]
    time: NDArray[np.int64]
    row: NDArray[np.intp]


def closings(timeline: Timeline) -> Closings:
    """Return the last ticks of a timeline's gates."""
    row = np.flatnonzero(timeline.operation == Operation.CLOSE)
    return Closings(timeline.value[row].astype(np.intp), timeline.time[row], row)


@dataclass(frozen=True, slots=True, eq=False)
class ByChannel:
    """Some events of a timeline in order of the places of their channels, then of time.

    Attributes:
        order: (events,) rows of the timeline; those of channels without a rule are left out.
        time: (events,) int64, ticks.
        value: (events,) float64.
        bounds: (places + 1,) where each place begins and, at last, where all end.
        source: of the timeline.
    """

    order: NDArray[np.intp]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    bounds: NDArray[np.intp]
    source: NDArray[np.uint32]

    def span(self, group: Group) -> NDArray[np.intp]:
        """Return (channels + 1,) where each channel of a group begins and, at last, where all end."""
        return self.bounds[group.first : group.first + len(group) + 1]

    def lines(self, events: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the rows of the program's sources of some events."""
        return self.source.take(self.order.take(events)).astype(np.int64)


def by_channel(timeline: Timeline, rows: slice, machine: Machine) -> ByChannel:
    """Return the events of some rows of a timeline, channel by channel."""
    place = machine.place.take(timeline.channel[rows])
    order = place.argsort(kind="stable")
    bounds = place.take(order).searchsorted(np.arange(machine.places + 1, dtype=place.dtype))
    order = order[: bounds[-1]]
    if rows.start:
        order += rows.start
    return ByChannel(order, timeline.time.take(order), timeline.value.take(order), bounds, timeline.source)


class Sheet:
    """A timeline as the rules look at it, worked out when asked for; kept if it is short."""

    def __init__(self, timeline: Timeline, machine: Machine) -> None:
        self.timeline = timeline
        self._machine = machine
        self._writes: tuple[Writes, ...] | None = None
        self._sorted: tuple[ByChannel, ...] | None = None
        self._closings: Closings | None = None

    @property
    def _short(self) -> bool:
        return len(self.timeline) <= BLOCK

    def writes(self) -> Iterable[Writes]:
        """Return the writes, block by block."""
        if self._writes is None:
            found = (writes_in(self.timeline, rows) for rows in blocks(len(self.timeline)))
            if not self._short:
                return found
            self._writes = tuple(found)
        return self._writes

    def by_channel(self) -> Iterable[ByChannel]:
        """Return the events channel by channel, block by block."""
        if self._sorted is None:
            found = (by_channel(self.timeline, rows, self._machine) for rows in blocks(len(self.timeline)))
            if not self._short:
                return found
            self._sorted = tuple(found)
        return self._sorted

    @property
    def closings(self) -> Closings:
        """Where the gates close."""
        if self._closings is None:
            self._closings = closings(self.timeline)
        return self._closings
