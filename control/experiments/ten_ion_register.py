"""The ten-ion register: a photon from each ion of a string, one by one, and what it is entangled with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from control.experiments.pair_tomography import (
    JOINT_BASIS,
    PairTomography,
    Reconstruction,
    analyse_ions,
    collect_pairs,
    describe_pair,
    reconstruct_pairs,
)
from control.experiments.tables import Table, cell
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.language import serial
from sequences.library import Node, doppler_cool, generate_train, hold, optical_pump, plan_transport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

PACKET_BIN: Final = 1e-6
"""Resolution of the wave packet, s: fine against the 1.1 us that a photon stays in the cavity."""


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
        from data.analysis import count_detections, mean  # noqa: PLC0415 - late, as all analysis

        pairs = collect_pairs(run)
        trains = count_detections(pairs.clicked)
        states = reconstruct_pairs(pairs.counts, np.random.default_rng(run.header.seed), self.resamples)
        rows = [
            {
                "ion": ion + 1,
                "detection_probability": probability.value,
                "detection_probability_error": probability.error,
                "clicks": int(clicks),
                "attempts": trains.trains,
                **describe_pair(state),
            }
            for ion, (probability, clicks, state) in enumerate(
                zip(trains.probabilities, trains.ion_clicks, states, strict=True)
            )
        ]
        detected = mean(trains.probabilities)
        return {
            **_mean_fidelity(states),
            "detection_probability_mean": detected.value,
            "detection_probability_mean_error": detected.error,
            "photons_per_train": trains.mean.value,
            "photons_per_train_error": trains.mean.error,
            "trains_by_photons": trains.histogram.tolist(),
            "ions": rows,
            "wave_packet": self._wave_packet(run, trains.trains),
        }

    def _wave_packet(self, run: Run, trains: int) -> dict[str, list[float]]:
        """Return the arrival of photons within their windows, all ions together."""
        from data.analysis import bin_arrivals  # noqa: PLC0415

        arrivals = np.concatenate([record.tags.window_ps for record in run.records()])
        bins = max(1, round(self.photon_window / PACKET_BIN))
        packet = bin_arrivals(arrivals, trains * self.ions, self.photon_window, bins)
        columns = {"edges": packet.edges, "rate": packet.rate, "rate_error": packet.rate_error}
        return {name: column.tolist() for name, column in columns.items()}

    def table(self, results: Mapping[str, Any]) -> Table:
        """Return one row an ion, and the means."""
        from data.analysis import Estimate  # noqa: PLC0415

        def percent(row: Mapping[str, Any], key: str) -> str:
            value = row.get(key)
            return "too few clicks" if value is None else f"{Estimate(value, row[f'{key}_error']):%}"

        rows = [
            (
                str(row["ion"]),
                percent(row, "bell_fidelity"),
                percent(row, "detection_probability"),
                cell(row["purity"]),
                cell(row["concurrence"]),
                str(row["clicks"]),
            )
            for row in results["ions"]
        ]
        means = {
            "bell_fidelity": results["bell_fidelity_mean"],
            "bell_fidelity_error": results["bell_fidelity_mean_error"],
            "detection_probability": results["detection_probability_mean"],
            "detection_probability_error": results["detection_probability_mean_error"],
        }
        clicks = str(sum(row["clicks"] for row in results["ions"]))
        rows.append(
            ("mean", percent(means, "bell_fidelity"), percent(means, "detection_probability"), "", "", clicks)
        )
        columns = ("ion", "Bell fidelity", "detection", "purity", "concurrence", "clicks")
        return Table(columns, tuple(rows), title="Ion-photon pairs of the register")

    def draw(self, run: Run, results: Mapping[str, Any], figure: Figure) -> None:
        """Draw fidelities, detection probabilities, the wave packet, and the state of one pair."""
        from control.plots import draw_density_matrix, draw_estimates, draw_wave_packet  # noqa: PLC0415

        cells = figure.add_gridspec(2, 2)
        ions = results["ions"]
        for place, key, label in (
            (cells[0, 0], "bell_fidelity", "Bell fidelity"),
            (cells[0, 1], "detection_probability", "detection probability"),
        ):
            known = [row for row in ions if row[key] is not None]
            draw_estimates(
                figure.add_subplot(place),
                [row["ion"] for row in known],
                [row[key] for row in known],
                [row[f"{key}_error"] for row in known],
                label=label,
                mean=results[f"{key}_mean"],
                mean_error=results[f"{key}_mean_error"],
            )
        packet = results["wave_packet"]
        draw_wave_packet(
            figure.add_subplot(cells[1, 0]), packet["edges"], packet["rate"], packet["rate_error"]
        )
        shown = next((row for row in ions if row["density"] is not None), None)
        if shown is not None:
            parts = cells[1, 1].subgridspec(1, 2)
            density = np.array(shown["density"]["real"]) + 1j * np.array(shown["density"]["imaginary"])
            axes = [figure.add_subplot(parts[0, column]) for column in range(2)]
            draw_density_matrix(axes, density, JOINT_BASIS, title=f"ion {shown['ion']}")


def _mean_fidelity(states: Sequence[Reconstruction | None]) -> dict[str, float | None]:
    """Return the mean Bell fidelity of the pairs that could be reconstructed."""
    from data.analysis import mean  # noqa: PLC0415

    known = [state.pair.bell_fidelity for state in states if state is not None]
    average = mean(known) if known else None
    return {
        "bell_fidelity_mean": average.value if average else None,
        "bell_fidelity_mean_error": average.error if average else None,
    }
