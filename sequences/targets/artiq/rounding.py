"""Seconds become machine units, in three ways.

A correct core rounds to the nearest unit. ARTIQ does so in `delay`, but its ``seconds_to_mu`` truncates: in a
kernel the quotient of two doubles, on the host Python's exact floor division. One microsecond is then 999
units. The two are here so that a timeline can be compared with what such code would have played.

Example:
    >>> to_machine_units([1e-6, 3e-6, 1.5e-6], 1e-9).tolist()
    [1000, 3000, 1500]
    >>> to_machine_units([1e-6, 3e-6, 1.5e-6], 1e-9, Rounding.KERNEL).tolist()
    [999, 3000, 1500]
    >>> to_machine_units([1e-6, 3e-6, 1.5e-6], 1e-9, Rounding.HOST).tolist()
    [999, 2999, 1499]
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Rounding(StrEnum):
    """How a time becomes a whole number of machine units."""

    NEAREST = "nearest"
    """Correct: the nearest unit."""
    KERNEL = "kernel"
    """What ``seconds_to_mu`` does in an ARTIQ kernel: divide, then cut off."""
    HOST = "host"
    """What ``seconds_to_mu`` does on the host: exact floor division."""


def to_machine_units(
    seconds: ArrayLike, period: float, rounding: Rounding = Rounding.NEAREST
) -> NDArray[np.int64]:
    """Return times in machine units.

    Args:
        seconds: times, s, of any shape.
        period: of the machine unit, s.
        rounding: correct by default.

    Returns:
        Whole machine units, of the same shape.
    """
    times = np.asarray(seconds, dtype=np.float64)
    match rounding:
        case Rounding.NEAREST:
            units = np.rint(times / period)
        case Rounding.KERNEL:
            units = np.trunc(times / period)
        case Rounding.HOST:
            units = np.floor_divide(times, period)
        case _:
            assert_never(rounding)
    return np.asarray(units).astype(np.int64)
