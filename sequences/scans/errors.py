"""What can be wrong with a scan, told to who asked for it.

    ScanError
    ├── ScanValuesError      the values of one parameter make no sense
    ├── ScanLimitError       a value is outside the limits of its parameter
    ├── ScanShapeError       scans that cannot be put together
    └── ScanTextError        the text form cannot be read

Facts are fields; the text is made in ``__str__``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sequences.errors import SequenceError
from sequences.units import show


class ScanError(SequenceError):
    """Base of everything that is said about a scan."""


@dataclass(eq=False)
class ScanValuesError(ScanError):
    """The values of one parameter make no sense.

    Attributes:
        name: of the parameter.
        reason: what is wrong and what is needed.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        return f"the scan of {self.name!r}: {self.reason}"


@dataclass(eq=False)
class ScanLimitError(ScanError):
    """A value is outside the limits of its parameter.

    Attributes:
        name: of the parameter.
        unit: of the numbers below.
        value: the first that is outside.
        point: its number, from 1.
        points: how many values there are.
        low: smallest allowed value.
        high: largest allowed value.
    """

    name: str
    unit: str
    value: float
    point: int
    points: int
    low: float
    high: float

    def __str__(self) -> str:
        side, limit = ("below", self.low) if self.value < self.low else ("above", self.high)
        low, high = show(self.low, self.unit), show(self.high, self.unit)
        return (
            f"the scan of {self.name!r}: point {self.point} of {self.points} is "
            f"{show(self.value, self.unit)}, {side} the limit {show(limit, self.unit)}; "
            f"stay within {low} to {high}"
        )


@dataclass(eq=False)
class ScanShapeError(ScanError):
    """Scans that cannot be put together.

    Attributes:
        reason: why, and what to do.
    """

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(eq=False)
class ScanTextError(ScanError):
    """The text form of a scan cannot be read.

    Attributes:
        text: the part that is not understood.
        reason: why not, and how it is written.
    """

    text: str
    reason: str

    def __str__(self) -> str:
        return f"scan {self.text!r}: {self.reason}"
