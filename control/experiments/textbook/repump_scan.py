"""Fluorescence over the frequency of the repumper: its line, and where the ions go dark in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from control.experiments.tables import Table
from control.experiments.textbook.drawing import draw_values, label_axes, tell
from control.experiments.textbook.fitted import Columns, FittedExperiment
from control.plots import MEAN
from sequences.declarations import count, quantity
from sequences.ir import Block, Readout
from sequences.language import parallel, serial
from sequences.library import Node, doppler_cool, hold, plan_transport
from sequences.parameters import Parameter
from sequences.scans import Scan, linear

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

detuning = Parameter("detuning", unit="Hz", low=-500e6, high=500e6, help="of 866 nm light from its setting")


class RepumpScan(FittedExperiment):
    """Scans the 866 nm repumper under 397 nm light and counts fluorescence: line and dark resonances.

    Without repumping an ion falls into D3/2 and stays dark. Where both lights are equally far from P1/2,
    Zeeman shifts included, ions are trapped in superpositions of S1/2 and D3/2 that scatter nothing: the line
    has narrow dips there.

    Source: G. Janik, W. Nagourney and H. Dehmelt, J. Opt. Soc. Am. B 2, 1251 (1985).
    """

    finds: ClassVar[Mapping[str, str]] = {
        "brightest_rate": "1/s",
        "brightest_detuning": "Hz",
        "darkest_dip": "Hz",
    }

    shots: int = count(200, low=1, high=10_000_000, help="times that each point is measured")
    reddest: float = quantity("-60 MHz", unit="Hz", low="-400 MHz", high="0 Hz", help="first detuning")
    bluest: float = quantity("30 MHz", unit="Hz", low="0 Hz", high="400 MHz", help="last detuning")
    steps: int = count(91, low=5, high=1000, help="detunings")
    passes: float = quantity(
        2, low=1, high=2, help="of the 866 nm modulator: shift of the light per DDS shift"
    )
    cooling: float = quantity("2 ms", unit="s", low="10 us", high="1 s", help="Doppler cooling")
    exposure: float = quantity("1.5 ms", unit="s", low="10 us", high="1 s", help="of the camera")

    def points(self, node: Node) -> Scan:
        """Return the detunings."""
        return linear(detuning, self.reddest, self.bluest, self.steps)

    def sequence(self, node: Node) -> Block:
        """Return one shot: cool with both lights as they are set, then look with the repumper detuned."""
        values = node.calibration
        tone = values.repump_frequency + detuning / self.passes
        return serial(
            hold(node, plan_transport(values, self.ions), self.ions // 2),
            doppler_cool(node, self.cooling),
            parallel(
                node.doppler.pulse(self.exposure, values.doppler_frequency, values.doppler_amplitude),
                node.repump.pulse(self.exposure, tone, values.repump_amplitude),
                node.camera.expose(self.exposure, Readout("ions")),
            ),
        )

    def collect(self, run: Run) -> Columns:
        """Return detunings, all counts there, and the time in which they were counted (of all ions)."""
        counts = [record.counts["ions"] for record in run.records()]
        return {
            "detuning": np.array([point[detuning.name] for point in run.points]),
            "counts": np.array([int(seen.sum()) for seen in counts]),
            "seconds": np.array([self.exposure * seen.size for seen in counts]),
        }

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return where the ions are brightest, and all dips."""
        from data.analysis import Estimate, poisson_error  # noqa: PLC0415 - late, as all analysis
        from data.analysis.dips import find_dips  # noqa: PLC0415

        places, counts, seconds = (columns[name] for name in ("detuning", "counts", "seconds"))
        top = int(np.argmax(counts))
        half_step = float(np.diff(np.sort(places)).max()) / 2
        dips = find_dips(places, counts)
        found: dict[str, Any] = {
            "brightest_rate": Estimate(
                float(counts[top] / seconds[top]), float(poisson_error(counts[top]) / seconds[top]), "1/s"
            ),
            "brightest_detuning": Estimate(float(places[top]), half_step, "Hz"),
            "dips": [{"centre": dip.value, "centre_error": dip.error} for dip in dips],
        }
        if dips:
            depth = [float(np.interp(dip.value, places, counts)) for dip in dips]
            found["darkest_dip"] = dips[int(np.argmin(depth))]
        return found

    def table(self, results: Mapping[str, Any]) -> Table:
        """Return every estimate, and every dip."""
        from data.analysis import Estimate  # noqa: PLC0415

        told = super().table(results)
        dips = tuple(
            (f"dip {number}", str(Estimate(dip["centre"], dip["centre_error"], "Hz")))
            for number, dip in enumerate(results.get("dips", []), 1)
        )
        return replace(told, rows=told.rows + dips)

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the fluorescence, with the dips marked."""
        from data.analysis import poisson_error  # noqa: PLC0415

        data = {name: np.array(column) for name, column in results["data"].items()}
        axes = figure.subplots()
        for dip in results.get("dips", []):
            axes.axvline(dip["centre"], color=MEAN, lw=0.8, ls=":")
        rates, errors = (
            1e-3 * column / data["seconds"] for column in (data["counts"], poisson_error(data["counts"]))
        )
        axes.plot(data["detuning"], rates, color="0.8", lw=0.8)
        draw_values(axes, data["detuning"], rates, errors)
        label_axes(axes, "detuning of 866 nm light from its setting", "Hz", "camera, per ion (1000/s)")
        axes.set_ylim(bottom=0)
        tell(figure, results, "brightest_rate", "brightest_detuning", "darkest_dip")
