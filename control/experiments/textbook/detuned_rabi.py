"""The line of the qubit in a pulse of weak light."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from control.experiments.textbook.drawing import draw_curve, draw_probabilities, label_axes, tell
from control.experiments.textbook.fitted import Columns, calibration_of, curve_of, dark_columns, quality
from control.experiments.textbook.qubit_shot import QubitExperiment
from sequences.declarations import count, quantity
from sequences.errors import DeclaredValueError
from sequences.ir import Block
from sequences.library import Node, rabi
from sequences.parameters import Parameter
from sequences.scans import Scan, centred
from sequences.units import show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

detuning = Parameter("detuning", unit="Hz", low=-20e6, high=20e6, help="of the light from the believed line")


class DetunedRabi(QubitExperiment):
    """Scans weak 729 nm light over the qubit's line: where is it, and how strong is the light?

    The pulse is a pi pulse of light weakened by `strength`. Its line is as wide as the pulse is short.

    Source: I. Rabi, Phys. Rev. 51, 652 (1937).
    """

    finds: ClassVar[Mapping[str, str]] = {
        "centre": "Hz",
        "resonance": "Hz",
        "rabi_frequency": "Hz",
        "contrast": "",
    }

    strength: float = quantity(0.2, low=0.001, high=1, help="of the light's field, 1 is calibrated")
    span: float = quantity("80 kHz", unit="Hz", low="10 Hz", high="20 MHz", help="width of the scan")
    steps: int = count(41, low=3, high=1000, help="detunings")

    def points(self, node: Node) -> Scan:
        """Return the detunings.

        Raises:
            DeclaredValueError: they lie further apart than the line is wide.
        """
        width = 1 / self.pulse(node.calibration.analysis_pi_time, node.grid)
        if self.span / (self.steps - 1) > width:
            apart, most = self.span / (self.steps - 1), width * (self.steps - 1)
            reason = (
                f"{show(self.span, 'Hz', 3)} in {self.steps} steps looks every {show(apart, 'Hz', 3)}, but "
                f"the line is only {show(width, 'Hz', 3)} wide; take at most {show(most, 'Hz', 3)}, at least "
                f"{math.ceil(self.span / width) + 1} steps, or stronger light"
            )
            raise DeclaredValueError("span", reason)
        return centred(detuning, 0.0, self.span, self.steps)

    def sequence(self, node: Node) -> Block:
        """Return one shot: prepare, a pi pulse off resonance, read out."""
        return self.shot(
            node,
            rabi(node, self.pulse(node.calibration.analysis_pi_time, node.grid), detuning, self.strength),
        )

    def pulse(self, pi_time: float, grid: float) -> float:
        """Return how long a pi pulse of weakened light is, s."""
        return max(round(pi_time / self.strength / grid), 1) * grid

    def collect(self, run: Run) -> Columns:
        """Return detunings, and how often ions went dark."""
        return dark_columns(run, detuning.name)

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return the centre of the line as detuning and as DDS frequency, and the Rabi frequency in it."""
        from data.analysis import Estimate  # noqa: PLC0415 - late, as all analysis
        from data.analysis.flops import contrast, fit_resonance, rabi_line  # noqa: PLC0415

        calibration = calibration_of(run)
        length = calibration.analysis_pi_time / self.strength
        fit = fit_resonance(columns[detuning.name], columns["dark"], columns["shots"], length)
        centre, speed, floor, share = fit.values.tolist()
        passes = calibration.qubit_passes
        line = calibration.analysis_frequency + centre / passes
        return {
            "centre": fit["centre"],
            "resonance": Estimate(line, fit["centre"].error / passes, "Hz"),
            "rabi_frequency": fit["rabi_frequency"],
            "contrast": fit.derived(lambda values: contrast(*values[2:].tolist())),
            **quality(fit),
            "curve": curve_of(
                columns[detuning.name],
                lambda x: floor + contrast(floor, share) * rabi_line(x - centre, length, speed),
            ),
        }

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the line."""
        axes, data = figure.subplots(), results["data"]
        draw_probabilities(axes, data[detuning.name], data["dark"], data["shots"])
        draw_curve(axes, results.get("curve"))
        label_axes(axes, "detuning of the light", "Hz", "probability to be dark")
        tell(figure, results, "centre", "rabi_frequency")
