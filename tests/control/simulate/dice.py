"""Experiments for the dicing lab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from control import Experiment, Point, choice, count, flag, quantity, scan
from data import Run
from sequences import Block, Parameter, Readout, delay, per_shot, serial
from sequences.library import Node

WINDOW = Parameter("window", unit="s", low=1e-6, high=1e-1)


class Dice(Experiment):
    """Throws dice in two windows, and tells the rate."""

    longest: float = quantity("2 ms", unit="s", low="10 us", high="10 ms", help="the last window")
    steps: int = count(2, low=1, high=100, help="windows")
    detector: str = choice("v", among=("h", "v"), help="which one counts")
    upside_down: bool = flag(False, help="longest window first")
    rest: float | None = quantity(unit="s", low="0 s", high="1 ms", optional=True, help="after the window")

    def points(self, node: Node) -> Sequence[Point]:
        windows = [self.longest * (step + 1) / self.steps for step in range(self.steps)]
        return scan(WINDOW, windows[::-1] if self.upside_down else windows)

    def sequence(self, node: Node) -> Block:
        detector = node.detector_v if self.detector == "v" else node.detector_h
        return serial(detector.gate(WINDOW, Readout("clicks")), delay(self.rest or 0.0))

    def analyse(self, run: Run) -> Mapping[str, object]:
        clicks = sum(int(record.counts["clicks"].sum()) for record in run.records())
        if clicks < 3:
            raise ValueError("too few clicks")
        seconds = sum(float(point["window"]) for point in run.points) * len(run.record(0).start_ps)
        resampled = np.random.default_rng(run.header.seed).poisson(clicks, 10)
        return {
            "rate": clicks / seconds,
            "rate_error": clicks**0.5 / seconds,
            "resampled": float(resampled.mean()),
            "points_measured": len(run),
            "shape": {"edges": [0.0, 1.0]},
        }


class Steps(Experiment):
    """Default analysis: a row a point."""

    def points(self, node: Node) -> Sequence[Point]:
        return scan(WINDOW, [1e-3, 2e-3])

    def sequence(self, node: Node) -> Block:
        return node.detector_v.gate(WINDOW, Readout("clicks"))


class Different(Experiment):
    """Shots that differ: phases repeat after three."""

    def sequence(self, node: Node) -> Block:
        phase = per_shot([0.0, 0.25, 0.5])
        return serial(
            node.qubit.pulse(1e-6, node.calibration.analysis_frequency, 0.5, phase),
            node.detector_v.gate(1e-3, Readout("clicks")),
        )


class Turned(Experiment):
    """Sets an instrument at its points."""

    def points(self, node: Node) -> Sequence[Point]:
        return [Point({}, {"trap_rf": {"power": -3.0}})]

    def sequence(self, node: Node) -> Block:
        return node.detector_v.gate(1e-3, Readout("clicks"))
