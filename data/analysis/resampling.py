"""Data sets as they might have been: resamples of counts, from which errors and biases follow.

Three ways, which differ in what they hold fixed:

- `resample`: Poisson about each count. Fits where one measures for a fixed time and counts what comes.
- `resample_shots`: multinomial in each setting, with as many counts as were measured. Fits where one repeats
  until the shots are full. For a reconstruction, which uses only shares, both give equal errors but for terms
  of the order of one over the counts of a setting.
- `resample_state`: as `resample_shots`, but from the probabilities of a state: the parametric bootstrap. From
  a reconstructed (physical) state it makes data sets just as that state would, so the bias of an estimator
  shows in them.

Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapters 6 and 10.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.measurements import check_counts, label_settings
from data.analysis.projection import check_matrices
from data.analysis.tomography import choose_effects
from data.errors import InsufficientDataError, RangeError, ShapeError


def resample(rng: np.random.Generator, counts: ArrayLike, samples: int = 200) -> NDArray[np.int64]:
    """Draw data sets as they might have been, each count from a Poisson distribution about the one measured.

    The standard deviation of a result over the samples is its error. It does not show a bias: what is
    reconstructed from resamples is biased twice.

    Args:
        rng: Source of randomness.
        counts: Whole numbers, shape (..., settings, outcomes).
        samples: How many to draw.

    Returns:
        Shape (samples, ..., settings, outcomes). A setting that happens to be drawn empty is drawn again,
        which matters below about five counts a setting.

    Raises:
        ShapeError: If the counts have no axes for settings and outcomes.
        RangeError: If a count is negative or not whole, or fewer than two samples are wanted.
        EmptySettingError: If a setting has no counts.

    Source: J. Schupp, thesis, University of Innsbruck (2021), section 5.3, with 200 samples.
    """
    means = _check_raw(counts, samples)
    means = np.broadcast_to(means, (samples, *means.shape))
    drawn = rng.poisson(means)
    while (empty := drawn.sum(axis=-1) == 0).any():
        drawn[empty] = rng.poisson(means[empty])
    return drawn


def resample_shots(rng: np.random.Generator, counts: ArrayLike, samples: int = 200) -> NDArray[np.int64]:
    """Draw data sets with as many counts in each setting as were measured, by the shares measured.

    An outcome that was never seen is never drawn, so few counts make the errors too small.

    Args:
        rng: Source of randomness.
        counts: Whole numbers, shape (..., settings, outcomes).
        samples: How many to draw.

    Returns:
        Shape (samples, ..., settings, outcomes).

    Raises:
        AnalysisError: As `resample`.

    Example:
        >>> resample_shots(np.random.default_rng(1), [[8, 2], [5, 5]], 3).sum(axis=-1)
        array([[10, 10],
               [10, 10],
               [10, 10]])
    """
    raw = _check_raw(counts, samples)
    totals = raw.sum(axis=-1)
    shares = raw / totals[..., None]
    return rng.multinomial(totals.astype(np.int64), shares, size=(samples, *totals.shape))


def resample_state(
    rng: np.random.Generator,
    density: ArrayLike,
    counts: ArrayLike,
    samples: int = 200,
    effects: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Draw data sets that a state would give, with as many counts in each setting as were measured.

    Args:
        rng: Source of randomness.
        density: The state, shape (d, d).
        counts: What was measured, shape (settings, outcomes): only its sums over the outcomes are used.
        samples: How many to draw.
        effects: Shape (settings, outcomes, d, d); by default as in `reconstruct`.

    Returns:
        Shape (samples, settings, outcomes).

    Raises:
        ShapeError: If state, counts and effects do not fit.
        AnalysisError: As `resample` and `reconstruct`.
    """
    raw = _check_raw(counts, samples)
    matrices, _ = choose_effects(raw, effects)
    state = check_matrices("density", density)
    if state.shape != matrices.shape[2:]:
        raise ShapeError("density", state.shape, f"the shape {matrices.shape[2:]} of the effects")
    if raw.shape != matrices.shape[:2]:
        raise ShapeError("counts", raw.shape, f"{matrices.shape[:2]}, one data set at a time,")
    chances = np.einsum("soij,ji->so", matrices, state).real.clip(0.0)
    chances /= chances.sum(axis=1, keepdims=True)
    return rng.multinomial(raw.sum(axis=-1).astype(np.int64), chances, size=(samples, len(raw)))


def split_counts(rng: np.random.Generator, counts: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split a data set at random into two, each with half of the counts of every setting.

    The halves are what two experiments of half the length would have given: independent, once the odd count
    of a setting went to either.

    Args:
        rng: Source of randomness.
        counts: Whole numbers, shape (settings, outcomes).

    Returns:
        Both halves, of the shape of the counts.

    Raises:
        ShapeError: If the counts have other axes.
        RangeError: If a count is negative, not finite or not whole.
        InsufficientDataError: If a setting has fewer than two counts.

    Example:
        >>> one, other = split_counts(np.random.default_rng(1), [[5, 3], [0, 6]])
        >>> one.sum(axis=1), one + other
        (array([4, 3]), array([[5, 3],
               [0, 6]]))
    """
    raw = _check_raw(counts, 2).astype(np.int64)
    if raw.ndim != 2:
        raise ShapeError("counts", raw.shape, "(settings, outcomes), one data set at a time,")
    fewest = int(raw.sum(axis=1).min())
    if fewest < 2:
        raise InsufficientDataError("a split of every setting", fewest, 2, "counts in it")
    first = np.array([rng.multivariate_hypergeometric(row, row.sum() // 2) for row in raw])
    return first, raw - first


def _check_raw(counts: ArrayLike, samples: int) -> NDArray[np.float64]:
    """Return counts of events, refusing others and too few samples."""
    if samples < 2:
        raise RangeError("samples", samples, ">= 2", "the published errors use 200")
    raw = np.asarray(counts, dtype=np.float64)
    if raw.ndim < 2:
        raise ShapeError("counts", raw.shape, "(..., settings, outcomes)")
    labels = label_settings() if raw.shape[-2:] == (9, 4) else ()
    raw = check_counts(raw, raw.shape[-2], raw.shape[-1], labels)
    fractional = raw[raw != np.round(raw)]
    if fractional.size:
        raise RangeError("a count", float(fractional[0]), "a whole number of events", "resample raw counts")
    return raw
