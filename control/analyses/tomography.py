"""Tomography of ion-photon pairs in any run that has the nine settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from control.errors import UsageError
from control.experiments.pair_results import describe_ions, draw_ions, wave_packet
from control.experiments.pair_tomography import collect_pairs, reconstruct_pairs
from sequences.declarations import Declaration

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data import Run

Resamples = Annotated[int, Declaration(int, "Monte Carlo resamples", low=10, high=100_000)]

NEEDED = ("ion_basis", "photon_basis")
READOUTS = ("photon_h", "photon_v", "ions")


def analyse(run: Run, *, rng: np.random.Generator, resamples: Resamples = 200) -> Mapping[str, object]:
    """Return fidelity, purity, concurrence and detection probability of every ion's pair, and their means.

    Args:
        run: with the axes of `NEEDED` and the readouts of both detectors and the camera.
        rng: of the resamples.
        resamples: for the errors.

    Raises:
        UsageError: it is no tomography of pairs.
    """
    from data.analysis import binomial  # noqa: PLC0415 - late, as all analysis

    known = {axis.name for axis in run.axes} | {readout.name for readout in run.readouts}
    missing = [name for name in (*NEEDED, *READOUTS) if name not in known]
    if missing or "bright_threshold" not in run.parameters:
        lacks = ", ".join(missing) or "bright_threshold"
        what = f"run {run.id} is no tomography of pairs: it lacks {lacks}"
        raise UsageError(what=what, advice="`ionloom show` tells what it holds.")
    pairs = collect_pairs(run)
    records = list(run.records())
    tries = sum(len(record.attempts) or record.shots for record in records)
    clicks = pairs.clicked.sum(axis=0).tolist()
    states = reconstruct_pairs(pairs.counts, rng, resamples)
    windows = np.concatenate([record.tags.window_ps for record in records])
    length = float(windows.max() + 1) * 1e-12 if len(windows) else 1e-6
    attempts = tries * pairs.clicked.shape[1]
    return {
        **describe_ions(states, [binomial(count, tries) for count in clicks], clicks, tries),
        "wave_packet": wave_packet(run, attempts, length),
    }


def draw(_run: Run, results: Mapping[str, Any], figure: Figure) -> None:
    """Draw fidelities, detection probabilities, the wave packet, and the state of one pair."""
    draw_ions(results, figure)
