"""The course of a shot: what a core does one after the other, with its loops.

A program leaves open how often an attempt fails, which way a branch goes and when a trigger comes. A
course says so: the worst one, which leaves a core the least time, or the one in which everything succeeds
at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final, TypeAlias, assert_never

import numpy as np

from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, Step, Wait
from sequences.timeline import Operation, Timeline

_ENDLESS: Final = 10**9
"""Attempts of a loop that only its herald ends: more than a night holds."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Hand over a timeline, by its place in `Program.timelines`."""

    timeline: int


@dataclass(frozen=True, slots=True)
class Loop:
    """Go through the parts a number of times.

    Attributes:
        passes: how often.
        parts: of one pass.
        every: passes after which `between` comes, unless the loop is over; or 0 for never.
        between: what comes then.
        may_end: whether the loop may be over after any pass; what follows has to live with the one that
            leaves the least time.
    """

    passes: int
    parts: Course
    every: int = 0
    between: Course = ()
    may_end: bool = False

    @property
    def pauses(self) -> int:
        """How often `between` comes."""
        return max(0, self.passes - 1) // self.every if self.every else 0


@dataclass(frozen=True, slots=True)
class Learn:
    """Wait until the core knows what the last gates of some readouts counted."""

    readouts: frozenset[int]


@dataclass(frozen=True, slots=True)
class Notice:
    """Wait for a trigger that comes at once; later ones leave the core more time for what it has to do."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Go one of two ways: the one that leaves the least time for what follows."""

    then: Course
    otherwise: Course


Part: TypeAlias = Feed | Loop | Learn | Notice | Fork
Course: TypeAlias = tuple[Part, ...]


def worst_course(program: Program) -> Course:
    """Return the course on which attempts fail, branches go both ways and triggers come at once."""
    return _Charting(program, heralded=False).course(program.steps)


def heralded_course(program: Program) -> Course:
    """Return the course on which every attempt succeeds at once and every condition holds."""
    return _Charting(program, heralded=True).course(program.steps)


class _Charting:
    """Counts the timelines in the order of `Program.timelines`."""

    def __init__(self, program: Program, *, heralded: bool) -> None:
        self._heralded = heralded
        self._timelines = tuple(program.timelines())
        self._closed = tuple(map(_closed_readouts, self._timelines))
        self._numbers = count()

    def course(self, steps: tuple[Step, ...]) -> Course:
        """Return the course of some steps."""
        return tuple(part for step in steps for part in self._parts(step))

    def _parts(self, step: Step) -> Iterator[Part]:
        match step:
            case Play():
                yield Feed(next(self._numbers))
            case RepeatLoop(passes, steps):
                yield Loop(passes, self.course(steps))
            case AttemptLoop():
                yield self._attempts(step)
            case Branch():
                yield from self._branch(step)
            case Wait():
                yield Notice()
            case _:
                assert_never(step)

    def _attempts(self, loop: AttemptLoop) -> Loop:
        steps = self.course(loop.steps)
        between = self.course(loop.between)
        attempts = self._attempts_of(loop, steps, between)
        parts = (*steps, Learn(self._readouts(steps)))
        return Loop(attempts, parts, loop.every, between, may_end=True)

    def _attempts_of(self, loop: AttemptLoop, steps: Course, between: Course) -> int:
        """Return how many attempts begin: before the time-out, and not more than the maximum."""
        if self._heralded:
            return 1
        if loop.timeout is None:
            return _ENDLESS if loop.maximum is None else loop.maximum
        attempt, pause = max(1, self._ticks(steps)), self._ticks(between)
        if loop.every:
            groups, left = divmod(loop.timeout - 1, loop.every * attempt + pause)
            begun = groups * loop.every + min(loop.every, left // attempt + 1)
        else:
            begun = math.ceil(loop.timeout / attempt)
        return begun if loop.maximum is None else min(begun, loop.maximum)

    def _branch(self, branch: Branch) -> Iterator[Part]:
        readouts = frozenset(row for herald in branch.condition.heralds() for row in herald.readouts)
        then, otherwise = self.course(branch.then), self.course(branch.otherwise)
        yield Learn(readouts)
        if self._heralded:
            yield from then
        else:
            yield Fork(then, otherwise)

    def _readouts(self, course: Course) -> frozenset[int]:
        """Return the readouts whose gates close on a course."""
        return frozenset().union(*(self._closed[number] for number in _fed(course)))

    def _ticks(self, course: Course) -> int:
        """Return how long a course takes; of a fork, the longer way."""
        total = 0
        for part in course:
            match part:
                case Feed(timeline):
                    total += self._timelines[timeline].duration
                case Loop(passes, parts, _, between):
                    total += passes * self._ticks(parts) + part.pauses * self._ticks(between)
                case Fork(then, otherwise):
                    total += max(self._ticks(then), self._ticks(otherwise))
                case Learn() | Notice():
                    pass
                case _:
                    assert_never(part)
        return total


def _closed_readouts(timeline: Timeline) -> frozenset[int]:
    closed = timeline.value[timeline.operation == Operation.CLOSE]
    return frozenset(closed.astype(np.int64).tolist())


def _fed(course: Course) -> Iterator[int]:
    """Yield the numbers of the timelines of a course."""
    for part in course:
        match part:
            case Feed(timeline):
                yield timeline
            case Loop(parts=parts, between=between):
                yield from _fed(parts)
                yield from _fed(between)
            case Fork(then, otherwise):
                yield from _fed(then)
                yield from _fed(otherwise)
            case Learn() | Notice():
                pass
            case _:
                assert_never(part)
