"""How a MOGLabs ARF writes and reads quantities: units, tuning words, entries of tables.

Source: MOGLabs ARF manual chapter 3 (units and defaults: MHz, dBm, deg, us; the tuning word of 80 MHz is
0x147AE148).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from hardware_sim.instruments.moglabs_table import AMPLIFIER_OFF, SIGNAL_OFF, TableEntry

SYNTHESISER_CLOCK = 1e9  # Hz; the tuning word has 32 bits
HERTZ: Final = {"": 1e6, "HZ": 1.0, "KHZ": 1e3, "MHZ": 1e6, "GHZ": 1e9}
SECOND: Final = {"": 1e-6, "NS": 1e-9, "US": 1e-6, "MS": 1e-3, "S": 1.0}
TURN: Final = {"": 1.0 / 360.0, "DEG": 1.0 / 360.0, "RAD": 0.5 / math.pi}
DBM: Final = ("", "DBM", "DB")
MILLIWATT: Final = {"MW": 1.0, "W": 1e3}

_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?)\s*([A-Za-z]*)")


class ArfError(Exception):
    """What the instrument answers after ``ERR:``."""


def tuning_word(frequency: float) -> int:
    """Return the tuning word that comes closest to a frequency (Hz).

    Example:
        >>> hex(tuning_word(80e6))
        '0x147ae148'
    """
    return round(frequency / SYNTHESISER_CLOCK * 2**32)


def synthesised(word: int) -> float:
    """Return the frequency in Hz of a tuning word."""
    return word * SYNTHESISER_CLOCK / 2**32


def phase_word(phase: float) -> int:
    """Return the phase word, in steps of 2^-16 turns, that comes closest to a phase (turns)."""
    return round(phase * 65_536) % 65_536


def parse_quantity(text: str, units: Mapping[str, float]) -> float:
    """Read a number with a unit.

    Args:
        text: As the client wrote it.
        units: Factor by unit in capitals; that of the empty unit is the default.

    Raises:
        ArfError: If it is no number or has an unknown unit.

    Example:
        >>> parse_quantity("80.5 MHz", HERTZ), parse_quantity("80.5", HERTZ)
        (80500000.0, 80500000.0)
    """
    found = _QUANTITY.fullmatch(text)
    if found is None or found[2].upper() not in units or math.isinf(float(found[1])):
        raise ArfError(f"Invalid value {text}")
    return float(found[1]) * units[found[2].upper()]


def parse_power(text: str) -> float:
    """Read a power with its unit.

    Returns:
        Power in dBm, to 0.01 dB.

    Raises:
        ArfError: If it is no number, has an unknown unit, or is not a positive number of watts.

    Example:
        >>> parse_power("29.0 dBm"), parse_power("500mW"), parse_power("2 W")
        (29.0, 26.99, 33.01)
    """
    found = _QUANTITY.fullmatch(text)
    if found is not None and found[2].upper() in DBM:
        return round(float(found[1]), 2)
    milliwatts = parse_quantity(text, MILLIWATT)
    if milliwatts <= 0.0:
        raise ArfError(f"Invalid value {text}")
    return round(10.0 * math.log10(milliwatts), 2)


def parse_word(arguments: list[str], words: tuple[str, ...]) -> str:
    """Read the only argument as one of some words in capitals.

    Raises:
        ArfError: If it is none of them, or not alone.
    """
    if len(arguments) != 1 or arguments[0].upper() not in words:
        raise ArfError(f"Invalid argument {','.join(arguments)}")
    return arguments[0].upper()


def parse_count(text: str, lowest: int, highest: int) -> int:
    """Read a whole number within limits.

    Raises:
        ArfError: If it is none or out of range.
    """
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise ArfError(f"Invalid number {text}")
    return int(text)


def show_frequency(word: int) -> str:
    """Write a tuning word as replies have it."""
    return f"{synthesised(word) / 1e6:.8f} MHz (0x{word:08X})"


def show_phase(word: int) -> str:
    """Write a phase word as replies have it."""
    return f"{word / 65_536 * 360.0:.3f} deg (0x{word:04X})"


def show_entry(entry: TableEntry) -> str:
    """Write a table entry as replies have it."""
    flags = [name for name, bit in (("SIG", SIGNAL_OFF), ("POW", AMPLIFIER_OFF)) if entry.flags & bit]
    words = [
        f"{synthesised(entry.tuning_word) / 1e6:.8f} MHz",
        f"{entry.power:.2f} dBm",
        f"{entry.phase_word / 65_536 * 360.0:.3f} deg",
        f"{entry.duration * 1e6:g} us",
    ]
    return ", ".join(words + flags)
