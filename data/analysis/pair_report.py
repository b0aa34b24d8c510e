"""All that one says of an entangled pair, from one set of counts: direct estimates beside those of a state.

What a claim should rest on comes straight from counts, without bias: `linear_fidelity` and `chsh`. The other
numbers are of the state of maximum likelihood, with errors, intervals and biases by bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.bell_tests import (
    BEST_FIRST,
    BEST_SECOND,
    best_axes,
    greatest_chsh,
    linear_chsh,
    split_chsh,
)
from data.analysis.bootstrap import Judged, StateBootstrap
from data.analysis.entanglement import (
    concurrence,
    entanglement_of_formation,
    maximally_entangled_fidelity,
    purity,
)
from data.analysis.estimates import Estimate
from data.analysis.fidelities import BELL_STATES, Rotation, fidelity, linear_fidelity
from data.analysis.negativities import log_negativity, negativity
from data.analysis.resampling import resample_state
from data.analysis.tomography import reconstruct
from data.errors import ShapeError

PHOTON_PHASE = Rotation(1, "Z")
"""What an ion-photon pair leaves open: the phase between its two terms."""


@dataclass(frozen=True, slots=True, eq=False)
class PairReport:
    """What was found of a pair.

    Attributes:
        linear_fidelity: With the target, or the nearest of the turned ones, straight from counts: unbiased
            for the target as it is, and almost so with a rotation open.
        fidelity: The same from the state; biased low.
        turns: By which the target is turned there, 0 to 1.
        local_fidelity: With the nearest maximally entangled state over all local rotations; of all fidelities
            the most biased upwards.
        purity: Of the state.
        concurrence: Of the state.
        formation: Entanglement of formation, ebits.
        negativity: Of the state, at most 1/2.
        log_negativity: Of the state, ebits.
        chsh: S straight from counts: unbiased at declared axes, and almost so at those of the target with the
            rotation left open.
        split_chsh: S at axes chosen on one half of the counts and judged by the other: never biased upwards,
            and free of what the declared axes assume, but of twice the error.
        greatest_chsh: S at the axes best for the state; biased upwards, which its `corrected` does not mend.
        density: The state, shape (4, 4).
        gap: Log-likelihood that a better state could still gain at most.
        rotation: What was left open in the fidelities, if anything.
    """

    linear_fidelity: Estimate
    fidelity: Judged
    turns: float
    local_fidelity: Judged
    purity: Judged
    concurrence: Judged
    formation: Judged
    negativity: Judged
    log_negativity: Judged
    chsh: Estimate
    split_chsh: Estimate
    greatest_chsh: Judged
    density: NDArray[np.complex128]
    gap: float
    rotation: Rotation | None


def report_pair(
    rng: np.random.Generator,
    counts: ArrayLike,
    target: ArrayLike | None = None,
    rotation: Rotation | None = PHOTON_PHASE,
    axes: tuple[ArrayLike, ArrayLike] | None = None,
    samples: int = 400,
    confidence: float = 0.95,
    effects: ArrayLike | None = None,
) -> PairReport:
    """Find all numbers of a pair of qubits from the counts of a tomography.

    Args:
        rng: Source of the resamples.
        counts: Whole numbers, shape (settings, outcomes); (9, 4) for the Pauli settings.
        target: Normalised vector, shape (4,); by default ``(|00> + |11>)/sqrt 2``.
        rotation: Left open in the fidelities, declared before the data are seen. None: the target as it is.
        axes: a, a' of the first and b, b' of the second qubit for S, (2, 3) each, as they are; None for those
            that are best for the target, turned with the rotation left open: see `linear_chsh`.
        samples: Of the parametric bootstrap.
        confidence: Of its intervals.
        effects: Shape (settings, outcomes, 4, 4); by default `pauli_effects`.

    Returns:
        The report.

    Raises:
        AnalysisError: As `reconstruct`, `linear_fidelity`, `linear_chsh` and `StateBootstrap.judge`.

    Example:
        >>> counts = np.full((9, 4), 50)
        >>> counts[[0, 4, 8]] = [98, 2, 2, 98], [96, 4, 4, 96], [4, 96, 96, 4]
        >>> report = report_pair(np.random.default_rng(1), counts)
        >>> print(f"{report.linear_fidelity:%}", f"{report.fidelity.estimate:%}", report.chsh)
        94.9(11) % 95.0(11) % 2.65(5)
    """
    if np.ndim(counts) != 2:
        raise ShapeError("counts", np.shape(counts), "(settings, outcomes), one data set at a time,")
    ket = BELL_STATES["Phi+"] if target is None else np.asarray(target, dtype=np.complex128)
    direct = linear_fidelity(counts, ket, rotation, effects)
    state = reconstruct(counts, effects)
    draws = resample_state(rng, state.density, counts, samples, effects)
    bootstrap = StateBootstrap(state.density, reconstruct(draws, effects).density)
    return PairReport(
        linear_fidelity=direct,
        turns=float(fidelity(state.density, ket, rotation).turns),
        chsh=_sum_at(counts, target, axes, rotation, effects),
        split_chsh=split_chsh(rng, counts, effects),
        density=state.density,
        gap=float(state.gap),
        rotation=rotation,
        **_judge(bootstrap, ket, rotation, confidence),
    )


def _sum_at(
    counts: ArrayLike,
    target: ArrayLike | None,
    axes: tuple[ArrayLike, ArrayLike] | None,
    rotation: Rotation | None,
    effects: ArrayLike | None,
) -> Estimate:
    """Return S at declared axes, or at the best for the target with the rotation left open."""
    if axes is not None:
        return linear_chsh(counts, *axes, effects)
    if target is None:
        return linear_chsh(counts, BEST_FIRST, BEST_SECOND, effects, rotation)
    ket = np.asarray(target, dtype=np.complex128)
    return linear_chsh(counts, *best_axes(np.outer(ket, ket.conj())), effects, rotation)


def _judge(
    bootstrap: StateBootstrap, target: NDArray[np.complex128], rotation: Rotation | None, confidence: float
) -> dict[str, Judged]:
    """Return what is computed from the state, by its name in the report."""
    quantities: dict[str, Callable[[NDArray[np.complex128]], NDArray[np.float64]]] = {
        "fidelity": lambda states: fidelity(states, target, rotation).fidelity,
        "local_fidelity": maximally_entangled_fidelity,
        "purity": purity,
        "concurrence": concurrence,
        "formation": entanglement_of_formation,
        "negativity": negativity,
        "log_negativity": log_negativity,
        "greatest_chsh": greatest_chsh,
    }
    return {name: bootstrap.judge(quantity, confidence) for name, quantity in quantities.items()}
