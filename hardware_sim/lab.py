"""The simulated lab: instruments on loopback, a timing core, and the node that both act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from data.columns import Record
from hardware_sim.bench import SIMULATED, Bench
from hardware_sim.core.core import SimulatedCore
from hardware_sim.core.raman_beam import refuse_impossible_photons
from hardware_sim.loose_bench import LooseBench
from hardware_sim.physics.errors import PhysicsError
from hardware_sim.properties import NodeProperties, read_properties
from hardware_sim.rtio import analyzer_dump, rehearse
from hardware_sim.surroundings import Surroundings
from hardware_sim.wiring import SENSING, Wiring, entries, read_wiring, require_node
from hardware_sim.world.events import EVENTS
from hardware_sim.world.pace import Pace
from hardware_sim.world.seen import SeenWeather
from hardware_sim.world.world import World
from sequences.program import Program
from sequences.target import Target
from sequences.units import show


class SimulatedLab:
    """A lab that a setup file names as ``hardware_sim:SimulatedLab``.

    Instruments are reached through their own wire protocols only; whatever was set on them before a program
    is played acts on the ions and photons of that program.
    """

    simulated = NodeProperties
    """Declares what the ``[node]`` table holds; a lab that has this is a simulated one."""

    events = tuple(EVENTS)
    """What can be provoked."""

    def __init__(
        self,
        properties: NodeProperties,
        wiring: Wiring,
        bench: Bench,
        rng: np.random.Generator,
        world: World | None = None,
        pace: Pace | None = None,
        seen: SeenWeather | None = None,
    ) -> None:
        """Put a lab together.

        Args:
            properties: of the node.
            wiring: what drives which part of it.
            bench: its instruments.
            rng: source of all randomness of what is played.
            world: what drifts and happens; None for a lab in which nothing does.
            pace: of lab time; None for the fastest.
            seen: what instruments see of the weather; None if they see none.
        """
        self._properties = properties
        self._wiring = wiring
        self._core = SimulatedCore(properties, wiring.parts, rng, world)
        self._pace = pace or Pace()
        self._seen = seen
        self.bench = bench

    @classmethod
    def open(cls, tables: Mapping[str, Any], target: Target, seed: int) -> SimulatedLab:
        """Start the lab.

        Args:
            tables: of the setup file.
            target: the channels of the core.
            seed: of all randomness: of the core, and of the instruments' imperfections.

        Raises:
            ValueError: the setup has problems, or cannot be played; nothing was started.
        """
        properties, wiring = require_node(tables, cls.unplayable(tables))
        for_core, for_bench, for_world = np.random.default_rng(seed).spawn(3)
        del target  # channels are known by the numbers that drive parts of the node
        world = World(properties, for_world)
        seen = SeenWeather(world)
        bench = Bench(tables["instruments"], for_bench, properties, wiring.instruments, weather=seen)
        return cls(properties, wiring, bench, for_core, world, seen=seen)

    @staticmethod
    def start_bench(tables: Mapping[str, Any], seed: int, speed: float) -> LooseBench:
        """Start the instruments of a setup without ions and core; a drifting lab around them.

        Args:
            tables: of the setup file.
            seed: of the instruments' imperfections, and of what drifts.
            speed: lab seconds per second.
        """
        return LooseBench(tables, seed, speed)

    @staticmethod
    def problems(tables: Mapping[str, Any]) -> list[str]:
        """Return everything in a setup that keeps the lab from being simulated, one line each.

        Instruments may be real: they can be looked at and set. `unplayable` says which of them cannot be
        part of a run.
        """
        instruments = entries(tables, "instruments")
        properties, of_node = read_properties(tables.get("node", {}))
        _, of_wiring = read_wiring(tables)
        of_model = _model_problems(properties) if properties else []
        return of_node + of_model + of_wiring + Bench.problems(instruments)

    @staticmethod
    def unplayable(tables: Mapping[str, Any]) -> list[str]:
        """Return the instruments that should act on the ions of a run and cannot, one line each."""
        instruments, (wiring, _) = entries(tables, "instruments"), read_wiring(tables)
        acting = {role: name for role, name in wiring.instruments.items() if role not in SENSING}
        found = (_unplayable(role, name, instruments[name]) for role, name in acting.items())
        return [problem for problem in found if problem]

    @property
    def resources(self) -> Mapping[str, str]:
        """Resource of the setup file -> address of the simulated instruments behind it."""
        return self.bench.resources

    @property
    def world(self) -> World:
        """What drifts and happens around the ions."""
        return self._core.world

    def load(self, ions: int, taking: float = 0.0) -> None:
        """Load a string of ions into the trap.

        Args:
            ions: how many.
            taking: lab time that it takes, s. A real lab needs 5 to 10 minutes; drifts go on meanwhile.

        Source: Schupp, thesis Innsbruck 2021, sec. 4.2, for the time.
        """
        self._core.load(ions, self.surroundings(), taking)
        self._look_out()

    def play(self, program: Program, shots: int) -> Record:
        """Play a program so many times and return what was seen."""
        record = self._core.play(program, shots, self.surroundings())
        self._look_out()
        return record

    def catch_up(self) -> None:
        """Wait until the wall has caught up with lab time, at the pace that `run_at` was given.

        Apart from `play`, so that what was seen is safe when somebody tires of waiting.
        """
        self._pace.keep(self.now)

    @property
    def now(self) -> float:
        """Lab time since the lab was started, s."""
        return self._core.now_ps * 1e-12

    def provoke(self, event: str, at: float) -> None:
        """Let something happen to the lab.

        Args:
            event: one of `events`.
            at: lab time, s; one that has passed means the next shot.

        Raises:
            UnknownEvent: it is none of them.
            ImpossibleTime: before the lab was started, or never.
        """
        self.world.provoke(event, at)

    def run_at(self, pace: float) -> None:
        """Let lab time run at most so many times as fast as the wall's from now on; infinity for no limit.

        It is `catch_up` that waits.

        Raises:
            ImpossiblePace: it is not above zero.
        """
        self._pace.change(pace, self.now)

    def state(self) -> Mapping[str, tuple[float, str]]:
        """Return what is true of the lab now: name -> value and unit."""
        return self.world.state(self._core.now_ps)

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
        return self.bench.apparatus.surroundings()

    def _look_out(self) -> None:
        """Let instruments see how far the lab has drifted by now."""
        if self._seen is not None:
            self._seen.look(self._core.now_ps)

    def close(self) -> None:
        """Stop all instruments."""
        self.bench.close()


def _unplayable(role: str, name: str, entry: Mapping[str, Any]) -> str:
    """Return why an instrument does not act on what this lab plays; empty if it does."""
    if not str(entry.get("resource")).startswith(SIMULATED):
        return (
            f"instruments.{name}.resource: a real {role!r} does not act on the simulated node; "
            f"write {SIMULATED + name!r}"
        )
    if controller := entry.get("controller"):
        return (
            f"instruments.{name}.controller: the {role!r} behind {controller} is not in the lab of this run "
            "and does not act on its ions; leave the controller out"
        )
    return ""


def _model_problems(properties: NodeProperties) -> list[str]:
    """Return what of some properties cannot be true together, or is nothing that a model takes."""
    problems = []
    try:
        refuse_impossible_photons(properties)
    except PhysicsError as error:
        problems.append(f"node: {error}")
    low, high = properties.magnetic_flicker_low, properties.magnetic_flicker_high
    if low >= high:
        problems.append(
            f"node: magnetic_flicker_low is {show(low, 'Hz')}, but must be below magnetic_flicker_high, "
            f"{show(high, 'Hz')}: the noise lies between them; for none, let magnetic_flicker be 0 T"
        )
    return problems
