"""The spectrum of the qubit's line with the sidebands of the motion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from control.experiments.textbook.drawing import draw_curve, draw_probabilities, label_axes, tell
from control.experiments.textbook.fitted import Columns, calibration_of, curve_of, dark_columns, verdict
from control.experiments.textbook.qubit_shot import UNSEEN, QubitExperiment, thermal_modes
from data.errors import AnalysisError
from sequences.declarations import quantity
from sequences.ir import Block
from sequences.library import Calibration, Node, rabi
from sequences.library.grid import nearest_step
from sequences.parameters import Parameter
from sequences.scans import Scan, listed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run
    from data.analysis import Estimate
    from data.analysis.lines import Line, Spectrum

detuning = Parameter("detuning", unit="Hz", low=-20e6, high=20e6, help="of the light from the believed line")
field = Parameter("field", low=0.0, high=1.0, help="of the light, 1 is calibrated")

WINDOWS: Final = ("radial red", "axial red", "carrier", "axial blue", "radial blue")
"""Parts of the spectrum that are scanned, from low to high frequency."""

MODES: Final[Mapping[str, tuple[str, ...]]] = {
    "axial": ("axial_mode",),
    "radial": ("radial_mode", "radial_mode_upper"),
}
"""Direction -> what its modes are called, from low to high frequency."""


class SidebandSpectroscopy(QubitExperiment):
    """Scans 729 nm light over the carrier and its first sidebands: how fast do the ions swing?

    The windows lie where the calibrated trap says. Between them nothing is to be seen, so nothing is measured
    there. The carrier is scanned with light so weak that its line is as narrow as a sideband. Light on a
    sideband is light off the carrier, too, and shifts the lines; what it adds is taken off again. Other
    Zeeman lines shift by some tens of hertz more, which stays.

    Source: D. Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. II.
    """

    finds: ClassVar[Mapping[str, str]] = {
        "carrier": "Hz",
        "axial_mode": "Hz",
        "radial_mode": "Hz",
        "radial_mode_upper": "Hz",
    }

    strength: float = quantity(
        0.5, low=0.001, high=1, help="of the light's field on the sidebands, 1 is calibrated"
    )
    span: float = quantity("30 kHz", unit="Hz", low="100 Hz", high="2 MHz", help="width of each window")
    splitting: float = quantity(
        "50 kHz", unit="Hz", low="0 Hz", high="1 MHz", help="by which windows of radial modes are wider"
    )
    step: float = quantity("1.5 kHz", unit="Hz", low="1 Hz", high="1 MHz", help="between two detunings")
    beam_cosine: float = quantity(0.7071, low=-1, high=1, help="of the 729 nm beam against the trap axis")
    pulse: float | None = quantity(
        unit="s",
        low="1 us",
        high="10 ms",
        optional=True,
        help="default: a pi pulse on a cold axial sideband",
    )

    def points(self, node: Node) -> Scan:
        """Return the detunings of all windows, and how strong the light is in each."""
        values = node.calibration
        weak = min(values.analysis_pi_time / self.duration(values), 1.0)
        windows = self.windows(values)
        places = np.concatenate(list(windows.values()))
        levels = [
            weak if name == "carrier" else self.strength for name, column in windows.items() for _ in column
        ]
        return listed(detuning, places.tolist()) & listed(field, levels)

    def sequence(self, node: Node) -> Block:
        """Return one shot: prepare, a pulse off resonance, read out."""
        return self.shot(
            node, rabi(node, nearest_step(node, self.duration(node.calibration)), detuning, field)
        )

    def windows(self, calibration: Calibration) -> dict[str, NDArray[Any]]:
        """Return the detunings (Hz) of each window of `WINDOWS`, without those of unseen modes."""
        axial, radial = self.transport(calibration).axial_frequency, calibration.radial_frequency
        half = round(self.span / self.step / 2)
        narrow = self.step * np.arange(-half, half + 1)
        wide = self.step * np.arange(-half, half + 1 + round(self.splitting / self.step))
        found = (-radial - wide[::-1], -axial + narrow, narrow, axial + narrow, radial + wide)
        unseen = self.unseen(calibration)
        return {
            name: column for name, column in zip(WINDOWS, found, strict=True) if name.split()[0] not in unseen
        }

    def unseen(self, calibration: Calibration) -> tuple[str, ...]:
        """Return the directions in which the light does not see the ions swing: at most one."""
        etas, _ = thermal_modes(calibration, self.transport(calibration), self.beam_cosine)
        directions = {"axial": etas[0], "radial": etas[self.ions]}
        return tuple(name for name, eta in directions.items() if abs(eta) < UNSEEN)

    def duration(self, calibration: Calibration) -> float:
        """Return the length of the pulse, s."""
        if self.pulse is not None:
            return self.pulse
        # Radial modes alone are seen with the pulse of a beam at 45 degrees, which resolves them well.
        cosine = math.sqrt(0.5) if "axial" in self.unseen(calibration) else self.beam_cosine
        etas, _ = thermal_modes(calibration, self.transport(calibration), cosine)
        return float(calibration.analysis_pi_time / abs(etas[0]) / self.strength)

    def light_shift(self, calibration: Calibration, away: float) -> float:
        """Return by how much light that is `away` (Hz) from the carrier moves lines towards it, Hz.

        Source: H. Haffner et al., Phys. Rev. Lett. 90, 143602 (2003): Omega^2 / (2 Delta) of two levels.
        """
        return (self.strength * 0.5 / calibration.analysis_pi_time) ** 2 / (2 * away)

    def collect(self, run: Run) -> Columns:
        """Return detunings and windows, and how often ions went dark."""
        columns = dark_columns(run, detuning.name)
        windows = self.windows(calibration_of(run))
        names = [name for name, column in windows.items() for _ in column]
        return {**columns, "window": np.array(names[: len(run)])}

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return the frequencies of the modes, half of what lies between a blue and a red line."""
        calibration = calibration_of(run)
        duration = self.duration(calibration)
        spectra: dict[str, Spectrum] = {}
        missing = {
            f"{direction} {colour}": f"light at beam_cosine {self.beam_cosine:g} does not see this mode"
            for direction in self.unseen(calibration)
            for colour in ("red", "blue")
        }
        for window in self.windows(calibration):
            try:
                spectra[window] = self._spectrum(columns, window, duration)
            except AnalysisError as error:
                missing[window] = str(error)
        carrier = spectra["carrier"].lines[0].centre if "carrier" in spectra else None
        found: dict[str, Any] = {"carrier": carrier, "lines": _described(spectra), "missing": missing}
        if spectra:
            found["fit"] = verdict(min(spectrum.fit.p_value for spectrum in spectra.values()))
        for direction, names in MODES.items():
            red, blue = (
                spectra[window].lines if window in spectra else ()
                for window in (f"{direction} red", f"{direction} blue")
            )
            modes = _mode_frequencies(red, blue, carrier)
            found |= {
                name: replace(mode, value=mode.value + self.light_shift(calibration, mode.value))
                for name, mode in zip(names, modes, strict=False)
            }
        found["curves"] = {
            window: curve_of(columns[detuning.name][columns["window"] == window], spectrum.model)
            for window, spectrum in spectra.items()
        }
        return found

    def _spectrum(self, columns: Columns, window: str, duration: float) -> Spectrum:
        """Fit the lines of one window."""
        from data.analysis.counts import BinomialCounts  # noqa: PLC0415 - late, as all analysis
        from data.analysis.lines import fit_lines, pulse_line, warm_sideband  # noqa: PLC0415

        rows = columns["window"] == window
        data = BinomialCounts(columns["dark"][rows], columns["shots"][rows])
        shape = pulse_line(duration) if window == "carrier" else warm_sideband(duration)
        return fit_lines(
            f"a line in the window {window!r}",
            columns[detuning.name][rows],
            data,
            (0.1 / duration, self.span),
            most=len(MODES.get(window.split(maxsplit=1)[0], ("carrier",))),
            shape=shape,
        )

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the windows side by side."""
        from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - an extra

        data = {name: np.array(column) for name, column in results["data"].items()}
        seen = [window for window in WINDOWS if (data["window"] == window).any()]
        sizes = [(data["window"] == window).sum() for window in seen]
        panels = figure.subplots(1, len(seen), sharey=True, squeeze=False, width_ratios=sizes)[0]
        for axes, window in zip(panels, seen, strict=True):
            rows = data["window"] == window
            draw_probabilities(axes, data[detuning.name][rows] / 1e3, data["dark"][rows], data["shots"][rows])
            curve = results.get("curves", {}).get(window)
            if curve is not None:
                draw_curve(axes, {"x": [x / 1e3 for x in curve["x"]], "y": curve["y"]})
            label_axes(axes, "", "", "probability to be dark" if window == seen[0] else "")
            axes.set_title(window)
            axes.xaxis.set_major_locator(MaxNLocator(2 if rows.sum() == min(sizes) else 4, min_n_ticks=2))
            axes.tick_params(axis="x", labelsize=7)
            axes.set_ylim(-0.03, 1.03)
        figure.supxlabel("detuning of the light (kHz)", fontsize=9)
        tell(figure, results, *self.finds)


def _mode_frequencies(
    red: tuple[Line, ...], blue: tuple[Line, ...], carrier: Estimate | None
) -> list[Estimate]:
    """Return the frequencies of the modes of one direction, from low to high.

    A cold ion has no red lines; then the blue ones count from the carrier.
    """
    from data.analysis import Estimate  # noqa: PLC0415

    if len(red) == len(blue):
        pairs = [(b.centre, r.centre) for b, r in zip(blue, reversed(red), strict=True)]
        return [
            Estimate((b.value - r.value) / 2, float(np.hypot(b.error, r.error)) / 2, "Hz") for b, r in pairs
        ]
    if carrier is None:
        return []
    return [
        Estimate(line.centre.value - carrier.value, float(np.hypot(line.centre.error, carrier.error)), "Hz")
        for line in blue
    ]


def _described(spectra: Mapping[str, Spectrum]) -> list[dict[str, Any]]:
    """Return every line as a row."""
    return [
        {
            "window": window,
            "centre": line.centre.value,
            "centre_error": line.centre.error,
            "width": line.width.value,
            "width_error": line.width.error,
            "height": line.height.value,
            "height_error": line.height.error,
            "p_value": spectrum.fit.p_value,
        }
        for window, spectrum in spectra.items()
        for line in spectrum.lines
    ]
