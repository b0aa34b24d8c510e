"""Which gates of a run belong to a readout, and how often they opened: photons name rows of the program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias, assert_never

from control.errors import UsageError
from sequences import AttemptLoop, Branch, Operation, Play, Program, RepeatLoop, Wait, parse_program
from sequences.program import Step, inner_steps

if TYPE_CHECKING:
    from data import Record, Run


class _Per(Enum):
    """What decides how often a gate opens."""

    SHOT = 0
    ATTEMPT = 1
    CHANCE = 2


_Opening: TypeAlias = tuple[int, int, _Per]
"""Row of the program's readouts, how often its gate opens, and in each what."""


@dataclass(frozen=True, slots=True)
class ReadoutGates:
    """The gates of a readout.

    Attributes:
        rows: (windows,) of the program's table of readouts, as `TimeTags.readout` refers to them.
        windows: (windows,) which window of the readout each of them is, from 0.
        each_shot: gates that open in every shot, outside of its loop of attempts.
        each_attempt: gates that open in every attempt.
    """

    rows: tuple[int, ...]
    windows: tuple[int, ...]
    each_shot: int
    each_attempt: int

    def opened(self, record: Record) -> int:
        """Return how many gates opened while a point was played."""
        return self.each_shot * record.shots + self.each_attempt * len(record.attempts)


def gates_of(run: Run, *readouts: str) -> tuple[ReadoutGates, ...]:
    """Return the gates of some readouts.

    Args:
        run: open; all its points have the gates of the program that it holds.
        readouts: names of counters.

    Raises:
        UsageError: the run holds no program, or it does not tell how often the gates opened.
        SequenceError: its program cannot be read.
    """
    program = _program_of(run)
    openings = list(_openings(program.steps))
    if _loops(program.steps) > 1:  # a run numbers the attempts of all loops of a shot as if they were one's
        openings = [(row, times, _Per.CHANCE if per is _Per.ATTEMPT else per) for row, times, per in openings]
    return tuple(_gates_of(run, program, name, openings) for name in readouts)


def rows_of(run: Run, readout: str) -> list[int]:
    """Return the rows of the program's table of readouts that have a name: one for each of its windows.

    Args:
        run: open; all its points have the gates of the program that it holds.
        readout: name of a counter.

    Returns:
        One row for each window, as `TimeTags.readout` refers to them.

    Raises:
        UsageError: the run holds no program.
        SequenceError: its program cannot be read.
    """
    return [row for row, gate in enumerate(_program_of(run).readouts) if gate.name == readout]


def _program_of(run: Run) -> Program:
    if not run.header.program:
        what = f"run {run.id} holds no program, which would tell the gates of its photons"
        raise UsageError(what=what, advice="Its counts can be analysed, but not when photons came.")
    return parse_program(run.header.program)


def _gates_of(run: Run, program: Program, readout: str, openings: Sequence[_Opening]) -> ReadoutGates:
    rows = tuple(row for row, gate in enumerate(program.readouts) if gate.name == readout)
    often: Counter[_Per] = Counter()
    for row, times, per in openings:
        if row in rows:
            often[per] += times
    if often[_Per.CHANCE]:
        why = "it opens in a branch of the program, after failed attempts, or in one of several loops of them"
        what = f"run {run.id} does not tell how often the gate of {readout} opened: {why}"
        raise UsageError(what=what, advice="An analysis of your own may know: --analysis FILE.py.")
    windows = tuple(program.readouts[row].index for row in rows)
    return ReadoutGates(rows, windows, often[_Per.SHOT], often[_Per.ATTEMPT])


def _openings(steps: Sequence[Step], times: int = 1, per: _Per = _Per.SHOT) -> Iterator[_Opening]:
    """Yield all gates that steps open, each as often as they do."""
    for step in steps:
        match step:
            case Play(timeline):
                for row in timeline.value[timeline.operation == Operation.OPEN].tolist():
                    yield int(row), times, per
            case RepeatLoop(count, inner):
                yield from _openings(inner, times * count, per)
            case AttemptLoop():
                # However often the loop itself is played: all its attempts are in the run.
                yield from _openings(step.steps, 1, _Per.ATTEMPT)
                yield from _openings(step.between, 1, _Per.CHANCE)
            case Branch(_, then, otherwise):
                yield from _openings((*then, *otherwise), 1, _Per.CHANCE)
            case Wait():
                pass
            case _:
                assert_never(step)


def _loops(steps: Sequence[Step]) -> int:
    """Count the loops of attempts in steps."""
    inner = [body for step in steps for body in inner_steps(step)]
    return sum(isinstance(step, AttemptLoop) for step in steps) + sum(map(_loops, inner))
