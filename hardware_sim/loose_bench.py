"""Simulated instruments without ions and core: what ``ionloom lab`` starts."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from hardware_sim.bench import Bench
from hardware_sim.bench_control import BenchControl
from hardware_sim.wiring import require_node
from hardware_sim.world.weather import Weather
from hardware_sim.world.world import World


class LooseBench:
    """The instruments of a setup, and a lab around them that drifts with the clock of the wall.

    Args:
        tables: of the setup file, without problems.
        seed: of the instruments' imperfections, and of what drifts.
        speed: lab seconds per second.
    """

    def __init__(self, tables: Mapping[str, Any], seed: int, speed: float) -> None:
        properties, wiring = require_node(tables)
        _, for_bench, for_world = np.random.default_rng(seed).spawn(3)
        self._world = World(properties, for_world)
        self._drawing = threading.Lock()
        roles = wiring.instruments
        self.bench = Bench(
            tables["instruments"], for_bench, properties, roles, weather=self._weather, speed=speed
        )
        self._began = self.bench.now()
        try:
            self._control = BenchControl(self.bench)
        except BaseException:
            self.bench.close()
            raise

    @property
    def resources(self) -> Mapping[str, str]:
        """Resource of the setup file -> address of the simulated instruments behind it."""
        return self.bench.resources

    @property
    def control(self) -> str:
        """Host and port where faults are provoked."""
        return self._control.address

    @property
    def stopped(self) -> threading.Event:
        """Set when a client of the control channel has asked the bench to stop."""
        return self._control.stopped

    def close(self) -> None:
        """Stop all instruments."""
        self._control.close()
        self.bench.close()

    def _weather(self) -> Weather:
        # Several instruments ask from their threads, and drifts are drawn as they are asked for.
        with self._drawing:
            return self._world.weather(np.array([round((self.bench.now() - self._began) * 1e12)]))
