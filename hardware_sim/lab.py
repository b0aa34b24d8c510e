"""The simulated lab: instruments on loopback, a timing core, and the node that both act on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from data.columns import Record
from hardware_sim.bench import SIMULATED, Bench
from hardware_sim.core.core import SimulatedCore
from hardware_sim.core.photon_pulse import raman_model
from hardware_sim.physics.errors import PhysicsError
from hardware_sim.properties import NodeProperties, read_properties
from hardware_sim.rtio import analyzer_dump, rehearse
from hardware_sim.surroundings import Surroundings, confinement
from hardware_sim.wiring import Wiring, entries, read_wiring
from sequences.program import Program
from sequences.target import Target


class SimulatedLab:
    """A lab that a setup file names as ``hardware_sim:SimulatedLab``.

    Instruments are reached through their own wire protocols only; whatever was set on them before a program
    is played acts on the ions and photons of that program.
    """

    def __init__(
        self, properties: NodeProperties, wiring: Wiring, bench: Bench, rng: np.random.Generator
    ) -> None:
        self._properties = properties
        self._wiring = wiring
        self._core = SimulatedCore(properties, wiring.parts, rng)
        self.bench = bench

    @classmethod
    def open(cls, tables: Mapping[str, Any], target: Target, seed: int) -> SimulatedLab:
        """Start the lab.

        Args:
            tables: of the setup file.
            target: the channels of the core.
            seed: of all randomness: of the core, and of the instruments' imperfections.
        """
        properties, problems = read_properties(tables["node"])
        wiring, more = read_wiring(tables)
        if properties is None or more:
            raise ValueError("\n".join(problems + more))
        for_core, for_bench = np.random.default_rng(seed).spawn(2)
        del target  # channels are known by the numbers that drive parts of the node
        return cls(properties, wiring, Bench(tables["instruments"], for_bench), for_core)

    @staticmethod
    def problems(tables: Mapping[str, Any]) -> list[str]:
        """Return everything in a setup that keeps the lab from being simulated, one line each."""
        instruments = entries(tables, "instruments")
        properties, of_node = read_properties(tables.get("node", {}))
        wiring, of_wiring = read_wiring(tables)
        of_roles = [
            f"instruments.{name}.resource: a real {role!r} does not act on the simulated node; "
            f"write {SIMULATED + name!r}"
            for role, name in wiring.instruments.items()
            if not str(instruments[name].get("resource")).startswith(SIMULATED)
        ]
        of_model = _model_problems(properties) if properties else []
        return of_node + of_model + of_wiring + of_roles + Bench.problems(instruments)

    @property
    def resources(self) -> Mapping[str, str]:
        """Resource of the setup file -> address of the simulated instruments behind it."""
        return self.bench.resources

    def load(self, ions: int) -> None:
        """Load a string of ions into the trap."""
        self._core.load(ions, self.surroundings())

    def play(self, program: Program, shots: int) -> Record:
        """Play a program so many times and return what was seen."""
        return self._core.play(program, shots, self.surroundings())

    def rehearse(self, program: Program) -> tuple[str, ...]:
        """Return what of a program the core would lose, in its worst shot, one line each; nothing is played.

        Raises:
            CycleError: the dispatcher of the setup does not fit the clock of the core.
        """
        return tuple(map(str, rehearse(program).faults))

    def dump(self, program: Program) -> bytes:
        """Return what the core's analyzer would record of one shot, as its bytes; nothing is played.

        Raises:
            NoDispatcherError: the setup does not say how fast its core is.
            CycleError: the dispatcher of the setup does not fit the clock of the core.
        """
        return analyzer_dump(program)

    def surroundings(self) -> Surroundings:
        """Return what the instruments make of the lab at this moment."""
        instruments = self._wiring.instruments
        generator = self.bench.generators[instruments["trap rf"]]
        power = generator.power if generator.output else -math.inf
        radial, loss = confinement(self._properties, generator.frequency, power)
        half, quarter = (
            self.bench.angle(instruments[role]) for role in ("half-wave plate", "quarter-wave plate")
        )
        return Surroundings(radial, loss, half, quarter)

    def close(self) -> None:
        """Stop all instruments."""
        self.bench.close()


def _model_problems(properties: NodeProperties) -> list[str]:
    """Return why the model of photon generation cannot take some properties together."""
    try:
        raman_model(properties)
    except PhysicsError as error:
        return [f"node: {error}"]
    return []
