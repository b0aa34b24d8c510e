"""Third pass: give every leaf its start within its segment, in seconds."""

from __future__ import annotations

import math
from typing import Any, Final, assert_never

import numpy as np

from sequences.compiler.bind import TOLD, Binding
from sequences.compiler.stages import Code, Outline, Placement, Segment
from sequences.errors import (
    AuthoringError,
    DepthError,
    DurationError,
    MarkError,
    PastError,
    Source,
)
from sequences.ir import (
    Alignment,
    At,
    Block,
    Delay,
    Edges,
    Gate,
    Leaf,
    Level,
    Mark,
    Named,
    Parallel,
    Pulse,
    Ramp,
    Serial,
    Shift,
    Tuning,
    Waveform,
)
from sequences.rules import name_of, time_problems
from sequences.units import show

DEEPEST: Final = 200
"""Blocks within blocks; people stay below ten."""


def place(outline: Outline[Segment], binding: Binding) -> Outline[Placement]:
    """Return every segment's leaves with their start times.

    Problems are added to those of the binding.
    """
    return outline.map(lambda segment: place_segment(segment, binding))


def place_segment(segment: Segment, binding: Binding) -> Placement:
    """Return one segment's leaves with their start times; problems are added to those of the binding."""
    placer = _Placer(binding)
    length = placer.serial(segment.parts, 0.0)
    return Placement(
        placer.items,
        np.array(placer.codes, dtype=np.int8),
        np.array(placer.channels, dtype=np.int64),
        np.array(placer.starts, dtype=np.float64),
        np.array(placer.durations, dtype=np.float64),
        length,
        placer.centred,
        placer.rises,
        tuple(placer.users.values()),
    )


class _Placer:
    """Columns that grow while the blocks are walked once; methods return how long a block lasts (s)."""

    def __init__(self, binding: Binding) -> None:
        self.items: list[Block] = []
        self.codes: list[int] = []
        self.channels: list[int] = []
        self.starts: list[float] = []
        self.durations: list[float] = []
        self.centred: dict[int, Source] = {}
        self.rises: dict[int, float] = {}
        self.users: dict[int, Leaf] = {}
        self._binding = binding
        self._problems: list[AuthoringError] = binding.problems
        self._depth = 0
        self._ways: dict[type, Any] = {
            Pulse: self._pulse,
            Tuning: self._instant,
            Level: self._instant,
            Ramp: self._lasting,
            Waveform: self._waveform,
            Gate: self._lasting,
            Edges: self._edges,
            Delay: self._delay,
            Shift: self._instant,
            Mark: self._mark,
            Serial: lambda block, start: self.serial(block.parts, start),
            Parallel: self._parallel,
            At: self._at,
            Named: self._named,
        }

    def serial(self, parts: tuple[Block, ...], start: float) -> float:
        """Place the parts one after the other.

        The lengths are summed with Kahan's compensation: a million pulses must not drift off the clock.

        Source: W. Kahan, Commun. ACM 8, 40 (1965).
        """
        self._enter(parts)
        ways = self._ways
        total, lost = 0.0, 0.0
        for part in parts:
            if type(part) is At:
                total, lost = self._late(part, start, total), 0.0
                continue
            length = ways[type(part)](part, start + total) - lost
            grown = total + length
            lost = (grown - total) - length
            total = grown
        self._depth -= 1
        return total

    def _late(self, part: At, start: float, reached: float) -> float:
        """Place a block that starts at a time of its serial block; return where it ends."""
        offset = self._binding.time(part.start, "the start of the block", part.source)
        if 0 <= offset < reached * (1 - 1e-12):
            self._problems.append(PastError(part.source, show(offset, "s", 12), show(reached, "s", 12)))
        return self._at(part, start)

    def _enter(self, parts: tuple[Block, ...]) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise DepthError(parts[0].source, DEEPEST)

    def _add(self, item: Any, code: int, channel: int, start: float, duration: float) -> float:
        self.items.append(item)
        self.codes.append(code)
        self.channels.append(channel)
        self.starts.append(start)
        self.durations.append(duration)
        return duration

    def _time(self, item: Any) -> float:
        """Return the duration of a leaf; what is wrong with it is told once it is a number."""
        duration = item.duration
        if type(duration) is float and 0.0 < duration < math.inf:
            return duration
        what = f"the duration of {name_of(item)}"
        number = self._binding.time(duration, what, item.source)
        zero = isinstance(item, Delay | Edges)
        if number is not TOLD:
            self._problems.extend(time_problems(number, what, item.source, may_be_zero=zero))
        return number

    def _pulse(self, pulse: Pulse, start: float) -> float:
        channel = pulse.channel
        self.users[id(channel)] = pulse
        code = Code.PULSE if pulse.frequency is None else Code.TONE
        if pulse.envelope is not None and pulse.envelope.samples is None:
            what = f"the rise of {name_of(pulse)}"
            self.rises[len(self.items)] = self._binding.time(pulse.envelope.rise, what, pulse.source)
        return self._add(pulse, code, channel.number, start, self._time(pulse))

    def _instant(self, leaf: Tuning | Level | Shift, start: float) -> float:
        self.users[id(leaf.channel)] = leaf
        if type(leaf) is Shift:
            self._binding.number(leaf.phase, leaf.source)  # told if it is none
        return self._add(leaf, _CODES[type(leaf)], leaf.channel.number, start, 0.0)

    def _lasting(self, leaf: Ramp | Gate, start: float) -> float:
        self.users[id(leaf.channel)] = leaf
        return self._add(leaf, _CODES[type(leaf)], leaf.channel.number, start, self._time(leaf))

    def _waveform(self, leaf: Waveform, start: float) -> float:
        self.users[id(leaf.channel)] = leaf
        what = f"the period of {name_of(leaf)}"
        period = self._binding.time(leaf.period, what, leaf.source)
        if period is not TOLD:
            self._problems.extend(time_problems(period, what, leaf.source))
        return self._add(leaf, Code.WAVEFORM, leaf.channel.number, start, len(leaf.samples) * period)

    def _edges(self, leaf: Edges, start: float) -> float:
        duration = self._time(leaf)
        last = float(leaf.times.values.max(initial=0.0))
        if duration < last:
            what, limit = f"the duration of {name_of(leaf)}", f"at least the last edge, {show(last, 's')}"
            self._problems.append(DurationError(leaf.source, what, show(duration, "s"), limit))
        for channel in leaf.channels:
            self.users[id(channel)] = leaf
            self._add(leaf, Code.EDGES, channel.number, start, duration)
        return duration

    def _delay(self, leaf: Delay, start: float) -> float:
        return self._add(leaf, Code.DELAY, -1, start, self._time(leaf))

    def _mark(self, leaf: Mark, start: float) -> float:
        return self._add(leaf, Code.LABEL, -1, start, 0.0)

    def _at(self, block: At, start: float) -> float:
        offset = block.start
        if type(offset) is not float:
            offset = self._binding.time(offset, "the start of the block", block.source)
        if offset is not block.start and offset is not TOLD:
            what = "the start of the block"
            self._problems.extend(time_problems(offset, what, block.source, may_be_zero=True))
        return offset + float(self._ways[type(block.body)](block.body, start + offset))

    def _named(self, block: Named, start: float) -> float:
        row = len(self.items)
        self._add(block, Code.LABEL, -1, start, 0.0)
        length = float(self._ways[type(block.body)](block.body, start))
        self.durations[row] = length
        return length

    def _parallel(self, block: Parallel, start: float) -> float:
        self._enter(block.parts)
        if block.align is Alignment.LEFT:
            length = max([self._ways[type(part)](part, start) for part in block.parts], default=0.0)
            self._depth -= 1
            return length
        placed = []
        for part in block.parts:
            first = len(self.items)
            length = self._ways[type(part)](part, start)
            placed.append((range(first, len(self.items)), length))
        self._depth -= 1
        offsets = self._offsets(block, placed, start)
        for (rows, _), offset in zip(placed, offsets, strict=True):
            self._move(rows, offset, block)
        return max((length + by for (_, length), by in zip(placed, offsets, strict=True)), default=0.0)

    def _offsets(self, block: Parallel, placed: list[tuple[range, float]], start: float) -> list[float]:
        """Return by how much each part of a parallel block starts after the block."""
        match block.align:
            case Mark(name=name):
                marks = [
                    self._find(name, part, rows, block, start)
                    for part, (rows, _) in zip(block.parts, placed, strict=True)
                ]
                latest = max(marks, default=0.0)
                return [latest - mark for mark in marks]
            case Alignment():
                longest = max((length for _, length in placed), default=0.0)
                share = 0.5 if block.align is Alignment.CENTRE else 1.0
                return [(longest - length) * share for _, length in placed]
            case _:
                assert_never(block.align)

    def _find(self, name: str, part: Block, rows: range, block: Parallel, start: float) -> float:
        """Return how long after the start of a part its mark is."""
        found = [row for row in rows if type(item := self.items[row]) is Mark and item.name == name]
        if len(found) != 1:
            self._problems.append(MarkError(block.source, name, len(found), part.source))
            return 0.0
        return self.starts[found[0]] - start

    def _move(self, rows: range, by: float, block: Parallel) -> None:
        if by == 0:
            return
        for row in rows:
            self.starts[row] += by
            if block.align is Alignment.CENTRE:
                self.centred[row] = block.source


_CODES: Final = {
    Tuning: Code.TUNING,
    Level: Code.LEVEL,
    Ramp: Code.RAMP,
    Gate: Code.GATE,
    Shift: Code.SHIFT,
}
