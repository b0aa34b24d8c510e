"""Rule: the core's memory, its clock and its stack are large enough for the program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from sequences.dispatcher import Dispatcher
from sequences.errors import Source
from sequences.faults import NestingError, ShotLengthError, SizeError, StorageError
from sequences.machine.limits import line_at
from sequences.program import AttemptLoop, Program, RepeatLoop, Step, inner_steps


def size_problems(program: Program, dispatcher: Dispatcher) -> Iterator[SizeError]:
    """Yield in what respects a program is too large."""
    if program.events > dispatcher.memory:
        counts = np.bincount(np.concatenate([timeline.source for timeline in program.timelines()]))
        most = int(counts.argmax())
        yield StorageError(line_at(program, most), program.events, dispatcher.memory, int(counts[most]))
    seconds = program.duration(heralded=False) * program.target.period
    if seconds > dispatcher.longest:
        last_longest = max(program.steps, key=lambda step: _longest(program, (step,)))
        yield ShotLengthError(_first_line(program, (last_longest,)), seconds, dispatcher.longest)
    depth, innermost = _deepest(program.steps)
    if depth > dispatcher.nesting:
        yield NestingError(_first_line(program, innermost), depth, dispatcher.nesting)


def _longest(program: Program, steps: tuple[Step, ...]) -> int:
    return replace(program, steps=steps, shot_values=()).duration(heralded=False)


def _first_line(program: Program, steps: tuple[Step, ...]) -> Source:
    """Return the line of the first event in some steps."""
    within = replace(program, steps=steps, shot_values=())
    lines = (int(timeline.source[0]) for timeline in within.timelines() if len(timeline))
    return line_at(program, next(lines, len(program.sources)))


def _deepest(steps: Sequence[Step]) -> tuple[int, tuple[Step, ...]]:
    """Return how deep loops stand in each other, and the steps of the innermost."""
    deepest: tuple[int, tuple[Step, ...]] = (0, tuple(steps))
    for step in steps:
        is_loop = isinstance(step, RepeatLoop | AttemptLoop)
        for body in inner_steps(step):
            depth, innermost = _deepest(body)
            deepest = max(deepest, (depth + is_loop, innermost), key=lambda found: found[0])
    return deepest
