"""Thermometry by the first sidebands of one mode, after Doppler or sideband cooling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from control.experiments.textbook.drawing import draw_curve, draw_probabilities, label_axes, tell
from control.experiments.textbook.fitted import Columns, calibration_of, curve_of, dark_columns, quality
from control.experiments.textbook.qubit_shot import UNSEEN, QubitExperiment
from sequences.declarations import choice, count, quantity
from sequences.errors import DeclaredValueError
from sequences.ir import Block
from sequences.library import Calibration, Node, lamb_dicke, optical_pump, rabi, sideband_cool
from sequences.library.grid import nearest_step
from sequences.parameters import Parameter
from sequences.scans import Scan, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

detuning = Parameter(
    "detuning", unit="Hz", low=-20e6, high=20e6, help="of the light from the believed carrier"
)


class SidebandThermometry(QubitExperiment):
    """Scans both first sidebands of a mode: how many phonons are in it, before or after sideband cooling?

    An ion without phonons cannot give one away: the weaker the red sideband is against the blue one, the
    colder is the ion, n / (n + 1) as strong for n phonons on average. With many phonons both are alike, and
    flops on the carrier tell more. What sideband cooling leaves is not quite thermal, as the p-value says.
    The Rabi frequency is that of the calibrated pi time within 10 %: from the sidebands alone, warm ions in
    weak light and cold ones in strong light look nearly alike.

    Source: F. Diedrich et al., Phys. Rev. Lett. 62, 403 (1989).
    """

    finds: ClassVar[Mapping[str, str]] = {
        "phonons": "",
        "mode_frequency": "Hz",
        "carrier": "Hz",
        "rabi_frequency": "Hz",
        "light_shift": "Hz",
    }

    mode: str = choice("axial", among=("axial", "radial"), help="centre-of-mass mode that is measured")
    cycles: int = count(0, low=0, high=500, help="of sideband cooling of this mode")
    quenching: float = quantity("10 us", unit="s", low="1 us", high="1 ms", help="854 nm light in each cycle")
    strength: float = quantity(0.5, low=0.001, high=1, help="of the light's field, 1 is calibrated")
    span: float = quantity("40 kHz", unit="Hz", low="100 Hz", high="2 MHz", help="width of the scans")
    steps: int = count(31, low=3, high=1000, help="detunings on each sideband")
    beam_cosine: float = quantity(0.7071, low=-1, high=1, help="of the 729 nm beam against the trap axis")
    pulse: float | None = quantity(
        unit="s",
        low="1 us",
        high="10 ms",
        optional=True,
        help="default: a pi pulse for an ion without phonons",
    )

    def points(self, node: Node) -> Scan:
        """Return the detunings around both sidebands."""
        frequency, _ = self.swing(node.calibration)
        around = np.linspace(-self.span / 2, self.span / 2, self.steps)
        return listed(detuning, np.concatenate([around - frequency, around + frequency]).tolist())

    def sequence(self, node: Node) -> Block:
        """Return one shot: prepare, cool to the ground state if wanted, a pulse on a sideband, read out."""
        frequency, eta = self.swing(node.calibration)
        cold: tuple[Block, ...] = ()
        if self.cycles:
            cooled = sideband_cool(node, frequency, eta, self.cycles, self.quenching, self.pumping)
            cold = (cooled, optical_pump(node, self.pumping))
        length = nearest_step(node, self.duration(node.calibration))
        return self.shot(node, *cold, rabi(node, length, detuning, self.strength))

    def swing(self, calibration: Calibration) -> tuple[float, float]:
        """Return frequency (Hz) and Lamb-Dicke parameter of the mode, as they are believed.

        Raises:
            DeclaredValueError: the light does not see the mode.
        """
        axial = self.mode == "axial"
        frequency = self.transport(calibration).axial_frequency if axial else calibration.radial_frequency
        cosine = self.beam_cosine if axial else float(np.sqrt((1 - self.beam_cosine**2) / 2))
        eta = lamb_dicke(frequency, cosine, self.ions**-0.5)
        if abs(eta) < UNSEEN:
            where = "across" if axial else "along"
            reason = f"light {where} the trap axis does not see the {self.mode} mode; turn the beam"
            raise DeclaredValueError("beam_cosine", f"{self.beam_cosine:g} is wrong here: {reason}")
        return frequency, eta

    def duration(self, calibration: Calibration) -> float:
        """Return the length of the pulse, s."""
        _, eta = self.swing(calibration)
        return calibration.analysis_pi_time / abs(eta) / self.strength if self.pulse is None else self.pulse

    def collect(self, run: Run) -> Columns:
        """Return detunings, and how often ions went dark."""
        return dark_columns(run, detuning.name)

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return phonons and frequency of the mode from one fit to both sidebands."""
        from data.analysis.flops import blue_sideband  # noqa: PLC0415 - late, as all analysis
        from data.analysis.thermometry import fit_sidebands, warm_carrier  # noqa: PLC0415

        calibration = calibration_of(run)
        length, (_, eta) = self.duration(calibration), self.swing(calibration)
        fit = fit_sidebands(
            columns[detuning.name],
            columns["dark"],
            columns["shots"],
            duration=length,
            lamb_dicke=eta,
            rabi=self.strength * 0.5 / calibration.analysis_pi_time,
        )
        quanta, frequency, middle, speed, floor = fit.values.tolist()
        at_rest = speed / warm_carrier(quanta, eta)

        def side(sign: int) -> dict[str, list[float]]:
            rows = sign * columns[detuning.name] > 0
            height = (1 - 2 * floor) * (1.0 if sign > 0 else quanta / (quanta + 1))

            def model(places: NDArray[np.float64]) -> NDArray[np.float64]:
                apart = places - middle - sign * frequency
                return np.asarray(floor + height * blue_sideband(apart, length, at_rest, quanta, eta))

            return curve_of(columns[detuning.name][rows], model)

        # Light on a sideband is off the carrier, and moves both lines towards it, Omega^2 / (2 Delta).
        def shift(values: NDArray[np.float64]) -> float:
            return float(values[3] ** 2 / (2 * values[1]))

        return {
            "phonons": fit["phonons"],
            "mode_frequency": fit.derived(lambda values: float(values[1]) + shift(values), "Hz"),
            "light_shift": fit.derived(shift, "Hz"),
            "carrier": fit["carrier"],
            "rabi_frequency": fit["rabi_frequency"],
            **quality(fit),
            "curves": {"red": side(-1), "blue": side(1)},
        }

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw both sidebands on one scale."""
        data = {name: np.array(column) for name, column in results["data"].items()}
        frequency, _ = self.swing(calibration_of(run))
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (name, sign) in zip(panels, (("red", -1), ("blue", 1)), strict=True):
            rows = sign * data[detuning.name] > 0
            places = data[detuning.name][rows] - sign * frequency
            draw_probabilities(axes, places, data["dark"][rows], data["shots"][rows])
            curve = results["curves"][name] if "curves" in results else None
            if curve:
                draw_curve(axes, {"x": [x - sign * frequency for x in curve["x"]], "y": curve["y"]})
            label_axes(axes, f"from the {name} sideband", "Hz", "probability to be dark" if sign < 0 else "")
            axes.locator_params(axis="x", nbins=4)
            axes.margins(x=0.12)
        panels[0].set_ylim(0, None)
        tell(figure, results, "phonons", "mode_frequency")
