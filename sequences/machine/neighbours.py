"""Rules about neighbours on a channel, within timelines and across the seams between them.

All rules look at the same events, channel by channel. What a channel was left with by one block of events
is what the next block finds, be it of the same timeline, of the next one or of a loop's next pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sequences.machine.writes import ByChannel, Sheet
from sequences.program import Program

S = TypeVar("S")

LONG_AGO: Final = -(2**60)
"""A tick before any that a shot has (36 years, at 1 ns), and still far from where int64 overflows."""


@dataclass(frozen=True, slots=True, eq=False)
class Left:
    """What each channel, or each register of a channel, was left with.

    Attributes:
        time: (columns,) int64, ticks; before 0 for what happened in earlier timelines.
        value: (columns,) float64; NaN where it is not known.
        source: (columns,) int64, row of the program's sources.
        known: whether anything happened at all.
    """

    time: NDArray[np.int64]
    value: NDArray[np.float64]
    source: NDArray[np.int64]
    known: bool = True

    def later(self, ticks: int) -> Left:
        """Return the same as seen from a later start."""
        return Left(self.time - ticks, self.value, self.source, self.known) if self.known else self

    def is_like(self, before: Left, ticks: int) -> bool:
        """Tell whether it is the same as before, but for what nothing happened to in so many ticks since."""
        passed = before.time - self.time
        same = np.array_equal(self.value, before.value, equal_nan=True)
        return same and np.count_nonzero(passed) == np.count_nonzero(passed == ticks)

    def again(self, before: Left, passes: int) -> Left:
        """Return the state after so many more passes of a loop; before the last one it was `before`.

        What the loop plays on a channel is as long ago after every pass; all else by one pass more each time.
        """
        return Left(go_on(before.time, self.time, passes), self.value, self.source, self.known)

    def followed(
        self,
        columns: NDArray[np.intp],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        source: NDArray[np.int64],
    ) -> Left:
        """Return the state after events in some columns."""
        if len(columns) == len(self.time):
            return Left(time, value, source)
        kept = self.time.copy(), self.value.copy(), self.source.copy()
        for column, changed in zip(kept, (time, value, source), strict=True):
            column[columns] = changed
        return Left(*kept)


def go_on(before: NDArray[np.int64], after: NDArray[np.int64], passes: int) -> NDArray[np.int64]:
    """Return times after so many more changes like that from `before` to `after`."""
    return np.maximum(after + passes * (after - before), LONG_AGO)


def without_twins(ways: tuple[Left, ...]) -> tuple[Left, ...]:
    """Return one of two states that are the same."""
    if len(ways) < 2:
        return ways
    one, other = ways
    same = np.array_equal(one.value, other.value, equal_nan=True) and np.array_equal(one.time, other.time)
    return ways[:1] if same else ways


@lru_cache(maxsize=64)
def nothing_left(columns: int, value: float) -> Left:
    """Return what channels are left with before a shot."""
    time = np.full(columns, LONG_AGO)
    return Left(time, np.full(columns, value), np.zeros(columns, dtype=np.int64), known=False)


class NeighbourRule(Protocol[S]):
    """A rule that looks at a timeline in blocks."""

    def start(self) -> S:
        """Return the state before a shot."""

    def look(self, number: int, events: ByChannel, state: S) -> S:
        """Look at some events of a timeline, note what is wrong, and return the state after them."""

    def end(self, number: int, state: S) -> S:
        """Return the state that the next timeline finds."""

    def join(self, one: S, other: S) -> S:
        """Return a state that allows only what both allow."""

    def is_settled(self, before: S, after: S, ticks: int) -> bool:
        """Tell whether a pass of so many ticks leaves all that it changes as it was."""

    def again(self, before: S, after: S, passes: int) -> S:
        """Return the state after so many more passes like the one that led from `before` to `after`."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What several rules have found on their way.

    Attributes:
        clock: ticks since the shot began, by one of the ways.
        states: of the rules.
    """

    clock: int
    states: tuple[Any, ...]


class Neighbours:
    """Several rules about neighbours, followed together.

    What a loop's first pass changes for good is left alone by the second, which all others are like.
    """

    enough: int | None = 3

    def __init__(self, sheets: Sequence[Sheet], rules: Sequence[NeighbourRule[Any]]) -> None:
        self._sheets, self._rules = sheets, rules

    def start(self) -> Seen:
        """Return the state before a shot."""
        return Seen(0, tuple([rule.start() for rule in self._rules]))

    def play(self, number: int, state: Seen) -> Seen:
        """Look at one timeline."""
        sheet, states = self._sheets[number], state.states
        for events in sheet.by_channel():
            pairs = zip(self._rules, states, strict=True)
            states = tuple([rule.look(number, events, own) for rule, own in pairs])
        states = tuple([rule.end(number, own) for rule, own in zip(self._rules, states, strict=True)])
        return Seen(state.clock + sheet.timeline.duration, states)

    def wait(self, state: Seen) -> Seen:
        """Return the state after a wait; it may be over at once."""
        return state

    def join(self, one: Seen, other: Seen) -> Seen:
        """Return a state that allows only what both allow."""
        pairs = zip(self._rules, one.states, other.states, strict=True)
        return Seen(one.clock, tuple([rule.join(*both) for rule, *both in pairs]))

    def is_settled(self, before: Seen, after: Seen) -> bool:
        """Tell whether the last pass of a loop has found the others' state, but for what it leaves alone."""
        ticks = after.clock - before.clock
        pairs = zip(self._rules, before.states, after.states, strict=True)
        return all(rule.is_settled(earlier, own, ticks) for rule, earlier, own in pairs)

    def again(self, before: Seen, after: Seen, passes: int) -> Seen:
        """Return the state after more passes."""
        pairs = zip(self._rules, before.states, after.states, strict=True)
        states = tuple([rule.again(earlier, own, passes) for rule, earlier, own in pairs])
        return Seen(after.clock + passes * (after.clock - before.clock), states)


def lasting_values(program: Program) -> dict[int, NDArray[np.float64]]:
    """Return timeline -> (events,) the values of those that change from shot to shot; NaN where they do."""
    timelines = list(program.timelines()) if program.shot_values else []
    patched: dict[int, NDArray[np.float64]] = {}
    for changing in program.shot_values:
        values = patched.setdefault(changing.timeline, timelines[changing.timeline].value.copy())
        values[changing.rows] = np.nan
    return patched
