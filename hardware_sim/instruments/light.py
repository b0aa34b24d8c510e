"""The light that a fibre brings to an instrument."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

LightSource: TypeAlias = Callable[[float], tuple[float, float]]
"""Gives the frequency in Hz and the power in W of some light, both at a lab time in s; no power for none."""


def steady(frequency: float, power: float) -> LightSource:
    """Return light that never changes, of a frequency in Hz and a power in W.

    Example:
        >>> steady(346e12, 20e-3)(now := 1.5)
        (346000000000000.0, 0.02)
    """
    return lambda now: (frequency, power)
