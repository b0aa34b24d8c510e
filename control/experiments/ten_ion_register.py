"""The ten-ion register: a photon from each ion of a string, one by one, and what it is entangled with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from control.experiments.pair_results import describe_ions, draw_ions, ion_table, wave_packet
from control.experiments.pair_tomography import (
    PairTomography,
    analyse_ions,
    collect_pairs,
    reconstruct_pairs,
)
from control.experiments.tables import Table
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.language import serial
from sequences.library import Node, doppler_cool, generate_train, hold, optical_pump, plan_transport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run


class TenIonRegister(PairTomography):
    """Entangles every ion of a string with a photon of its own.

    The string is cooled and pumped; then its ions are brought into the cavity waist one by one, and each
    emits a photon there. A 729 nm pulse stores the ions' half of the pairs, another turns it for analysis,
    and the camera reads all ions. Nine settings of ion and photon analysis give the state of every pair.

    Source: Canteri et al., PRL 135, 080801 (2025).
    """

    shots_field = "trains"

    ions: int = count(10, low=2, high=200, help="ions in the string")
    trains: int = count(1000, low=1, high=10_000_000, help="photon trains in each of the nine settings")
    axial_frequency: float | None = quantity(
        unit="Hz",
        low="1 kHz",
        high="2 MHz",
        optional=True,
        help="of one ion; default: by zig-zag limit",
    )
    cooling: float = quantity("7 ms", unit="s", low="100 us", high="1 s", help="Doppler cooling")
    pumping: float = quantity("20 us", unit="s", low="1 us", high="10 ms", help="optical pumping")
    photon_pulse: float = quantity(
        "50 us", unit="s", low="1 us", high="1 ms", help="393 nm light for each photon"
    )
    photon_window: float = quantity("55 us", unit="s", low="1 us", high="1 ms", help="gates of the detectors")
    step: float = quantity("50 us", unit="s", low="1 us", high="10 ms", help="moving the string by one ion")
    settling: float = quantity("20 us", unit="s", low="0 s", high="10 ms", help="rest after a move")

    def sequence(self, node: Node) -> Block:
        """Return one train: prepare, visit every ion, read out."""
        transport = plan_transport(node.calibration, self.ions, self.axial_frequency)
        return serial(
            hold(node, transport, 0),
            doppler_cool(node, self.cooling),
            optical_pump(node, self.pumping),
            generate_train(
                node,
                transport,
                range(self.ions),
                pulse=self.photon_pulse,
                window=self.photon_window,
                step=self.step,
                settling=self.settling,
            ),
            *analyse_ions(node, self.exposure),
        )

    def analyse(self, run: Run) -> Mapping[str, object]:
        """Return fidelity, purity, concurrence and detection probability of every ion, and their means."""
        from data.analysis import count_detections  # noqa: PLC0415 - late, as all analysis

        pairs = collect_pairs(run)
        trains = count_detections(pairs.clicked)
        states = reconstruct_pairs(pairs.counts, np.random.default_rng(run.header.seed), self.resamples)
        return {
            **describe_ions(states, trains.probabilities, trains.ion_clicks.tolist(), trains.trains),
            "photons_per_train": trains.mean.value,
            "photons_per_train_error": trains.mean.error,
            "trains_by_photons": trains.histogram.tolist(),
            "wave_packet": wave_packet(run, trains.trains * self.ions, self.photon_window),
        }

    def table(self, results: Mapping[str, Any]) -> Table:
        """Return one row an ion, and the means."""
        return ion_table(results, title="Ion-photon pairs of the register")

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw fidelities, detection probabilities, the wave packet, and the state of one pair."""
        draw_ions(results, figure)
