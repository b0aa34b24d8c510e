"""Arguments that are values: numbers below zero, numbers with a unit, switches, lists and words."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from typing import Any, Final

import click

from control.device.settings import SWITCH_WORDS
from sequences.errors import UnitError
from sequences.units import parse

MINUS: Final = "\N{MINUS SIGN}"
"""As it is printed; what stands on keyboards also begins an option."""

UNITS: Final = ("s", "Hz", "V", "A", "W", "m", "T", "turn", "degC", "Pa", "dBm", "dB", "1/s", "")
"""Base units of what knobs and actions of instruments take; no two have a spelling in common."""

_BELOW_ZERO = re.compile(r"-\.?\d")


class ValueCommand(click.Command):
    """A command whose arguments may be numbers below zero: ``set power '-3 dBm'`` holds no option -3."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Let what begins as a negative number does pass as no option."""
        return super().parse_args(ctx, [MINUS + arg[1:] if _BELOW_ZERO.match(arg) else arg for arg in args])


def plain_minus(text: str) -> str:
    """Return a text with the minus sign that numbers are read with.

    Example:
        >>> plain_minus("\N{MINUS SIGN}3 dBm")
        '-3 dBm'
    """
    return text.replace(MINUS, "-")


def read_value(text: str) -> Any:
    """Return what a text means where nothing is declared: a number in SI units, a switch, a list, or itself.

    Example:
        >>> read_value("20 ms"), read_value("-3"), read_value("on"), read_value("[1, 2]"), read_value("fast")
        (0.02, -3, True, [1, 2], 'fast')
    """
    text = plain_minus(text)
    if text in SWITCH_WORDS:
        return SWITCH_WORDS[text]
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        return ast.literal_eval(text)
    for unit in UNITS:
        with suppress(UnitError):
            return parse(text, unit)
    return text


def read_number(text: str) -> float | None:
    """Return what a text means if that is a number, in SI units; else None.

    Example:
        >>> read_number("20 ms"), read_number("20"), read_number("much")
        (0.02, 20.0, None)
    """
    value = read_value(text)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
