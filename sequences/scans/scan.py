"""Scans as values: axes, and what products, zips and orders make of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import count
from operator import and_
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sequences.parameters import Parameter
from sequences.scans.errors import ScanLimitError, ScanShapeError, ScanValuesError
from sequences.scans.order import Order, visits
from sequences.scans.spacing import MOST_POINTS, Centred, Geometric, Linear, Listed, Spacing, Stepped

Columns = dict[str, NDArray[np.float64]]
"""Name of a parameter -> its value at every point, (points,) in the base unit."""

_SEED_RANGE: Final = 2**32  # short enough to be typed again


class Scan(ABC):
    """Points of one or more parameters; iterating gives each as a mapping from name to value."""

    __slots__ = ()

    @property
    @abstractmethod
    def axes(self) -> tuple[ScanAxis, ...]:
        """The parameters with their values, in the order of the columns."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The grid on which the points lie; its last dimension runs fastest."""

    @abstractmethod
    def columns(self) -> Columns:
        """Return the values of every parameter at every point, in the order of the visit."""

    @property
    def positions(self) -> NDArray[np.int64]:
        """Where each point lies on the grid: (points,) numbers, counted as written.

        ``grid.flat[scan.positions] = measured`` puts what was measured back into the shape of the scan.
        """
        return np.arange(len(self))

    def __len__(self) -> int:
        return math.prod(self.shape)

    def __iter__(self) -> Iterator[dict[str, float]]:
        columns = self.columns()
        for row in zip(*(column.tolist() for column in columns.values()), strict=True):
            yield dict(zip(columns, row, strict=True))

    def __mul__(self, other: Scan) -> Product:
        """Measure every combination; the right one runs fastest."""
        if not isinstance(other, Scan):
            return NotImplemented
        return Product((*_parts(self, Product), *_parts(other, Product)))

    def __and__(self, other: Scan) -> Zipped:
        """Walk both at once, point by point."""
        if not isinstance(other, Scan):
            return NotImplemented
        return Zipped((*_parts(self, Zipped), *_parts(other, Zipped)))

    def in_order(self, order: Order, seed: int | np.random.Generator = 0) -> Scan:
        """Return the same points in another order.

        Args:
            order: how they follow each other.
            seed: of a random order, or the generator that draws one.

        Example:
            >>> wait = linear(Parameter("wait", unit="s"), 0.0, 1.0, 5)
            >>> [point["wait"] for point in wait.in_order(Order.REFINING)]
            [0.0, 1.0, 0.5, 0.25, 0.75]
        """
        if order is Order.AS_WRITTEN:
            return self
        drawn = int(seed.integers(_SEED_RANGE)) if isinstance(seed, np.random.Generator) else int(seed)
        return Ordered(self, order, drawn if order is Order.RANDOM else 0)


@dataclass(frozen=True, slots=True)
class ScanAxis(Scan):
    """The values of one parameter.

    Attributes:
        parameter: that is scanned.
        spacing: how its values lie.

    Raises:
        ScanValuesError: the numbers make no sense.
        ScanLimitError: a value is outside the limits of the parameter.
    """

    parameter: Parameter
    spacing: Spacing

    def __post_init__(self) -> None:
        problem = self.spacing.problem(self.unit)
        if problem:
            raise ScanValuesError(self.name, problem)
        low, high = self.parameter.low, self.parameter.high
        values = self.values
        outside = np.flatnonzero(~((values >= low) & (values <= high)))
        if len(outside):
            value, point = float(values[outside[0]]), int(outside[0]) + 1
            raise ScanLimitError(self.name, self.unit, value, point, len(values), low, high)

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return self.parameter.name

    @property
    def unit(self) -> str:
        """Base unit of the parameter."""
        return self.parameter.unit

    @property
    def values(self) -> NDArray[np.float64]:
        """The values as written, (points,) in the base unit."""
        return self.spacing.values()

    @property
    def axes(self) -> tuple[ScanAxis, ...]:
        """This axis alone."""
        return (self,)

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of values."""
        return (len(self.values),)

    def columns(self) -> Columns:
        """Return the values under the name of the parameter."""
        return {self.name: self.values}

    def __str__(self) -> str:
        return f"{self.name} = {self.spacing.text(self.unit)}"


@dataclass(frozen=True, slots=True)
class Product(Scan):
    """Every combination of the parts' points; the last part runs fastest.

    Raises:
        ScanShapeError: a parameter occurs twice, a part has an order of its own, or the points are too many.
    """

    parts: tuple[Scan, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)
        if len(self) > MOST_POINTS:
            raise ScanShapeError(f"the scan has {len(self)} points; a run holds at most {MOST_POINTS}")

    @property
    def axes(self) -> tuple[ScanAxis, ...]:
        """The axes of all parts."""
        return _axes(self.parts)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shapes of the parts, one after the other."""
        return tuple(points for part in self.parts for points in part.shape)

    def columns(self) -> Columns:
        """Return the values at every point."""
        found: Columns = {}
        once, total = 1, len(self)
        for part in self.parts:
            once *= len(part)
            for name, values in part.columns().items():
                found[name] = np.tile(np.repeat(values, total // once), once // len(part))
        return found

    def __str__(self) -> str:
        return " * ".join(map(_bracketed, self.parts))


@dataclass(frozen=True, slots=True)
class Zipped(Scan):
    """The parts' points walked at once, the first with the first and the last with the last.

    Raises:
        ScanShapeError: a parameter occurs twice, a part has an order of its own, or the lengths differ.
    """

    parts: tuple[Scan, ...]

    def __post_init__(self) -> None:
        _check_parts(self.parts)
        if len({len(part) for part in self.parts}) > 1:
            lengths = ", ".join(f"{len(part)} points ({_named(part)})" for part in self.parts)
            raise ScanShapeError(f"scans that run together need equally many points, not {lengths}")

    @property
    def axes(self) -> tuple[ScanAxis, ...]:
        """The axes of all parts."""
        return _axes(self.parts)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the parts if they have the same, else the number of points."""
        shapes = {part.shape for part in self.parts}
        return shapes.pop() if len(shapes) == 1 else (len(self.parts[0]),)

    def columns(self) -> Columns:
        """Return the values at every point."""
        return {name: values for part in self.parts for name, values in part.columns().items()}

    def __str__(self) -> str:
        return " & ".join(map(_bracketed, self.parts))


@dataclass(frozen=True, slots=True)
class Ordered(Scan):
    """The points of a scan in another order; the grid stays the same.

    Attributes:
        grid: the points as written.
        order: of the visit.
        seed: of a random order.
    """

    grid: Scan
    order: Order
    seed: int = 0

    def __post_init__(self) -> None:
        _check_parts((self.grid,))

    @property
    def axes(self) -> tuple[ScanAxis, ...]:
        """The axes as written."""
        return self.grid.axes

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape as written."""
        return self.grid.shape

    @property
    def positions(self) -> NDArray[np.int64]:
        """Where each point lies on the grid."""
        return visits(self.order, self.grid.shape, self.seed)

    def columns(self) -> Columns:
        """Return the values in the order of the visit."""
        positions = self.positions
        return {name: values[positions] for name, values in self.grid.columns().items()}

    def __str__(self) -> str:
        seed = f" {self.seed}" if self.order is Order.RANDOM else ""
        return f"{self.grid}; {self.order}{seed}"


def linear(parameter: Parameter, start: float, stop: float, points: int) -> ScanAxis:
    """Scan a parameter evenly from `start` to `stop`, both included."""
    return ScanAxis(parameter, Linear(*_plain(start, stop, points)))


def stepped(parameter: Parameter, start: float, stop: float, step: float) -> ScanAxis:
    """Scan a parameter from `start` towards `stop` in steps of a size that is more than zero.

    Example:
        >>> stepped(Parameter("wait", unit="s"), 3.0, 1.0, 0.5).values.tolist()
        [3.0, 2.5, 2.0, 1.5, 1.0]
    """
    return ScanAxis(parameter, Stepped(*_plain(start, stop, step)))


def geometric(parameter: Parameter, start: float, stop: float, points: int) -> ScanAxis:
    """Scan a parameter from `start` to `stop` by equal factors, both included.

    Example:
        >>> geometric(Parameter("wait", unit="s"), 1.0, 100.0, 3).values.tolist()
        [1.0, 10.0, 100.0]
    """
    return ScanAxis(parameter, Geometric(*_plain(start, stop, points)))


def centred(parameter: Parameter, centre: float, span: float, points: int) -> ScanAxis:
    """Scan a parameter evenly from half a span below a centre to half a span above.

    Example:
        >>> centred(Parameter("detuning", unit="Hz"), 230e6, 4e3, 3).values.tolist()
        [229998000.0, 230000000.0, 230002000.0]
    """
    return ScanAxis(parameter, Centred(*_plain(centre, span, points)))


def listed(parameter: Parameter, values: Iterable[float]) -> ScanAxis:
    """Scan a parameter over values that are given one by one."""
    return ScanAxis(parameter, Listed(_plain(*values)))


def zipped(*scans: Scan) -> Scan:
    """Walk several scans at once; the same as joining them with ``&``.

    Raises:
        ScanShapeError: they have not equally many points, or none is given.
    """
    if not scans:
        raise ScanShapeError("there are no scans to walk at once; give one or more")
    return reduce(and_, scans)


def refine_endlessly(parameter: Parameter, start: float, stop: float) -> Iterator[dict[str, float]]:
    """Scan a parameter coarse first and ever finer, until the reader has seen enough.

    The values are both ends, the middle, the quarters, and so on: each level halves the step.

    Args:
        parameter: that is scanned.
        start: first value, in the base unit.
        stop: second value.

    Raises:
        ScanLimitError: an end is outside the limits of the parameter.

    Example:
        >>> points = refine_endlessly(Parameter("wait", unit="s"), 0.0, 8.0)
        >>> [next(points)["wait"] for _ in range(6)]
        [0.0, 8.0, 4.0, 2.0, 6.0, 1.0]
    """
    ends = linear(parameter, start, stop, 2)
    return _refined(ends)


def _refined(ends: ScanAxis) -> Iterator[dict[str, float]]:
    yield from ends
    start, stop = ends.values.tolist()
    for level in count(1):
        parts = 2**level
        for odd in range(1, parts, 2):
            yield {ends.name: start + (stop - start) * (odd / parts)}


def _plain(*numbers: Any) -> tuple[Any, ...]:
    """Return numpy's numbers as Python's; whatever else it is, the spacing judges it."""
    return tuple(number.item() if isinstance(number, np.generic) else number for number in numbers)


def _parts(scan: Scan, kind: type[Product] | type[Zipped]) -> tuple[Scan, ...]:
    """Return the parts of a scan of one kind, so that ``a * b * c`` is one product of three."""
    return scan.parts if isinstance(scan, kind) else (scan,)


def _axes(parts: Iterable[Scan]) -> tuple[ScanAxis, ...]:
    return tuple(axis for part in parts for axis in part.axes)


def _check_parts(parts: tuple[Scan, ...]) -> None:
    for part in parts:
        if isinstance(part, Ordered):
            raise ScanShapeError(
                f"the scan of {_named(part)} has the order {part.order} already; "
                "put the scans together first, then give the whole an order"
            )
    names = [axis.name for axis in _axes(parts)]
    for name in names:
        if names.count(name) > 1:
            raise ScanShapeError(f"parameter {name!r} is scanned twice; scan it once")


def _named(scan: Scan) -> str:
    return ", ".join(axis.name for axis in scan.axes)


def _bracketed(part: Scan) -> str:
    return f"({part})" if isinstance(part, Product | Zipped) else str(part)
