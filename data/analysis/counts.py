"""Counted data as fits see them: how well a prediction describes them, and how well it should.

The deviance is twice the logarithm of the likelihood that a prediction misses against one that hits every
point. Where counts are many it follows a chi^2 distribution; where they are few, its mean and variance are
worked out from the distribution of the counts, so that a test of a model stays right for rare clicks.

Example:
    >>> flop = BinomialCounts([10, 50, 90], [100, 100, 100])
    >>> round(flop.deviance(np.array([0.1, 0.5, 0.8])), 2)
    7.34
    >>> [round(float(moment), 2) for moment in PoissonCounts([0, 3]).moments(np.array([0.01, 3.0]))]
    [1.19, 2.93]
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import RangeError, ShapeError

Vector = NDArray[np.float64]

_LEAST: Final = 1e-9
"""Probability, or count, that a prediction has at least: a model that says never is refuted for ever."""

_MANY: Final = 50.0
"""Expected counts from which the deviance of a point has mean 1 and variance 2, to 0.4 %."""

_REACH: Final = 12.0
"""Standard deviations up to which counts are summed."""


class Data(Protocol):
    """Points that a model predicts."""

    def __len__(self) -> int:
        """Count the points."""

    @property
    def values(self) -> Vector:
        """What the model should come near to, (points,)."""

    @property
    def weights(self) -> Vector:
        """Precision of the values, (points,): one over their variance, as far as it is known beforehand."""

    def deviance(self, prediction: Vector) -> float:
        """Return how far a prediction (points,) is from the data."""

    def moments(self, prediction: Vector) -> tuple[float, float]:
        """Return mean and variance of the deviance if the prediction is true."""


@dataclass(frozen=True, slots=True, eq=False)
class BinomialCounts:
    """Successes of trials; a model predicts their probabilities.

    Args:
        successes: Shape (points,).
        trials: Shape (points,), or one number for all.

    Raises:
        ShapeError: If the successes are not one column.
        RangeError: If a point has no trials, or its successes are not between 0 and the trials.
    """

    successes: Vector
    trials: Vector

    def __init__(self, successes: ArrayLike, trials: ArrayLike) -> None:
        column = _column("successes", successes)
        object.__setattr__(self, "successes", column)
        object.__setattr__(
            self, "trials", np.broadcast_to(np.asarray(trials, dtype=np.float64), column.shape)
        )
        _refuse("trials", self.trials, self.trials >= 1, "at least 1")
        inside = (column >= 0) & (column <= self.trials)
        _refuse("successes", column, inside, "between 0 and the trials of the point")

    def __len__(self) -> int:
        return len(self.successes)

    @property
    def values(self) -> Vector:
        """Fractions, (points,)."""
        return self.successes / self.trials

    @property
    def errors(self) -> Vector:
        """Standard errors of the fractions, (points,): above zero also where all trials agree."""
        share = (self.successes + 0.5) / (self.trials + 1)  # posterior mean with Jeffreys' prior
        return np.asarray(np.sqrt(share * (1 - share) / (self.trials + 2)))

    @property
    def weights(self) -> Vector:
        """One over the squared errors, (points,)."""
        return self.errors**-2

    def deviance(self, prediction: Vector) -> float:
        """Return how far probabilities (points,) are from the data."""
        share = np.clip(prediction, _LEAST, 1 - _LEAST)
        missed = self.trials - self.successes
        hit = _terms(self.successes, self.trials * share)
        return float(2 * (hit + _terms(missed, self.trials * (1 - share))).sum())

    def moments(self, prediction: Vector) -> tuple[float, float]:
        """Return mean and variance of the deviance if the probabilities (points,) are true."""
        from scipy.special import gammaln, xlogy  # noqa: PLC0415 - slow to import

        share = np.clip(prediction, _LEAST, 1 - _LEAST)
        rare = np.minimum(share, 1 - share)[:, None]
        trials = self.trials[:, None]
        few = (trials * rare < _MANY)[:, 0]
        rare, trials = rare[few], trials[few]
        counts = np.arange(_farthest(trials * rare))
        missed = trials - counts
        possible = missed >= 0
        missed = np.maximum(missed, 0)
        chance = gammaln(trials + 1) - gammaln(counts + 1) - gammaln(missed + 1)
        chance = np.exp(chance + xlogy(counts, rare) + xlogy(missed, 1 - rare)) * possible
        deviance = 2 * (_terms(counts, trials * rare) + _terms(missed, trials * (1 - rare)))
        return _moments(chance, deviance, int((~few).sum()))


@dataclass(frozen=True, slots=True, eq=False)
class PoissonCounts:
    """Counts; a model predicts their means.

    Args:
        counts: Shape (points,).

    Raises:
        ShapeError: If the counts are not one column.
        RangeError: If one is negative.
    """

    counts: Vector

    def __init__(self, counts: ArrayLike) -> None:
        object.__setattr__(self, "counts", _column("counts", counts))
        _refuse("counts", self.counts, self.counts >= 0, ">= 0")

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def values(self) -> Vector:
        """The counts, (points,)."""
        return self.counts

    @property
    def weights(self) -> Vector:
        """One over the variance, (points,)."""
        return 1 / (self.counts + 0.5)

    def deviance(self, prediction: Vector) -> float:
        """Return how far mean counts (points,) are from the data."""
        return float(2 * _terms(self.counts, np.maximum(prediction, _LEAST)).sum())

    def moments(self, prediction: Vector) -> tuple[float, float]:
        """Return mean and variance of the deviance if the mean counts (points,) are true."""
        from scipy.special import gammaln, xlogy  # noqa: PLC0415 - slow to import

        means = np.maximum(prediction, _LEAST)
        few = means < _MANY
        rare = means[few][:, None]
        counts = np.arange(_farthest(rare))
        chance = np.exp(xlogy(counts, rare) - rare - gammaln(counts + 1))
        return _moments(chance, 2 * _terms(counts, rare), int((~few).sum()))


@dataclass(frozen=True, slots=True, eq=False)
class NormalValues:
    """Values with standard errors; a model predicts the values.

    Args:
        values: Shape (points,).
        errors: Shape (points,), all above zero.

    Raises:
        ShapeError: If the two are not columns of one length.
        RangeError: If a value is not finite or an error not above zero.
    """

    values: Vector
    errors: Vector

    def __init__(self, values: ArrayLike, errors: ArrayLike) -> None:
        object.__setattr__(self, "values", _column("values", values))
        object.__setattr__(self, "errors", _column("errors", errors))
        if len(self.values) != len(self.errors):
            raise ShapeError("errors", self.errors.shape, f"({len(self.values)},), one for each value,")
        _refuse("errors", self.errors, self.errors > 0, "> 0")

    def __len__(self) -> int:
        return len(self.values)

    @property
    def weights(self) -> Vector:
        """One over the squared errors, (points,)."""
        return self.errors**-2

    def deviance(self, prediction: Vector) -> float:
        """Return chi^2 of a prediction (points,)."""
        return float((((self.values - prediction) / self.errors) ** 2).sum())

    def moments(self, prediction: Vector) -> tuple[float, float]:
        """Return mean and variance of chi^2."""
        return float(len(prediction)), 2.0 * len(prediction)


def _column(name: str, values: ArrayLike) -> Vector:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1:
        raise ShapeError(name, column.shape, "(points,)")
    _refuse(name, column, np.isfinite(column), "finite")
    return column


def _refuse(name: str, column: Vector, allowed: NDArray[np.bool_], limit: str) -> None:
    if not allowed.all():
        index = int(np.argmin(allowed))
        raise RangeError(f"{name}[{index}]", float(column[index]), limit, "check the columns of the run")


def _terms(counts: Vector | NDArray[np.int64], expected: Vector) -> Vector:
    """Return n ln(n / m) - n + m, the half of a Poisson deviance; binomial deviances are sums of two."""
    from scipy.special import xlogy  # noqa: PLC0415 - slow to import

    return np.asarray(xlogy(counts, np.maximum(counts, _LEAST) / expected) - counts + expected)


def _farthest(means: Vector) -> int:
    """Return the count behind the largest that has to be summed."""
    largest = float(means.max(initial=0.0))
    return math.ceil(largest + _REACH * math.sqrt(largest) + _REACH**2 / 4)


def _moments(chance: Vector, deviance: Vector, many: int) -> tuple[float, float]:
    """Return mean and variance of a sum of deviances: of some points exactly, of `many` as of chi^2."""
    means = (chance * deviance).sum(axis=1)
    variances = (chance * deviance**2).sum(axis=1) - means**2
    return float(means.sum()) + many, float(variances.sum()) + 2.0 * many
