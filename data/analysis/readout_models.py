"""What counts do readouts give? Dark and bright means from histograms, with ions that decay on the way.

A bright ion gives Poisson counts. A dark one that is shelved decays at a random moment of the readout, with a
known probability, and shines from then on. So dark histograms have a tail, which is no second Poisson peak:
a threshold from two Gaussians lies too high.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.counts import PoissonCounts
from data.analysis.estimates import Estimate
from data.analysis.fits import Fit, Free, fit
from data.analysis.thresholds import below_levels, best_threshold, error_matrix
from data.errors import InsufficientDataError, RangeError, ShapeError

Vector = NDArray[np.float64]

_LEAST_DARK: Final = 1e-6  # counts; a detector without any dark count cannot be told from one with fewer
_FEWEST: Final = 10  # readouts of a state, below which a histogram has no shape
_REACH: Final = 4.0  # standard deviations of bright ions, beyond which one bin holds all counts


@dataclass(frozen=True, slots=True, eq=False)
class ReadoutModel:
    """Counts of dark and bright ions.

    Attributes:
        dark: Mean counts of a dark ion in one readout.
        bright: Of a bright one.
        decay: Probability that a dark ion decays during the readout; taken as known.
        share: Of bright ions among those of the histogram; None where both were prepared.
        fit: Where these come from: covariance, goodness.
    """

    dark: Estimate
    bright: Estimate
    decay: float
    share: Estimate | None
    fit: Fit

    def threshold(self, share: float = 0.5) -> int:
        """Return the threshold with the fewest errors if a share of the ions is bright."""
        return best_threshold(self.dark.value, self.bright.value, self.decay, share)

    def errors(self, threshold: int) -> NDArray[np.float64]:
        """Return what ions are called, given what they were, (2, 2), dark first."""
        return error_matrix(threshold, self.dark.value, self.bright.value, self.decay)

    def distribution(self, most: int) -> Vector:
        """Return the probabilities of 0 to `most` counts, (2, most + 1), of dark ions and of bright ones."""
        return count_distribution(self.dark.value, self.bright.value, self.decay, most)


def count_distribution(dark: float, bright: float, decay: float, most: int) -> Vector:
    """Return the probabilities of 0, 1, ... counts in a readout.

    Args:
        dark: Mean counts of a dark ion.
        bright: Of a bright one, above `dark`.
        decay: Probability that a dark ion decays during the readout.
        most: Largest number of counts.

    Returns:
        Shape (2, most + 1): of an ion that was dark at first, and of a bright one.

    Raises:
        RangeError: If the means are not ordered, or `decay` not in 0 <= decay < 1.

    Source: A. H. Myerson et al., Phys. Rev. Lett. 100, 200502 (2008).

    Example:
        >>> count_distribution(dark=0.1, bright=3.0, decay=0.0, most=2).round(3)
        array([[0.905, 0.09 , 0.005],
               [0.05 , 0.149, 0.224]])
    """
    return np.diff(below_levels(np.arange(most + 2), dark, bright, decay), axis=1)


def fit_readout(dark: ArrayLike, bright: ArrayLike, decay: float) -> ReadoutModel:
    """Find the mean counts of prepared dark and bright ions.

    Maximum likelihood of both histograms. Assumes perfect preparation, light that does not vary and a
    detector without dead time; if that is wrong, the p-value of the fit tells.

    Args:
        dark: Counts of readouts of shelved ions, (readouts,).
        bright: Counts of readouts of bright ions, (readouts,).
        decay: Probability that a shelved ion decays during the readout; see `decay_probability`.

    Raises:
        ShapeError: If the counts are not columns.
        RangeError: If they are not whole numbers >= 0, or bright ions give no more than dark ones.
        InsufficientDataError: If there are fewer than ten readouts of a state.

    Source: as `count_distribution`.
    """
    histograms = [_histogram(name, counts) for name, counts in (("dark", dark), ("bright", bright))]
    means = [float(histogram @ np.arange(len(histogram)) / histogram.sum()) for histogram in histograms]
    if not means[1] > means[0]:
        limit = f"above the {means[0]:.3g} of dark ions"
        raise RangeError("mean counts of bright ions", f"{means[1]:.3g}", limit, "check the detection beam")
    bins = _bins(means[1])
    seen = np.stack([_merged(histogram, bins) for histogram in histograms])
    totals = seen.sum(axis=1, keepdims=True)
    start = max(means[0] - decay * means[1] / 2, means[0] / 10, 10 * _LEAST_DARK)

    def expect(values: Vector) -> Vector:
        return np.asarray((totals * _expected(values[0], values[1], decay, bins)).ravel())

    free = _free(means[1], bins)
    # What is expected sums to the readouts of each histogram, which is so fitted to it: one number of each.
    data = PoissonCounts(seen.ravel())
    found = fit("a readout", expect, free, [(start, means[1])], data, spent=len(totals))
    return ReadoutModel(found["dark"], found["bright"], decay, None, found)


def fit_mixture(counts: ArrayLike, decay: float) -> ReadoutModel:
    """Find mean counts and the share of bright ions from readouts of ions in unknown states.

    As `fit_readout`, without preparing anything. It needs both states, and peaks that are apart.

    Args:
        counts: Of readouts, (readouts,).
        decay: As of `fit_readout`.

    Raises:
        ShapeError: If the counts are not a column.
        RangeError: If they are not whole numbers >= 0.
        InsufficientDataError: If there are fewer than ten readouts.
        UndeterminedError: If the counts do not show two states.

    Source: as `count_distribution`; starts from the split that separates the counts best, N. Otsu, IEEE
        Trans. Syst. Man Cybern. 9, 62 (1979).
    """
    histogram = _histogram("counts", counts)
    start, total = _split(histogram), int(histogram.sum())
    bins = _bins(start[1])
    seen = _merged(histogram, bins)

    def expect(values: Vector) -> Vector:
        dark, bright = _expected(values[0], values[1], decay, bins)
        return np.asarray(total * ((1 - values[2]) * dark + values[2] * bright))

    free = (*_free(start[1], bins), Free("share", 0.0, 1.0))
    found = fit(
        "a mixture of readouts", expect, free, [start], PoissonCounts(seen), spent=1
    )  # the total, too
    return ReadoutModel(found["dark"], found["bright"], decay, found["share"], found)


def _free(bright: float, bins: int) -> tuple[Free, Free]:
    step = bright**0.5 / 20
    return Free("dark", 0.0, float(bins), step=step), Free("bright", _LEAST_DARK, 2.0 * bins, step=step)


def _bins(bright: float) -> int:
    """Return how many bins reach beyond the counts of bright ions.

    They do not end at the largest count that was seen: a last bin that is never empty would look like a
    misfit.
    """
    return math.ceil(bright + _REACH * math.sqrt(bright)) + 2


def _merged(histogram: NDArray[np.int64], bins: int) -> NDArray[np.int64]:
    """Return a histogram of so many bins; the last holds all more."""
    found = np.zeros(bins, np.int64)
    np.add.at(found, np.minimum(np.arange(len(histogram)), bins - 1), histogram)
    return found


def _expected(dark: float, bright: float, decay: float, bins: int) -> Vector:
    """Return the probabilities of each number of counts, (2, bins); the last bin holds all more."""
    if not bright > dark:  # the search may try that: nothing is then likely
        return np.full((2, bins), 1 / bins)
    found = count_distribution(dark, bright, decay, bins - 1)
    found[:, -1] += 1 - found.sum(axis=1)
    return np.maximum(found, 0.0)


def _split(seen: NDArray[np.int64]) -> tuple[float, float, float]:
    """Return dark mean, bright mean and share of bright ions at the split that separates best."""
    levels = np.arange(len(seen))
    number, weight = np.cumsum(seen), np.cumsum(seen * levels)
    below, above = number[:-1], number[-1] - number[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = weight[:-1] / below, (weight[-1] - weight[:-1]) / above
    between = np.where((below > 0) & (above > 0), below * above * (high - low) ** 2, -1.0)
    best = int(np.argmax(between))
    if between[best] <= 0:
        raise InsufficientDataError("a mixture of readouts", 1, 2, "different counts")
    return max(float(low[best]), 10 * _LEAST_DARK), float(high[best]), float(above[best] / number[-1])


def _histogram(name: str, counts: ArrayLike) -> NDArray[np.int64]:
    """Return how many readouts gave 0, 1, ... counts."""
    column = np.asarray(counts)
    if column.ndim != 1:
        raise ShapeError(name, column.shape, "(readouts,)")
    if len(column) < _FEWEST:
        raise InsufficientDataError(f"a model of {name} readouts", len(column), _FEWEST, "readouts")
    whole = (column >= 0) & (column == np.floor(column)) & np.isfinite(column)
    if not whole.all():
        row = int(np.argmin(whole))
        raise RangeError(f"{name}[{row}]", column[row], "a whole number >= 0", "give raw counts")
    return np.bincount(column.astype(np.int64))
