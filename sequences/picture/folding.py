"""Lays a program out along one axis: every timeline once, one after the other, in the order of its steps.

The two ways of a branch are drawn one behind the other, and each begins with the outputs as they were before
the branch. What follows is drawn as it is after the last way that plays something.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from sequences.picture.picture import Bracket
from sequences.picture.wording import (
    Words,
    attempt_words,
    between_words,
    condition_text,
    repeat_words,
    time_text,
)
from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, Step, Wait
from sequences.target import Target
from sequences.timeline import Label, Operation, Timeline

_HELD = (Operation.LEVEL, Operation.FREQUENCY, Operation.PHASE, Operation.AMPLITUDE, Operation.VOLTAGE)
"""Operations whose value stays until the next."""


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Events on the axis, by channel and time; on one channel and tick in the order in which they act.

    Attributes:
        time: (events,) ticks from the start of the axis.
        channel: (events,) numbers of the target.
        operation: (events,) `Operation`.
        value: (events,) in the unit of the operation.
        source: (events,) rows of the program's sources.
        changing: (events,) bool, whether the value changes from shot to shot.
    """

    time: NDArray[np.int64]
    channel: NDArray[np.uint16]
    operation: NDArray[np.uint8]
    value: NDArray[np.float64]
    source: NDArray[np.uint32]
    changing: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.time)

    def take(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> Events:
        """Return some of the events."""
        return Events(
            self.time[which],
            self.channel[which],
            self.operation[which],
            self.value[which],
            self.source[which],
            self.changing[which],
        )


@dataclass(frozen=True, slots=True)
class Span:
    """A fold of the axis, in ticks."""

    bracket: Bracket
    words: Words
    start: int
    stop: int
    depth: int


@dataclass(frozen=True, slots=True)
class Axis:
    """A program along one axis.

    Attributes:
        length: ticks, to the end of the last step and of the last event.
        events: on it.
        labels: marks and stretches, ticks from the start of the axis.
        spans: loops and branches.
        waits: (tick, step) for each wait for a trigger.
    """

    length: int
    events: Events
    labels: tuple[Label, ...]
    spans: tuple[Span, ...]
    waits: tuple[tuple[int, Wait], ...]


def fold(program: Program, *, shot: int = 0, electronics: bool = False) -> Axis:
    """Lay a program out along one axis.

    Args:
        program: of any size; loops are not unrolled.
        shot: whose values are drawn, where they change from shot to shot.
        electronics: times of the core's events instead of those of the light that they make.
    """
    folding = _Folding(program, electronics=electronics)
    folding.steps(program.of_shot(shot).steps if program.shot_values else program.steps, 0)
    return folding.axis()


class _Folding:
    """An axis that grows step by step."""

    def __init__(self, program: Program, *, electronics: bool) -> None:
        self._program = program
        self._shift = None if electronics else program.target.shifts
        self._lead = round(program.target.lead / program.target.period) if electronics else 0
        self._changing = {changing.timeline: changing.rows for changing in program.shot_values}
        self._cursor = 0
        self._timelines = 0
        self._parts: list[Events] = []
        self._labels: list[Label] = []
        self._spans: list[Span] = []
        self._waits: list[tuple[int, Wait]] = []

    def axis(self) -> Axis:
        """Return the axis as far as it has grown."""
        events = _joined(self._parts)
        last = int(events.time.max()) if len(events) else 0
        ordered = events.take(np.lexsort((events.time, events.channel)))
        return Axis(
            max(self._cursor, last), ordered, tuple(self._labels), tuple(self._spans), tuple(self._waits)
        )

    def steps(self, steps: Sequence[Step], depth: int) -> None:
        """Add steps at the end of the axis."""
        for step in steps:
            match step:
                case Play(timeline):
                    self._play(timeline)
                case RepeatLoop(count, inner):
                    self._span(Bracket.REPEAT, repeat_words(count), inner, depth)
                case AttemptLoop():
                    self._attempt(step, depth)
                case Branch():
                    self._branch(step, depth)
                case Wait():
                    self._waits.append((self._cursor, step))
                case _:
                    assert_never(step)

    def _play(self, timeline: Timeline) -> None:
        changing = np.zeros(len(timeline), dtype=np.bool_)
        if self._timelines in self._changing:
            changing[self._changing[self._timelines]] = True
        time = timeline.time + self._cursor
        if self._shift is not None:
            time -= self._shift[timeline.channel]
        columns = timeline.channel, timeline.operation, timeline.value, timeline.source
        self._parts.append(Events(time, *columns, changing))
        late = self._cursor + self._lead  # labels stand where their light is
        self._labels += [
            Label(label.name, label.start + late, label.stop + late) for label in timeline.labels
        ]
        self._timelines += 1
        self._cursor += timeline.duration

    def _span(self, bracket: Bracket, words: Words, steps: Sequence[Step], depth: int) -> None:
        """Add steps in a bracket; none around nothing."""
        if not steps:
            return
        place, start = len(self._spans), self._cursor
        self.steps(steps, depth + 1)
        self._spans.insert(place, Span(bracket, words, start, self._cursor, depth))

    def _attempt(self, loop: AttemptLoop, depth: int) -> None:
        period, readouts = self._program.target.period, self._program.readouts
        self._span(Bracket.ATTEMPT, attempt_words(loop, readouts, period), loop.steps, depth)
        self._span(Bracket.BETWEEN, between_words(loop), loop.between, depth)

    def _branch(self, branch: Branch, depth: int) -> None:
        condition = condition_text(branch.condition, self._program.readouts)
        before = len(self._parts)
        self._span(Bracket.THEN, Words(f"if {condition}", "if"), branch.then, depth)
        if branch.then and branch.otherwise:
            self._parts.append(self._restored(before))
        self._span(Bracket.OTHERWISE, Words(f"unless {condition}", "unless"), branch.otherwise, depth)

    def _restored(self, before: int) -> Events:
        """Return events that undo, at the end of the axis, what the parts from `before` on have done."""
        old, new = (_held(_joined(parts)) for parts in (self._parts[:before], self._parts[before:]))
        known = {key: place for place, key in enumerate(_outputs(old))}
        outputs = _outputs(new)
        was_set = np.array([key in known for key in outputs], dtype=np.bool_)
        # Lines and tones were off before they were first set; of a voltage nothing is known.
        kept = was_set | (new.operation != Operation.VOLTAGE)
        value = np.array([old.value[known[key]] if key in known else 0.0 for key in outputs])
        count = len(outputs)
        undone = Events(
            np.full(count, self._cursor), new.channel, new.operation, value, new.source, new.changing
        )
        return undone.take(kept)


def wait_text(wait: Wait, target: Target) -> str:
    """Return what a wait waits for, and how long."""
    channel = target.by_number[wait.channel].name
    return f"wait for {channel}, at most {time_text(wait.timeout * target.period)}"


def _joined(parts: Sequence[Events]) -> Events:
    parts = parts or (_nothing(),)
    return Events(
        np.concatenate([part.time for part in parts]),
        np.concatenate([part.channel for part in parts]),
        np.concatenate([part.operation for part in parts]),
        np.concatenate([part.value for part in parts]),
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.changing for part in parts]),
    )


def _nothing() -> Events:
    whole, number, small, real = (np.zeros(0, dtype=kind) for kind in ("i8", "u2", "u1", "f8"))
    return Events(whole, number, small, real, np.zeros(0, dtype=np.uint32), np.zeros(0, dtype=np.bool_))


def _held(events: Events) -> Events:
    """Return, of each output that holds its value, the last event."""
    held = events.take(np.isin(events.operation, _HELD))
    output = held.channel.astype(np.int64) * 256 + held.operation
    _, from_end = np.unique(output[::-1], return_index=True)
    return held.take(len(held) - 1 - from_end)


def _outputs(events: Events) -> list[tuple[int, int]]:
    return list(zip(events.channel.tolist(), events.operation.tolist(), strict=True))
