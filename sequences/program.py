"""A program: timelines joined by loops, ready for a core to play and for a run to store."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from sequences.conditions import Condition
from sequences.errors import Source
from sequences.target import Kind, Target
from sequences.timeline import Timeline


@dataclass(frozen=True, slots=True)
class ReadoutChannel:
    """One gated window of a program: events refer to it by its row in `Program.readouts`.

    Attributes:
        name: the author's name for it.
        index: which of many windows of this name (usually the ion).
        channel: number of the channel that records.
    """

    name: str
    index: int
    channel: int


@dataclass(frozen=True, slots=True)
class Play:
    """Play a timeline once."""

    timeline: Timeline


@dataclass(frozen=True, slots=True)
class RepeatLoop:
    """Play the steps `count` times; a readout within records again each time."""

    count: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class AttemptLoop:
    """Play the steps until the herald is seen, but not for ever.

    An attempt is decided when its last gate has closed; what comes next starts no earlier than the
    duration of its timelines asks for.

    Attributes:
        maximum: attempts at most, or None where only the time-out ends the loop.
        herald: what ends it; readouts are rows of `Program.readouts`.
        steps: of one attempt.
        timeout: ticks after which no further attempt is begun, or None.
        every: failed attempts after which `between` is played, or 0 for never.
        between: what is played after each `every` failed attempts, unless the loop ends.
    """

    maximum: int | None
    herald: Condition[int]
    steps: tuple[Step, ...]
    timeout: int | None = None
    every: int = 0
    between: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """Play one of two ways to go on, by what was counted in this shot so far (in a loop: in this pass).

    Attributes:
        condition: readouts are rows of `Program.readouts`.
        then: steps where it holds.
        otherwise: steps where it does not.
    """

    condition: Condition[int]
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait for a rising edge on a trigger input; the next step starts there.

    Attributes:
        channel: number of the trigger channel.
        timeout: ticks after which the core notes that none came, and goes on.
    """

    channel: int
    timeout: int


Step: TypeAlias = Play | RepeatLoop | AttemptLoop | Branch | Wait


@dataclass(frozen=True, slots=True, eq=False)
class ShotValues:
    """Values of one timeline that change from shot to shot.

    Attributes:
        timeline: which of `Program.timelines`, counted from 0.
        rows: (rows,) int64, its events that change.
        values: (shots, rows) float64; shot s plays row ``s % shots``.
    """

    timeline: int
    rows: NDArray[np.int64]
    values: NDArray[np.float64]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ShotValues):
            return NotImplemented
        same = self.timeline == other.timeline and np.array_equal(self.rows, other.rows)
        return same and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.timeline, self.rows.tobytes(), self.values.shape))


def inner_steps(step: Step) -> tuple[tuple[Step, ...], ...]:
    """Return the bodies of a step, in the order in which its timelines are counted."""
    match step:
        case Play() | Wait():
            return ()
        case RepeatLoop(steps=steps):
            return (steps,)
        case AttemptLoop(steps=steps, between=between):
            return (steps, between)
        case Branch(then=then, otherwise=otherwise):
            return (then, otherwise)
        case _:
            assert_never(step)


@dataclass(frozen=True, slots=True)
class Program:
    """What a core plays for one shot.

    Attributes:
        name: of the sequence.
        steps: timelines and loops, in order.
        readouts: every window that is gated; events and heralds refer to rows.
        target: the lab it was compiled for.
        sources: the author's lines; events refer to rows. Not part of equality.
        shot_values: what changes from shot to shot.
    """

    name: str
    steps: tuple[Step, ...]
    readouts: tuple[ReadoutChannel, ...]
    target: Target
    sources: tuple[Source, ...] = field(default=(), compare=False)
    shot_values: tuple[ShotValues, ...] = ()

    def timelines(self) -> Iterator[Timeline]:
        """Yield every timeline once, in order, however often it is played."""
        pending = list(reversed(self.steps))
        while pending:
            step = pending.pop()
            if isinstance(step, Play):
                yield step.timeline
            for body in reversed(inner_steps(step)):
                pending.extend(reversed(body))

    @property
    def different_shots(self) -> int:
        """After how many shots the values repeat; 1 for a program whose shots are all alike."""
        return math.lcm(*(len(changing.values) for changing in self.shot_values))

    def of_shot(self, shot: int) -> Program:
        """Return what is played in one shot: the same program with that shot's values."""
        patched = list(self.timelines())
        for changing in self.shot_values:
            timeline = patched[changing.timeline]
            value = timeline.value.copy()
            value[changing.rows] = changing.values[shot % len(changing.values)]
            patched[changing.timeline] = replace(timeline, value=value)
        return self.with_timelines(patched)

    def with_timelines(self, timelines: Iterable[Timeline]) -> Program:
        """Return the program with other timelines in place of its own, and no values that change."""
        following = iter(timelines)
        return replace(self, steps=_refilled(self.steps, following), shot_values=())

    def readout_widths(self, ions: int) -> dict[str, int]:
        """Return how many counts each readout gives in a shot.

        Args:
            ions: in the trap; a camera gives one count for each.

        Returns:
            Readout name -> its windows, from index 0 to the highest; or the ions, for a camera.
        """
        widths: dict[str, int] = {}
        for readout in self.readouts:
            camera = self.target.by_number[readout.channel].kind is Kind.CAMERA
            width = ions if camera else readout.index + 1
            widths[readout.name] = max(widths.get(readout.name, 0), width)
        return widths

    def duration(self, *, heralded: bool) -> int:
        """Return how many ticks of the target one shot takes.

        Args:
            heralded: whether every attempt loop ends at its first attempt, the shortest a shot can be; or
                none of them before its maximum, the longest.
        """
        return _ticks(self.steps, heralded=heralded)

    @property
    def events(self) -> int:
        """Events stored, loops counted once."""
        return sum(len(timeline) for timeline in self.timelines())


def _refilled(steps: tuple[Step, ...], timelines: Iterator[Timeline]) -> tuple[Step, ...]:
    return tuple([_refill(step, timelines) for step in steps])


def _refill(step: Step, timelines: Iterator[Timeline]) -> Step:
    match step:
        case Play():
            return Play(next(timelines))
        case Wait():
            return step
        case RepeatLoop():
            return replace(step, steps=_refilled(step.steps, timelines))
        case AttemptLoop():
            steps = _refilled(step.steps, timelines)
            return replace(step, steps=steps, between=_refilled(step.between, timelines))
        case Branch():
            then = _refilled(step.then, timelines)
            return replace(step, then=then, otherwise=_refilled(step.otherwise, timelines))
        case _:
            assert_never(step)


def _ticks(steps: tuple[Step, ...], *, heralded: bool) -> int:
    total = 0
    for step in steps:
        match step:
            case Play(timeline):
                total += timeline.duration
            case RepeatLoop(count, inner):
                total += count * _ticks(inner, heralded=heralded)
            case AttemptLoop():
                total += _attempt_ticks(step, heralded=heralded)
            case Branch(_, then, otherwise):
                ways = _ticks(then, heralded=heralded), _ticks(otherwise, heralded=heralded)
                total += min(ways) if heralded else max(ways)
            case Wait(_, timeout):
                total += 0 if heralded else timeout
            case _:
                assert_never(step)
    return total


def _attempt_ticks(loop: AttemptLoop, *, heralded: bool) -> int:
    """Return how long an attempt loop takes at least (heralded at once) or at most."""
    one = _ticks(loop.steps, heralded=heralded)
    if heralded:
        return one
    between = _ticks(loop.between, heralded=False)
    # The last attempt begins before the time-out and is finished.
    bounded = (loop.timeout or 0) + one + between
    if loop.maximum is None:
        return bounded
    pauses = (loop.maximum - 1) // loop.every if loop.every else 0
    counted = loop.maximum * one + pauses * between
    return counted if loop.timeout is None else min(counted, bounded)
