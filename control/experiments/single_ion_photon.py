"""Ion-photon entanglement of a single ion, tried again until a photon is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from control.experiments.gate_rows import rows_of
from control.experiments.pair_results import PACKET_BIN, percent
from control.experiments.pair_tomography import (
    JOINT_BASIS,
    PairTomography,
    analyse_ions,
    collect_pairs,
    describe_pair,
    reconstruct_pairs,
)
from control.experiments.tables import Table
from data.errors import InsufficientDataError
from data.pages import quantities_of
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.language import attempt, delay, herald, readout, serial
from sequences.library import Node, decision_time, doppler_cool, generate_photon, optical_pump

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from data import Run
    from data.analysis import Correlation, Estimate, WavePacket

DECAY: Final = 5e-6
"""For which light still leaks out of the cavity, s: over four times the 1.1 us that a photon stays there."""

PHOTON_RESULTS: Final[Mapping[str, str]] = {
    "photon_duration": "photon duration, 10 % to 90 % of arrivals",
    "median_arrival": "median arrival",
    "background": "background of both detectors",
    "g2_at_zero": "g2 within an attempt",
}
"""Results on photons, and what a table calls them."""


class SingleIonPhoton(PairTomography):
    """Entangles one ion with a photon, trying again until the photon is detected.

    Each attempt cools a little, pumps and plays one photon pulse; a click ends the attempts, and only then
    the ion is analysed. Nine settings give the state of the pair.

    Source: Meraner, thesis Innsbruck, ch. 5, for the sequence.
    """

    ions: int = count(1, low=1, high=1, help="ions in the trap")
    shots: int = count(1000, low=1, high=10_000_000, help="attempt loops in each of the nine settings")
    attempts: int = count(40, low=1, high=10_000, help="photon pulses tried at most")
    cooling: float = quantity("1.5 ms", unit="s", low="100 us", high="1 s", help="Doppler cooling at first")
    recooling: float = quantity(
        "50 us", unit="s", low="1 us", high="10 ms", help="Doppler cooling in each try"
    )
    pumping: float = quantity("60 us", unit="s", low="1 us", high="10 ms", help="optical pumping in each try")
    photon_pulse: float = quantity("30 us", unit="s", low="1 us", high="1 ms", help="393 nm light")
    photon_window: float = quantity("40 us", unit="s", low="1 us", high="1 ms", help="gates of the detectors")

    def sequence(self, node: Node) -> Block:
        """Return one shot: cool, try, read out."""
        try_once = serial(
            doppler_cool(node, self.recooling),
            optical_pump(node, self.pumping),
            generate_photon(node, self.photon_pulse, self.photon_window),
            delay(decision_time(node)),
        )
        seen = herald(readout("photon_h"), readout("photon_v"))
        return serial(
            doppler_cool(node, self.cooling),
            attempt(try_once, until=seen, maximum=self.attempts),
            *analyse_ions(node, self.exposure),
        )

    def analyse(self, run: Run) -> Mapping[str, object]:
        """Return the state of the pair, how often an attempt has a photon, and its wave packet."""
        from data.analysis import binomial  # noqa: PLC0415 - late, as all analysis

        pairs = collect_pairs(run)
        tries = sum(len(record.attempts) for record in run.records())
        clicks = int(pairs.clicked.sum())
        detected = binomial(clicks, tries)
        (state,) = reconstruct_pairs(pairs.counts, np.random.default_rng(run.header.seed), self.resamples)
        return {
            "detection_probability": detected.value,
            "detection_probability_error": detected.error,
            "clicks": clicks,
            "attempts": tries,
            **describe_pair(state),
            **self._describe_photons(run, tries),
            "units": {"phase": "turn"},
        }

    def _describe_photons(self, run: Run, tries: int) -> dict[str, object]:
        """Return when photons come, for how long, and how pure they are; None for what is not known."""
        from data.analysis import bin_arrivals, median_arrival  # noqa: PLC0415 - late, as all analysis

        times = np.concatenate([record.tags.window_ps for record in run.records()])
        bins = max(1, round(self.photon_window / PACKET_BIN))
        packet = bin_arrivals(times, tries, self.photon_window, bins)
        columns = {"edges": packet.edges, "rate": packet.rate, "rate_error": packet.rate_error}
        return {
            "photon_duration": _told(lambda: duration_of(times)),
            "median_arrival": _told(lambda: median_arrival(times)),
            "background": self._background(packet),
            "g2_at_zero": _told(lambda: coincidences_of(run).at_zero),
            "wave_packet": {name: column.tolist() for name, column in columns.items()},
        }

    def _background(self, packet: WavePacket) -> Estimate | None:
        """Return the rate of clicks behind the last photon, 1/s; None if the gates are closed by then."""
        late = self.photon_pulse + DECAY
        first = int(np.searchsorted(packet.edges, late - PACKET_BIN * 1e-6))
        if first >= len(packet.counts):
            return None
        rate = packet.background(float(packet.edges[first]), float(packet.edges[-1]))
        return replace(rate, unit="1/s")

    def table(self, results: Mapping[str, Any]) -> Table:
        """Return what one says of the photon, and of its entanglement with the ion."""
        told = {quantity.name: str(quantity) for quantity in quantities_of(results)}
        rows = [("photon detected in an attempt", percent(results, "detection_probability"))]
        rows += [(meaning, told.get(name, "")) for name, meaning in PHOTON_RESULTS.items()]
        rows += [("Bell fidelity", percent(results, "bell_fidelity"))]
        rows += [(name, told.get(name, "")) for name in ("purity", "concurrence")]
        rows += [("attempts with a click", f"{results['clicks']} of {results['attempts']}")]
        return Table(("result", "value"), tuple(rows), title="Ion-photon entanglement of a single ion")

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the wave packet over its background, and the state of the pair."""
        from control.plots import draw_density_matrix  # noqa: PLC0415 - plots are an extra

        cells = figure.add_gridspec(2, 1, height_ratios=(1.0, 1.2))
        self._draw_packet(figure.add_subplot(cells[0]), results)
        if results["density"] is not None:
            parts = cells[1].subgridspec(1, 2)
            density = np.array(results["density"]["real"]) + 1j * np.array(results["density"]["imaginary"])
            sides = [figure.add_subplot(parts[0, column]) for column in range(2)]
            draw_density_matrix(sides, density, JOINT_BASIS, title="ρ")

    def _draw_packet(self, axes: Axes, results: Mapping[str, Any]) -> None:
        """Draw when photons come, until when there is light, and what comes without any."""
        from control.plots import MEAN, draw_wave_packet  # noqa: PLC0415 - plots are an extra

        told = {quantity.name: quantity for quantity in quantities_of(results)}
        packet, background = results["wave_packet"], told["background"]
        draw_wave_packet(axes, packet["edges"], packet["rate"], packet["rate_error"])
        axes.axvline(self.photon_pulse * 1e6, color="0.5", lw=0.8, ls=":", label="end of the light")
        if isinstance(background.value, float):
            rate, label = background.value * 1e-3, f"background {background}"
            axes.axhline(rate, color=MEAN, lw=1, ls="--", label=label)
        axes.legend(loc="upper right")
        detected, fidelity = (percent(results, name) for name in ("detection_probability", "bell_fidelity"))
        axes.set_title(
            f"detected {detected}    duration {told['photon_duration']}    g2 {told['g2_at_zero']}    "
            f"Bell fidelity {fidelity}",
            loc="left",
        )


def duration_of(window_ps: NDArray[np.int64]) -> Estimate:
    """Return within which time the middle 80 % of photons come, s.

    Args:
        window_ps: (clicks,) since the window opened.

    Raises:
        InsufficientDataError: there are too few.
    """
    from data.analysis import Estimate, arrival_quantile  # noqa: PLC0415 - late, as all analysis

    first, last = (arrival_quantile(window_ps, share) for share in (0.1, 0.9))
    return Estimate(last.value - first.value, float(np.hypot(first.error, last.error)), "s")


def coincidences_of(run: Run) -> Correlation:
    """Correlate the clicks of both detectors within each attempt.

    Loops that end at a click have no later attempts to compare with: clicks that are independent of each
    other are what g2 is measured in.

    Args:
        run: whose program tells the gates of its photons.

    Raises:
        InsufficientDataError: a detector has no clicks.
    """
    from data.analysis import correlate  # noqa: PLC0415 - late, as all analysis

    rows = [rows_of(run, name) for name in ("photon_h", "photon_v")]
    clicked: list[list[NDArray[np.bool_]]] = [[], []]
    for record in run.records():
        attempts, tags = record.attempts, record.tags
        most = int(attempts.attempt.max(initial=0)) + 1
        played, seen = attempts.shot * most + attempts.attempt, tags.shot * most + tags.attempt
        for own, found in zip(rows, clicked, strict=True):
            found.append(np.isin(played, seen[np.isin(tags.readout, own)]))
    one, two = (np.concatenate(found)[:, None] for found in clicked)
    return correlate(one, two, most=0)


def _told(estimate: Callable[[], Estimate]) -> Estimate | None:
    """Return what the data tell; None where they are too few."""
    try:
        return estimate()
    except InsufficientDataError:
        return None
