"""Declared values: a dataclass whose fields know their unit, limits and meaning.

An experiment's parameters, a lab's calibrated values and a simulated node's properties are all tables of
named numbers that people write as text. Declared once as dataclass fields, one definition serves the command
line, the setup file, the help texts, the range checks and the run file.

Example:
    >>> @dataclass(frozen=True)
    ... class Wait:
    ...     time: float = quantity("2 us", unit="s", low="100 ns", high="1 ms", help="how long to wait")
    ...     times: int = count(3, low=1, high=10, help="how often")
    >>> Wait().time, declarations(Wait)["time"].read("time", "5 us")
    (2e-06, 5e-06)
    >>> declarations(Wait)["time"].read("time", "5")
    Traceback (most recent call last):
    sequences.errors.DeclaredValueError: time: '5' is not a finite time with its unit; write ...
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import MISSING, dataclass, field
from typing import Any, Final

from sequences.errors import DeclaredValueError, UnitError
from sequences.units import as_float, check_unit, parse, show

_KEY: Final = "ionloom"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a declared field accepts.

    Attributes:
        kind: ``float``, ``int``, ``str`` (one of `choices`) or ``bool``.
        unit: base unit of a float.
        low: smallest allowed number, in the base unit.
        high: largest allowed number, in the base unit.
        help: one line for people.
        choices: what a ``str`` may be.
        optional: whether None stands for "worked out by the owner".
    """

    kind: type
    help: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    optional: bool = False

    def read(self, name: str, given: object) -> Any:
        """Return the value that a person gave, checked.

        Args:
            name: of the field, for the error.
            given: text with a unit; or, for values from code, a number in the base unit, a bool, or None.

        Raises:
            DeclaredValueError: wrong type, unit missing or wrong, or outside the limits.
        """
        if given is None and self.optional:
            return None
        value = self._typed(name, given)
        if self.kind in (float, int) and not self.low <= value <= self.high:
            limits = f"{self.show(self.low)} to {self.show(self.high)}"
            raise DeclaredValueError(name, f"{self.show(value)} is outside the limits {limits}")
        return value

    def _typed(self, name: str, given: object) -> Any:
        if self.kind is bool:
            return self._flag(name, given)
        if self.kind is str:
            if given not in self.choices:
                raise DeclaredValueError(name, f"{given!r} is not one of {', '.join(self.choices)}")
            return given
        try:
            value: Any = parse(given, self.unit) if isinstance(given, str) else given
        except UnitError as error:
            raise DeclaredValueError(name, str(error)) from None
        number = as_float(value)
        if number is None or not math.isfinite(number):
            raise DeclaredValueError(name, f"{given!r} is not a finite number")
        if self.kind is int and value != int(value):
            raise DeclaredValueError(name, f"{given!r} is not a whole number")
        return self.kind(value)

    def _flag(self, name: str, given: object) -> bool:
        spelled = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
        value = spelled.get(given.lower(), given) if isinstance(given, str) else given
        if not isinstance(value, bool):
            raise DeclaredValueError(name, f"{given!r} is neither true nor false")
        return value

    def show(self, value: object) -> str:
        """Return the value as people read it."""
        if self.kind is float and isinstance(value, int | float):
            return show(value, self.unit)
        return "worked out" if value is None else str(value)


def quantity(
    default: str | float | None = None,
    *,
    unit: str = "",
    low: str | float = -math.inf,
    high: str | float = math.inf,
    help: str,  # noqa: A002 - the word people expect, as in click and argparse
    optional: bool = False,
) -> Any:
    """Declare a float field.

    Default and limits are text with a unit, or plain numbers where there is no unit. A field without
    a default must be given; an `optional` one defaults to None, which its owner works out.

    Raises:
        UnknownUnitError: the unit is no base unit.
        DeclaredValueError: the default is not accepted.
    """
    check_unit(help, unit)
    declaration = Declaration(float, help, unit, _number(low, unit), _number(high, unit), optional=optional)
    if default is None:
        return field(default=None if optional else MISSING, metadata={_KEY: declaration})
    return field(default=declaration.read("default", default), metadata={_KEY: declaration})


def count(default: int, *, low: int, high: int, help: str) -> Any:  # noqa: A002
    """Declare an int field."""
    declaration = Declaration(int, help, low=low, high=high)
    return field(default=declaration.read("default", default), metadata={_KEY: declaration})


def choice(default: str, *, among: tuple[str, ...], help: str) -> Any:  # noqa: A002
    """Declare a str field that is one of several words."""
    declaration = Declaration(str, help, choices=among)
    return field(default=declaration.read("default", default), metadata={_KEY: declaration})


def flag(default: bool, *, help: str) -> Any:  # noqa: A002
    """Declare a bool field."""
    return field(default=default, metadata={_KEY: Declaration(bool, help)})


def declarations(owner: type) -> dict[str, Declaration]:
    """Return field name -> declaration of a dataclass, in the order of its fields."""
    return {f.name: f.metadata[_KEY] for f in dataclasses.fields(owner) if _KEY in f.metadata}


def _number(limit: str | float, unit: str) -> float:
    return parse(limit, unit) if isinstance(limit, str) else float(limit)
