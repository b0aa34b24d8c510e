"""Writes a program as text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import Decimal

from sequences.program import AttemptLoop, Play, Program, RepeatLoop, Step
from sequences.target import UNITS, Limit
from sequences.text.grammar import INDENT, TOKEN, UNLIMITED, VALUE_UNITS
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
    return "\n".join([*printer.header(), *printer.steps(program.steps, "")]) + "\n"


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
        for channel in target.channels:
            limits = "".join(f" {_limit_text(limit)}" for limit in channel.limits)
            yield (
                f"channel {channel.number} {channel.kind} {_quoted(channel.name)} "
                f"grid {exact(channel.grid, 's')} latency {exact(channel.latency, 's')} "
                f"spacing {exact(channel.spacing, 's')}{limits}"
            )
        for readout, name in zip(self.program.readouts, self._readouts, strict=True):
            yield f"readout {name} on {self._channels[readout.channel]}"
        for source in self.program.sources:
            yield f"source {_quoted(source.file)} {source.line}"

    def steps(self, steps: tuple[Step, ...], indent: str) -> Iterator[str]:
        """Yield the lines of some steps."""
        for step in steps:
            match step:
                case Play(timeline=timeline):
                    yield f"{indent}play {self._time(timeline.duration)}"
                    yield from self._events(timeline, indent + INDENT)
                case RepeatLoop(count=count):
                    yield f"{indent}repeat {count}"
                    yield from self.steps(step.steps, indent + INDENT)
                case AttemptLoop(maximum=maximum, at_least=at_least):
                    herald = ", ".join(self._readouts[row] for row in step.readouts)
                    yield f"{indent}attempt {maximum} until {at_least} in {herald}"
                    yield from self.steps(step.steps, indent + INDENT)

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


def _limit_text(limit: Limit) -> str:
    unit = UNITS[limit.quantity]
    low, high = (exact(end, unit) if math.isfinite(end) else UNLIMITED for end in (limit.low, limit.high))
    return f"limit {limit.quantity} {low} {high}"


def _quoted(name: str) -> str:
    # Not printable are also the bytes of a file name that are no UTF-8: quoted, they can be stored.
    plain = TOKEN.fullmatch(name) and not name.startswith('"') and name.isprintable()
    return name if plain else json.dumps(name)
