"""Joins timelines by the loops, branches and waits of the outline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import assert_never

from sequences.compiler.bind import TOLD, Binding
from sequences.compiler.clock import LONGEST, NOISE
from sequences.compiler.stages import (
    AnySlot,
    AttemptSlots,
    ChoiceSlots,
    RepeatSlots,
    Slot,
    Slots,
    WaitSlot,
)
from sequences.errors import AuthoringError, DurationError, ForeignChannelError, OffGridError, Source
from sequences.ir import Readout
from sequences.parameters import Value
from sequences.program import AttemptLoop, Branch, Play, RepeatLoop, Step, Wait
from sequences.rules import time_problems
from sequences.target import Target
from sequences.timeline import Timeline
from sequences.units import show


class Joiner:
    """Knows the loops of a sequence and the rows of its readouts."""

    def __init__(self, slots: Slots, target: Target, rows: Mapping[Readout, int]) -> None:
        self._slots = slots
        self._target = target
        self._rows = rows

    def steps(self, timelines: list[Timeline], binding: Binding) -> tuple[Step, ...]:
        """Return the steps of a program.

        Args:
            timelines: one for each segment.
            binding: gives the time-outs; what is wrong with them is added to its problems.
        """
        return self._run(self._slots, timelines, binding)

    def _run(self, slots: Slots, timelines: list[Timeline], binding: Binding) -> tuple[Step, ...]:
        return tuple([self._one(slot, timelines, binding) for slot in slots])

    def _one(self, slot: AnySlot, timelines: list[Timeline], binding: Binding) -> Step:
        match slot:
            case Slot(segment=segment):
                return Play(timelines[segment])
            case RepeatSlots(count=count, slots=slots):
                return RepeatLoop(count, self._run(slots, timelines, binding))
            case AttemptSlots(loop=loop):
                timeout = None
                if loop.timeout is not None:
                    timeout = self._ticks(loop.timeout, "the time-out of the attempt", loop.source, binding)
                condition = loop.herald.map(self._rows.__getitem__)
                steps = self._run(slot.slots, timelines, binding)
                between = self._run(slot.between, timelines, binding)
                return AttemptLoop(loop.maximum, condition, steps, timeout, loop.every, between)
            case ChoiceSlots(choice=choice):
                condition = choice.condition.map(self._rows.__getitem__)
                then = self._run(slot.then, timelines, binding)
                return Branch(condition, then, self._run(slot.otherwise, timelines, binding))
            case WaitSlot(wait=wait):
                if self._target.by_name.get(wait.channel.name) != wait.channel:
                    name = wait.channel.name
                    binding.problems.append(ForeignChannelError(wait.source, name, self._target.name))
                timeout = self._ticks(wait.timeout, "the time-out of the wait", wait.source, binding)
                return Wait(wait.channel.number, timeout)
            case _:
                assert_never(slot)

    def _ticks(self, time: Value, what: str, source: Source, binding: Binding) -> int:
        seconds = binding.time(time, what, source)
        if seconds is TOLD:
            return 0
        problems = list(time_problems(seconds, what, source)) or list(self._off_clock(seconds, what, source))
        binding.problems.extend(problems)
        return 0 if problems else round(seconds / self._target.period)

    def _off_clock(self, seconds: float, what: str, source: Source) -> Iterator[AuthoringError]:
        """Yield an error for a time that the clock does not have, or cannot count to."""
        period = self._target.period
        exact = seconds / period
        if exact >= LONGEST:
            limit = f"less than {show(LONGEST * period, 's', 3)}"
            yield DurationError(source, what, show(seconds, "s"), limit)
        elif abs(exact - round(exact)) > NOISE or round(exact) == 0:
            grid, nearest = show(period, "s"), show(max(round(exact), 1) * period, "s", 15)
            yield OffGridError(source, what, show(seconds, "s", 15), grid, nearest)
