"""The node of the shipped setup file for tests of this room, read without the control room's help."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from data.columns import Record
from hardware_sim.core.core import SimulatedCore
from hardware_sim.core.outputs import Outputs
from hardware_sim.core.player import Player
from hardware_sim.core.signals import Standing
from hardware_sim.core.stage import Stage
from hardware_sim.core.triggers import LINE, REMOTE, Triggers
from hardware_sim.properties import NodeProperties, read_properties
from hardware_sim.surroundings import Surroundings, confinement
from hardware_sim.wiring import Wiring, read_wiring
from sequences.compiler import compile_sequence
from sequences.declarations import declarations
from sequences.ir import Block, Readout
from sequences.language import sequence
from sequences.library import Calibration, Node
from sequences.program import Program
from sequences.target import Channel, Kind, Target
from sequences.timeline import Operation, Timeline
from sequences.units import parse

Event: TypeAlias = tuple[float, str, Operation, float]

SETUP = Path(__file__).parents[2] / "control" / "setups" / "innsbruck.toml"


@dataclass(frozen=True)
class Innsbruck:
    """The shipped node, and how to play on it."""

    tables: Mapping[str, Any]
    node: Node
    wiring: Wiring
    properties: NodeProperties

    def program(self, block: Block, values: Mapping[str, float] | None = None) -> Program:
        """Compile a block."""
        return compile_sequence(sequence("test", block), self.node.target, values or {})

    def timeline(self, duration: float, *events: Event) -> Timeline:
        """Return a timeline of some duration (s) from the time (s) of light, channel, operation and value."""
        target, rows = self.node.target, []
        for time, name, operation, value in events:
            channel = target.by_name[name]
            ticks = round(time / target.period) + int(target.shifts[channel.number])
            rows.append((ticks, channel.number, operation, value))
        columns = [*zip(*sorted(rows, key=lambda row: row[0]), strict=True)] or [(), (), (), ()]
        return Timeline(
            round(duration / target.period),
            np.array(columns[0], dtype=np.int64),
            np.array(columns[1], dtype=np.uint16),
            np.array(columns[2], dtype=np.uint8),
            np.array(columns[3], dtype=np.float64),
            np.zeros(len(rows), dtype=np.uint32),
        )

    def listening(self) -> Innsbruck:
        """Return the lab with three trigger inputs: "mains", "remote", and "loose", which nothing drives."""
        names = enumerate(("mains", "remote", "loose"), start=40)
        inputs = tuple(Channel(name, Kind.TRIGGER, number, 8e-9) for number, name in names)
        others = (channel for channel in self.node.target.channels if channel.kind is not Kind.TRIGGER)
        target = replace(self.node.target, channels=(*others, *inputs))
        channels = {**self.wiring.channels, LINE: 40, REMOTE: 41}
        return replace(
            self, node=replace(self.node, target=target), wiring=replace(self.wiring, channels=channels)
        )

    def surroundings(self, plates: tuple[float, float] = (0.0, 0.0)) -> Surroundings:
        """Return the lab with the nominal drive and the plates at some angles (turns) from their zeros."""
        own = self.properties
        radial, loss = confinement(own, own.rf_frequency, own.rf_power)
        return Surroundings(
            radial, loss, own.half_wave_plate_mount + plates[0], own.quarter_wave_plate_mount + plates[1]
        )

    def core(self, ions: int, seed: int) -> SimulatedCore:
        """Return a core with a string in its trap."""
        core = SimulatedCore(self.properties, self.wiring.parts, np.random.default_rng(seed))
        core.load(ions, self.surroundings())
        return core

    def play(
        self,
        block: Block,
        shots: int,
        *,
        ions: int = 1,
        seed: int = 1,
        plates: tuple[float, float] = (0.0, 0.0),
    ) -> Record:
        """Play a block on a new string."""
        return self.play_program(self.program(block), shots, ions=ions, seed=seed, plates=plates)

    def play_program(
        self,
        program: Program,
        shots: int,
        *,
        ions: int = 1,
        seed: int = 1,
        plates: tuple[float, float] = (0.0, 0.0),
    ) -> Record:
        """Play a program on a new string."""
        return self.core(ions, seed).play(program, shots, self.surroundings(plates))

    def stage(
        self, shots: int, *, ions: int = 1, seed: int = 1, block: Block | Program | None = None
    ) -> Stage:
        """Return a stage with ions at rest in S1/2(-1/2), or what is played makes of the usual start."""
        core = self.core(ions, seed)
        played = block or self.node.camera.expose(1e-6, Readout("nothing"))
        program = played if isinstance(played, Program) else self.program(played)
        stage = core._set_stage(program, np.zeros(shots, dtype=np.int64), self.surroundings())
        if block is None:
            stage.ensemble.coherent[:] = stage.ensemble.other[:] = stage.ensemble.motion[:] = 0.0
            stage.ensemble.coherent[..., 0, 0] = 1.0
        else:
            silent = replace(self.properties, detector_dark_rate_h=0.0, detector_dark_rate_v=0.0)
            stage.properties = silent
            triggers = Triggers(silent, np.random.default_rng(seed))
            player = Player(stage, program, self.wiring.parts, triggers)
            player.play(Outputs(Standing(), stage.endcaps.memory))
        return stage

    def but(self, **properties: float) -> Innsbruck:
        """Return the lab with other properties of its node."""
        return replace(self, properties=replace(self.properties, **properties))

    def believing(self, **calibration: float) -> Innsbruck:
        """Return the lab with other calibrated values."""
        return replace(
            self, node=replace(self.node, calibration=replace(self.node.calibration, **calibration))
        )


@pytest.fixture(scope="session")
def innsbruck() -> Innsbruck:
    """The shipped node with all its imperfections."""
    tables = tomllib.loads(SETUP.read_text(encoding="utf-8"))
    properties, problems = read_properties(tables["node"])
    wiring, more = read_wiring(tables)
    assert properties is not None
    assert not problems + more
    calibration = {
        name: declared.read(name, tables["calibration"][name]["value"])
        for name, declared in declarations(Calibration).items()
        if name in tables["calibration"]
    }
    target = Target("innsbruck", 1e-9, tuple(_channel(*item) for item in tables["channels"].items()))
    return Innsbruck(tables, Node.of(target, Calibration(**calibration)), wiring, properties)


@pytest.fixture(scope="session")
def quiet(innsbruck: Innsbruck) -> Innsbruck:
    """The shipped node without noise, heat and dark counts: what is left can be calculated."""
    return innsbruck.but(
        initial_quanta=0.0,
        initial_dark=0.0,
        heating_rate=0.0,
        magnetic_noise=0.0,
        magnetic_flicker=0.0,
        mains_field=0.0,
        qubit_linewidth=0.0,
        qubit_intensity_noise=0.0,
        detector_dark_rate_h=0.0,
        detector_dark_rate_v=0.0,
        path_transmission=1.0,
    )


def _channel(name: str, table: Mapping[str, Any]) -> Channel:
    times = {key: parse(table.get(key, "0 s"), "s") for key in ("grid", "latency", "spacing")}
    return Channel(name, Kind(table["kind"]), table["number"], **times)
