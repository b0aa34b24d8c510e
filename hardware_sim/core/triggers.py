"""What a program can wait for: the mains, and the other node of the network."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.properties import NodeProperties

LINE: Final = "line trigger"
REMOTE: Final = "remote node"

NEVER: Final = 2**62
"""Ps until the edge of an input to which nothing is connected: 53 days."""


class Triggers:
    """Rising edges that come from outside of the node.

    The mains cross zero upwards once a cycle, at a time that no run knows beforehand. The remote node is
    ready after an exponentially distributed time, like one whose attempts succeed at random (ASSUMED).

    Attributes:
        cycle_ps: of the mains.
        crossing_ps: lab time of one of their upward crossings.
    """

    def __init__(self, properties: NodeProperties, rng: np.random.Generator) -> None:
        self.cycle_ps = round(1e12 / properties.mains_frequency)
        self.crossing_ps = int(rng.integers(self.cycle_ps))
        self._ready = properties.remote_ready_time
        self._rng = rng

    def wait_from(self, part: str | None, clock_ps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how long (shots,) it is to the next edge, in ps.

        Args:
            part: of the node that is connected to the input, or None.
            clock_ps: (shots,) lab time from which each shot waits.
        """
        if part == LINE:
            return (self.crossing_ps - clock_ps) % self.cycle_ps
        if part == REMOTE:
            return np.rint(1e12 * self._rng.exponential(self._ready, len(clock_ps))).astype(np.int64)
        return np.full(len(clock_ps), NEVER)
