"""Experiments whose code knows nothing of scans; what they measure in the tiny lab is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from control import Experiment, Point, count, quantity
from control.experiments.point import scan
from data import Run
from sequences import Block, Parameter, Readout, delay, parallel, repeat, serial
from sequences.library import Node
from sequences.scans import Scan, linear

WINDOW = Parameter("window", unit="s", low=1e-6, high=1e-2)


class Gated(Experiment):
    """Opens one gate; mean counts are its analysis."""

    window: float = quantity("1 ms", unit="s", low="1 us", high="10 ms", help="of the gate")
    rest: float = quantity("0 s", unit="s", low="0 s", high="1 ms", help="before the gate")
    times: int = count(1, low=1, high=9, help="gates")

    def sequence(self, node: Node) -> Block:
        pulse = node.doppler.pulse(node.calibration.mapping_pi_time, node.calibration.doppler_frequency)
        gate = node.detector_v.gate(self.window, Readout("clicks"))
        return serial(delay(self.rest), parallel(gate, pulse), repeat(delay(1e-6), self.times))


class Judged(Gated):
    """Measures twice, and has an analysis of its own that uses its parameters."""

    def points(self, node: Node) -> Sequence[Point]:
        return [Point(labels={"pass": "first"}), Point(labels={"pass": "second"})]

    def analyse(self, run: Run) -> Mapping[str, object]:
        clicks = sum(float(record.counts["clicks"].mean()) for record in run.records())
        stored = run.parameters["window"].value
        assert stored == self.window
        return {
            "rate": clicks / len(run) / self.window,
            "rate_error": (clicks / self.shots) ** 0.5 / len(run) / self.window,
            "passes": [str(point["pass"]) for point in run.points],
        }


class Spread(Judged):
    """Says the same with units, in both ways, and something that not every value tells."""

    def analyse(self, run: Run) -> Mapping[str, object]:
        rate = super().analyse(run)
        long = self.window > 1e-3
        return {
            "click_time": {"value": 1 / float(str(rate["rate"])), "error": 1e-6, "unit": "s"},
            "seen_probability": 0.25 if long else None,
            "seen_probability_error": 0.01 if long else None,
            "rate": rate["rate"],
            "rate_error": rate["rate_error"],
            "length": self.window,
            "units": {"rate": "1/s", "length": "s"},
        }


class Stubborn(Gated):
    """Decides by the numbers, one way or another."""

    def sequence(self, node: Node) -> Block:
        if self.window > 5e-3:
            return node.detector_v.gate(5e-3, Readout("clicks"))
        if self.rest == 0.0:
            return node.detector_v.gate(self.window, Readout("clicks"))
        return super().sequence(node)


class Derived(Gated):
    """Works out a number beforehand, behind the back of a scan."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "twice", 2 * self.window)

    def sequence(self, node: Node) -> Block:
        return serial(super().sequence(node), delay(vars(self)["twice"]))


class Swept(Gated):
    """Gives a scan as its points."""

    def points(self, node: Node) -> Scan:
        return linear(WINDOW, self.window, 2 * self.window, 3)

    def sequence(self, node: Node) -> Block:
        return serial(delay(self.rest), node.detector_v.gate(WINDOW, Readout("clicks")))


class Crossed(Swept):
    """Gives points of two parameters."""

    def points(self, node: Node) -> Sequence[Point]:  # type: ignore[override]
        return [
            Point({**point.parameters, "pause": pause})
            for point in scan(WINDOW, [1e-3, 2e-3])
            for pause in (1e-6, 2e-6)
        ]

    def sequence(self, node: Node) -> Block:
        return serial(delay(Parameter("pause", unit="s")), super().sequence(node))
