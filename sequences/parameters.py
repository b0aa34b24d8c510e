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

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sequences.errors import NumberError, ParameterRangeError, Source, UnboundParameterError
from sequences.samples import Samples
from sequences.sources import caller
from sequences.units import as_float, check_unit, show


class Expression:
    """Something that becomes a float when parameters get values."""

    __slots__ = ()
    __array_ufunc__ = None  # so that an array on the left leaves arithmetic to us, who refuse it

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


@dataclass(frozen=True, slots=True)
class ShotArray(Expression):
    """A value that changes from shot to shot: shot s plays value ``s % len(values)``.

    Attributes:
        values: (shots,) in the base unit of the place where it is used.
    """

    values: Samples

    def __str__(self) -> str:
        return f"one of {len(self.values)} values a shot"


Value: TypeAlias = float | Expression
Number: TypeAlias = float | NDArray[np.float64]
"""A value that has been worked out: one for all shots, or one for each of (shots,)."""


def _divide(left: Number, right: Number) -> Number:
    if isinstance(left, float) and isinstance(right, float):
        return left / right if right else math.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.asarray(right) == 0, np.nan, np.divide(left, right))


_OPERATIONS: Final[dict[str, Callable[[Number, Number], Number]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
}
"""What joins two numbers; a division by zero gives NaN, which is refused where it is used, with its place."""


def per_shot(values: ArrayLike) -> ShotArray:
    """Return a value that changes from shot to shot: a scan that the core plays by itself.

    It can stand where a frequency, phase, amplitude or voltage stands, also in arithmetic; not for a time,
    because all shots share one timeline.

    Args:
        values: (shots,) in the base unit; they are used in turn, over and over.

    Raises:
        NumberError: no one-dimensional array of finite numbers, or an empty one.

    Example:
        >>> phase = per_shot([0.0, 0.25, 0.5])
        >>> evaluate(phase + 0.25, {}).tolist()
        [0.25, 0.5, 0.75]
    """
    try:
        samples = Samples.of(values)
    except (TypeError, ValueError) as error:
        raise NumberError(caller(), "the values of the shots", str(error)) from None
    if len(samples) == 0 or not np.isfinite(samples.values).all():
        raise NumberError(caller(), "the values of the shots", samples)
    return ShotArray(samples)


def parameters_in(value: Value) -> Iterator[Parameter]:
    """Yield every parameter that an expression uses, left to right; what several parts share is seen once."""
    pending, seen = [value], set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        match node:
            case Parameter():
                yield node
            case Combination():
                pending += (node.right, node.left)


def evaluate(value: Value, values: Mapping[str, float], source: Source | None = None) -> Number:
    """Return the number that an expression has for the given parameter values.

    Args:
        value: a float or an expression.
        values: parameter name -> value in its base unit.
        source: the block that uses the expression, told in errors; the parameter's own place if omitted.

    Returns:
        A float; or (shots,) if the expression changes from shot to shot.

    Raises:
        UnboundParameterError: a parameter has no value.
        ParameterRangeError: a value is not finite or outside the parameter's limits.
        NumberError: a value is no number at all, or two arrays of different lengths are joined.
    """
    known: dict[int, Number] = {}  # what several parts share is worked out once
    pending = [value]
    while pending:
        node = pending[-1]
        if isinstance(node, Combination):
            missing = [side for side in (node.right, node.left) if id(side) not in known]
            if missing:
                pending += missing
                continue
            known[id(node)] = _joined(node, known[id(node.left)], known[id(node.right)], source)
        else:
            known[id(node)] = _single(node, values, source)
        pending.pop()
    return known[id(value)]


def _single(value: Value, values: Mapping[str, float], source: Source | None) -> Number:
    match value:
        case Parameter():
            return checked(value, values, source or value.source)
        case ShotArray():
            return value.values.values
        case _:
            number = as_float(value)
            return math.nan if number is None else number


def _joined(value: Combination, left: Number, right: Number, source: Source | None) -> Number:
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return _OPERATIONS[value.operation](left, right)
    except ValueError:  # numpy's, for two arrays that do not fit
        lengths = " and ".join(str(np.size(side)) for side in (left, right))
        what = f"a value made of {lengths} values a shot"
        raise NumberError(source or caller(), what, str(value)) from None


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
