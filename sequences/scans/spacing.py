"""How the values of one scanned parameter lie: pure numbers in its base unit, without the parameter itself.

Each spacing says by itself what is wrong with it (`Spacing.problem`), what its values are, and how it is
written as text that `parse_scan` reads back to the same numbers.

Example:
    >>> Linear(0.0, 1e-6, 5).text("s"), Linear(0.0, 1.0, 5).values().tolist()
    ('0 s .. 1 us / 5', [0.0, 0.25, 0.5, 0.75, 1.0])
    >>> Linear(0.0, 1e-6, 1).problem("s")
    'has 1 points; it needs 2 to 10000000 (a single value is written as a list)'
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.units import as_float, exact, show

MOST_POINTS: Final = 10_000_000
"""More than any run could hold: a slip of the finger shall not fill the memory."""

_ON_STEP: Final = 1e-9
"""Part of a step by which a float may miss the end and still be meant to be on it."""


@dataclass(frozen=True, slots=True)
class Spacing(ABC):
    """The values of one parameter, in the order in which they are written."""

    def problem(self, unit: str) -> str:
        """Return what is wrong with the numbers, as the end of a sentence; empty if nothing is.

        Args:
            unit: base unit of the numbers, for the text.
        """
        strange = [number for number in self._numbers() if not _is_finite(number)]
        if strange:
            return f"{strange[0]!r} is not a finite number"
        return self._misfit(unit)

    @abstractmethod
    def values(self) -> NDArray[np.float64]:
        """Return the values, (points,) in the base unit."""

    @abstractmethod
    def text(self, unit: str) -> str:
        """Return the spacing as text with units, exactly."""

    @abstractmethod
    def _misfit(self, unit: str) -> str:
        """Return why finite numbers do not make a scan; empty if they do."""

    def _numbers(self) -> tuple[object, ...]:
        return astuple(self)


@dataclass(frozen=True, slots=True)
class Linear(Spacing):
    """Evenly from one value to another, both included."""

    start: float
    stop: float
    points: int

    def values(self) -> NDArray[np.float64]:
        """Return the values, (points,)."""
        return np.linspace(self.start, self.stop, self.points)

    def text(self, unit: str) -> str:
        """Return ``start .. stop / points``."""
        return f"{exact(self.start, unit)} .. {exact(self.stop, unit)} / {self.points}"

    def _misfit(self, unit: str) -> str:
        return _counted(self.points)


@dataclass(frozen=True, slots=True)
class Stepped(Spacing):
    """From one value towards another in steps of a given size; the end is included if a step meets it."""

    start: float
    stop: float
    step: float

    def values(self) -> NDArray[np.float64]:
        """Return the values, (points,)."""
        steps = self._steps
        whole = math.floor(steps + _ON_STEP)
        values = np.arange(whole + 1, dtype=np.float64) * math.copysign(self.step, self.stop - self.start)
        values += self.start
        if abs(steps - whole) < _ON_STEP:
            values[-1] = self.stop
        return values

    def text(self, unit: str) -> str:
        """Return ``start .. stop by step``."""
        return f"{exact(self.start, unit)} .. {exact(self.stop, unit)} by {exact(self.step, unit)}"

    @property
    def _steps(self) -> float:
        return abs(self.stop - self.start) / self.step

    def _misfit(self, unit: str) -> str:
        if self.step <= 0:
            return (
                f"the step is {show(self.step, unit)}; it must be more than zero, the ends give the direction"
            )
        points = math.floor(min(self._steps + _ON_STEP, MOST_POINTS)) + 1
        return _counted(points)


@dataclass(frozen=True, slots=True)
class Geometric(Spacing):
    """From one value to another by equal factors, both included."""

    start: float
    stop: float
    points: int

    def values(self) -> NDArray[np.float64]:
        """Return the values, (points,)."""
        return np.geomspace(self.start, self.stop, self.points, dtype=np.float64)

    def text(self, unit: str) -> str:
        """Return ``start .. stop / points geometric``."""
        return f"{exact(self.start, unit)} .. {exact(self.stop, unit)} / {self.points} geometric"

    def _misfit(self, unit: str) -> str:
        if self.start == 0 or self.stop == 0 or (self.start < 0) != (self.stop < 0):
            ends = f"{show(self.start, unit)} to {show(self.stop, unit)}"
            return f"{ends} cannot be divided into equal factors; both ends must lie on one side of zero"
        return _counted(self.points)


@dataclass(frozen=True, slots=True)
class Centred(Spacing):
    """Evenly around a centre, from half a span below to half a span above."""

    centre: float
    span: float
    points: int

    def values(self) -> NDArray[np.float64]:
        """Return the values, (points,); an odd number of them holds the centre itself."""
        steps = self.points - 1
        offsets = (2 * np.arange(self.points, dtype=np.float64) - steps) / (2 * steps)
        return self.centre + self.span * offsets

    def text(self, unit: str) -> str:
        """Return ``span around centre / points``."""
        return f"{exact(self.span, unit)} around {exact(self.centre, unit)} / {self.points}"

    def _misfit(self, unit: str) -> str:
        if self.span <= 0:
            return f"the span is {show(self.span, unit)}; it must be more than zero"
        return _counted(self.points)


@dataclass(frozen=True, slots=True)
class Listed(Spacing):
    """The values one by one."""

    listed: tuple[float, ...]

    def values(self) -> NDArray[np.float64]:
        """Return the values, (points,)."""
        return np.array(self.listed, dtype=np.float64)

    def text(self, unit: str) -> str:
        """Return the values with commas between them."""
        return ", ".join(exact(value, unit) for value in self.listed)

    def _numbers(self) -> tuple[object, ...]:
        return self.listed

    def _misfit(self, unit: str) -> str:
        return "" if self.listed else "the list holds no values"


def _counted(points: object) -> str:
    if isinstance(points, bool) or not isinstance(points, int):
        return f"the number of points is {points!r}; it must be a whole number"
    if 2 <= points <= MOST_POINTS:
        return ""
    return f"has {points} points; it needs 2 to {MOST_POINTS} (a single value is written as a list)"


def _is_finite(value: object) -> bool:
    number = as_float(value)
    return number is not None and math.isfinite(number)
