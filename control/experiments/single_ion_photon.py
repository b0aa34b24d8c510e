"""Ion-photon entanglement of a single ion, tried again until a photon is seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from control.experiments.pair_tomography import (
    PairTomography,
    analyse_ions,
    collect_pairs,
    describe_pair,
    reconstruct_pairs,
)
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.language import attempt, delay, herald, readout, serial
from sequences.library import Node, decision_time, doppler_cool, generate_photon, optical_pump

if TYPE_CHECKING:
    from data import Run


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
        """Return the state of the pair and the probability to detect a photon in one attempt."""
        from data.analysis import binomial  # noqa: PLC0415 - late, as all analysis

        pairs = collect_pairs(run)
        tries = sum(len(record.attempts) for record in run.records())
        clicks = int(pairs.clicked.sum())
        detected = binomial(clicks, tries)
        (state,) = reconstruct_pairs(pairs.counts, np.random.default_rng(run.header.seed), self.resamples)
        results: dict[str, Any] = {
            "detection_probability": detected.value,
            "detection_probability_error": detected.error,
            "clicks": clicks,
            "attempts": tries,
        }
        return results | describe_pair(state)
