"""Writes a program as text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from typing import assert_never

from sequences.conditions import AllOf, AnyOf, Condition, Herald
from sequences.dispatcher import Dispatcher
from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, Step, Wait
from sequences.target import UNITS, Channel, Limit
from sequences.text.grammar import INDENT, RESERVED, TOKEN, UNLIMITED, VALUE_UNITS
from sequences.timeline import Operation, Timeline
from sequences.units import exact


def print_program(program: Program) -> str:
    """Return the text form of a program.

    Args:
        program: to print.

    Returns:
        Lines that `parse_program` reads back into an equal program.
    """
    printer = _Printer(program)
    lines = [*printer.header(), *printer.steps(program.steps, ""), *printer.varying()]
    return "\n".join(lines) + "\n"


class _Printer:
    """Knows the names behind a program's numbers."""

    def __init__(self, program: Program) -> None:
        self.program = program
        channels = program.target.by_number
        self._channels = {number: _quoted(channel.name) for number, channel in channels.items()}
        self._readouts = [f"{_quoted(r.name)} {r.index}" for r in program.readouts]
        self._period = Decimal(repr(program.target.period))

    def header(self) -> Iterator[str]:
        """Yield the lines before the first step."""
        target = self.program.target
        yield f"program {_quoted(self.program.name)}"
        yield f"target {_quoted(target.name)} period {exact(target.period, 's')}"
        if target.dispatcher is not None:
            yield " ".join(["dispatcher", *_dispatcher_words(target.dispatcher)])
        for channel in target.channels:
            yield " ".join(["channel", *_channel_words(channel)])
        for readout, name in zip(self.program.readouts, self._readouts, strict=True):
            yield f"readout {name} on {self._channels[readout.channel]}"
        for source in self.program.sources:
            yield f"source {_quoted(source.file)} {source.line}"

    def steps(self, steps: tuple[Step, ...], indent: str) -> Iterator[str]:
        """Yield the lines of some steps."""
        inside = indent + INDENT
        for step in steps:
            match step:
                case Play(timeline=timeline):
                    yield f"{indent}play {self._time(timeline.duration)}"
                    yield from self._labels(timeline, inside)
                    yield from self._events(timeline, inside)
                case RepeatLoop(count=count):
                    yield f"{indent}repeat {count}"
                    yield from self.steps(step.steps, inside)
                case AttemptLoop():
                    yield f"{indent}attempt {' '.join(self._attempt_words(step))}"
                    yield from self.steps(step.steps, inside)
                    yield from self._second("between", step.between, indent)
                case Branch(condition=condition):
                    yield f"{indent}branch {self._condition(condition)}"
                    yield from self.steps(step.then, inside)
                    yield from self._second("otherwise", step.otherwise, indent)
                case Wait(channel=channel, timeout=timeout):
                    yield f"{indent}wait {self._channels[channel]} timeout {self._time(timeout)}"
                case _:
                    assert_never(step)

    def varying(self) -> Iterator[str]:
        """Yield what changes from shot to shot."""
        for changing in self.program.shot_values:
            yield f"vary {changing.timeline} events {', '.join(map(str, changing.rows.tolist()))}"
            for values in changing.values.tolist():
                yield INDENT + ", ".join(map(repr, values))

    def _second(self, word: str, steps: tuple[Step, ...], indent: str) -> Iterator[str]:
        """Yield the other body of a step, if it has one."""
        if steps:
            yield indent + word
            yield from self.steps(steps, indent + INDENT)

    def _attempt_words(self, loop: AttemptLoop) -> Iterator[str]:
        yield UNLIMITED if loop.maximum is None else str(loop.maximum)
        yield f"until {self._condition(loop.herald)}"
        if loop.timeout is not None:
            yield f"timeout {self._time(loop.timeout)}"
        if loop.every:
            yield f"every {loop.every}"

    def _condition(self, condition: Condition[int]) -> str:
        match condition:
            case Herald(readouts=rows, at_least=low, at_most=high):
                clicks = str(low) if high is None else f"{low}..{high}"
                return f"{clicks} in {', '.join(self._readouts[row] for row in rows)}"
            case AllOf(parts=parts) | AnyOf(parts=parts):
                word = "all" if isinstance(condition, AllOf) else "any"
                return f"{word} {{ {' ; '.join(map(self._condition, parts))} }}"

    def _labels(self, timeline: Timeline, indent: str) -> Iterator[str]:
        for label in timeline.labels:
            start, stop = self._time(label.start), self._time(label.stop)
            yield f"{indent}label {_quoted(label.name)} {start} {stop}"

    def _events(self, timeline: Timeline, indent: str) -> Iterator[str]:
        times = [self._time(ticks) for ticks in timeline.time.tolist()]
        names = [self._channels[number] for number in timeline.channel.tolist()]
        words = [Operation(operation) for operation in timeline.operation.tolist()]
        values = map(self._value, words, timeline.value.tolist())
        time_width = max(map(len, times), default=0)
        name_width = max(map(len, names), default=0)
        rows = timeline.source.tolist()
        for time, name, word, value, row in zip(times, names, words, values, rows, strict=True):
            origin = f" from {row}" if self.program.sources else ""
            yield f"{indent}{time:{time_width}} {name:{name_width}} {word.name.lower()} {value}{origin}"

    def _time(self, ticks: int) -> str:
        return exact(ticks * self._period, "s")

    def _value(self, operation: Operation, value: float) -> str:
        if operation in VALUE_UNITS:
            return exact(value, VALUE_UNITS[operation])
        return self._readouts[int(value)]


def _dispatcher_words(dispatcher: Dispatcher) -> Iterator[str]:
    for field in fields(dispatcher):
        value = getattr(dispatcher, field.name)
        if isinstance(value, int):
            yield f"{field.name} {value}"
        else:
            yield f"{field.name} {exact(value, 's') if math.isfinite(value) else UNLIMITED}"


def _channel_words(channel: Channel) -> Iterator[str]:
    yield f"{channel.number} {channel.kind} {_quoted(channel.name)}"
    for name in ("grid", "latency", "spacing"):
        yield f"{name} {exact(getattr(channel, name), 's')}"
    for name in ("update", "pulse"):
        if getattr(channel, name):
            yield f"{name} {exact(getattr(channel, name), 's')}"
    if math.isfinite(channel.slew):
        yield f"slew {exact(channel.slew, 'V/s')}"
    if channel.bus:
        yield f"bus {_quoted(channel.bus)}"
    if channel.programming:
        yield f"programming {exact(channel.programming, 's')}"
    yield from map(_limit_text, channel.limits)


def _limit_text(limit: Limit) -> str:
    unit = UNITS[limit.quantity]
    low, high = (exact(end, unit) if math.isfinite(end) else UNLIMITED for end in (limit.low, limit.high))
    return f"limit {limit.quantity} {low} {high}"


def _quoted(name: str) -> str:
    # Not printable are also the bytes of a file name that are no UTF-8: quoted, they can be stored.
    plain = TOKEN.fullmatch(name) and not name.startswith('"') and name.isprintable() and name not in RESERVED
    return name if plain else json.dumps(name)
