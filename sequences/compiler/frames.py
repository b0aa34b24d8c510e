"""Eighth pass: follow the rotating frames, so that every pulse in a frame gets the phase it is meant to have.

A shift turns all later pulses of its frame. The hardware plays the same phases in every pass of a loop and
after either way of a branch, so that shifts within them must add up to whole turns, or to the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, assert_never

import numpy as np

from sequences.compiler.bind import Binding
from sequences.compiler.stages import (
    AnySlot,
    AttemptSlots,
    ChoiceSlots,
    Code,
    Column,
    Frames,
    Outline,
    RepeatSlots,
    Schedule,
    Slot,
    Slots,
    WaitSlot,
)
from sequences.errors import FrameError, Source, raise_together
from sequences.ir import FrameName, Pulse
from sequences.parameters import Number, Value
from sequences.units import show

_NOISE: Final = 1e-9
"""Turns by which shifts may miss a whole number of turns and still be meant."""

_Key = tuple[int, FrameName]


def follow(outline: Outline[Schedule], binding: Binding) -> Outline[Schedule]:
    """Return the segments with the phases of all pulses in frames, as the shifts before them ask for.

    Raises:
        FrameError: shifts within a loop are no whole turns, or two ways of a branch differ.
        CompileError: several of these.
    """
    if not any(schedule.turns for schedule in outline.segments):
        return outline
    follower = _Follower(outline, binding)
    follower.run(outline.slots, {})
    raise_together([*follower.problems])
    return Outline(outline.name, outline.slots, tuple(follower.segments))


class _Follower:
    """Walks the loops once in order of play, with the state of all frames."""

    def __init__(self, outline: Outline[Schedule], binding: Binding) -> None:
        self.segments = list(outline.segments)
        self.problems: list[FrameError] = []
        self._binding = binding

    def run(self, slots: Slots, frames: Frames) -> Frames:
        """Return the frames after some slots."""
        for slot in slots:
            frames = self._one(slot, frames)
        return frames

    def _one(self, slot: AnySlot, frames: Frames) -> Frames:
        match slot:
            case Slot(segment=row):
                self.segments[row], frames = _turned(self.segments[row], frames)
                return frames
            case RepeatSlots(count=count, slots=slots):
                after = self.run(slots, frames)
                where = "after each pass of the loop"
                return self._same(frames, after, where, slot.source) if count > 1 else after
            case AttemptSlots(loop=loop):
                after = self.run(slot.slots, frames)
                if loop.maximum != 1:
                    self._same(frames, after, "after each attempt", loop.source)
                paused = self.run(slot.between, frames)
                self._same(frames, paused, "by what is played between attempts", loop.source)
                return after
            case ChoiceSlots(choice=choice):
                one, other = self.run(slot.then, frames), self.run(slot.otherwise, frames)
                return self._same(one, other, "by the other way of the branch", choice.source)
            case WaitSlot():
                return frames
            case _:
                assert_never(slot)

    def _same(self, one: Frames, other: Frames, where: str, source: Source) -> Frames:
        """Refuse frames that differ by more than whole turns; return the first."""
        for key in dict.fromkeys([*one, *other]):
            first, second = one.get(key, 0.0), other.get(key, 0.0)
            if first is second:
                continue
            turns = np.atleast_1d(self._turns(second, source) - self._turns(first, source))
            # What is no number has been told; of many shots the worst one is told.
            misses = np.abs(turns - np.round(turns))
            if np.isfinite(turns).all() and misses.max() > _NOISE:
                worst = float(turns[misses.argmax()])
                self.problems.append(FrameError(source, key[1].name, where, show(worst, "turn")))
        return one

    def _turns(self, value: Value, source: Source) -> Number:
        return self._binding.number(value, source)


def _turned(schedule: Schedule, frames: Frames) -> tuple[Schedule, Frames]:
    """Return a segment with its phases, and the frames after it."""
    frames = dict(frames)
    turns = iter([*schedule.turns, (math.inf, None)])
    tick, shift = next(turns)
    column = schedule.columns.get((Code.TONE, "phase"))
    changed: dict[int, Value] = {}
    for place, start, pulse in _framed(schedule, column):
        while shift is not None and tick <= start:
            _turn(frames, (shift.channel.number, shift.frame), shift.phase)
            tick, shift = next(turns)
        frame = pulse.frame
        turned = frames.get((pulse.channel.number, frame)) if frame else None
        if frame and turned is not None:
            changed[place] = _own(pulse) + turned / frame.passes
    while shift is not None:
        _turn(frames, (shift.channel.number, shift.frame), shift.phase)
        _, shift = next(turns)
    return (_with_phases(schedule, column, changed) if column and changed else schedule), frames


def _framed(schedule: Schedule, column: Column | None) -> Iterator[tuple[int, int, Pulse]]:
    """Yield the pulses of tones in order of play: place in the column of phases, tick, leaf."""
    if column is None:
        return
    start = (schedule.start - schedule.shift)[column.rows]
    for place in start.argsort(kind="stable").tolist():
        pulse = schedule.leaves[int(column.rows[place])]
        if isinstance(pulse, Pulse) and pulse.frame is not None:
            yield place, int(start[place]), pulse


def _own(pulse: Pulse) -> Value:
    return 0.0 if pulse.phase is None else pulse.phase


def _turn(frames: Frames, key: _Key, phase: Value) -> None:
    frames[key] = frames[key] + phase if key in frames else phase


def _with_phases(schedule: Schedule, column: Column, changed: dict[int, Value]) -> Schedule:
    """Return a segment with other phases of some tones."""
    numbers, still_open = column.numbers.copy(), dict(column.open)
    for place, phase in changed.items():
        still_open.pop(place, None)
        if isinstance(phase, float):
            numbers[place] = phase
        else:
            numbers[place], still_open[place] = math.nan, phase
    phases = replace(column, numbers=numbers, open=still_open)
    return replace(schedule, columns={**schedule.columns, (Code.TONE, "phase"): phases})
