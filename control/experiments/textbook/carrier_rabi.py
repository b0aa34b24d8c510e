"""Rabi flops on the carrier."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from control.experiments.textbook.drawing import draw_curve, draw_probabilities, label_axes, tell
from control.experiments.textbook.fitted import Columns, calibration_of, curve_of, dark_columns, quality
from control.experiments.textbook.qubit_shot import QubitExperiment, thermal_modes
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.library import Node, rabi
from sequences.parameters import Parameter
from sequences.scans import Scan, linear

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

duration = Parameter("duration", unit="s", low=8e-9, high=10e-3, help="of the 729 nm pulse")


class CarrierRabi(QubitExperiment):
    """Flops the qubit with pulses of growing length: how strong is the light, how warm are the ions?

    The flops of a warm ion wash out, since every number of phonons has a Rabi frequency of its own. Modes are
    taken to be as warm as Doppler cooling leaves them: a beam that meets a mode flatly cools it less. Equally
    warm modes instead would make the Rabi frequency of an ion at rest 0.4 % too low for a beam at 45 degrees.

    Source: D. Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. II.
    """

    finds: ClassVar[Mapping[str, str]] = {
        "rabi_frequency": "Hz",
        "pi_time": "s",
        "phonons": "",
        "contrast": "",
    }

    longest: float = quantity("150 us", unit="s", low="1 us", high="10 ms", help="longest pulse")
    steps: int = count(50, low=3, high=1000, help="pulse lengths")
    beam_cosine: float = quantity(0.7071, low=-1, high=1, help="of the 729 nm beam against the trap axis")
    cooling_cosine: float = quantity(
        0.7071, low=0.1, high=0.99, help="of the 397 nm beam against the trap axis"
    )

    def points(self, node: Node) -> Scan:
        """Return the pulse lengths."""
        step = max(round(self.longest / self.steps / node.grid), 1) * node.grid
        return linear(duration, step, self.steps * step, self.steps)

    def sequence(self, node: Node) -> Block:
        """Return one shot: prepare, drive, read out."""
        return self.shot(node, rabi(node, duration))

    def collect(self, run: Run) -> Columns:
        """Return pulse lengths, and how often ions went dark."""
        return dark_columns(run, duration.name)

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return Rabi frequency of an ion at rest, pi time of these ions, phonons of the slowest mode."""
        from data.analysis.flops import averaged_flop, contrast, fit_flop  # noqa: PLC0415 - late, as all analysis
        from data.analysis.thermal import carrier_factors, equal_temperature  # noqa: PLC0415

        calibration = calibration_of(run)
        etas, frequencies = thermal_modes(calibration, self.transport(calibration), self.beam_cosine)
        # A mode that is warmer has the phonons of an equally warm one that is slower.
        modes = (etas, frequencies / self.warmth())
        times = columns[duration.name]
        fit = fit_flop(times, columns["dark"], columns["shots"], *modes)
        speed, quanta, floor, share = fit.values.tolist()

        def pi_time(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
            factors, weights = carrier_factors(etas, equal_temperature(float(values[1]), modes[1]))
            return float(0.5 / (values[0] * (factors @ weights)))

        factors = carrier_factors(etas, equal_temperature(quanta, modes[1]))
        height = contrast(floor, share)
        return {
            "rabi_frequency": fit["rabi_frequency"],
            "pi_time": fit.derived(pi_time, "s"),
            "phonons": fit["phonons"],
            "contrast": fit.derived(lambda values: contrast(*values[2:].tolist())),
            "mode_frequency": float(frequencies[0]),
            **quality(fit),
            "curve": curve_of(
                [0.0, times.max()],
                lambda t: floor + height * averaged_flop(t, speed, *factors),
            ),
        }

    def warmth(self) -> NDArray[np.float64]:
        """Return how warm Doppler cooling leaves each mode, over the axial ones: (modes,).

        Source: D. Wineland and W. Itano, Phys. Rev. A 20, 1521 (1979): light cools and heats a mode by the
        square of its cosine, and photons that leave in all directions heat it by a third.
        """
        along = self.cooling_cosine**2
        left = 1 + 1 / (3 * np.array([along, (1 - along) / 2, (1 - along) / 2]))
        return np.repeat(left / left[0], self.ions)

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the flops."""
        axes, data = figure.subplots(), results["data"]
        draw_probabilities(axes, data[duration.name], data["dark"], data["shots"])
        draw_curve(axes, results.get("curve"))
        label_axes(axes, "pulse length", "s", "probability to be dark")
        tell(figure, results, "rabi_frequency", "pi_time", "phonons")
