"""How often an ion's photon leaves the cavity: the efficiency of the interface alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from control.experiments.experiment import Experiment
from control.experiments.pair_results import percent, wave_packet
from control.experiments.tables import Table
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.language import serial
from sequences.library import (
    Node,
    doppler_cool,
    generate_photon,
    hold,
    lamb_dicke,
    optical_pump,
    plan_transport,
    sideband_cool,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run


class PhotonEfficiency(Experiment):
    """Counts how often a cold ion's photon is detected, and so how often it leaves the cavity.

    The ion is cooled to its motional ground state along the axis, pumped, and driven for long enough that all
    of the photon is out. With the known efficiency of the path behind the cavity, the probability of a click
    gives that of a photon at the cavity's output.

    Source: Schupp et al., PRX Quantum 2, 020331 (2021).
    """

    shots: int = count(4000, low=1, high=10_000_000, help="photons tried")
    photon_pulse: float = quantity("150 us", unit="s", low="1 us", high="1 ms", help="393 nm light")
    photon_window: float = quantity(
        "160 us", unit="s", low="1 us", high="2 ms", help="gates of the detectors"
    )
    cooling: float = quantity("5 ms", unit="s", low="100 us", high="1 s", help="Doppler cooling")
    cycles: int = count(30, low=0, high=200, help="pulses of sideband cooling for each of the three modes")
    radial_splitting: float = quantity(
        "40 kHz", unit="Hz", low="0 Hz", high="1 MHz", help="of the two radial modes, published: 40 kHz"
    )
    quenching: float = quantity(
        "5 us", unit="s", low="1 us", high="1 ms", help="854 nm light in each of them"
    )
    pumping: float = quantity("20 us", unit="s", low="1 us", high="10 ms", help="optical pumping")
    beam_cosine: float = quantity(0.7071, low=-1, high=1, help="of the 729 nm beam against the trap axis")
    path_efficiency: float = quantity(
        0.68, low=0.001, high=1, help="from the cavity's output to a click, published: 0.68(3)"
    )

    def sequence(self, node: Node) -> Block:
        """Return one try: cool to the ground state, pump, make a photon."""
        return serial(
            hold(node, plan_transport(node.calibration, 1), 0),
            doppler_cool(node, self.cooling),
            optical_pump(node, self.pumping),
            *self._ground_state_cooling(node),
            optical_pump(node, self.pumping),
            generate_photon(node, self.photon_pulse, self.photon_window),
        )

    def _ground_state_cooling(self, node: Node) -> list[Block]:
        """Cool the two radial modes, then the axial one, which scatters and is lit the most."""
        if self.cycles == 0:
            return []
        across = math.sqrt((1 - self.beam_cosine**2) / 2)
        radial = node.calibration.radial_frequency
        axial = plan_transport(node.calibration, 1).axial_frequency
        modes = ((radial, across), (radial + self.radial_splitting, across), (axial, self.beam_cosine))
        return [
            sideband_cool(
                node, frequency, lamb_dicke(frequency, cosine), self.cycles, self.quenching, self.pumping
            )
            for frequency, cosine in modes
        ]

    def analyse(self, run: Run) -> Mapping[str, object]:
        """Return the probabilities of a click and of a photon at the cavity's output, and the wave packet."""
        from data.analysis import binomial  # noqa: PLC0415 - late, as all analysis

        records = list(run.records())
        shots = sum(record.shots for record in records)
        clicked = sum(
            int(((record.counts["photon_h"] + record.counts["photon_v"]) > 0).sum()) for record in records
        )
        detected = binomial(clicked, shots)
        return {
            "detection_probability": detected.value,
            "detection_probability_error": detected.error,
            "cavity_output_probability": detected.value / self.path_efficiency,
            "cavity_output_probability_error": detected.error / self.path_efficiency,
            "clicks": clicked,
            "shots": shots,
            "wave_packet": wave_packet(run, shots, self.photon_window),
        }

    def table(self, results: Mapping[str, Any]) -> Table:
        """Return both probabilities with their errors."""
        rows = (
            ("photon detected", percent(results, "detection_probability")),
            ("photon at the cavity's output", percent(results, "cavity_output_probability")),
            ("shots", str(results["shots"])),
        )
        return Table(("result", "value"), rows, title="Efficiency of the ion-photon interface")

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw the wave packet."""
        from control.plots import draw_wave_packet  # noqa: PLC0415 - plots are an extra

        packet = results["wave_packet"]
        draw_wave_packet(figure.add_subplot(), packet["edges"], packet["rate"], packet["rate_error"])
