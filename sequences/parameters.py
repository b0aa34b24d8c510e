"""Named values that a sequence leaves open, and expressions of them.

A `Parameter` stands where a number could stand. Arithmetic on it makes an expression that is evaluated when
the sequence is bound. It has no truth value, so that ``if parameter > 0:`` fails loudly instead of lying.

Example:
    >>> wait = Parameter("wait", unit="s", low=0.0, high=1e-3)
    >>> evaluate(wait / 2 + 1e-6, {"wait": 4e-6})
    3e-06
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

from sequences.errors import NumberError, ParameterRangeError, Source, UnboundParameterError
from sequences.sources import caller
from sequences.units import as_float, check_unit, show


class Expression:
    """Something that becomes a float when parameters get values."""

    __slots__ = ()

    def __add__(self, other: Value) -> Combination:
        return Combination("+", self, other)

    def __radd__(self, other: Value) -> Combination:
        return Combination("+", other, self)

    def __sub__(self, other: Value) -> Combination:
        return Combination("-", self, other)

    def __rsub__(self, other: Value) -> Combination:
        return Combination("-", other, self)

    def __mul__(self, other: Value) -> Combination:
        return Combination("*", self, other)

    def __rmul__(self, other: Value) -> Combination:
        return Combination("*", other, self)

    def __truediv__(self, other: Value) -> Combination:
        return Combination("/", self, other)

    def __rtruediv__(self, other: Value) -> Combination:
        return Combination("/", other, self)

    def __neg__(self) -> Combination:
        return Combination("-", 0.0, self)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"{self} has no value while the sequence is built: plain `if` and `while` cannot ask for it"
        )

    __lt__ = __le__ = __gt__ = __ge__ = lambda self, _other: self.__bool__()


@dataclass(frozen=True, slots=True)
class Parameter(Expression):
    """A named value with a unit and limits.

    Attributes:
        name: what users bind and scan.
        unit: base unit (``"s"``, ``"Hz"``, ``"V"``, ``"turn"``, ``""`` ...).
        low: smallest allowed value, in the base unit.
        high: largest allowed value, in the base unit.
        help: one line for people.
        source: where it was declared; not part of equality.

    Raises:
        UnknownUnitError: the unit is no base unit.
    """

    name: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    help: str = ""
    source: Source = field(default_factory=caller, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_unit(self.name, self.unit)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Combination(Expression):
    """Two values joined by one of ``+ - * /``.

    Raises:
        NumberError: one of them is neither a number nor an expression.
    """

    operation: str
    left: Value
    right: Value

    def __post_init__(self) -> None:
        for value in (self.left, self.right):
            if not isinstance(value, Expression) and as_float(value) is None:
                raise NumberError(caller(), f"one side of {self.operation!r}", value)

    def __str__(self) -> str:
        return f"({self.left} {self.operation} {self.right})"


Value: TypeAlias = float | Expression

_OPERATIONS: Final[dict[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.nan,
}
"""What joins two numbers; a division by zero gives NaN, which is refused where it is used, with its place."""


def parameters_in(value: Value) -> Iterator[Parameter]:
    """Yield every parameter that an expression uses, left to right."""
    match value:
        case Parameter():
            yield value
        case Combination():
            yield from parameters_in(value.left)
            yield from parameters_in(value.right)


def evaluate(value: Value, values: Mapping[str, float], source: Source | None = None) -> float:
    """Return the number that an expression has for the given parameter values.

    Args:
        value: a float or an expression.
        values: parameter name -> value in its base unit.
        source: the block that uses the expression, told in errors; the parameter's own place if omitted.

    Raises:
        UnboundParameterError: a parameter has no value.
        ParameterRangeError: a value is not finite or outside the parameter's limits.
        NumberError: a value is no number at all.
    """
    match value:
        case Parameter():
            return checked(value, values, source or value.source)
        case Combination():
            left = evaluate(value.left, values, source)
            right = evaluate(value.right, values, source)
            return _OPERATIONS[value.operation](left, right)
        case _:
            return float(value)  # type: ignore[arg-type]


def checked(parameter: Parameter, values: Mapping[str, float], source: Source) -> float:
    """Return a parameter's value if it was given and lies within the parameter's limits."""
    if parameter.name not in values:
        raise UnboundParameterError(source, parameter.name, tuple(values))
    value = as_float(values[parameter.name])
    if value is None:
        raise NumberError(source, f"parameter {parameter.name!r}", values[parameter.name])
    if not (math.isfinite(value) and parameter.low <= value <= parameter.high):
        unit = parameter.unit
        low, high = show(parameter.low, unit), show(parameter.high, unit)
        raise ParameterRangeError(source, parameter.name, show(value, unit), low, high)
    return value


def number(value: Value) -> float:
    """Return a value that has been bound, which is a plain number.

    Raises:
        TypeError: it is still an expression; `bind` comes first.
    """
    if isinstance(value, Expression):
        raise TypeError(f"{value} is not bound to a number")
    return value
