"""The busiest stretch of a shot: how many writes a core has to hand over in a given time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from sequences.machine.walk import timelines_in
from sequences.machine.writes import Sheet
from sequences.program import AttemptLoop, Branch, Play, RepeatLoop, Step, Wait


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """When writes are due on one way through some steps: (writes,) ticks, and the ticks of the way."""

    time: NDArray[np.int64]
    duration: int


def busiest(steps: Sequence[Step], sheets: Sequence[Sheet], window: int) -> int:
    """Return the most writes that are due within a time.

    Loops are followed for as many passes as show every stretch of that length, attempts all fail, and of the
    two ways of a branch the busier is taken.

    Args:
        steps: of a program.
        sheets: its timelines.
        window: ticks.
    """
    return _most(_course(steps, sheets, window, 0), window)


def _course(steps: Sequence[Step], sheets: Sequence[Sheet], window: int, number: int) -> _Course:
    parts = []
    for step in steps:
        parts.append(_step(step, sheets, window, number))
        number += timelines_in((step,))
    return _joined(parts)


def _step(step: Step, sheets: Sequence[Sheet], window: int, number: int) -> _Course:
    match step:
        case Play(timeline):
            times = [np.zeros(0, dtype=np.int64), *(writes.time for writes in sheets[number].writes())]
            return _Course(np.concatenate(times), timeline.duration)
        case RepeatLoop(count, body):
            return _repeated(_course(body, sheets, window, number), count, window)
        case AttemptLoop():
            return _attempted(step, sheets, window, number)
        case Branch(_, then, otherwise):
            ways = (
                _course(then, sheets, window, number),
                _course(otherwise, sheets, window, number + timelines_in(then)),
            )
            return max(ways, key=lambda way: _most(way, window))
        case Wait():
            return _Course(np.zeros(0, dtype=np.int64), 0)
        case _:
            assert_never(step)


def _attempted(loop: AttemptLoop, sheets: Sequence[Sheet], window: int, number: int) -> _Course:
    body = _course(loop.steps, sheets, window, number)
    count = loop.maximum or 2 + 2 * window // max(1, body.duration)
    if not loop.every:
        return _repeated(body, count, window)
    between = _course(loop.between, sheets, window, number + timelines_in(loop.steps))
    rounds = (count - 1) // loop.every
    some = _joined([_repeated(body, loop.every, window), between])
    return _joined([_repeated(some, rounds, window), _repeated(body, count - rounds * loop.every, window)])


def _repeated(course: _Course, count: int, window: int) -> _Course:
    """Return some passes: all of them, or so many that two windows fit in."""
    passes = min(count, 2 + 2 * window // max(1, course.duration)) if len(course.time) else count
    starts = course.duration * np.arange(passes if len(course.time) else 0)[:, None]
    return _Course((course.time + starts).ravel(), passes * course.duration)


def _joined(parts: Sequence[_Course]) -> _Course:
    start, times = 0, [np.zeros(0, dtype=np.int64)]
    for part in parts:
        times.append(part.time + start)
        start += part.duration
    return _Course(np.concatenate(times), start)


def _most(course: _Course, window: int) -> int:
    time = np.sort(course.time)
    return int((np.searchsorted(time, time + window) - np.arange(len(time))).max(initial=0))
