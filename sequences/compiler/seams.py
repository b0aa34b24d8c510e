"""Spacing where segments meet: at the ends of loops, and where a loop's body follows itself.

A run of segments is summed up by the first and the last event on each of its channels. Sums of neighbours are
compared and added, and a loop is compared with itself once: the work does not depend on any count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sequences.compiler.clock import gap_ticks, update_ticks
from sequences.compiler.stages import AttemptSlots, Outline, RepeatSlots, Schedule, Slot, Slots
from sequences.errors import SpacingError
from sequences.ir import Played, Ramp
from sequences.target import Kind, Target
from sequences.units import show


@dataclass(frozen=True, slots=True)
class _Edge:
    """An event, and its distance in ticks from the start (or to the end) of its run."""

    distance: int
    leaf: Played


@dataclass(frozen=True, slots=True)
class _Run:
    """What neighbours see of a run of segments: per channel number its first and its last event."""

    length: int
    first: dict[int, _Edge]
    last: dict[int, _Edge]


_EMPTY = _Run(0, {}, {})


def seam_problems(outline: Outline[Schedule], target: Target) -> Iterator[SpacingError]:
    """Yield every pair of events that is too close across a seam."""
    weaver = _Weaver(outline, target)
    weaver.run(outline.slots)
    yield from weaver.problems


class _Weaver:
    """Walks the loops once, from the inside out, and gathers every problem."""

    def __init__(self, outline: Outline[Schedule], target: Target) -> None:
        self.problems: list[SpacingError] = []
        self._schedules = outline.segments
        self._target = target

    def run(self, slots: Slots) -> _Run:
        """Return what neighbours see of some slots, after comparing these with each other."""
        total = _EMPTY
        for slot in slots:
            total = self._joined(total, self._one(slot))
        return total

    def _one(self, slot: Slot | RepeatSlots | AttemptSlots) -> _Run:
        match slot:
            case Slot(segment=segment):
                return self._edges(self._schedules[segment])
            case RepeatSlots(count=count, slots=slots):
                body = self._loop(slots, count)
                return _Run(body.length * count, body.first, body.last)
            case AttemptSlots(maximum=maximum, slots=slots):
                return self._loop(slots, maximum)  # one attempt may be enough

    def _loop(self, slots: Slots, times: int) -> _Run:
        """Return one pass of a loop's body, after comparing it with the next pass."""
        body = self.run(slots)
        if times > 1:
            self._joined(body, body)
        return body

    def _edges(self, schedule: Schedule) -> _Run:
        first: dict[int, _Edge] = {}
        last: dict[int, _Edge] = {}
        starts = (schedule.start - schedule.shift).tolist()
        stops = (schedule.stop - schedule.shift).tolist()
        for leaf, number, start, stop in zip(
            schedule.leaves, schedule.channel.tolist(), starts, stops, strict=True
        ):
            opening = self._first_event(leaf, start, stop)
            if number not in first or opening < first[number].distance:
                first[number] = _Edge(opening, leaf)
            if number not in last or schedule.length - stop < last[number].distance:
                last[number] = _Edge(schedule.length - stop, leaf)
        return _Run(schedule.length, first, last)

    def _first_event(self, leaf: Played, start: int, stop: int) -> int:
        if not isinstance(leaf, Ramp):
            return start
        update = update_ticks(leaf.channel, self._target)
        return stop - ((stop - start) // update - 1) * update

    def _joined(self, left: _Run, right: _Run) -> _Run:
        """Compare two neighbours on the channels that they share, and add them."""
        for number in sorted(left.last.keys() & right.first.keys()):
            self._compare(left.last[number], right.first[number])
        first, last = dict(left.first), dict(right.last)
        for number, edge in right.first.items():
            first.setdefault(number, _Edge(left.length + edge.distance, edge.leaf))
        for number, edge in left.last.items():
            last.setdefault(number, _Edge(edge.distance + right.length, edge.leaf))
        return _Run(left.length + right.length, first, last)

    def _compare(self, before: _Edge, after: _Edge) -> None:
        channel, target = after.leaf.channel, self._target
        needed, gap = gap_ticks(channel, target), before.distance + after.distance
        if gap >= needed or (gap == 0 and channel.kind is not Kind.DAC):
            return
        gap_text, needed_text = show(gap * target.period, "s", 12), show(needed * target.period, "s", 12)
        self.problems.append(
            SpacingError(after.leaf.source, channel.name, before.leaf.source, gap_text, needed_text)
        )
