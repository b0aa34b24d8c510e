"""The pairs of a string as rows: fidelity, detection probability and state of each ion, and their means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from control.experiments.pair_tomography import JOINT_BASIS, Reconstruction, describe_pair
from control.experiments.tables import Table, cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run
    from data.analysis import Estimate

TOO_FEW: Final = "too few clicks"

PACKET_BIN: Final = 1e-6
"""Resolution of the wave packet, s: fine against the 1.1 us that a photon stays in the cavity."""


def describe_ions(
    states: Sequence[Reconstruction | None],
    probabilities: Sequence[Estimate],
    clicks: Sequence[int],
    attempts: int,
) -> dict[str, Any]:
    """Return the means over a string and one row an ion, as plain numbers.

    Args:
        states: (ions,) of the pairs.
        probabilities: (ions,) that a photon of the ion is detected in an attempt.
        clicks: (ions,) attempts in which one was.
        attempts: how many there were for each ion.
    """
    from data.analysis import mean  # noqa: PLC0415 - late, as all analysis

    known = [state.pair.bell_fidelity for state in states if state is not None]
    fidelity = mean(known) if known else None
    detected = mean(probabilities)
    rows = [
        {
            "ion": ion + 1,
            "detection_probability": probability.value,
            "detection_probability_error": probability.error,
            "clicks": int(count),
            "attempts": attempts,
            **describe_pair(state),
        }
        for ion, (probability, count, state) in enumerate(zip(probabilities, clicks, states, strict=True))
    ]
    return {
        "bell_fidelity_mean": fidelity.value if fidelity else None,
        "bell_fidelity_mean_error": fidelity.error if fidelity else None,
        "detection_probability_mean": detected.value,
        "detection_probability_mean_error": detected.error,
        "ions": rows,
    }


def wave_packet(run: Run, windows: int, length: float) -> dict[str, list[float]]:
    """Return when photons arrive within their windows, all ions together.

    Args:
        run: whose time tags are binned.
        windows: that were opened, of either detector.
        length: of a window, s.
    """
    from data.analysis import bin_arrivals  # noqa: PLC0415

    arrivals = np.concatenate([record.tags.window_ps for record in run.records()])
    packet = bin_arrivals(arrivals, windows, length, max(1, round(length / PACKET_BIN)))
    columns = {"edges": packet.edges, "rate": packet.rate, "rate_error": packet.rate_error}
    return {name: column.tolist() for name, column in columns.items()}


def ion_table(results: Mapping[str, Any], title: str) -> Table:
    """Return one row an ion, and the means."""
    rows: list[tuple[str, ...]] = [
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
    clicks = str(sum(row["clicks"] for row in results["ions"]))
    means = [percent(results, f"{name}_mean") for name in ("bell_fidelity", "detection_probability")]
    rows.append(("mean", *means, "", "", clicks))
    return Table(("ion", "Bell fidelity", "detection", "purity", "concurrence", "clicks"), tuple(rows), title)


def percent(row: Mapping[str, Any], key: str) -> str:
    """Return a probability of a row with its error, in per cent."""
    from data.analysis import Estimate  # noqa: PLC0415

    value = row.get(key)
    return TOO_FEW if value is None else f"{Estimate(value, row[f'{key}_error']):%}"


def draw_ions(results: Mapping[str, Any], figure: Figure) -> None:
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
    draw_wave_packet(figure.add_subplot(cells[1, 0]), packet["edges"], packet["rate"], packet["rate_error"])
    shown = next((row for row in ions if row["density"] is not None), None)
    if shown is not None:
        parts = cells[1, 1].subgridspec(1, 2)
        density = np.array(shown["density"]["real"]) + 1j * np.array(shown["density"]["imaginary"])
        axes = [figure.add_subplot(parts[0, column]) for column in range(2)]
        draw_density_matrix(axes, density, JOINT_BASIS, title=f"ion {shown['ion']}")
