"""First pass: parameters get their values; later passes ask for numbers and get floats."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

from sequences.errors import (
    AuthoringError,
    NumberError,
    ShotTimeError,
    Source,
    UnknownParameterError,
)
from sequences.ir import At, Attempt, Envelope, Pulse, Sequence, Wait, Waveform, Written
from sequences.parameters import Expression, Number, Parameter, Value, checked, evaluate, parameters_in
from sequences.sources import caller
from sequences.units import as_float

TOLD: Final = float("nan")
"""What a number is when its problem has been told: to be recognised by `is`."""


def bind(sequence: Sequence, values: Mapping[str, float]) -> Binding:
    """Return what gives every expression of a sequence its number.

    Args:
        sequence: to bind.
        values: parameter name -> value in the parameter's base unit; all of them and no others.
    """
    binding = Binding(values)
    known = tuple(parameter.name for parameter in sequence.parameters)
    for name in values:
        if name not in known:
            binding.problems.append(UnknownParameterError(caller(), name, known))
    return binding


class Binding:
    """Values of parameters, and every problem that comes up when they are asked for.

    Attributes:
        problems: of parameters and numbers; the asking pass goes on with `TOLD`.
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        self.problems: list[AuthoringError] = []
        self._given = values
        self._good: dict[str, float] = {}
        self._bad: set[str] = set()
        self._known: dict[int, tuple[Value, Number]] = {}

    def number(self, value: Value, source: Source) -> Number:
        """Return a float; or, for a value that changes from shot to shot, one for each of (shots,).

        Args:
            value: a number or an expression.
            source: of the block that asks.
        """
        if type(value) is float:
            return value
        if isinstance(value, Expression):
            found = self._known.get(id(value))
            if found is None:
                found = self._known[id(value)] = value, self._evaluated(value, source)
            return found[1]
        number = as_float(value)
        return math.nan if number is None else number

    def time(self, value: Value, what: str, source: Source) -> float:
        """Return a time (s), which cannot change from shot to shot."""
        number = self.number(value, source)
        if not isinstance(number, float):
            self.problems.append(ShotTimeError(source, what))
            return TOLD
        return number

    def _evaluated(self, value: Expression, source: Source) -> Number:
        for parameter in parameters_in(value):
            self._check(parameter, source)
        if not self._bad.isdisjoint(parameter.name for parameter in parameters_in(value)):
            return TOLD
        try:
            return evaluate(value, self._good, source)
        except NumberError as problem:
            self.problems.append(problem)
            return TOLD

    def _check(self, parameter: Parameter, source: Source) -> None:
        """Look at a parameter's value when it is needed first; its problem is told once."""
        name = parameter.name
        if name in self._good or name in self._bad:
            return
        try:
            self._good[name] = checked(parameter, self._given, source)
        except AuthoringError as problem:
            self._bad.add(name)
            self.problems.append(problem)


def times_of(block: Written) -> Iterator[Value]:
    """Yield every number of a block that decides about times."""
    match block:
        case Waveform():
            yield block.period
        case At():
            yield block.start
        case Attempt(timeout=timeout) | Wait(timeout=timeout):
            if timeout is not None:
                yield timeout
        case Pulse(envelope=Envelope(rise=rise)):
            yield block.duration
            yield rise
        case _ if "duration" in block.numbers:
            yield block.duration  # type: ignore[attr-defined]  # its `numbers` say that it has one
