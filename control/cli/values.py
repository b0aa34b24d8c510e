"""Values with their units: as people read them, and as they write them in a condition."""

from __future__ import annotations

import math
from contextlib import suppress

from data import KeyResult
from data.analysis import Estimate
from data.catalogue import read_base_unit
from sequences.errors import UnitError
from sequences.units import parse, show


def value_text(value: float | str | bool, unit: str) -> str:
    """Return a value with all its digits and the unit that suits its size.

    Example:
        >>> value_text(1.25e-05, "s"), value_text(3, ""), value_text(True, ""), value_text("Z", "")
        ('12.5 us', '3', 'True', 'Z')
    """
    return show(value, unit, 15) if isinstance(value, float) else f"{value} {unit}".rstrip()


def result_text(result: KeyResult) -> str:
    """Return a result with its error in the last digits.

    Example:
        >>> result_text(KeyResult("rate", 12.5, 0.5, "Hz")), result_text(KeyResult("chi2", 1.25))
        ('12.5(5) Hz', '1.25')
    """
    if math.isfinite(result.value) and math.isfinite(result.error):
        return str(Estimate(result.value, result.error, result.unit))
    return f"{result.value:.6g} {result.unit}".rstrip()


def read_quantity(text: str, unit: str) -> float | None:
    """Return the value of a text in a base unit, whether ionloom knows the unit or another program chose it.

    Example:
        >>> read_quantity("12.5 us", "s"), read_quantity("92 %", ""), read_quantity("3 us", "V")
        (1.25e-05, 0.92, None)
    """
    with suppress(UnitError, KeyError):
        return parse(text, unit)
    return read_base_unit(text, unit)
