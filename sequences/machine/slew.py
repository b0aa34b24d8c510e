"""Rule: a voltage changes no faster than its output can.

What is compared are neighbouring samples: their difference over their distance in time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sequences.faults import SlewError
from sequences.machine.limits import Machine, line_at
from sequences.machine.neighbours import Left, nothing_left, without_twins
from sequences.machine.writes import ByChannel, Sheet
from sequences.program import Program

_ROUNDING: Final = 1 + 1e-9
"""A ramp that is as fast as allowed has steps that differ from that by the rounding of its floats."""

Samples: TypeAlias = tuple[Left, ...]
"""The last sample of each output; the lowest and the highest that it can be where different ways meet."""


@dataclass(frozen=True, slots=True, order=True)
class _Step:
    """A change that is too fast; of two, the one that exceeds its limit by more is the greater."""

    excess: float
    column: int
    volts: float
    ticks: int
    before: int


class Slews:
    """Follows the samples of all outputs with a fastest change."""

    def __init__(self, program: Program, machine: Machine, sheets: Sequence[Sheet]) -> None:
        self._program, self._machine, self._sheets = program, machine, sheets
        self._group, self._limit = machine.slews, machine.slews.limit * _ROUNDING
        self._looked: set[int] = set()
        self._worst: dict[int, _Step] = {}

    def start(self) -> Samples:
        """Return the state before a shot: nobody knows what the outputs hold."""
        return (nothing_left(len(self._group), math.nan),)

    def look(self, number: int, events: ByChannel, state: Samples) -> Samples:
        """Compare some samples: with each other only once, and with those before them every time."""
        if number not in self._looked:
            self._look_within(events)
        return tuple([self._look_before(events, left) for left in state])

    def end(self, number: int, state: Samples) -> Samples:
        """Return the state that the next timeline finds."""
        self._looked.add(number)
        duration = self._sheets[number].timeline.duration
        return tuple([left.later(duration) for left in without_twins(state)])

    def join(self, one: Samples, other: Samples) -> Samples:
        """Return the lowest and the highest that the outputs can hold, as if they were set last."""
        both = (*one, *other)
        time = np.maximum.reduce([left.time for left in both])
        values = np.array([left.value for left in both])
        known = ~np.isnan(values)
        lowest = np.argmin(np.where(known, values, np.inf), axis=0)
        highest = np.argmax(np.where(known, values, -np.inf), axis=0)
        sources, places = np.array([left.source for left in both]), np.arange(len(self._group))
        ends = [Left(time, values[at, places], sources[at, places]) for at in (lowest, highest)]
        return without_twins(tuple(ends))

    def is_settled(self, before: Samples, after: Samples, ticks: int) -> bool:
        """Tell whether a pass of a loop leaves all that it changes as it was."""
        pairs = zip(after, before, strict=False)
        return len(before) == len(after) and all(left.is_like(earlier, ticks) for left, earlier in pairs)

    def again(self, before: Samples, after: Samples, passes: int) -> Samples:
        """Return the state after more passes of a loop."""
        # Two ways that have become one differ in nothing that the loop leaves alone.
        return tuple([left.again(earlier, passes) for left, earlier in zip(after, before, strict=False)])

    def problems(self) -> Iterator[SlewError]:
        """Yield, of every line that asks for too fast a change, the fastest."""
        for line, step in self._worst.items():
            channel = self._group.channels[step.column]
            gap = self._machine.seconds(step.ticks)
            other = line_at(self._program, step.before)
            yield SlewError(line_at(self._program, line), channel.name, step.volts, gap, channel.slew, other)

    def _look_within(self, events: ByChannel) -> None:
        """Compare the samples of a block with each other."""
        bounds = events.span(self._group)
        own = slice(bounds[0], bounds[-1])
        time, value = events.time[own], events.value[own]
        if len(time) < 2:
            return
        step, gap = value[1:] - value[:-1], time[1:] - time[:-1]
        np.abs(step, out=step)
        allowed = self._limit.repeat(bounds[1:] - bounds[:-1])[1:] * gap
        fast = step > allowed
        # Where the next output begins, there is no step.
        seams = bounds[1:-1] - bounds[0]
        fast[seams[(seams > 0) & (seams < len(time))] - 1] = False
        if np.count_nonzero(fast):
            after = fast.nonzero()[0] + 1 + bounds[0]
            columns = bounds.searchsorted(after, side="right") - 1
            self._note(events, after, columns, after - 1)

    def _look_before(self, events: ByChannel, left: Left) -> Left:
        """Compare the first samples of a block with those before them, and return the last ones."""
        bounds = events.span(self._group)
        columns = (bounds[1:] > bounds[:-1]).nonzero()[0]
        if len(columns) == 0:
            return left
        if left.known:
            heads = bounds[columns]
            step = np.abs(events.value[heads] - left.value[columns])
            fast = step > self._limit[columns] * (events.time[heads] - left.time[columns])
            if np.count_nonzero(fast):
                self._note(events, heads[fast], columns[fast], left)
        last = bounds.take(columns + 1) - 1
        return left.followed(columns, events.time.take(last), events.value.take(last), events.lines(last))

    def _note(
        self,
        events: ByChannel,
        after: NDArray[np.intp],
        columns: NDArray[np.intp],
        before: NDArray[np.intp] | Left,
    ) -> None:
        """Note steps to some events, from others or from what was left before."""
        if isinstance(before, Left):
            time, value, source = before.time[columns], before.value[columns], before.source[columns]
        else:
            time, value, source = events.time[before], events.value[before], events.lines(before)
        step, gap = events.value[after] - value, events.time[after] - time
        excess = np.abs(step) - self._limit[columns] * gap
        facts = (events.lines(after), excess, columns, step, gap, source)
        for line, *found in zip(*(each.tolist() for each in facts), strict=True):
            change = _Step(*found)
            self._worst[line] = max(self._worst.get(line, change), change)
