"""The string of ions as camera and cavity see it: how bright each ion is, and where it sits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from control.experiments.textbook.drawing import draw_curve, draw_probabilities, draw_values, label_axes, tell
from control.experiments.textbook.fitted import Columns, FittedExperiment, calibration_of, curve_of, quality
from control.plots import DATA, MEAN
from data.errors import AnalysisError
from sequences.declarations import count, quantity
from sequences.ir import Block, Readout
from sequences.language import delay, parallel, serial
from sequences.library import (
    Calibration,
    Node,
    Transport,
    doppler_cool,
    generate_photon,
    optical_pump,
    plan_transport,
    quench,
    read_ions,
)
from sequences.library.ion_string import CHARGE_TO_MASS
from sequences.parameters import Parameter, Value
from sequences.scans import Scan, linear

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run
    from data.analysis.lines import Spectrum

displacement = Parameter("displacement", unit="m", low=-1e-3, high=1e-3, help="of the string along the trap")

BETWEEN_EXPOSURES: Final = 10e-6
"""s: a camera's trigger falls before it rises again. Cores need a step of their clock for that."""


class StringImage(FittedExperiment):
    """Pushes a string through the focused 393 nm beam: which ion is where, and how bright is each?

    Photons come from the ion that is in the beam, so that their number over the displacement is an image of
    the string. The displacements that bring the ions into the beam say how stiff the trap is, if the field of
    a voltage is known, or the other way round. The camera counts what each ion scatters, and the background
    beside it.

    In a trap that is stiffer than planned ions sit closer, as omega^(-2/3), but a field pushes them less far,
    as omega^(-2). The string seems too long, by a `scale` of (omega / planned omega)^(4/3).

    Source: D. James, Appl. Phys. B 66, 181 (1998), for where the ions of a string sit.
    """

    finds: ClassVar[Mapping[str, str]] = {
        "scale": "",
        "shift": "m",
        "axial_mode": "Hz",
        "bright_rate": "1/s",
        "background_rate": "1/s",
    }

    ions: int = count(3, low=2, high=30, help="ions in the string")
    shots: int = count(300, low=1, high=10_000_000, help="times that each point is measured")
    axial_frequency: float | None = quantity(
        unit="Hz", low="1 kHz", high="2 MHz", optional=True, help="of one ion; default: as stiff as is safe"
    )
    step: float = quantity("0.3 um", unit="m", low="1 nm", high="100 um", help="between two displacements")
    margin: float = quantity(
        "2.5 um", unit="m", low="0 m", high="100 um", help="scanned beyond the outer ions"
    )
    image_width: float = quantity(
        "1 um", unit="m", low="0.1 um", high="100 um", help="of an ion's image, within a factor of 3"
    )
    cooling: float = quantity("3 ms", unit="s", low="10 us", high="1 s", help="Doppler cooling")
    pumping: float = quantity("20 us", unit="s", low="1 us", high="10 ms", help="optical pumping")
    photon_pulse: float = quantity("30 us", unit="s", low="1 us", high="1 ms", help="393 nm light")
    photon_window: float = quantity("40 us", unit="s", low="1 us", high="1 ms", help="gates of the detectors")
    exposure: float = quantity("1.5 ms", unit="s", low="10 us", high="1 s", help="of the camera")

    def points(self, node: Node) -> Scan:
        """Return the displacements, so that every ion passes the beam."""
        reach = float(self._transport(node.calibration).positions[-1]) + self.margin
        return linear(displacement, -reach, reach, 2 * max(round(reach / self.step), 1) + 1)

    def sequence(self, node: Node) -> Block:
        """Return one shot: place and cool the string, try for a photon, look with and without light.

        The camera's regions stay where they are, so that the string is brought back before it is looked at.
        """
        return serial(
            self._place(node, displacement),
            doppler_cool(node, self.cooling),
            optical_pump(node, self.pumping),
            generate_photon(node, self.photon_pulse, self.photon_window),
            self._place(node, 0.0),
            quench(node, self.pumping),
            doppler_cool(node, self.cooling),
            read_ions(node, self.exposure),
            delay(BETWEEN_EXPOSURES),
            node.camera.expose(self.exposure, Readout("background")),
        )

    def _transport(self, calibration: Calibration) -> Transport:
        return plan_transport(calibration, self.ions, self.axial_frequency)

    def _place(self, node: Node, displacement: Value) -> Block:
        """Set the endcaps so that the centre of the string is displaced (m) from the waist."""
        values, transport = node.calibration, self._transport(node.calibration)
        middle = float((transport.upper + transport.lower)[0]) / 2
        per_metre = (2 * np.pi * transport.axial_frequency) ** 2 / CHARGE_TO_MASS / values.field_per_volt
        push = per_metre * (values.waist_position + displacement)
        return parallel(node.endcap_upper.set(middle + push / 2), node.endcap_lower.set(middle - push / 2))

    def collect(self, run: Run) -> Columns:
        """Return the displacements, and in how many tries a photon came."""
        counts = [record.counts for record in run.records()]
        return {
            "displacement": np.array([point[displacement.name] for point in run.points]),
            "photons": np.array([int(((one["photon_h"] + one["photon_v"]) > 0).sum()) for one in counts]),
            "tries": np.array([len(one["photon_h"]) for one in counts]),
        }

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return what the camera counts of each ion, where each is, and how that compares with the plan."""
        from data.analysis import Estimate  # noqa: PLC0415 - late, as all analysis

        rows = self._camera(run)
        found: dict[str, Any] = {"ions": rows}
        for rate in ("bright_rate", "background_rate"):
            values = [row[rate] for row in rows]
            errors = np.array([row[f"{rate}_error"] for row in rows])
            found[rate] = Estimate(float(np.mean(values)), float(np.linalg.norm(errors)) / len(rows), "1/s")
        try:
            image = self._image(columns)
        except AnalysisError as error:
            return found | {"refused": str(error)}
        found |= {**quality(image.fit), "curve": curve_of(columns["displacement"], image.model)}
        if len(image.lines) != self.ions:
            return found | {"refused": f"{len(image.lines)} of {self.ions} ions were seen to pass the beam"}
        return found | self._positions(image, self._transport(calibration_of(run)), rows)

    @staticmethod
    def _positions(image: Spectrum, transport: Transport, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Note where each ion is, and return how that compares with the plan."""
        from data.analysis.fits import fit_straight  # noqa: PLC0415

        # An ion is in the beam when the string is displaced by as much to the other side.
        seen = [line.centre for line in reversed(image.lines)]
        places, errors = -np.array([s.value for s in seen]), np.array([s.error for s in seen])
        for row, place, error, planned in zip(rows, places, errors, transport.positions, strict=True):
            row |= {"position": float(place), "position_error": float(error), "planned": float(planned)}
        line = fit_straight(transport.positions, places, errors, "m")
        # Places are measured in fields, and the field that pushes by a distance goes as omega^2.
        stiffness = line.derived(
            lambda values: transport.axial_frequency * max(float(values[1]), 0.0) ** 0.75, "Hz"
        )
        return {"scale": line["slope"], "shift": line["rise"], "axial_mode": stiffness}

    def _image(self, columns: Columns) -> Spectrum:
        from data.analysis.counts import BinomialCounts  # noqa: PLC0415
        from data.analysis.lines import fit_lines, gaussian  # noqa: PLC0415

        data = BinomialCounts(columns["photons"], columns["tries"])
        widths = (self.image_width / 3, 3 * self.image_width)
        return fit_lines(
            "an ion in the beam",
            columns["displacement"],
            data,
            widths,
            most=self.ions,
            shape=gaussian,
            unit="m",
        )

    def _camera(self, run: Run) -> list[dict[str, Any]]:
        """Return what the camera counts of each ion in a second: of the whole light, and without light."""
        from data.analysis import poisson_error  # noqa: PLC0415

        time = self.exposure * sum(record.shots for record in run.records())
        rows = []
        for ion in range(self.ions):
            row: dict[str, Any] = {"ion": ion + 1}
            for name, readout in (("bright_rate", "ions"), ("background_rate", "background")):
                total = sum(int(record.counts[readout][:, ion].sum()) for record in run.records())
                row |= {name: total / time, f"{name}_error": float(poisson_error(total)) / time}
            rows.append(row)
        return rows

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the image of the string, and the rates of the camera."""
        data, ions = results["data"], results.get("ions", [])
        above, below = figure.subplots(2, 1, height_ratios=(2, 1))
        draw_probabilities(above, data["displacement"], data["photons"], data["tries"])
        draw_curve(above, results.get("curve"))
        for row in ions:
            if "planned" in row:
                above.axvline(-row["planned"], color="0.7", lw=0.8, ls=":")
        label_axes(above, "displacement of the string", "m", "probability of a photon")
        above.set_ylim(bottom=0)
        numbers = [row["ion"] for row in ions]
        for name, colour in (("bright_rate", DATA), ("background_rate", MEAN)):
            rates = [1e-3 * row[name] for row in ions]
            errors = [1e-3 * row[f"{name}_error"] for row in ions]
            draw_values(below, numbers, rates, errors, label=name.replace("_", " "), colour=colour)
        label_axes(below, "ion", "", "camera (1000/s)")
        below.locator_params(axis="x", integer=True)
        below.set_ylim(bottom=0)
        if ions:
            below.legend(ncols=2)
        tell(figure, results, "scale", "axial_mode", "bright_rate")
