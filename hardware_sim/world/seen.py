"""The weather as instruments see it: from their own threads, while the world belongs to who plays."""

from __future__ import annotations

import numpy as np

from hardware_sim.world.weather import Weather
from hardware_sim.world.world import World


class SeenWeather:
    """The weather at the last moment that somebody looked; called, it returns that.

    Drifts are drawn as they are asked for, which only one thread may do. Instruments that measure them answer
    from threads of their own; they are shown what was true at the end of the last point.

    Args:
        world: whose weather.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._last = Weather.calm(1)

    def __call__(self) -> Weather:
        """Return what was seen last."""
        return self._last

    def look(self, now_ps: int) -> None:
        """Look at the weather of a lab time, ps."""
        self._last = self._world.weather(np.array([now_ps]))
