"""Rule: a pulse or gate lasts at least as long as its channel needs to play it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sequences.faults import PulseError
from sequences.machine.limits import Machine, line_at
from sequences.machine.neighbours import LONG_AGO, Left, nothing_left, without_twins
from sequences.machine.writes import ByChannel, Sheet
from sequences.program import Program
from sequences.timeline import Operation

_BY_VALUE, _ON, _OFF, _TUNING = range(4)
_SWITCH: Final = np.zeros(len(Operation), dtype=np.uint8)
"""What an operation does to its channel: on or off, by its value or always; or neither."""
_SWITCH[[Operation.OPEN, Operation.CLOSE]] = _ON, _OFF
_SWITCH[[Operation.FREQUENCY, Operation.PHASE]] = _TUNING


OnAndOff: TypeAlias = tuple[Left, ...]
"""What is on; where different ways meet, all that can be on and all that can be off."""


@dataclass(frozen=True, slots=True, eq=False)
class _Switched:
    """Events that switch, channel by channel; a channel that is on before has that as its first.

    Attributes:
        time: (events,) ticks.
        on: (events,) whether the channel is on from there on.
        event: (events,) which of the block's events; -1 less the channel for what was on before.
        bounds: (channels + 1,) where each channel begins.
    """

    time: NDArray[np.int64]
    on: NDArray[np.bool_]
    event: NDArray[np.intp]
    bounds: NDArray[np.intp]


class Pulses:
    """Follows when lines, tones and gates go on and off.

    A channel's value is 1 while it is on, and its time is since when.
    """

    def __init__(
        self,
        program: Program,
        machine: Machine,
        sheets: Sequence[Sheet],
        lasting: Mapping[int, NDArray[np.float64]],
    ) -> None:
        self._program, self._machine, self._group = program, machine, machine.pulses
        self._sheets, self._lasting = sheets, lasting
        self._shortest: dict[int, tuple[int, int]] = {}

    def start(self) -> OnAndOff:
        """Return the state before a shot: everything is off."""
        return (nothing_left(len(self._group), 0.0),)

    def look(self, number: int, events: ByChannel, state: OnAndOff) -> OnAndOff:
        """Look at some events of a timeline."""
        switched = self._switched(number, events)
        return tuple([self._follow(events, switched, left) for left in state])

    def end(self, number: int, state: OnAndOff) -> OnAndOff:
        """Return the state that the next timeline finds."""
        duration = self._sheets[number].timeline.duration
        return tuple([left.later(duration) for left in without_twins(state)])

    def join(self, one: OnAndOff, other: OnAndOff) -> OnAndOff:
        """Return the states in which all is on, and off, that is so by any way; on since the latest."""
        both = (*one, *other)
        value, places = np.array([left.value for left in both]), np.arange(len(self._group))
        time, source = np.array([left.time for left in both]), np.array([left.source for left in both])
        on = np.where(value > 0, time, 2 * LONG_AGO).argmax(axis=0)
        ends = [
            Left(time[at, places], value[at, places], source[at, places]) for at in (on, value.argmin(axis=0))
        ]
        return without_twins(tuple(ends))

    def is_settled(self, before: OnAndOff, after: OnAndOff, ticks: int) -> bool:
        """Tell whether a pass of a loop leaves all that it changes as it was."""
        pairs = zip(after, before, strict=False)
        return len(before) == len(after) and all(left.is_like(earlier, ticks) for left, earlier in pairs)

    def again(self, before: OnAndOff, after: OnAndOff, passes: int) -> OnAndOff:
        """Return the state after more passes of a loop."""
        # Two ways that have become one differ in nothing that the loop leaves alone.
        return tuple([left.again(earlier, passes) for left, earlier in zip(after, before, strict=False)])

    def problems(self) -> Iterator[PulseError]:
        """Yield the shortest pulse of every line that writes some too short."""
        for source, (ticks, column) in self._shortest.items():
            channel = self._group.channels[column]
            line = line_at(self._program, source)
            yield PulseError(line, channel.name, self._machine.seconds(ticks), channel.pulse)

    def _switched(self, number: int, events: ByChannel) -> _Switched:
        """Return the events of a block that switch a channel with a shortest pulse."""
        bounds = events.span(self._group)
        first, stop = bounds[0], bounds[-1]
        order, value = events.order[first:stop], events.value[first:stop]
        # Values that change from shot to shot switch nothing off in all shots.
        lasting = self._lasting.get(number)
        on = (value if lasting is None else lasting.take(order)) != 0
        event = np.arange(first, stop)
        switch = _SWITCH.take(self._sheets[number].timeline.operation.take(order))
        if np.count_nonzero(switch):
            on = (on & (switch != _OFF)) | (switch == _ON)
            kept = (switch != _TUNING).nonzero()[0]
            event, on = event.take(kept), on.take(kept)
            return _Switched(events.time.take(event), on, event, event.searchsorted(bounds))
        return _Switched(events.time[first:stop], on, event, bounds - first)

    def _follow(self, events: ByChannel, found: _Switched, left: Left) -> Left:
        """Note what is too short in a block, and return what is on after it."""
        if len(found.event) == 0:
            return left
        if left.known and np.count_nonzero(left.value):
            found = _with_before(found, left)
        on, bounds = found.on, found.bounds
        columns = (bounds[1:] > bounds[:-1]).nonzero()[0]
        heads = bounds.take(columns)
        rises, falls = on.copy(), ~on
        rises[1:] &= ~on[:-1]
        falls[1:] &= on[:-1]
        rises[heads], falls[heads] = on[heads], False
        rise, fall = rises.nonzero()[0], falls.nonzero()[0]
        # Each fall ends the pulse of the last rise before it.
        begun = rise.take(rise.searchsorted(fall) - 1)
        lasted = found.time.take(fall) - found.time.take(begun)
        limit = self._group.limit.take(bounds.searchsorted(fall, side="right") - 1)
        short = lasted < limit
        if np.count_nonzero(short):
            lines = _lines(events, left, found.event[begun[short]])
            self._note(lines, lasted[short], bounds.searchsorted(fall[short], side="right") - 1)
        last = bounds.take(columns + 1) - 1
        since = last
        if np.count_nonzero(is_on := on.take(last)):
            since = np.where(is_on, rise.take(rise.searchsorted(last, side="right") - 1), last)
        time, line = found.time.take(since), _lines(events, left, found.event.take(since))
        return left.followed(columns, time, is_on.astype(np.float64), line)

    def _note(self, lines: NDArray[np.int64], lasted: NDArray[np.int64], columns: NDArray[np.intp]) -> None:
        for line, ticks, column in zip(lines.tolist(), lasted.tolist(), columns.tolist(), strict=True):
            known = self._shortest.get(line, (ticks, column))
            self._shortest[line] = min(known, (ticks, column))


def _with_before(found: _Switched, left: Left) -> _Switched:
    """Return switching events with those before them that left a channel on; their number is below zero."""
    columns = left.value.nonzero()[0]
    at = found.bounds[columns]
    bounds = found.bounds.copy()
    bounds[1:] += np.cumsum(left.value > 0)
    return _Switched(
        np.insert(found.time, at, left.time[columns]),
        np.insert(found.on, at, True),
        np.insert(found.event, at, -1 - columns),
        bounds,
    )


def _lines(events: ByChannel, left: Left, found: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the lines of events, and of what was left before where their number is below zero."""
    if found.min() >= 0:
        return events.lines(found)
    return np.where(found < 0, left.source[-1 - np.minimum(found, -1)], events.lines(np.maximum(found, 0)))
