"""The line of the cavity-mediated Raman transition."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from control.experiments.textbook.drawing import draw_curve, draw_probabilities, draw_values, label_axes, tell
from control.experiments.textbook.fitted import Columns, curve_of, quality
from control.experiments.textbook.photon_shots import PhotonExperiment
from sequences.declarations import count, quantity
from sequences.ir import Block, Readout
from sequences.language import parallel, serial
from sequences.library import Node
from sequences.parameters import Parameter
from sequences.scans import Scan, centred, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run
    from data.analysis import Estimate
    from data.analysis.lines import Spectrum

detuning = Parameter("detuning", unit="Hz", low=-1e9, high=1e9, help="of the 393 nm V tone from its setting")
amplitude = Parameter("amplitude", low=0.0, high=1.0, help="of the V tone; its square is the power")


class RamanSpectroscopy(PhotonExperiment):
    """Scans the 393 nm V tone over the Raman resonance at some powers: line, width and light shift.

    A photon leaves the cavity where the tone and the cavity bridge S1/2(m=-1/2) and D5/2(m=-5/2). The light
    shifts the line in proportion to its power; where the lines meet for no power, there the line is.

    Source: Schupp, thesis Innsbruck 2021, ch. 5, where the light shift gives the Rabi frequency.
    """

    finds: ClassVar[Mapping[str, str]] = {
        "centre": "Hz",
        "linewidth": "Hz",
        "photon_probability": "",
        "unshifted": "Hz",
        "light_shift": "Hz",
    }

    shots: int = count(400, low=1, high=10_000_000, help="photons tried at each point")
    offset: float = quantity(
        "-300 kHz",
        unit="Hz",
        low="-100 MHz",
        high="100 MHz",
        help="of the scan: one tone shifts less than two",
    )
    span: float = quantity("1 MHz", unit="Hz", low="10 kHz", high="100 MHz", help="width of the scan")
    steps: int = count(26, low=6, high=1000, help="frequencies")
    powers: int = count(3, low=1, high=20, help="powers, in even steps up to the calibrated one")
    pulse: float = quantity("30 us", unit="s", low="1 us", high="1 ms", help="393 nm light")
    window: float = quantity("40 us", unit="s", low="1 us", high="1 ms", help="gates of the detectors")

    def points(self, node: Node) -> Scan:
        """Return the frequencies, at each of the powers."""
        shares = [(k + 1) / self.powers for k in range(self.powers)]
        full = node.calibration.raman_v_amplitude
        levels = listed(amplitude, [full * math.sqrt(share) for share in shares])
        return levels * centred(detuning, self.offset, self.span, self.steps)

    def sequence(self, node: Node) -> Block:
        """Return one try: prepare, the V tone alone, with both gates open."""
        tone = node.calibration.raman_v_frequency + detuning
        return serial(
            *self.prepare(node),
            parallel(
                node.raman_v.pulse(self.pulse, tone, amplitude),
                node.detector_h.gate(self.window, Readout("photon_h")),
                node.detector_v.gate(self.window, Readout("photon_v")),
            ),
        )

    def collect(self, run: Run) -> Columns:
        """Return frequencies and powers, and in how many tries a photon was seen."""
        counts = [record.counts for record in run.records()]
        seen = [int(((one["photon_h"] + one["photon_v"]) > 0).sum()) for one in counts]
        full = float(run.parameters["raman_v_amplitude"].value)
        return {
            "detuning": np.array([point[detuning.name] for point in run.points]),
            "power": np.array([(float(point[amplitude.name]) / full) ** 2 for point in run.points]).round(9),
            "photons": np.array(seen),
            "tries": np.array([len(one["photon_h"]) for one in counts]),
        }

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return centre, width and height of the line at full power, and how the power shifts it."""
        from data.analysis.fits import fit_straight  # noqa: PLC0415 - late, as all analysis

        levels = np.unique(columns["power"])
        spectra = [self._spectrum(columns, level) for level in levels]
        full = spectra[-1].lines[0]
        found: dict[str, Any] = {
            "centre": self._tone(run, full.centre),
            "linewidth": full.width,
            "photon_probability": full.height,
            **quality(spectra[-1].fit),
            "lines": [
                {
                    "power": float(level),
                    "centre": spectrum.lines[0].centre.value,
                    "centre_error": spectrum.lines[0].centre.error,
                    "linewidth": spectrum.lines[0].width.value,
                    "linewidth_error": spectrum.lines[0].width.error,
                    "curve": curve_of(columns["detuning"], spectrum.model),
                }
                for level, spectrum in zip(levels, spectra, strict=True)
            ],
        }
        if len(levels) > 1:
            centres = [spectrum.lines[0].centre for spectrum in spectra]
            values, errors = (np.array([getattr(c, part) for c in centres]) for part in ("value", "error"))
            shift = fit_straight(levels, values, errors, "Hz", "Hz")
            found |= {"unshifted": self._tone(run, shift["rise"]), "light_shift": shift["slope"]}
        return found

    @staticmethod
    def _tone(run: Run, detuning: Estimate) -> Estimate:
        """Return a detuning as frequency of the DDS."""
        setting = float(run.parameters["raman_v_frequency"].value)
        return replace(detuning, value=setting + detuning.value)

    def _spectrum(self, columns: Columns, level: float) -> Spectrum:
        """Fit the line at one power."""
        from data.analysis.counts import BinomialCounts  # noqa: PLC0415
        from data.analysis.lines import fit_lines  # noqa: PLC0415

        rows = columns["power"] == level
        data = BinomialCounts(columns["photons"][rows], columns["tries"][rows])
        widths = (2 * self.span / self.steps, self.span)
        return fit_lines("a Raman line", columns["detuning"][rows], data, widths)

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the lines, and their centres over the power."""
        data = {name: np.array(column) for name, column in results["data"].items()}
        levels, lines = np.unique(data["power"]), results.get("lines", [])
        both = (
            figure.subplots(1, 2, width_ratios=(2, 1)) if len(levels) > 1 and lines else [figure.subplots()]
        )
        for index, level in enumerate(levels):
            rows, shade = data["power"] == level, f"C{index}"
            draw_probabilities(
                both[0],
                data["detuning"][rows],
                data["photons"][rows],
                data["tries"][rows],
                label=f"power {level:.2g}",
                colour=shade,
            )
            draw_curve(both[0], lines[index]["curve"] if lines else None, colour=shade)
        label_axes(both[0], "detuning of the V tone from its setting", "Hz", "probability of a photon")
        both[0].locator_params(axis="x", nbins=5)
        both[0].set_ylim(bottom=0)
        both[0].legend()
        if len(levels) > 1 and lines:
            centres = [1e-3 * line["centre"] for line in lines]
            draw_values(both[1], levels, centres, [1e-3 * line["centre_error"] for line in lines])
            rise = results["unshifted"] - float(run.parameters["raman_v_frequency"].value)
            draw_curve(both[1], {"x": [0.0, 1.0], "y": [1e-3 * rise, 1e-3 * (rise + results["light_shift"])]})
            label_axes(both[1], "power of the V tone", "", "centre of the line (kHz)")
        tell(figure, results, "centre", "linewidth", "light_shift")
