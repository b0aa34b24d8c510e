"""Expectation values straight from counts: linear in the frequencies, hence unbiased, with their errors.

No state is reconstructed: each outcome of each setting has a weight, that which it has in the least-squares
matrix of trace one. A value may lie outside of what a state allows, by about its error.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import Estimate
from data.analysis.likelihood import Likelihood
from data.analysis.measurements import check_counts
from data.analysis.projection import check_matrices
from data.analysis.tomography import choose_effects, weigh_outcomes
from data.errors import RangeError, ShapeError

_ROUNDING = 1e-9  # of an element of an observable against its mirror image


def estimate_observable(
    counts: ArrayLike, observable: ArrayLike, effects: ArrayLike | None = None
) -> Estimate:
    """Estimate the expectation value of an observable, without bias.

    Args:
        counts: Shape (settings, outcomes).
        observable: Hermitian, shape (d, d): a projector gives the overlap with its state.
        effects: Shape (settings, outcomes, d, d); by default as in `reconstruct`.

    Returns:
        The value and its error, which is that of multinomial counts.

    Raises:
        AnalysisError: As `estimate_observables`.

    Example:
        >>> counts = [[90, 10], [50, 50], [50, 50]]
        >>> print(estimate_observable(counts, [[1, 0], [0, -1]]))
        0.80(6)
    """
    if np.ndim(counts) != 2:
        raise ShapeError("counts", np.shape(counts), "(settings, outcomes), one data set at a time,")
    values, covariance = estimate_observables(counts, np.asarray(observable)[None], effects)
    return Estimate(float(values[0]), math.sqrt(covariance[0, 0]))


def estimate_observables(
    counts: ArrayLike, observables: ArrayLike, effects: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate several expectation values from the same counts, without bias.

    The covariance is that of the posterior with one prior count shared among the outcomes of each setting:
    above zero also where all counts fell on one outcome, and equal to Jeffreys' for two groups of outcomes.

    Args:
        counts: Shape (..., settings, outcomes).
        observables: Hermitian, shape (observables, d, d).
        effects: Shape (settings, outcomes, d, d); by default as in `reconstruct`.

    Returns:
        Values (..., observables) and covariance (..., observables, observables).

    Raises:
        ShapeError: If counts, effects and observables do not fit.
        RangeError: If a count is negative or not finite, or an observable is not Hermitian or not finite.
        EmptySettingError: If a setting has no counts.
        EffectsError: If the effects are not those of a measurement.
        IncompleteSettingsError: If the settings do not determine the state.

    Source: linear inversion as in D. F. V. James et al., Phys. Rev. A 64, 052312 (2001), section III;
        W. Perks, J. Inst. Actuar. 73, 285 (1947), for the prior.
    """
    matrices, labels = choose_effects(counts, effects)
    settings, outcomes, dimension = matrices.shape[:3]
    rows = check_counts(counts, settings, outcomes, labels)
    wanted = _check_observables(observables, dimension)
    likelihood = Likelihood(matrices.reshape(-1, dimension, dimension))
    mixed, vectors = likelihood.identity / dimension, likelihood.to_vector(wanted)
    weights = vectors @ weigh_outcomes(likelihood)
    totals = rows.sum(axis=-1, keepdims=True)
    shares = (rows / totals).reshape(*rows.shape[:-2], -1)
    values = vectors @ mixed + (shares - likelihood.vectors @ mixed) @ weights.T
    likely = (rows + 1 / outcomes) / (totals + 1)
    means = np.einsum("aso,...so->...as", weights.reshape(-1, settings, outcomes), likely)
    scaled = likely / (totals + 2)
    squares = np.einsum("ax,bx,...x->...ab", weights, weights, scaled.reshape(*rows.shape[:-2], -1))
    covariance = squares - np.einsum("...as,...bs,...s->...ab", means, means, 1 / (totals[..., 0] + 2))
    return np.asarray(values, dtype=np.float64), np.asarray(covariance, dtype=np.float64)


def _check_observables(observables: ArrayLike, dimension: int) -> NDArray[np.complex128]:
    matrices = check_matrices("observables", observables)
    if matrices.ndim != 3 or matrices.shape[-1] != dimension:
        raise ShapeError("observables", matrices.shape, f"(observables, {dimension}, {dimension})")
    lopsided = np.abs(matrices - matrices.conj().swapaxes(1, 2)).max(axis=(1, 2))
    worst = int(np.argmax(lopsided))
    if lopsided[worst] > _ROUNDING:
        where = f"the deviation of observables[{worst}] from being Hermitian"
        raise RangeError(where, float(lopsided[worst]), f"<= {_ROUNDING:.0e}", "add its adjoint and halve")
    return matrices
