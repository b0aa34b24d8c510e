"""Text with a unit, read and written at the edges only.

Inside ionloom every quantity is a plain float in its base unit: seconds, hertz, volts, metres, tesla, turns.
Text with a unit appears in setup files, on the command line and in what people read; this module is the
one place that turns it into floats and back.

Example:
    >>> parse("12.5 us", "s")
    1.25e-05
    >>> show(1.25e-05, "s")
    '12.5 us'
    >>> show(50 * us, "s")
    '50 us'
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from numbers import Real
from typing import Final

from sequences.errors import UnitError, UnknownUnitError

ns: Final = 1e-9
us: Final = 1e-6
ms: Final = 1e-3
kHz: Final = 1e3  # noqa: N816 - the spelling of the unit
MHz: Final = 1e6
GHz: Final = 1e9
mV: Final = 1e-3  # noqa: N816 - the spelling of the unit
um: Final = 1e-6
deg: Final = 1 / 360
"""One degree in turns, the base unit of phases and angles."""

_SPELLINGS: Final[dict[str, dict[str, str]]] = {
    "s": {
        "ps": "1e-12",
        "ns": "1e-9",
        "us": "1e-6",
        "µs": "1e-6",
        "ms": "1e-3",
        "s": "1",
        "min": "60",
        "h": "3600",
    },
    "Hz": {"mHz": "1e-3", "Hz": "1", "kHz": "1e3", "MHz": "1e6", "GHz": "1e9", "THz": "1e12"},
    "1/s": {"1/s": "1", "cps": "1", "kcps": "1e3", "Mcps": "1e6"},
    "V": {"uV": "1e-6", "mV": "1e-3", "V": "1", "kV": "1e3"},
    "m": {"nm": "1e-9", "um": "1e-6", "µm": "1e-6", "mm": "1e-3", "m": "1", "km": "1e3"},
    "T": {"nT": "1e-9", "uT": "1e-6", "mT": "1e-3", "T": "1", "mG": "1e-7", "G": "1e-4"},
    "turn": {"turn": "1", "deg": "1/360", "rad": "1/tau"},
    "V/m": {"V/m": "1"},
    "V/s": {"V/s": "1", "V/ms": "1e3", "V/us": "1e6"},
    "Hz/s": {"Hz/s": "1", "kHz/s": "1e3", "MHz/s": "1e6", "Hz/h": "1/3600", "kHz/h": "1/3.6"},
    "Hz/V": {"Hz/V": "1", "kHz/V": "1e3", "MHz/V": "1e6", "GHz/V": "1e9"},
    "Hz/degC": {"Hz/degC": "1", "MHz/degC": "1e6", "GHz/degC": "1e9"},
    "m/Hz": {"m/Hz": "1", "um/MHz": "1e-12", "mm/MHz": "1e-9"},
    "dB/m": {"dB/m": "1", "dB/km": "1e-3"},
    "dBm": {"dBm": "1"},
    "dB": {"dB": "1"},
    "A": {"nA": "1e-9", "uA": "1e-6", "mA": "1e-3", "A": "1"},
    "A/V": {"mA/V": "1e-3", "A/V": "1"},
    "W": {"nW": "1e-9", "uW": "1e-6", "mW": "1e-3", "W": "1"},
    "Pa": {"Pa": "1", "hPa": "100", "mbar": "100"},
    "degC": {"degC": "1"},
    "degC/s": {"degC/s": "1"},
    "turn/s": {"turn/s": "1", "deg/s": "1/360"},
    "": {"": "1", "%": "1e-2", "ppm": "1e-6"},
}
"""Base unit -> the spellings that are read and the factor of each; its keys are all the units there are."""

_FRACTIONS: Final = {"1/360": 360.0, "1/tau": math.tau, "1/3600": 3600.0, "1/3.6": 3.6}
"""Factors that no decimal number can be, and what to divide by instead."""

_SHOWN: Final[dict[str, tuple[str, ...]]] = {
    "s": ("ns", "us", "ms", "s"),
    "Hz": ("Hz", "kHz", "MHz", "GHz", "THz"),
    "V": ("uV", "mV", "V"),
    "m": ("nm", "um", "mm", "m", "km"),
    "T": ("nT", "uT", "mT"),
    "A": ("nA", "uA", "mA", "A"),
    "W": ("nW", "uW", "mW", "W"),
    "Pa": ("mbar",),
}
"""The spellings used when a value is shown, ascending; other units are shown as they are stored."""

_QUANTITY: Final = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)\s*(\S*)\s*\Z")

_GREEK_MU, _MICRO_SIGN = "\u03bc", "\u00b5"  # they look alike, and keyboards have either


def spellings(unit: str) -> tuple[str, ...]:
    """Return the spellings that `parse` accepts for a base unit."""
    return tuple(_SPELLINGS[unit])


def check_unit(name: str, unit: str) -> None:
    """Refuse a unit that is none of the base units, for example a prefixed one.

    Args:
        name: of the value that is declared in this unit.
        unit: to check.

    Raises:
        UnknownUnitError: `parse` does not know the unit; the base unit that is meant is told.
    """
    if unit not in _SPELLINGS:
        meant = tuple(base for base, known in _SPELLINGS.items() if unit in known)
        raise UnknownUnitError(name, unit, meant or tuple(filter(None, _SPELLINGS)))


def as_float(value: object) -> float | None:
    """Return a real number, of Python or numpy, as a float; None for anything else, truth values included.

    A whole number that is too large for a float is infinite, as its text would be.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:
        return -math.inf if value < 0 else math.inf


def parse(text: str, unit: str) -> float:
    """Read a quantity such as ``"12.5 us"`` into its base unit.

    Args:
        text: a decimal number followed by one of the unit's spellings.
        unit: base unit that is expected (``"s"``, ``"Hz"``, ``"V"``, ``"m"``, ``"T"``, ``"turn"``, ``"1/s"``,
            ``"dBm"``, or ``""`` for a plain number).

    Returns:
        The value in the base unit, rounded once: ``"12.5 us"`` is exactly the float ``12.5e-6``.

    Raises:
        UnitError: the text is no number, has no unit or a unit of another kind, or is not finite.

    Example:
        >>> parse("22.5 deg", "turn"), parse("9.1 %", "")
        (0.0625, 0.091)
    """
    return float(parse_exactly(text, unit))


def parse_exactly(text: str, unit: str) -> Decimal:
    """Read a quantity as `parse` does, with all its digits.

    Angles in degrees and radians are as exact as floats are.

    Raises:
        UnitError: the text is no number, has no unit or a unit of another kind, or is too large for a float.
    """
    match = _QUANTITY.match(text)
    factor = _SPELLINGS[unit].get(match[2].replace(_GREEK_MU, _MICRO_SIGN)) if match else None
    if match is None or factor is None:
        raise UnitError(text, unit, spellings(unit))
    if factor in _FRACTIONS:
        value = Decimal(float(match[1]) / _FRACTIONS[factor])
    else:
        value = Decimal(match[1]) * Decimal(factor)
    if not math.isfinite(float(value)):
        raise UnitError(text, unit, spellings(unit))
    return value


def exact(value: float | Decimal, unit: str) -> str:
    """Write a value with all its digits, so that `parse` gives back the very same float.

    Args:
        value: finite, in the base unit.
        unit: the base unit.

    Example:
        >>> exact(80.1e6, "Hz"), exact(0.1 + 0.2, ""), exact(Decimal("1250e-9"), "s")
        ('80.1 MHz', '0.30000000000000004', '1.25 us')
    """
    number = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    spelling = _spelling(float(number), unit)
    if spelling != unit:
        number /= Decimal(_SPELLINGS[unit][spelling])
    digits = f"{number:f}" if -12 < number.adjusted() < 18 else str(number)
    if "." in digits and "E" not in digits:
        digits = digits.rstrip("0").rstrip(".")
    return f"{digits} {spelling}".rstrip()


def show(value: float, unit: str, digits: int = 9) -> str:
    """Write a value with the spelling that suits its size.

    Args:
        value: in the base unit.
        unit: the base unit.
        digits: significant digits at most.

    Returns:
        Text that `parse` reads back (to the digits shown).

    Example:
        >>> show(0.0, "s"), show(80e6, "Hz"), show(0.25, "turn")
        ('0 s', '80 MHz', '0.25 turn')
    """
    spelling = _spelling(value, unit)
    factor = 1.0 if spelling == unit else float(_SPELLINGS[unit][spelling])
    return f"{value / factor:.{digits}g} {spelling}".rstrip()


def _spelling(value: float, unit: str) -> str:
    """Return the largest spelling that keeps a value at 1 or more; for zero and infinity the base unit."""
    if value == 0 or not math.isfinite(value) or unit not in _SHOWN:
        return unit
    size = abs(value) * (1 + 1e-12)  # a float just below a step is meant to be on it
    fitting = [s for s in _SHOWN[unit] if size >= float(_SPELLINGS[unit][s])]
    return fitting[-1] if fitting else _SHOWN[unit][0]
