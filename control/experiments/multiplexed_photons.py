"""Photons from every ion of a resting string, on their way to far detectors at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from control.errors import ConfigError
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
from sequences.language import attempt, delay, herald, readout, serial
from sequences.library import (
    Node,
    decision_time,
    doppler_cool,
    hold,
    map_to_ground,
    multiplex_photons,
    optical_pump,
    plan_transport,
    rotate,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

TURNED_OVER: Final = ("Z", "Y")
"""Bases of the ion that the half turn of an echo, about X, turns over."""


class MultiplexedPhotons(PairTomography):
    """Entangles every ion of a resting string with a photon that travels through a long fibre.

    The beam is pointed at one ion after the other, so that several photons are under way at once. While they
    travel, the ions' qubits are stored and refocused by a half turn in the middle of the wait. The first
    click ends the attempts, and the ions are analysed. The setups `three_ions` and `three_ions_101km` have
    the deflector that this needs.

    Source: Krutyanskiy et al., PRX Quantum 5, 020308 (2024).
    """

    shots_field = "rounds"

    ions: int = count(3, low=1, high=20, help="ions in the string")
    rounds: int = count(300, low=1, high=10_000_000, help="loops of attempts in each of the nine settings")
    attempts: int = count(1, low=1, high=10_000, help="trains of photons tried at most in a loop")
    axial_frequency: float = quantity("0.869 MHz", unit="Hz", low="1 kHz", high="2 MHz", help="of one ion")
    cooling: float = quantity("7 ms", unit="s", low="100 us", high="1 s", help="Doppler cooling at first")
    recooling: float = quantity("50 us", unit="s", low="1 us", high="10 ms", help="the same in each attempt")
    pumping: float = quantity("20 us", unit="s", low="1 us", high="10 ms", help="optical pumping")
    photon_pulse: float = quantity("60 us", unit="s", low="1 us", high="1 ms", help="393 nm light on an ion")
    photon_window: float = quantity("65 us", unit="s", low="1 us", high="1 ms", help="gates of the detectors")
    switching: float = quantity("12 us", unit="s", low="0 s", high="1 ms", help="pointing at the next ion")
    echo: float | None = quantity(
        unit="s",
        low="1 us",
        high="100 ms",
        optional=True,
        help="from storing the qubits to the half turn that refocuses them; default: none",
    )

    def sequence(self, node: Node) -> Block:
        """Return one round: cool, try until a photon is seen, read out."""
        if node.raman_deflector is None:
            reason = f"{self.name} points the 393 nm beam from ion to ion, but there is no 'raman_deflector'"
            raise ConfigError((f"{reason}: measure it with --setup three_ions or three_ions_101km",))
        transport = plan_transport(node.calibration, self.ions, self.axial_frequency)
        middle = self.ions // 2
        places = (transport.positions - transport.positions[middle]).tolist()
        one = serial(
            doppler_cool(node, self.recooling),
            optical_pump(node, self.pumping),
            multiplex_photons(
                node,
                places,
                pulse=self.photon_pulse,
                window=self.photon_window,
                switching=self.switching,
                meanwhile=self._store(node),
            ),
            delay(decision_time(node)),
        )
        seen = herald(*(readout(name, ion) for ion in range(self.ions) for name in ("photon_h", "photon_v")))
        _, *analysis = analyse_ions(node, self.exposure)
        return serial(
            hold(node, transport, middle),
            doppler_cool(node, self.cooling),
            attempt(one, until=seen, maximum=self.attempts),
            *analysis,
        )

    def _store(self, node: Node) -> Block:
        """Map the qubits to the optical transition, and refocus them if that is asked for."""
        if self.echo is None:
            return map_to_ground(node)
        return serial(map_to_ground(node), delay(self.echo), rotate(node, 0.5))

    def analyse(self, run: Run) -> Mapping[str, object]:
        """Return state and detection probability of every ion's photon, their means, and the rates."""
        from data.analysis import binomial  # noqa: PLC0415 - late, as all analysis

        pairs = collect_pairs(run, () if self.echo is None else TURNED_OVER)
        records = list(run.records())
        tries = sum(len(record.attempts) for record in records)
        lasted = sum(record.duration_ps for record in records) * 1e-12
        clicks = pairs.clicked.sum(axis=0).tolist()
        success = binomial(int(pairs.clicked.any(axis=1).sum()), tries)
        states = reconstruct_pairs(pairs.counts, np.random.default_rng(run.header.seed), self.resamples)
        return {
            **describe_ions(states, [binomial(count, tries) for count in clicks], clicks, tries),
            "success_probability": success.value,
            "success_probability_error": success.error,
            "attempts_per_second": tries / lasted,
            "successes_per_second": success.value * tries / lasted,
            "wave_packet": wave_packet(run, tries * self.ions, self.photon_window),
        }

    def table(self, results: Mapping[str, Any]) -> Table:
        """Return one row an ion, and the means."""
        tries, successes = results["attempts_per_second"], results["successes_per_second"]
        return ion_table(results, title=f"Pairs: {tries:.3g} attempts, {successes:.3g} successes a second")

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw fidelities, detection probabilities, the wave packet, and the state of one pair."""
        draw_ions(results, figure)
