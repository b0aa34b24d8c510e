"""Does the ion ever emit two photons at once?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from control.experiments.textbook.drawing import draw_values, label_axes, tell
from control.experiments.textbook.fitted import Columns
from control.experiments.textbook.photon_shots import PhotonExperiment
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.language import serial
from sequences.library import Node, generate_photon, optical_pump, quench

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run
    from data.analysis.correlations import Correlation


class PhotonCorrelation(PhotonExperiment):
    """Makes many photons in a row and correlates the clicks of both detectors: g2 of the stream of photons.

    Pulses with two clicks, over what pulses far apart give by chance, are g2 at zero delay: 0 for a perfect
    source of single photons, 1 for laser light. Dark counts of the detectors are all that should be left.

    Source: Higginbottom et al., New J. Phys. 18, 093038 (2016), for g2 of pulsed single photons of an ion.
    """

    finds: ClassVar[Mapping[str, str]] = {
        "g2_at_zero": "",
        "photon_probability_h": "",
        "photon_probability_v": "",
    }

    shots: int = count(1000, low=1, high=10_000_000, help="rows of photons")
    photons: int = count(20, low=3, high=200, help="tried in each row")
    lags: int = count(5, low=1, high=100, help="largest delay, in tries")
    quenching: float = quantity("10 us", unit="s", low="1 us", high="1 ms", help="854 nm light in each try")
    photon_pulse: float = quantity("50 us", unit="s", low="1 us", high="1 ms", help="393 nm light")
    photon_window: float = quantity("60 us", unit="s", low="1 us", high="1 ms", help="gates of the detectors")

    def sequence(self, node: Node) -> Block:
        """Return one row: prepare, then try again and again, whatever is seen."""
        tries = [
            serial(
                quench(node, self.quenching),
                optical_pump(node, self.pumping),
                generate_photon(node, self.photon_pulse, self.photon_window, index),
            )
            for index in range(self.photons)
        ]
        return serial(*self.prepare(node), *tries)

    def collect(self, run: Run) -> Columns:
        """Return coincidences over the delay, and how many independent clicks would make."""
        found = self._correlation(run)
        return {"lag": found.lags, "coincidences": found.coincidences, "expected": found.expected}

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return g2 within one pulse, and g2 over the delay."""
        from data.analysis import binomial  # noqa: PLC0415 - late, as all analysis

        record, found = run.record(0), self._correlation(run)
        clicks = {port: int((record.counts[f"photon_{port}"] > 0).sum()) for port in ("h", "v")}
        return {
            "g2_at_zero": found.at_zero,
            **{f"photon_probability_{port}": binomial(seen, found.attempts) for port, seen in clicks.items()},
            "attempts": found.attempts,
            "g2": found.g2.tolist(),
            "g2_error": found.g2_error.tolist(),
        }

    def _correlation(self, run: Run) -> Correlation:
        from data.analysis.correlations import correlate  # noqa: PLC0415

        counts = run.record(0).counts
        most = min(self.lags, self.photons - 1)
        return correlate(counts["photon_h"], counts["photon_v"], most)

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw g2 over the delay."""
        axes = figure.subplots()
        if "g2" in results:
            lags = np.array(results["data"]["lag"])
            axes.bar(lags, results["g2"], width=0.7, color="0.85")
            draw_values(axes, lags, results["g2"], results["g2_error"])
        axes.axhline(1, color="0.6", lw=0.8, ls=":")
        label_axes(axes, "delay (pulses)", "", "g2 of both detectors")
        axes.locator_params(axis="x", integer=True)
        tell(figure, results, "g2_at_zero", "photon_probability_h", "photon_probability_v")
