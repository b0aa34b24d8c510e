"""Channel timing in ticks of the target's period: a setup's times, rounded alike everywhere."""

from __future__ import annotations

import math
from typing import Final

from sequences.target import Channel, Kind, Target

NOISE: Final = 1e-3
"""By how much of a tick a time may miss it and still be meant: floats of seconds carry rounding noise.

Half an hour in seconds has float steps of 2e-13 s, which is 2e-4 of a 1 ns tick; sums of durations add a few
of these. What an author writes by mistake is off by far more: 1e-3 of a tick is a picosecond.
"""


def grid_ticks(channel: Channel, target: Target) -> int:
    """Return the step of a channel's event times; a target's grids are whole multiples of its period."""
    return round(channel.grid / target.period)


def spacing_ticks(channel: Channel, target: Target) -> int:
    """Return the smallest distance of two events on a channel, rounded up to its grid."""
    return math.ceil(channel.spacing / channel.grid - NOISE) * grid_ticks(channel, target)


def update_ticks(channel: Channel, target: Target) -> int:
    """Return the distance of a ramp's samples: the channel's spacing, and at least its grid."""
    return max(spacing_ticks(channel, target), grid_ticks(channel, target))


def gap_ticks(channel: Channel, target: Target) -> int:
    """Return the time that two events on a channel need between them: a DAC updates once a step at most."""
    return update_ticks(channel, target) if channel.kind is Kind.DAC else spacing_ticks(channel, target)


def shift_ticks(channel: Channel, target: Target) -> int:
    """Return by how much a channel waits for the slowest one, on its grid.

    A latency is what it is (an acousto-optic modulator's sound takes some odd number of nanoseconds), so this
    is the one time that is rounded to the grid: light is simultaneous within half a step.
    """
    return round((target.lead - channel.latency) / channel.grid) * grid_ticks(channel, target)
