"""The text form of scans: what is typed on a command line, and what `str` of a scan gives.

One parameter is ``name = values``, where the values are

    1 us .. 20 us / 21               21 values, evenly, both ends included
    1 us .. 1 ms / 13 geometric      13 values by equal factors
    1 us .. 20 us by 500 ns          steps of a given size
    50 kHz around 230 MHz / 21       21 values over a span of 50 kHz
    50 kHz around / 21               the same around the calibrated value
    1, 2, 5 us                       one by one

and a number without a unit has the unit of the last number. Several parameters are joined by ``*`` (every
combination, the right one runs fastest) or ``&`` (at once), with brackets as in Python; an order follows
behind a semicolon: ``; snake``, ``; refining``, ``; random 5`` with its seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from sequences.errors import UnitError, nearest
from sequences.parameters import Parameter
from sequences.scans.errors import ScanTextError
from sequences.scans.order import Order
from sequences.scans.scan import Scan, ScanAxis
from sequences.scans.spacing import Centred, Geometric, Linear, Listed, Spacing, Stepped
from sequences.units import parse

_HOW: Final = "write for example 'wait = 1 us .. 20 us / 21' or 'wait = 1, 2, 5 us'"
_MARKS: Final = re.compile(r"([*&();])")
_NAME: Final = re.compile(r"(\w+)\s*=(.*)\Z", re.DOTALL)
_COUNTED: Final = re.compile(r"(.*)/\s*(\d{1,12})\s*(geometric)?\s*\Z", re.DOTALL)
_NUMBER: Final = re.compile(r"\A[+-]?[\d.]+(?:[eE][+-]?\d+)?\s*")
_NO_CENTRES: Final[Mapping[str, float]] = MappingProxyType({})


def parse_scan(
    text: str, parameters: Iterable[Parameter], centres: Mapping[str, float] = _NO_CENTRES
) -> Scan:
    """Read a scan.

    Args:
        text: in the form that this module describes.
        parameters: that can be scanned.
        centres: name -> value in the base unit, for scans around a value that is not written.

    Raises:
        ScanTextError: the text is not understood, or names a parameter that there is not.
        ScanError: what it says makes no sense.

    Example:
        >>> frequency = Parameter("frequency", unit="Hz")
        >>> print(parse_scan("frequency = 50 kHz around / 3; snake", [frequency], {"frequency": 230e6}))
        frequency = 50 kHz around 230 MHz / 3; snake
    """
    reading = _Reading(text, {parameter.name: parameter for parameter in parameters}, centres)
    return reading.whole()


def scanned_names(text: str) -> tuple[str, ...]:
    """Return the names that a text scans, in order, whether or not they can be scanned.

    Example:
        >>> scanned_names("wait = 1, 2 us * (phase = 0 .. 1 turn / 3); snake")
        ('wait', 'phase')
    """
    return tuple(found[1] for piece in _MARKS.split(text) if (found := _NAME.match(piece.strip())))


class _Reading:
    """Walks through the pieces between the marks, from left to right."""

    def __init__(self, text: str, parameters: Mapping[str, Parameter], centres: Mapping[str, float]) -> None:
        self.text = text
        self.parameters = parameters
        self.centres = centres
        self.pieces = [piece.strip() for piece in _MARKS.split(text) if piece.strip()][::-1]

    def whole(self) -> Scan:
        scan = self.zipped()
        if self.take(";"):
            scan = self.ordered(scan)
        if self.pieces:
            raise ScanTextError(self.text, f"{self.pieces[-1]!r} is not expected there; {_HOW}")
        return scan

    def zipped(self) -> Scan:
        scan = self.product()
        while self.take("&"):
            scan = scan & self.product()
        return scan

    def product(self) -> Scan:
        scan = self.single()
        while self.take("*"):
            scan = scan * self.single()
        return scan

    def single(self) -> Scan:
        if not self.take("("):
            return self.axis()
        scan = self.zipped()
        if not self.take(")"):
            raise ScanTextError(self.text, "a bracket is not closed")
        return scan

    def axis(self) -> ScanAxis:
        piece = self.pieces.pop() if self.pieces else ""
        named = _NAME.match(piece)
        if named is None:
            raise ScanTextError(piece or self.text, f"is not 'name = values'; {_HOW}")
        name = named[1]
        if name not in self.parameters:
            raise ScanTextError(piece, f"there is no parameter {name!r}{nearest(name, self.parameters)}")
        try:
            spacing = _spacing(named[2].strip(), self.parameters[name], self.centres.get(name))
        except UnitError as error:
            raise ScanTextError(piece, str(error)) from None
        return ScanAxis(self.parameters[name], spacing)

    def ordered(self, scan: Scan) -> Scan:
        piece = self.pieces.pop() if self.pieces else ""
        name, _, seed = piece.partition(" ")
        if name not in tuple(Order):
            raise ScanTextError(self.text, f"there is no order {name!r}{nearest(name, tuple(Order))}")
        order = Order(name)
        if (order is Order.RANDOM) != seed.isdecimal() or (seed and not seed.isdecimal()):
            raise ScanTextError(
                self.text, "a random order is written with its seed, '; random 5', others without"
            )
        return scan.in_order(order, int(seed or 0))

    def take(self, mark: str) -> bool:
        """Step over a mark if it is the next piece."""
        found = bool(self.pieces) and self.pieces[-1] == mark
        if found:
            self.pieces.pop()
        return found


def _spacing(text: str, parameter: Parameter, centre: float | None) -> Spacing:
    """Return what stands behind the ``=`` of one parameter."""
    first, dots, rest = text.partition("..")
    if dots:
        return _between(first, rest, parameter.unit)
    span, around, rest = text.partition("around")
    if around:
        return _around(span, rest, parameter, centre)
    return Listed(_quantities(text.split(","), parameter.unit))


def _between(first: str, rest: str, unit: str) -> Spacing:
    if " by " in rest:
        last, _, step = rest.partition(" by ")
        return Stepped(*_quantities((first, last, step), unit))
    counted = _COUNTED.match(rest)
    if counted is None:
        raise ScanTextError(f"{first}..{rest}", "how many points? write for example '1 us .. 20 us / 21'")
    start, stop = _quantities((first, counted[1]), unit)
    return (Geometric if counted[3] else Linear)(start, stop, int(counted[2]))


def _around(span: str, rest: str, parameter: Parameter, centre: float | None) -> Centred:
    counted = _COUNTED.match(rest)
    if counted is None or counted[3]:
        example = "'50 kHz around 230 MHz / 21'"
        raise ScanTextError(f"{span}around{rest}", f"how many points, evenly? write for example {example}")
    points = int(counted[2])
    if counted[1].strip():
        width, written = _quantities((span, counted[1]), parameter.unit)
        return Centred(written, width, points)
    if centre is None:
        raise ScanTextError(
            f"{parameter.name} = {span}around{rest}",
            f"{parameter.name} has no value of its own to scan around; write the centre behind 'around'",
        )
    return Centred(centre, parse(span, parameter.unit), points)


def _quantities(texts: Iterable[str], unit: str) -> tuple[float, ...]:
    """Read numbers with units; one without has the unit of the last."""
    *others, last = (text.strip() for text in texts)
    value = parse(last, unit)
    spelling = _NUMBER.sub("", last)
    return *(parse(f"{text} {spelling}" if _NUMBER.fullmatch(text) else text, unit) for text in others), value
