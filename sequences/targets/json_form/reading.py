"""Reads a program from JSON, and tells where it is not what it should be."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NoReturn, assert_never

import msgspec
import numpy as np

from sequences.conditions import AllOf, AnyOf, Condition, Herald
from sequences.dispatcher import Dispatcher
from sequences.errors import SequenceError, Source, TargetError, nearest
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
from sequences.target import Channel, Limit, Target
from sequences.targets.json_form import schema
from sequences.timeline import Label, Timeline

_OPERATIONS: Final = MappingProxyType({word: number for number, word in enumerate(schema.WORDS)})


@dataclass(eq=False)
class JsonFormError(SequenceError):
    """A program's JSON that cannot be read.

    Attributes:
        where: line and column, or the way to the value from the top.
        reason: what is wrong there.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        return f"program JSON, {self.where}: {self.reason}"


def parse_json(text: str) -> Program:
    """Read the JSON of a program.

    Args:
        text: as `print_json` writes it, laid out in any way.

    Raises:
        JsonFormError: it is no JSON, or something in it is not what is expected there.
    """
    try:
        tree = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite_float)
    except json.JSONDecodeError as error:
        raise JsonFormError(f"line {error.lineno}, column {error.colno}", f"no JSON: {error.msg}") from None
    except RecursionError:
        raise JsonFormError("at the top", "too many lists or objects within each other") from None
    _check_format(tree)
    try:
        program = msgspec.convert(tree, schema.Program)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at ")
        raise JsonFormError(f"at {where.strip('`') or '$'}", reason) from None
    return _Reader(program).program()


def _refuse_constant(name: str) -> NoReturn:
    raise JsonFormError(f"at {name}", "this is no JSON number; all numbers are finite")


def _finite_float(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise JsonFormError(f"at {digits}", "this number is too large for a float")
    return value


def _check_format(tree: Any) -> None:
    """Make sure that it is a program, and one of a version that can be read."""
    found = tree.get("format") if isinstance(tree, dict) else None
    if found != schema.FORMAT:
        raise JsonFormError("at $.format", f"expected {schema.FORMAT!r}, found {found!r}")
    if tree.get("version") != schema.VERSION:
        found = tree.get("version")
        reason = f"this ionloom reads version {schema.VERSION}, and this is version {found!r}"
        raise JsonFormError("at $.version", reason)


class _Reader:
    """Checks what types cannot tell: names, rows and orders."""

    def __init__(self, form: schema.Program) -> None:
        self._form = form
        self._target = _target(form.target)
        self._channels = {channel.name: channel.number for channel in self._target.channels}

    def program(self) -> Program:
        """Return the whole program."""
        form = self._form
        readouts = tuple(
            ReadoutChannel(row.name, row.index, self._channel(row.channel, f"$.readouts[{place}].channel"))
            for place, row in enumerate(form.readouts)
        )
        sources = tuple(Source(source.file, source.line) for source in form.sources)
        steps = self._steps(form.steps, "$.steps")
        program = Program(form.name, steps, readouts, self._target, sources)
        timelines = list(program.timelines())
        changing = tuple(
            _shot_values(entry, timelines, f"$.shot_values[{place}]")
            for place, entry in enumerate(form.shot_values)
        )
        return Program(form.name, steps, readouts, self._target, sources, changing)

    def _steps(self, steps: Iterable[schema.Step], where: str) -> tuple[Step, ...]:
        return tuple([self._step(step, f"{where}[{place}]") for place, step in enumerate(steps)])

    def _step(self, step: schema.Step, where: str) -> Step:
        match step:
            case schema.Play():
                return Play(self._timeline(step, where))
            case schema.Repeat():
                return RepeatLoop(step.count, self._steps(step.steps, f"{where}.steps"))
            case schema.Attempt():
                return AttemptLoop(
                    step.maximum,
                    self._condition(step.until, f"{where}.until"),
                    self._steps(step.steps, f"{where}.steps"),
                    step.timeout,
                    step.every,
                    self._steps(step.between, f"{where}.between"),
                )
            case schema.Branch():
                return Branch(
                    self._condition(step.condition, f"{where}.if"),
                    self._steps(step.then, f"{where}.then"),
                    self._steps(step.otherwise, f"{where}.otherwise"),
                )
            case schema.Wait():
                return Wait(self._channel(step.channel, f"{where}.channel"), step.timeout)
            case _:
                assert_never(step)

    def _timeline(self, play: schema.Play, where: str) -> Timeline:
        channels = [
            self._channel(event.channel, f"{where}.events[{row}]") for row, event in enumerate(play.events)
        ]
        last = 0
        for row, event in enumerate(play.events):
            self._check_event(event, last, f"{where}.events[{row}]")
            last = event.time
        return Timeline(
            play.duration,
            np.array([event.time for event in play.events], dtype=np.int64),
            np.array(channels, dtype=np.uint16),
            np.array([_OPERATIONS[event.operation] for event in play.events], dtype=np.uint8),
            np.array([event.value for event in play.events], dtype=np.float64),
            np.array([event.source for event in play.events], dtype=np.uint32),
            tuple(Label(label.name, label.start, label.stop) for label in play.labels),
        )

    def _check_event(self, event: schema.Event, last: int, where: str) -> None:
        if event.time < last:
            raise JsonFormError(
                f"at {where}", f"time {event.time} comes after {last}; sort the events by time"
            )
        # A program without sources has zeros there.
        if event.source >= max(1, len(self._form.sources)):
            raise JsonFormError(f"at {where}", f"the program has no source {event.source}")
        if event.operation in {"open", "close"}:
            self._check_readout(event.value, where)

    def _check_readout(self, row: float, where: str) -> None:
        if row not in range(len(self._form.readouts)):
            raise JsonFormError(f"at {where}", f"the program has no readout {row:g}")

    def _channel(self, name: str, where: str) -> int:
        if name not in self._channels:
            raise JsonFormError(f"at {where}", f"unknown channel {name!r}{nearest(name, self._channels)}")
        return self._channels[name]

    def _condition(self, condition: schema.Condition, where: str) -> Condition[int]:
        match condition:
            case schema.Herald():
                for row in condition.readouts:
                    self._check_readout(row, f"{where}.readouts")
                return Herald(condition.readouts, condition.at_least, condition.at_most)
            case schema.All():
                return AllOf(self._conditions(condition.parts, where))
            case schema.Any():
                return AnyOf(self._conditions(condition.parts, where))
            case _:
                assert_never(condition)

    def _conditions(self, parts: Iterable[schema.Condition], where: str) -> tuple[Condition[int], ...]:
        return tuple([self._condition(part, f"{where}.parts[{place}]") for place, part in enumerate(parts)])


def _target(form: schema.Target) -> Target:
    dispatcher = None if form.dispatcher is None else _dispatcher(form.dispatcher)
    try:
        return Target(form.name, form.period, tuple(map(_channel, form.channels)), dispatcher)
    except TargetError as error:
        raise JsonFormError("at $.target", error.reason) from None


def _dispatcher(form: schema.Dispatcher) -> Dispatcher:
    fields = msgspec.structs.asdict(form)
    return Dispatcher(**{**fields, "longest": _unlimited(form.longest, math.inf)})


def _channel(form: schema.Channel) -> Channel:
    limits = tuple(
        Limit(limit.quantity, _unlimited(limit.low, -math.inf), _unlimited(limit.high, math.inf))
        for limit in form.limits
    )
    fields = msgspec.structs.asdict(form)
    return Channel(**{**fields, "limits": limits, "slew": _unlimited(form.slew, math.inf)})


def _unlimited(value: float | None, infinity: float) -> float:
    return infinity if value is None else value


def _shot_values(form: schema.ShotValues, timelines: list[Timeline], where: str) -> ShotValues:
    if form.timeline >= len(timelines):
        raise JsonFormError(f"at {where}.timeline", f"the program has no timeline {form.timeline}")
    events = len(timelines[form.timeline])
    for row in form.rows:
        if row >= events:
            raise JsonFormError(f"at {where}.rows", f"timeline {form.timeline} has no event {row}")
    if not form.values or any(len(values) != len(form.rows) for values in form.values):
        reason = f"expected one list or more, each with {len(form.rows)} numbers, one for each row"
        raise JsonFormError(f"at {where}.values", reason)
    values = np.array(form.values, dtype=np.float64).reshape(len(form.values), len(form.rows))
    return ShotValues(form.timeline, np.array(form.rows, dtype=np.int64), values)
