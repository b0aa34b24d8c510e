"""The contrast of Hahn's echo over the wait."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from control.experiments.textbook.drawing import draw_curve, draw_values, label_axes, tell
from control.experiments.textbook.fitted import Columns, curve_of, dark_columns, quality
from control.experiments.textbook.qubit_shot import QubitExperiment, await_mains, whole_steps
from sequences.declarations import count, flag, quantity
from sequences.errors import DeclaredValueError
from sequences.ir import Block
from sequences.language import serial
from sequences.library import Node, spin_echo
from sequences.parameters import Parameter
from sequences.scans import Scan, linear, listed
from sequences.units import show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

wait = Parameter("wait", unit="s", low=0.0, high=10.0, help="between the two quarter turns")
phase = Parameter("phase", unit="turn", low=-1, high=1, help="of the last pulse")


class SpinEcho(QubitExperiment):
    """Measures the contrast of an echo against the wait: how long is the qubit kept if it is refocused?

    A half turn in the middle of the wait undoes what stays the same in both halves. What is left falls
    exponentially where noise is fast or the upper level decays, and faster where noise is slow; where next to
    nothing is lost, the law of it stays open, and the rate is that of an exponential. Shots wait
    for the mains, whose field then turns the qubit by the same angle in each shot, another one at each wait:
    that shifts fringes, and leaves their contrast.

    Source: E. Hahn, Phys. Rev. 80, 580 (1950).
    """

    finds: ClassVar[Mapping[str, str]] = {
        "contrast": "",
        "decay_rate": "1/s",
        "coherence_time": "s",
        "exponent": "",
        "phase": "turn",
    }

    longest: float = quantity("100 ms", unit="s", low="10 us", high="10 s", help="longest wait")
    steps: int = count(11, low=3, high=1000, help="waits")
    phases: int = count(4, low=3, high=100, help="phases of the last pulse at each wait")
    mains: bool = flag(True, help="whether shots wait for the mains, so that all see its field alike")

    def points(self, node: Node) -> Scan:
        """Return the waits, each with phases around a turn.

        Raises:
            DeclaredValueError: the shortest wait has no room for the half turn.
        """
        # The half turn lies in the middle of the wait: it must find room, and both halves the grid.
        step = whole_steps(self.longest / self.steps, 2 * node.grid)
        half_turn = math.ceil(node.calibration.analysis_pi_time / (2 * node.grid) - 1e-6) * 2 * node.grid
        if step < half_turn - node.grid / 2:
            reason = (
                f"{show(self.longest, 's', 4)} in {self.steps} steps begins with {show(step, 's', 4)}, but "
                f"the half turn in the middle needs {show(half_turn, 's', 4)}; take at least "
                f"{show(self.steps * half_turn, 's', 4)}, or fewer steps"
            )
            raise DeclaredValueError("longest", reason)
        waits = linear(wait, step, self.steps * step, self.steps)
        return waits * listed(phase, [k / self.phases for k in range(self.phases)])

    def sequence(self, node: Node) -> Block:
        """Return one shot: prepare, echo, read out."""
        shot = self.shot(node, spin_echo(node, wait, phase))
        return serial(await_mains(node), shot) if self.mains else shot

    def collect(self, run: Run) -> Columns:
        """Return waits and phases, and how often ions went dark."""
        return dark_columns(run, wait.name, phase.name)

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return how the contrast is lost, and the contrast at each wait."""
        from data.analysis import Estimate  # noqa: PLC0415 - late, as all analysis
        from data.analysis.fringes import contrast_at, decayed, fit_coherence, phase_shifts  # noqa: PLC0415

        times, turns, dark, shots = (columns[name] for name in (wait.name, phase.name, "dark", "shots"))
        found = 0
        if self.mains:
            shifts, found = phase_shifts(times, turns, dark, shots)
            turns = turns + shifts
        fit = fit_coherence(times, turns, dark, shots, spent=max(found - 1, 0))
        contrast, rate, start = (fit[name].value for name in ("contrast", "decay_rate", "phase"))
        law = fit.estimates.get("exponent")
        exponent = 1.0 if law is None else law.value
        slow = fit["decay_rate"]
        kept = (
            Estimate(1 / slow.value, slow.error / slow.value**2, "s") if slow.value > 2 * slow.error else None
        )
        waits = np.unique(times)
        rows = [times == time for time in waits]
        seen = [contrast_at(turns[row], dark[row], shots[row], start) for row in rows]
        return {
            "contrast": fit["contrast"],
            "decay_rate": slow,
            "coherence_time": kept,
            "exponent": law,
            "phase": fit["phase"],
            **quality(fit),
            "contrasts": {
                "wait": waits.tolist(),
                "value": [one.value for one in seen],
                "error": [one.error for one in seen],
            },
            "curve": curve_of([0.0, waits.max()], lambda t: decayed(t, contrast, rate, exponent)),
        }

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the contrast."""
        axes = figure.subplots()
        if "contrasts" in results:
            draw_values(axes, *(results["contrasts"][column] for column in ("wait", "value", "error")))
        draw_curve(axes, results.get("curve"))
        axes.axhline(0, color="0.7", lw=0.6)
        label_axes(axes, "wait", "s", "contrast of the echo")
        tell(figure, results, "contrast", "coherence_time")
