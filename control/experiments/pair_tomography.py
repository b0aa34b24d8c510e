"""Tomography of ion-photon pairs: the nine settings, and from clicks and counts to entangled states.

The photon is analysed in the bases Z (V and H), X and Y by two wave plates, the ion in Z, X and Y by a 729 nm
pulse in front of the readout. Ion "+" is bright, which is D5/2(m=-5/2) before it was mapped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from control.experiments.experiment import Experiment
from control.experiments.point import Point
from sequences.declarations import count, quantity
from sequences.ir import Block
from sequences.library import Node, map_to_ground, read_ions, rotate
from sequences.library.tomography import ANALYSIS, Basis
from sequences.parameters import Parameter, Value

if TYPE_CHECKING:
    from data import Run
    from data.analysis import Entanglement, Estimate

JOINT_BASIS: Final = ("5V", "5H", "3V", "3H")
"""Ion in D5/2(m=-5/2) or D5/2(m=-3/2), photon V or H: the order of all density matrices."""

BASES: Final = ("Z", "X", "Y")

PLATES: Final[Mapping[str, tuple[float, float]]] = {"Z": (0.0, 0.0), "X": (1 / 16, 0.0), "Y": (0.0, 1 / 8)}
"""Photon basis -> angles (turns) of half- and quarter-wave plate from their zeros."""

TRANSMITTED_IS_MINUS: Final[Mapping[str, bool]] = {"Z": True, "X": True, "Y": False}
"""Photon basis -> whether the transmitted detector sees the "-" state: H, V - H; but V + iH in Y."""

strength = Parameter("analysis_strength", low=0, high=1, help="1: with analysis pulse, 0: without")
phase = Parameter("analysis_phase", unit="turn", low=-1, high=1, help="phase of the analysis pulse")


def tomography_points(node: Node) -> tuple[Point, ...]:
    """Return the nine settings; the plates, which are slow, turn as rarely as possible."""
    zeros = node.calibration.half_wave_plate_zero, node.calibration.quarter_wave_plate_zero
    return tuple(
        Point(
            {strength.name: ANALYSIS[Basis(ion)][0], phase.name: ANALYSIS[Basis(ion)][1]},
            {
                # A mount counts from 0 to 1 turn, wherever its zero is believed to be.
                "half_wave_plate": {"angle": (zeros[0] + PLATES[photon][0]) % 1.0},
                "quarter_wave_plate": {"angle": (zeros[1] + PLATES[photon][1]) % 1.0},
            },
            {"ion_basis": ion, "photon_basis": photon},
        )
        for photon in BASES
        for ion in BASES
    )


class PairTomography(Experiment):
    """Base of experiments that find the states of ion-photon pairs from the nine settings."""

    exposure: float = quantity("1.5 ms", unit="s", low="10 us", high="1 s", help="of the camera")
    resamples: int = count(200, low=10, high=10_000, help="Monte Carlo resamples for the errors")

    def points(self, node: Node) -> Sequence[Point]:
        """Return the nine analysis settings."""
        return tomography_points(node)


def analyse_ions(node: Node, exposure: Value) -> tuple[Block, ...]:
    """Return the blocks behind the last photon: map, turn, read out."""
    return map_to_ground(node), rotate(node, 0.25, phase, strength), read_ions(node, exposure)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """What was seen of every ion and its photon.

    Attributes:
        counts: (ions, settings, outcomes) pairs by outcome, in the order of `data.analysis.SETTINGS`.
        clicked: (trains, ions) whether a photon was seen in the window of the ion, in every train of the run.
    """

    counts: NDArray[np.int64]
    clicked: NDArray[np.bool_]


def collect_pairs(run: Run, swapped: Collection[str] = ()) -> Pairs:
    """Pair the clicks in each ion's window with what was read of that ion.

    A window in which both detectors click says nothing about the photon: it counts as a detection, not as a
    pair.

    Args:
        run: of a tomography.
        swapped: ion bases in which "+" ions are read dark, because they were turned over before.
    """
    from data.analysis import SETTINGS, classify_bright, count_outcomes  # noqa: PLC0415 - late, as all analysis

    threshold = int(run.parameters["bright_threshold"].value)
    counts: NDArray[np.int64] | int = 0
    clicked = []
    for index, point in enumerate(run.points):
        record = run.record(index)
        transmitted, reflected = record.counts["photon_h"] > 0, record.counts["photon_v"] > 0
        bright = classify_bright(record.counts["ions"], threshold) ^ (point["ion_basis"] in swapped)
        photon_basis = str(point["photon_basis"])
        setting = SETTINGS.index(f"{point['ion_basis']}{photon_basis}")
        minus = transmitted if TRANSMITTED_IS_MINUS[photon_basis] else reflected
        single = transmitted ^ reflected
        counts = counts + np.stack(
            [
                count_outcomes(np.full(rows.sum(), setting), ~bright[rows, ion], minus[rows, ion])
                for ion, rows in enumerate(single.T)
            ]
        )
        clicked.append(transmitted | reflected)
    return Pairs(np.asarray(counts), np.concatenate(clicked))


@dataclass(frozen=True, slots=True, eq=False)
class Reconstruction:
    """The state of one pair.

    Attributes:
        pair: what one says of it, with errors.
        linear_fidelity: Bell fidelity straight from parities, beside the one of the maximum-likelihood state,
            which is biased low at few counts.
        density: (4, 4) complex, in `JOINT_BASIS`.
    """

    pair: Entanglement
    linear_fidelity: Estimate
    density: NDArray[np.complex128]


def reconstruct_pairs(
    counts: NDArray[np.int64], rng: np.random.Generator, samples: int
) -> list[Reconstruction | None]:
    """Reconstruct the state of every pair by maximum likelihood, with errors from Poisson resamples.

    Args:
        counts: (ions, settings, outcomes).
        rng: source of the resamples.
        samples: how many.

    Returns:
        One for each ion; None where a setting has no counts.

    Source: Schupp, thesis Innsbruck 2021, sec. 5.3, for the method; 200 resamples there.
    """
    from data.analysis import (  # noqa: PLC0415
        linear_bell_fidelity,
        quantify_entanglement,
        reconstruct,
        resample,
    )

    found: list[Reconstruction | None] = []
    for pair in counts:
        if (pair.sum(axis=-1) == 0).any():
            found.append(None)
            continue
        # One call for the pair and its resamples: the iteration is batched.
        density = reconstruct(np.concatenate([pair[None], resample(rng, pair, samples)])).density
        entanglement = quantify_entanglement(density[0], density[1:])
        found.append(Reconstruction(entanglement, linear_bell_fidelity(pair), density[0]))
    return found


def describe_pair(state: Reconstruction | None) -> dict[str, Any]:
    """Return a reconstruction as plain numbers; None for each of them where there is no reconstruction."""
    described: dict[str, Any] = {}
    for name in ("bell_fidelity", "phase", "purity", "concurrence"):
        estimate = getattr(state.pair, name) if state else None
        described[name] = estimate.value if estimate else None
        described[f"{name}_error"] = estimate.error if estimate else None
    described["linear_bell_fidelity"] = state.linear_fidelity.value if state else None
    described["linear_bell_fidelity_error"] = state.linear_fidelity.error if state else None
    described["density"] = (
        {"real": state.density.real.tolist(), "imaginary": state.density.imag.tolist()} if state else None
    )
    return described
