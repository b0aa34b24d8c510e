"""Ramsey fringes over the wait, at three phases of the second pulse."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from control.experiments.textbook.drawing import draw_curve, draw_probabilities, label_axes, tell
from control.experiments.textbook.fitted import Columns, calibration_of, curve_of, dark_columns, quality
from control.experiments.textbook.qubit_shot import QubitExperiment, await_mains, whole_steps
from control.plots import DATA, MEAN
from sequences.declarations import choice, count, flag, quantity
from sequences.errors import DeclaredValueError
from sequences.ir import Block
from sequences.language import serial
from sequences.library import Node, ramsey
from sequences.parameters import Parameter
from sequences.scans import Scan, linear, listed
from sequences.units import show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

wait = Parameter("wait", unit="s", low=0.0, high=10.0, help="between the two pulses")
phase = Parameter("phase", unit="turn", low=-1, high=1, help="of the second pulse")

PHASES: Final = (0.0, 1 / 3, 2 / 3)
"""Of the second pulse, turns: together they tell contrast and detuning, with its sign, at any detuning."""

FASTEST_FRINGE: Final = 0.4
"""Turns from one wait to the next: half a turn is the limit, and the line may be off by some more."""


class Ramsey(QubitExperiment):
    """Lets the qubit precess between two quarter turns: how far is the light off, how long is coherence kept?

    Each wait is measured with three phases of the second pulse, so that the fringe tells on which side of the
    line the light is. Detunings are unambiguous up to half of one over a step of the wait.

    Source: N. Ramsey, Phys. Rev. 78, 695 (1950).
    """

    finds: ClassVar[Mapping[str, str]] = {
        "detuning": "Hz",
        "resonance": "Hz",
        "contrast": "",
        "decay_rate": "1/s",
        "coherence_time": "s",
    }

    detuning: float = quantity(
        "1 kHz", unit="Hz", low="-1 MHz", high="1 MHz", help="of the light from the believed line"
    )
    longest: float = quantity("2 ms", unit="s", low="1 us", high="10 s", help="longest wait")
    steps: int = count(31, low=3, high=1000, help="waits, the first of them 0")
    decay: str = choice("gaussian", among=("gaussian", "exponential"), help="how the contrast falls")
    mains: bool = flag(True, help="whether shots wait for the mains, so that all see its field alike")

    def points(self, node: Node) -> Scan:
        """Return the waits, each with all phases.

        Raises:
            DeclaredValueError: the fringe turns too far from one wait to the next.
        """
        step = whole_steps(self.longest / (self.steps - 1), node.grid)
        if step * abs(self.detuning) > FASTEST_FRINGE:
            raise DeclaredValueError("longest", self._aliased(step))
        return linear(wait, 0.0, (self.steps - 1) * step, self.steps) * listed(phase, PHASES)

    def _aliased(self, step: float) -> str:
        turns, most = step * abs(self.detuning), FASTEST_FRINGE * (self.steps - 1) / abs(self.detuning)
        needed = math.ceil(self.longest * abs(self.detuning) / FASTEST_FRINGE) + 1
        return (
            f"{show(self.longest, 's', 3)} in {self.steps} steps lets the fringe turn {turns:.3g} times from "
            f"one wait to the next, above the limit {FASTEST_FRINGE}: it would look like another detuning. "
            f"Take at most {show(most, 's', 3)}, at least {needed} steps, or a smaller detuning"
        )

    def sequence(self, node: Node) -> Block:
        """Return one shot: prepare, Ramsey's pulses, read out."""
        shot = self.shot(node, ramsey(node, wait, phase, self.detuning))
        return serial(await_mains(node), shot) if self.mains else shot

    def collect(self, run: Run) -> Columns:
        """Return waits and phases, and how often ions went dark."""
        return dark_columns(run, wait.name, phase.name)

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return the true detuning, where the line is as DDS frequency, and how coherence is lost."""
        from data.analysis import Estimate  # noqa: PLC0415 - late, as all analysis
        from data.analysis.fringes import DECAYS, decayed, fit_ramsey, fringe  # noqa: PLC0415

        calibration = calibration_of(run)
        waits, phases, dark, shots = (columns[name] for name in (wait.name, phase.name, "dark", "shots"))
        fit = fit_ramsey(waits, phases, dark, shots, self.decay)
        off, contrast, start, rate, offset = fit.values.tolist()
        passes = calibration.qubit_passes
        line = calibration.analysis_frequency + (self.detuning - off) / passes
        slow = fit["decay_rate"]
        kept = (
            Estimate(1 / slow.value, slow.error / slow.value**2, "s") if slow.value > 2 * slow.error else None
        )

        def curve(turns: float) -> dict[str, list[float]]:
            return curve_of(
                columns[wait.name],
                lambda t: fringe(
                    off * t + start + turns, decayed(t, contrast, rate, DECAYS[self.decay]), offset
                ),
            )

        return {
            "detuning": fit["detuning"],
            "resonance": Estimate(line, fit["detuning"].error / passes, "Hz"),
            "contrast": fit["contrast"],
            "decay_rate": slow,
            "coherence_time": kept,
            **quality(fit),
            "curves": [curve(turns) for turns in PHASES],
        }

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the fringes, one above the other."""
        data = {name: np.array(column) for name, column in results["data"].items()}
        panels = figure.subplots(len(PHASES), 1, sharex=True, sharey=True)
        for index, (axes, turns) in enumerate(zip(panels, PHASES, strict=True)):
            rows = abs(data[phase.name] - turns) < 1e-9
            draw_probabilities(
                axes, data[wait.name][rows], data["dark"][rows], data["shots"][rows], colour=DATA
            )
            draw_curve(axes, results["curves"][index] if "curves" in results else None, colour=MEAN)
            label_axes(axes, "wait" if axes is panels[-1] else "", "s", f"dark, at {360 * turns:.0f}°")
        tell(figure, results, "detuning", "contrast", "coherence_time")
