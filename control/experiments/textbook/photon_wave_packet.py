"""When a photon arrives: the shape of its wave packet, and how often one comes at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from control.experiments.gate_rows import rows_of
from control.experiments.textbook.drawing import tell
from control.experiments.textbook.fitted import Columns
from control.experiments.textbook.photon_shots import PhotonExperiment
from data.errors import AnalysisError
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.language import serial
from sequences.library import Node, generate_photon

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

DETECTORS: Final = ("photon_h", "photon_v")


class PhotonWavePacket(PhotonExperiment):
    """Makes photons with both tones and tells when they arrive, how long they are, and how many are seen.

    Source: Schupp, thesis Innsbruck 2021, ch. 5.
    """

    finds: ClassVar[Mapping[str, str]] = {
        "photon_probability": "",
        "photon_probability_h": "",
        "photon_probability_v": "",
        "mean_arrival": "s",
        "median_arrival": "s",
        "duration": "s",
    }

    shots: int = count(20_000, low=1, high=10_000_000, help="photons tried")
    photon_pulse: float = quantity("50 us", unit="s", low="1 us", high="1 ms", help="393 nm light")
    photon_window: float = quantity("60 us", unit="s", low="1 us", high="1 ms", help="gates of the detectors")
    bins: int = count(60, low=2, high=10_000, help="of the histogram")

    def sequence(self, node: Node) -> Block:
        """Return one try: prepare, both tones, with both gates open."""
        return serial(*self.prepare(node), generate_photon(node, self.photon_pulse, self.photon_window))

    def collect(self, run: Run) -> Columns:
        """Return the arrivals in each bin of the window, of both detectors."""
        from data.analysis import bin_arrivals  # noqa: PLC0415 - late, as all analysis

        record = run.record(0)
        columns: Columns = {}
        for name in DETECTORS:
            arrivals = record.tags.window_ps[np.isin(record.tags.readout, rows_of(run, name))]
            packet = bin_arrivals(arrivals, record.shots, self.photon_window, self.bins)
            columns[name], columns[f"{name}_error"] = packet.rate, packet.rate_error
        return {"time": packet.centres, **columns}

    def find(self, run: Run, columns: Columns) -> dict[str, Any]:
        """Return how often a photon is seen, when, and within which time the middle 80 % of them come."""
        from data.analysis import binomial  # noqa: PLC0415

        record = run.record(0)
        clicks = {name: record.counts[name][:, 0] > 0 for name in DETECTORS}
        either = clicks["photon_h"] | clicks["photon_v"]
        found: dict[str, Any] = {
            "photon_probability": binomial(int(either.sum()), record.shots),
            "photon_probability_h": binomial(int(clicks["photon_h"].sum()), record.shots),
            "photon_probability_v": binomial(int(clicks["photon_v"].sum()), record.shots),
        }
        try:
            return found | self._shape(record.tags.window_ps)
        except AnalysisError as error:  # too few photons to tell their shape still tell how few they are
            return found | {"refused": str(error)}

    @staticmethod
    def _shape(times: NDArray[np.int64]) -> dict[str, Any]:
        """Return when photons arrive (ps since the window opened), and for how long."""
        from data.analysis import Estimate, average_arrival  # noqa: PLC0415 - late, as all analysis
        from data.analysis.wave_packets import arrival_quantile, median_arrival  # noqa: PLC0415

        first, last = arrival_quantile(times, 0.1), arrival_quantile(times, 0.9)
        length = Estimate(last.value - first.value, float(np.hypot(first.error, last.error)), "s")
        return {
            "mean_arrival": average_arrival(times),
            "median_arrival": median_arrival(times),
            "duration": length,
        }

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the wave packets of both polarisations."""
        from control.plots import draw_wave_packet  # noqa: PLC0415 - plots are an extra

        data = results["data"]
        edges = np.linspace(0, self.photon_window, self.bins + 1)
        panels = figure.subplots(2, 1, sharex=True, sharey=True)
        for axes, name, label in zip(panels, DETECTORS, ("H", "V"), strict=True):
            draw_wave_packet(axes, edges, np.array(data[name]), np.array(data[f"{name}_error"]), label=label)
        panels[0].set_xlabel("")
        tell(figure, results, "photon_probability", "median_arrival", "duration")
