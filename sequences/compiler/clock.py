"""Channel timing in ticks of the target's period: a setup's times, rounded alike everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.rules import limit_of
from sequences.target import Channel, Kind, Quantity, Target

NOISE: Final = 1e-3
"""By how much of a tick a time may miss it and still be meant: floats of seconds carry rounding noise.

Half an hour in seconds has float steps of 2e-13 s, which is 2e-4 of a 1 ns tick; sums of durations add a few
of these. What an author writes by mistake is off by far more: 1e-3 of a tick is a picosecond.
"""


LONGEST: Final = 2**53
"""Ticks that floats count one by one: 104 days of 1 ns."""


def spacing_ticks(channel: Channel, target: Target) -> int:
    """Return the smallest distance of two events on a channel, rounded up to its grid."""
    return _rounded_up(channel.spacing, channel, target)


def update_ticks(channel: Channel, target: Target) -> int:
    """Return the distance of samples: the channel's update period or spacing, and at least its grid."""
    period = max(channel.update, channel.spacing)
    return max(_rounded_up(period, channel, target), target.grid_ticks(channel))


def gap_ticks(channel: Channel, target: Target) -> int:
    """Return the time that two events on a channel need between them: a DAC updates once a step at most."""
    spacing = spacing_ticks(channel, target)
    return max(spacing, target.grid_ticks(channel)) if channel.kind is Kind.DAC else spacing


def _rounded_up(time: float, channel: Channel, target: Target) -> int:
    return math.ceil(time / channel.grid - NOISE) * target.grid_ticks(channel)


@dataclass(frozen=True, slots=True, eq=False)
class ClockTables:
    """The timing of all channels, in ticks, as arrays indexed by channel number; -1 is for no channel.

    Attributes:
        grid: (numbers + 1,) of event times.
        gap: between two events.
        update: of samples.
        is_dac: whether it is a DAC.
        limits: quantity -> (2, numbers + 1) lowest and highest value.
    """

    grid: NDArray[np.int64]
    gap: NDArray[np.int64]
    update: NDArray[np.int64]
    is_dac: NDArray[np.bool_]
    limits: dict[Quantity, NDArray[np.float64]]


@lru_cache(maxsize=16)
def tables_of(target: Target) -> ClockTables:
    """Return the timing of a target's channels as arrays."""
    size = max(target.by_number, default=-1) + 2
    columns = np.zeros((3, size), dtype=np.int64)
    columns[0] = 1
    is_dac = np.zeros(size, dtype=np.bool_)
    limits = {quantity: np.zeros((2, size)) for quantity in Quantity}
    for number, channel in target.by_number.items():
        columns[0, number] = target.grid_ticks(channel)
        columns[1:, number] = gap_ticks(channel, target), update_ticks(channel, target)
        is_dac[number] = channel.kind is Kind.DAC
        for quantity, column in limits.items():
            limit = limit_of(channel, quantity)
            column[:, number] = limit.low, limit.high
    grid, gap, update = columns
    return ClockTables(grid, gap, update, is_dac, limits)
