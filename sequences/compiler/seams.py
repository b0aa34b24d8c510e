"""Spacing where segments meet: at the ends of loops, and where a loop's body follows itself.

A run of segments is summed up by the first and the last event on each of its channels. Sums of neighbours are
compared and added, and a loop is compared with itself once: the work does not depend on any count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from sequences.compiler.clock import gap_ticks, tables_of
from sequences.compiler.stages import (
    AnySlot,
    AttemptSlots,
    ChoiceSlots,
    Outline,
    RepeatSlots,
    Schedule,
    Slot,
    Slots,
    WaitSlot,
)
from sequences.errors import SpacingError
from sequences.ir import Played
from sequences.target import Kind, Target
from sequences.units import show


@dataclass(frozen=True, slots=True)
class _Edge:
    """An event, and its distance in ticks from the start (or to the end) of its run."""

    distance: int
    leaf: Played
    is_instant: bool


@dataclass(frozen=True, slots=True)
class _Run:
    """What neighbours see of a run of segments: per channel number its first and its last event."""

    length: int
    first: dict[int, _Edge]
    last: dict[int, _Edge]


_EMPTY = _Run(0, {}, {})


def spacing_problems(outline: Outline[Schedule], target: Target) -> Iterator[SpacingError]:
    """Yield every pair of events that is too close across a seam."""
    if outline.has_seams:
        weaver = _Weaver(outline, target)
        weaver.run(outline.slots)
        yield from weaver.problems


class _Weaver:
    """Walks the loops once, from the inside out, and gathers every problem."""

    def __init__(self, outline: Outline[Schedule], target: Target) -> None:
        self.problems: list[SpacingError] = []
        self._schedules = outline.segments
        self._target = target

    def run(self, slots: Slots, before: _Run = _EMPTY) -> _Run:
        """Return what neighbours see of some slots and what is before them, after comparing all of these."""
        for slot in slots:
            before = self._after(before, slot)
        return before

    def _after(self, before: _Run, slot: AnySlot) -> _Run:
        match slot:
            case Slot(segment=segment):
                return self._joined(before, self._edges(self._schedules[segment]))
            case RepeatSlots(count=count, slots=slots):
                body = self._loop(slots, count)
                return self._joined(before, _Run(body.length * count, body.first, body.last))
            case AttemptSlots():
                return self._joined(before, self._attempts(slot))
            case ChoiceSlots(then=then, otherwise=otherwise):
                # What is before the branch stays in sight on the channels that a way does not use.
                return _either(self.run(then, before), self.run(otherwise, before))
            case WaitSlot():
                return before  # the trigger may come at once
            case _:
                assert_never(slot)

    def _loop(self, slots: Slots, times: int) -> _Run:
        """Return one pass of a loop's body, after comparing it with the next pass."""
        body = self.run(slots)
        if times > 1:
            self._joined(body, body)
        return body

    def _attempts(self, slot: AttemptSlots) -> _Run:
        """Return one attempt, which may be enough, after comparing it with what may follow it."""
        loop = slot.loop
        body = self._loop(slot.slots, loop.maximum or 2)
        if not slot.between:
            return body
        between = self.run(slot.between)
        paused = self._joined(between, body)
        self._joined(paused, between)
        return _either(body, self._joined(body, paused))

    def _edges(self, schedule: Schedule) -> _Run:
        stop = schedule.stop - schedule.shift
        update = tables_of(self._target).update[schedule.channel]
        opening = schedule.first_events(update) - schedule.shift
        instant = schedule.is_instant()
        numbers = schedule.channel
        firsts, lasts = np.lexsort((opening, numbers)), np.lexsort((-stop, numbers))
        heads = np.flatnonzero(np.diff(numbers[firsts], prepend=-1))
        first, last = {}, {}
        for head in heads.tolist():
            early, late = int(firsts[head]), int(lasts[head])
            number = int(numbers[early])
            first[number] = _Edge(int(opening[early]), schedule.leaves[early], bool(instant[early]))
            distance = schedule.length - int(stop[late])
            last[number] = _Edge(distance, schedule.leaves[late], bool(instant[late]))
        return _Run(schedule.length, first, last)

    def _joined(self, left: _Run, right: _Run) -> _Run:
        """Compare two neighbours on the channels that they share, and add them."""
        for number in sorted(left.last.keys() & right.first.keys()):
            self._compare(number, left.last[number], right.first[number])
        first, last = dict(left.first), dict(right.last)
        for number, edge in right.first.items():
            first.setdefault(number, _Edge(left.length + edge.distance, edge.leaf, edge.is_instant))
        for number, edge in left.last.items():
            last.setdefault(number, _Edge(edge.distance + right.length, edge.leaf, edge.is_instant))
        return _Run(left.length + right.length, first, last)

    def _compare(self, number: int, before: _Edge, after: _Edge) -> None:
        channel, target = self._target.by_number[number], self._target
        needed, gap = gap_ticks(channel, target), before.distance + after.distance
        both = before.is_instant and after.is_instant
        needed = max(needed, 1) if both else needed
        if gap >= needed or (gap == 0 and channel.kind is not Kind.DAC and not both):
            return
        gap_text, needed_text = show(gap * target.period, "s", 12), show(needed * target.period, "s", 12)
        self.problems.append(
            SpacingError(after.leaf.source, channel.name, before.leaf.source, gap_text, needed_text)
        )


def _either(one: _Run, other: _Run) -> _Run:
    """Return what neighbours see at worst of two ways to go on."""
    first, last = dict(one.first), dict(one.last)
    for mine, others in ((first, other.first), (last, other.last)):
        for number, edge in others.items():
            if number not in mine or edge.distance < mine[number].distance:
                mine[number] = edge
    return _Run(min(one.length, other.length), first, last)
