"""A lab small enough to be predicted: gates count light at the rate that the setup says.

A counter sees ``rate`` clicks a second of gate, times Malus' law of the wave plate's true angle; a camera
sees ``rate`` counts a second from each ion. Its instruments are the simulated ones, on real sockets.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.columns import Attempts, Record, TimeTags
from hardware_sim.instruments import Server, serve_tcp
from hardware_sim.instruments.ell14 import Ell14Mount, Ell14Specification
from hardware_sim.instruments.ell14_bus import Ell14Bus
from hardware_sim.instruments.smc100a import SimulatedSmc100a
from sequences import AttemptLoop, Kind, Operation, Play, Program, RepeatLoop, Target
from sequences.program import Step

SPEED = 1000.0  # a turn of the mount takes a millisecond


class TinyLab:
    """Plays programs with the instruments as they are."""

    def __init__(self, tables: Mapping[str, Any], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._rate = float(tables["node"]["rate"]["value"])
        self._interrupt_at = int(tables["node"].get("interrupt_at", {"value": 0})["value"])
        self._played = 0
        self.ions = 0
        self.mount = Ell14Mount("11400197", np.random.default_rng(1), Ell14Specification(accuracy=0.0))
        self.source = SimulatedSmc100a()
        self._servers: list[Server] = []
        self.resources: dict[str, str] = {}
        for instrument in tables.get("instruments", {}).values():
            if not instrument["resource"].startswith("simulated:"):
                continue
            endpoint = {"ell14": Ell14Bus({"0": self.mount}), "smc100a": self.source}[instrument["driver"]]
            self._servers.append(serve_tcp(endpoint, speed=SPEED))
            self.resources[instrument["resource"]] = self._servers[-1].resource

    @classmethod
    def open(cls, tables: Mapping[str, Any], target: Target, seed: int) -> TinyLab:
        return cls(tables, seed)

    @staticmethod
    def problems(tables: Mapping[str, Any]) -> list[str]:
        known = {"rate", "interrupt_at"}
        return [f"node.{key}: unknown key" for key in tables.get("node", {}) if key not in known]

    def load(self, ions: int) -> None:
        self.ions = ions

    def play(self, program: Program, shots: int) -> Record:
        self._played += 1
        if self._played == self._interrupt_at:
            raise KeyboardInterrupt
        gates = _gate_seconds(program)
        light = self._rate
        if "simulated:plate" in self.resources:
            light *= math.cos(2 * math.pi * self.mount.angle(self._servers[0].now())) ** 2
        means: dict[str, list[float]] = {}
        for row, readout in enumerate(program.readouts):
            camera = program.target.by_number[readout.channel].kind is Kind.CAMERA
            mean = [self._rate * gates[row]] * self.ions if camera else [light * gates[row]]
            means.setdefault(readout.name, []).extend(mean)
        counts = {
            name: self._rng.poisson(mean, (shots, len(mean))).astype(np.int32) for name, mean in means.items()
        }
        return Record(shots, np.arange(shots) * 1000, shots * 1000, counts, _no_attempts(), _no_tags())

    def close(self) -> None:
        for server in self._servers:
            server.close()


def _gate_seconds(program: Program) -> NDArray[np.float64]:
    """Return how long each readout is open in a shot that uses all its attempts."""
    seconds = np.zeros(len(program.readouts))
    _add(program.steps, 1, program.target.period, seconds)
    return seconds


def _add(steps: Iterable[Step], times: int, period: float, seconds: NDArray[np.float64]) -> None:
    for step in steps:
        match step:
            case Play(timeline):
                for operation, sign in ((Operation.OPEN, -1), (Operation.CLOSE, 1)):
                    rows = timeline.operation == operation
                    at = timeline.value[rows].astype(int)
                    np.add.at(seconds, at, sign * times * period * timeline.time[rows])
            case RepeatLoop(count, inner):
                _add(inner, times * count, period, seconds)
            case AttemptLoop():
                _add(step.steps, times * step.maximum, period, seconds)


def _no_attempts() -> Attempts:
    return Attempts(
        np.zeros(0, np.int64), np.zeros(0, np.uint16), np.zeros(0, np.int64), np.zeros(0, np.bool_)
    )


def _no_tags() -> TimeTags:
    long, short = np.zeros(0, np.int64), np.zeros(0, np.uint16)
    return TimeTags(long, short, long, short, short, long)
