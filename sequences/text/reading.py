"""Reads a program from text."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from types import MappingProxyType
from typing import Final

import numpy as np

from sequences.conditions import AllOf, AnyOf, Condition, Herald
from sequences.errors import Source, TargetError, TextError
from sequences.program import (
    AttemptLoop,
    Branch,
    Play,
    Program,
    ReadoutChannel,
    RepeatLoop,
    ShotValues,
    Step,
    Wait,
)
from sequences.target import Target
from sequences.text.grammar import INDENT, UNLIMITED, VALUE_UNITS
from sequences.text.line import Line
from sequences.text.machine import read_channel, read_dispatcher
from sequences.timeline import Label, Operation, Timeline
from sequences.units import exact

_OPERATIONS: Final = MappingProxyType({operation.name.lower(): int(operation) for operation in Operation})

_NO_STEPS: Final = ("between", "otherwise", "vary")
"""Words that end a run of steps of the same depth."""

_AFTER_HERALDS: Final = (";", "}", "timeout", "every")
"""Words that end the readouts of a herald."""


def parse_program(text: str) -> Program:
    """Read the text form of a program.

    Args:
        text: as `print_program` writes it; blank lines are allowed.

    Raises:
        TextError: a line is not what is expected there; the error tells which line and what was expected.
    """
    return _Reader(text).program()


class _Reader:
    """Reads statements from top to bottom."""

    def __init__(self, text: str) -> None:
        lines = [Line(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
        self._lines = lines[::-1]
        self._last = len(text.splitlines())
        self._period = 0.0
        self._channels: dict[str, int] = {}
        self._readouts: dict[tuple[str, int], int] = {}
        self._sources = 0

    def program(self) -> Program:
        """Return what all the lines say."""
        line = self._statement("program")
        name = line.take("the program's name")
        line.end()
        target = self._target()
        self._period = target.period
        self._channels = {channel.name: channel.number for channel in target.channels}
        readouts = tuple(map(self._readout, self._all("readout")))
        self._readouts = {(r.name, r.index): row for row, r in enumerate(readouts)}
        sources = tuple(map(_source, self._all("source")))
        self._sources = len(sources)
        steps = self._steps(0)
        sizes = [len(timeline) for timeline in Program(name, steps, readouts, target).timelines()]
        varying = tuple(self._varying(line, sizes) for line in self._all("vary"))
        if self._lines:
            raise self._lines[-1].wrong("expected a line that is indented less")
        return Program(name, steps, readouts, target, sources, varying)

    def _statement(self, word: str) -> Line:
        if not self._lines:
            raise TextError(self._last + 1, "", f"expected {word!r}, found the end of the text")
        line = self._lines.pop()
        line.keyword(word)
        return line

    def _all(self, word: str) -> Iterator[Line]:
        while self._lines and self._lines[-1].first == word:
            yield self._statement(word)

    def _target(self) -> Target:
        line = self._statement("target")
        name = line.take("the target's name")
        line.keyword("period")
        period = line.quantity("a time", "s")
        line.end()
        dispatcher = next(map(read_dispatcher, self._all("dispatcher")), None)
        channels = tuple(map(read_channel, self._all("channel")))
        try:
            return Target(name, period, channels, dispatcher)
        except TargetError as error:
            raise line.wrong(str(error)) from None

    def _readout(self, line: Line) -> ReadoutChannel:
        name, index = line.take("the readout's name"), line.whole("the readout's index")
        line.keyword("on")
        channel = line.among("channel", self._channels)
        line.end()
        return ReadoutChannel(name, index, channel)

    def _steps(self, depth: int) -> tuple[Step, ...]:
        steps = []
        while self._lines and self._lines[-1].depth == depth and self._lines[-1].first not in _NO_STEPS:
            steps.append(self._step(self._lines.pop()))
        return tuple(steps)

    def _step(self, line: Line) -> Step:
        inside = line.depth + len(INDENT)
        match line.keyword("play", "repeat", "attempt", "branch", "wait"):
            case "play":
                duration = self._ticks(line)
                line.end()
                return Play(self._timeline(duration, inside))
            case "repeat":
                count = line.whole("a count", 1)
                line.end()
                return RepeatLoop(count, self._steps(inside))
            case "attempt":
                return self._attempt(line, inside)
            case "branch":
                condition = self._condition(line)
                line.end()
                then = self._steps(inside)
                return Branch(condition, then, self._second("otherwise", line.depth))
        channel = line.among("channel", self._channels)
        line.keyword("timeout")
        timeout = self._ticks(line)
        line.end()
        return Wait(channel, timeout)

    def _attempt(self, line: Line, inside: int) -> AttemptLoop:
        maximum = None if line.skip(UNLIMITED) else line.whole("the most attempts", 1)
        line.keyword("until")
        herald = self._condition(line)
        timeout = self._ticks(line) if line.skip("timeout") else None
        every = line.whole("attempts before something else is played", 1) if line.skip("every") else 0
        line.end()
        steps = self._steps(inside)
        between = self._second("between", line.depth)
        return AttemptLoop(maximum, herald, steps, timeout, every, between)

    def _second(self, word: str, depth: int) -> tuple[Step, ...]:
        """Read the other body of a step, if there is one."""
        if not (self._lines and self._lines[-1].depth == depth and self._lines[-1].first == word):
            return ()
        self._statement(word).end()
        return self._steps(depth + len(INDENT))

    def _condition(self, line: Line) -> Condition[int]:
        if line.first not in ("all", "any"):
            return self._herald(line)
        join = AllOf if line.keyword("all", "any") == "all" else AnyOf
        line.keyword("{")
        parts = [self._condition(line)]
        while line.skip(";"):
            parts.append(self._condition(line))
        line.keyword("}")
        return join(tuple(parts))

    def _herald(self, line: Line) -> Herald[int]:
        low, high = line.span("the clicks that end the loop")
        line.keyword("in")
        rows = [self._row(line)]
        while line.more() and line.first not in _AFTER_HERALDS:
            rows.append(self._row(line))
        return Herald(tuple(rows), low, high)

    def _varying(self, line: Line, sizes: list[int]) -> ShotValues:
        number = line.whole("the number of a timeline")
        if number >= len(sizes):
            raise line.wrong(f"the program has no timeline {number}")
        line.keyword("events")
        rows = []
        while line.more():
            rows.append(line.whole("the row of an event"))
            if rows[-1] >= sizes[number]:
                raise line.wrong(f"timeline {number} has no event {rows[-1]}")
        values = []
        while self._lines and self._lines[-1].depth == line.depth + len(INDENT):
            row = self._lines.pop()
            values.append([row.quantity("a value", "") for _ in rows])
            row.end()
        if not (rows and values):
            raise line.wrong("expected rows, and below them a line of values for each shot")
        return ShotValues(number, np.array(rows, dtype=np.int64), np.array(values, dtype=np.float64))

    def _timeline(self, duration: int, depth: int) -> Timeline:
        labels = []
        while self._lines and self._lines[-1].depth == depth and self._lines[-1].first == "label":
            labels.append(self._label(self._statement("label")))
        events = []
        while self._lines and self._lines[-1].depth == depth:
            events.append(self._event(self._lines.pop()))
        time, channel, operation, value, source = zip(*events, strict=True) if events else ((),) * 5
        return Timeline(
            duration,
            np.array(time, dtype=np.int64),
            np.array(channel, dtype=np.uint16),
            np.array(operation, dtype=np.uint8),
            np.array(value, dtype=np.float64),
            np.array(source, dtype=np.uint32),
            tuple(labels),
        )

    def _label(self, line: Line) -> Label:
        label = Label(line.take("the label's name"), self._ticks(line), self._ticks(line))
        line.end()
        return label

    def _event(self, line: Line) -> tuple[int, int, int, float, int]:
        time = self._ticks(line)
        channel = line.among("channel", self._channels)
        operation = Operation(line.among("operation", _OPERATIONS))
        unit = VALUE_UNITS.get(operation)
        value = self._row(line) if unit is None else line.quantity(f"the {operation.name.lower()}", unit)
        source = 0
        if line.more():
            line.keyword("from")
            source = line.whole("the number of a source")
            if source >= self._sources:
                raise line.wrong(f"the program has no source {source}")
        line.end()
        return time, channel, operation, value, source

    def _row(self, line: Line) -> int:
        key = line.take("the readout's name"), line.whole("the readout's index")
        if key not in self._readouts:
            raise line.wrong(f"the program has no readout '{key[0]} {key[1]}'")
        return self._readouts[key]

    def _ticks(self, line: Line) -> int:
        ticks = line.exact("a time", "s") / Decimal(repr(self._period))
        if abs(ticks) >= 2**53:
            raise line.wrong("expected a time that floats can count in periods, less than 2^53 of them")
        if abs(ticks - round(ticks)) > 0.01:  # 1/3 ns is not exact
            raise line.wrong(f"expected a whole number of periods of {exact(self._period, 's')}")
        return round(ticks)


def _source(line: Line) -> Source:
    source = Source(line.take("a file"), line.whole("a line"))
    line.end()
    return source
