"""Writes a program as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any, Final, assert_never

import msgspec

from sequences.conditions import AllOf, AnyOf, Condition, Herald
from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, ShotValues, Step, Wait
from sequences.target import Channel, Target
from sequences.targets.json_form import schema
from sequences.timeline import Operation, Timeline

_WHOLE: Final = frozenset({Operation.LEVEL, Operation.OPEN, Operation.CLOSE})
"""Operations whose values are whole numbers."""
_INDENT: Final = "  "


def print_json(program: Program) -> str:
    """Return the JSON of a program, an event a line.

    Args:
        program: to print.

    Returns:
        Text in ASCII that `parse_json` reads back into an equal program, labels and sources included.

    Raises:
        ValueError: a value of an event is not finite, which JSON cannot tell.
    """
    return _laid_out(msgspec.to_builtins(_Printer(program).program())) + "\n"


class _Printer:
    """Knows the names behind a program's numbers."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._names = {number: channel.name for number, channel in program.target.by_number.items()}

    def program(self) -> schema.Program:
        """Return the whole program."""
        program = self._program
        return schema.Program(
            schema.FORMAT,
            schema.VERSION,
            program.name,
            _target(program.target),
            tuple(schema.Readout(row.name, row.index, self._names[row.channel]) for row in program.readouts),
            tuple(schema.Source(source.file, source.line) for source in program.sources),
            self._steps(program.steps),
            tuple(map(_shot_values, program.shot_values)),
        )

    def _steps(self, steps: tuple[Step, ...]) -> tuple[schema.Step, ...]:
        return tuple(map(self._step, steps))

    def _step(self, step: Step) -> schema.Step:
        match step:
            case Play(timeline):
                return self._play(timeline)
            case RepeatLoop(count, steps):
                return schema.Repeat(count, self._steps(steps))
            case AttemptLoop():
                return schema.Attempt(
                    _condition(step.herald),
                    step.maximum,
                    step.timeout,
                    step.every,
                    self._steps(step.steps),
                    self._steps(step.between),
                )
            case Branch(condition, then, otherwise):
                return schema.Branch(_condition(condition), self._steps(then), self._steps(otherwise))
            case Wait(channel, timeout):
                return schema.Wait(self._names[channel], timeout)
            case _:
                assert_never(step)

    def _play(self, timeline: Timeline) -> schema.Play:
        labels = tuple(schema.Label(label.name, label.start, label.stop) for label in timeline.labels)
        columns = (timeline.time, timeline.channel, timeline.operation, timeline.value, timeline.source)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        events = tuple(
            schema.Event(
                time,
                self._names[channel],
                schema.WORDS[operation],
                int(value) if operation in _WHOLE else value,
                source,
            )
            for time, channel, operation, value, source in rows
        )
        return schema.Play(timeline.duration, labels, events)


def _target(target: Target) -> schema.Target:
    dispatcher = target.dispatcher
    limits = None if dispatcher is None else {**asdict(dispatcher), "longest": _finite(dispatcher.longest)}
    return schema.Target(
        target.name,
        target.period,
        None if limits is None else schema.Dispatcher(**limits),
        tuple(map(_channel, target.channels)),
    )


def _channel(channel: Channel) -> schema.Channel:
    limits = tuple(
        schema.Limit(limit.quantity, _finite(limit.low), _finite(limit.high)) for limit in channel.limits
    )
    return schema.Channel(**{**asdict(channel), "limits": limits, "slew": _finite(channel.slew)})


def _condition(condition: Condition[int]) -> schema.Condition:
    match condition:
        case Herald(readouts, at_least, at_most):
            return schema.Herald(readouts, at_least, at_most)
        case AllOf(parts):
            return schema.All(tuple(map(_condition, parts)))
        case AnyOf(parts):
            return schema.Any(tuple(map(_condition, parts)))
        case _:
            assert_never(condition)


def _shot_values(changing: ShotValues) -> schema.ShotValues:
    rows, values = changing.rows.tolist(), map(tuple, changing.values.tolist())
    return schema.ShotValues(changing.timeline, tuple(rows), tuple(values))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _laid_out(value: Any, indent: str = "") -> str:
    """Return JSON with a line for each thing that a person reads at once."""
    if _is_short(value):
        return json.dumps(value, allow_nan=False)
    inner = indent + _INDENT
    if isinstance(value, dict):
        items = [f"{inner}{json.dumps(key)}: {_laid_out(item, inner)}" for key, item in value.items()]
        return "\n".join(["{", ",\n".join(items), indent + "}"])
    items = [inner + _laid_out(item, inner) for item in value]
    return "\n".join(["[", ",\n".join(items), indent + "]"])


def _is_short(value: Any) -> bool:
    """Tell whether a value holds no objects and no lists, but for flat lists in an object."""
    if isinstance(value, dict):
        return all(_is_flat(item) for item in value.values())
    return _is_flat(value)


def _is_flat(value: Any) -> bool:
    if isinstance(value, dict):
        return False
    return not (
        isinstance(value, list | tuple) and any(isinstance(item, dict | list | tuple) for item in value)
    )
