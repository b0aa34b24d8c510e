"""Two small experiments whose results in the tiny lab are known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from control import Experiment, Point, count, quantity, scan
from data import Run
from sequences import Block, Parameter, Readout, serial
from sequences.library import Node

WINDOW = Parameter("window", unit="s", low=1e-6, high=1e-2)


class WindowScan(Experiment):
    """Counts photons in windows of growing length."""

    longest: float = quantity("1 ms", unit="s", low="10 us", high="10 ms", help="the last window")
    steps: int = count(4, low=1, high=100, help="windows")

    def points(self, node: Node) -> Sequence[Point]:
        return scan(WINDOW, [self.longest * (step + 1) / self.steps for step in range(self.steps)])

    def sequence(self, node: Node) -> Block:
        return serial(
            node.detector_v.gate(WINDOW, Readout("clicks")), node.camera.expose(1e-3, Readout("ions"))
        )

    def analyse(self, run: Run) -> Mapping[str, object]:
        windows = [point["window"] for point in run.points]
        if len(windows) < 2:
            raise ValueError("two windows are needed")
        means = [record.counts["clicks"].mean() for record in run.records()]
        return {"rate": float((means[-1] - means[0]) / (float(windows[-1]) - float(windows[0])))}


class PlateScan(Experiment):
    """Turns the wave plate before the counter."""

    def points(self, node: Node) -> Sequence[Point]:
        angles = {"open": 0.0, "half": 0.125, "closed": 0.25}
        return [Point({}, {"plate": {"angle": angle}}, {"state": name}) for name, angle in angles.items()]

    def sequence(self, node: Node) -> Block:
        return node.detector_v.gate(10e-3, Readout("clicks"))
