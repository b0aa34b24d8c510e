"""Counted data as fits see them: how well a prediction describes them, and how well it should.

The deviance is twice the logarithm of the likelihood that a prediction misses against one that hits every
point. Where counts are many it follows a chi^2 distribution; where they are few, its mean and variance are
worked out from the distribution of the counts, so that a test of a model stays right for rare clicks.

All arrays may be one data set, (points,), or many of equal length, (sets, points).

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
from functools import lru_cache
from typing import ClassVar, Final, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from data.errors import RangeError, ShapeError

Vector: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.intp] | NDArray[np.bool_] | slice
Kind = TypeVar("Kind")

_LEAST: Final = 1e-9
"""Probability, or count, that a prediction has at least: a model that says never is refuted for ever."""

_MANY: Final = 50.0
"""Expected counts from which the deviance of a point has mean 1 and variance 2, to 0.4 %."""

_REACH: Final = 12.0
"""Standard deviations up to which counts are summed."""

_TABLE: Final = 1000
"""Expected counts for which moments are tabulated where there are more points: linear between, to 1e-4."""

_KINDS: Final = 16
"""Different numbers of trials for which tables are worth their time."""


class Data(Protocol):
    """Points that a model predicts: one data set (points,), or many (sets, points).

    Attributes:
        limits: Of what a model may predict.
    """

    limits: ClassVar[tuple[float, float]]

    def __len__(self) -> int:
        """Count the points of a data set."""

    @property
    def values(self) -> Vector:
        """What the model should come near to, (..., points)."""

    @property
    def weights(self) -> Vector:
        """Precision of the values, (..., points): one over their variance, as far as it is known before."""

    def rows(self, chosen: Rows) -> Self:
        """Return some of many data sets."""

    def draw(self, rng: Generator, prediction: Vector) -> Self:
        """Return data of the same kind as if predictions (..., points) were true."""

    def information(self, prediction: Vector) -> Vector:
        """Return Fisher's information on each predicted value, (..., points).

        The slope of the log-likelihood is this, times by how much the value exceeds the prediction.
        """

    def deviances(self, prediction: Vector) -> Vector:
        """Return how far predictions (..., points) are from each data set, (...)."""

    def deviance(self, prediction: Vector) -> float:
        """Return how far a prediction (points,) is from the data."""

    def moments(self, prediction: Vector) -> tuple[float, float]:
        """Return mean and variance of the deviance if a prediction (points,) is true."""

    def moment_columns(self, prediction: Vector) -> tuple[Vector, Vector]:
        """Return mean and variance of the deviance of each data set, both (...)."""


@dataclass(frozen=True, slots=True, eq=False)
class BinomialCounts:
    """Successes of trials; a model predicts their probabilities.

    Args:
        successes: Shape (points,) or (sets, points).
        trials: The same shape, or what spreads to it, such as one number for all.

    Raises:
        ShapeError: If the successes are not one column or a stack of them, or the trials do not match.
        RangeError: If a point has no trials, or its successes are not between 0 and the trials.
    """

    successes: Vector
    trials: Vector

    limits: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def __init__(self, successes: ArrayLike, trials: ArrayLike) -> None:
        column = _column("successes", successes)
        object.__setattr__(self, "successes", column)
        object.__setattr__(self, "trials", _spread("trials", trials, column.shape))
        _refuse("trials", self.trials, self.trials >= 1, "at least 1")
        inside = (column >= 0) & (column <= self.trials)
        _refuse("successes", column, inside, "between 0 and the trials of the point")

    def __len__(self) -> int:
        return int(self.successes.shape[-1])

    @property
    def values(self) -> Vector:
        """Fractions, (..., points)."""
        return self.successes / self.trials

    @property
    def errors(self) -> Vector:
        """Standard errors of the fractions, (..., points): above zero also where all trials agree."""
        share = (self.successes + 0.5) / (self.trials + 1)  # posterior mean with Jeffreys' prior
        return np.asarray(np.sqrt(share * (1 - share) / (self.trials + 2)))

    @property
    def weights(self) -> Vector:
        """One over the squared errors, (..., points)."""
        return self.errors**-2

    def rows(self, chosen: Rows) -> Self:
        """Return some of many data sets."""
        return _trusted(self, successes=self.successes[chosen], trials=self.trials[chosen])

    def draw(self, rng: Generator, prediction: Vector) -> Self:
        """Return counts of as many trials as if probabilities (..., points) were true."""
        trials = np.broadcast_to(self.trials, np.broadcast_shapes(self.trials.shape, prediction.shape))
        drawn = rng.binomial(trials.astype(np.int64), np.clip(prediction, 0.0, 1.0))
        return _trusted(self, successes=drawn.astype(np.float64), trials=trials)

    def information(self, prediction: Vector) -> Vector:
        """Return Fisher's information on each probability, n / (p (1 - p)), (..., points)."""
        share = np.clip(prediction, _LEAST, 1 - _LEAST)
        return np.asarray(self.trials / (share * (1 - share)))

    def deviances(self, prediction: Vector) -> Vector:
        """Return how far probabilities (..., points) are from each data set, (...)."""
        share = np.clip(prediction, _LEAST, 1 - _LEAST)
        hit = _terms(self.successes, self.trials * share)
        return np.asarray(2 * (hit + _terms(self.trials - self.successes, self.trials * (1 - share))).sum(-1))

    def deviance(self, prediction: Vector) -> float:
        """Return how far probabilities (points,) are from the data."""
        return float(self.deviances(prediction).sum())

    def moments(self, prediction: Vector) -> tuple[float, float]:
        """Return mean and variance of the deviance if the probabilities (points,) are true."""
        mean, variance = self.moment_columns(prediction)
        return float(mean), float(variance)

    def moment_columns(self, prediction: Vector) -> tuple[Vector, Vector]:
        """Return mean and variance of the deviance of each data set, both (...)."""
        share = np.clip(prediction, _LEAST, 1 - _LEAST)
        expected = self.trials * np.minimum(share, 1 - share)
        return _sum_moments(expected, np.broadcast_to(self.trials, expected.shape))


@dataclass(frozen=True, slots=True, eq=False)
class PoissonCounts:
    """Counts; a model predicts their means.

    Args:
        counts: Shape (points,) or (sets, points).

    Raises:
        ShapeError: If the counts are not one column or a stack of them.
        RangeError: If one is negative.
    """

    counts: Vector

    limits: ClassVar[tuple[float, float]] = (0.0, math.inf)

    def __init__(self, counts: ArrayLike) -> None:
        object.__setattr__(self, "counts", _column("counts", counts))
        _refuse("counts", self.counts, self.counts >= 0, ">= 0")

    def __len__(self) -> int:
        return int(self.counts.shape[-1])

    @property
    def values(self) -> Vector:
        """The counts, (..., points)."""
        return self.counts

    @property
    def weights(self) -> Vector:
        """One over the variance, (..., points)."""
        return 1 / (self.counts + 0.5)

    def rows(self, chosen: Rows) -> Self:
        """Return some of many data sets."""
        return _trusted(self, counts=self.counts[chosen])

    def draw(self, rng: Generator, prediction: Vector) -> Self:
        """Return counts as if means (..., points) were true."""
        return _trusted(self, counts=rng.poisson(np.maximum(prediction, 0.0)).astype(np.float64))

    def information(self, prediction: Vector) -> Vector:
        """Return Fisher's information on each mean, one over it, (..., points)."""
        return np.asarray(1 / np.maximum(prediction, _LEAST))

    def deviances(self, prediction: Vector) -> Vector:
        """Return how far mean counts (..., points) are from each data set, (...)."""
        return np.asarray(2 * _terms(self.counts, np.maximum(prediction, _LEAST)).sum(-1))

    def deviance(self, prediction: Vector) -> float:
        """Return how far mean counts (points,) are from the data."""
        return float(self.deviances(prediction).sum())

    def moments(self, prediction: Vector) -> tuple[float, float]:
        """Return mean and variance of the deviance if the mean counts (points,) are true."""
        mean, variance = self.moment_columns(prediction)
        return float(mean), float(variance)

    def moment_columns(self, prediction: Vector) -> tuple[Vector, Vector]:
        """Return mean and variance of the deviance of each data set, both (...)."""
        expected = np.maximum(prediction, _LEAST)
        return _sum_moments(expected, np.full(expected.shape, math.inf))


@dataclass(frozen=True, slots=True, eq=False)
class NormalValues:
    """Values with standard errors; a model predicts the values.

    Args:
        values: Shape (points,) or (sets, points).
        errors: The same shape, or what spreads to it; all above zero.

    Raises:
        ShapeError: If the two are not columns of one length.
        RangeError: If a value is not finite or an error not above zero.
    """

    values: Vector
    errors: Vector

    limits: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def __init__(self, values: ArrayLike, errors: ArrayLike) -> None:
        column = _column("values", values)
        object.__setattr__(self, "values", column)
        object.__setattr__(self, "errors", _spread("errors", errors, column.shape))
        _refuse("errors", self.errors, self.errors > 0, "> 0")

    def __len__(self) -> int:
        return int(self.values.shape[-1])

    @property
    def weights(self) -> Vector:
        """One over the squared errors, (..., points)."""
        return self.errors**-2

    def rows(self, chosen: Rows) -> Self:
        """Return some of many data sets."""
        return _trusted(self, values=self.values[chosen], errors=self.errors[chosen])

    def draw(self, rng: Generator, prediction: Vector) -> Self:
        """Return values with the same errors as if predictions (..., points) were true."""
        shape = np.broadcast_shapes(self.errors.shape, prediction.shape)
        drawn = prediction + self.errors * rng.standard_normal(shape)
        return _trusted(self, values=drawn, errors=np.broadcast_to(self.errors, shape))

    def information(self, prediction: Vector) -> Vector:
        """Return one over the squared errors, (..., points)."""
        return self.weights

    def deviances(self, prediction: Vector) -> Vector:
        """Return chi^2 of predictions (..., points) for each data set, (...)."""
        return np.asarray((((self.values - prediction) / self.errors) ** 2).sum(-1))

    def deviance(self, prediction: Vector) -> float:
        """Return chi^2 of a prediction (points,)."""
        return float(self.deviances(prediction).sum())

    def moments(self, prediction: Vector) -> tuple[float, float]:
        """Return mean and variance of chi^2."""
        return float(len(prediction)), 2.0 * len(prediction)

    def moment_columns(self, prediction: Vector) -> tuple[Vector, Vector]:
        """Return mean and variance of chi^2 of each data set, both (...)."""
        number = np.full(prediction.shape[:-1], float(prediction.shape[-1]))
        return number, 2 * number


def _trusted(like: Kind, **columns: Vector) -> Kind:
    """Return data of the same kind from columns that need no check."""
    made = object.__new__(type(like))
    for name, column in columns.items():
        object.__setattr__(made, name, column)
    return made


def _column(name: str, values: ArrayLike) -> Vector:
    try:
        column = np.asarray(values, dtype=np.float64)
    except ValueError:
        raise ShapeError(name, (len(np.asarray(values, dtype=object)),), "rows of one length each,") from None
    if column.ndim not in (1, 2):
        raise ShapeError(name, column.shape, "(points,) or (sets, points)")
    _refuse(name, column, np.isfinite(column), "finite")
    return column


def _spread(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Vector:
    """Return one number, or one for each point, in the shape of the values that it goes with."""
    column = np.asarray(values, dtype=np.float64)
    if column.ndim > len(shape) or column.shape != shape[len(shape) - column.ndim :]:
        raise ShapeError(name, column.shape, f"{shape}, one for each value,")
    _refuse(name, np.atleast_1d(column), np.atleast_1d(np.isfinite(column)), "finite")
    return np.broadcast_to(column, shape)


def _refuse(name: str, column: Vector, allowed: NDArray[np.bool_], limit: str) -> None:
    if not allowed.all():
        index = np.unravel_index(int(np.argmin(allowed)), allowed.shape)
        place = ", ".join(map(str, index))
        raise RangeError(f"{name}[{place}]", float(column[index]), limit, "check the columns of the run")


def _terms(counts: Vector | NDArray[np.int64], expected: Vector) -> Vector:
    """Return n ln(n / m) - n + m, the half of a Poisson deviance; binomial deviances are sums of two."""
    return np.asarray(counts * np.log(np.maximum(counts, _LEAST) / expected) - counts + expected)


def _sum_moments(expected: Vector, trials: Vector) -> tuple[Vector, Vector]:
    """Return mean and variance of the deviance of data sets, both (...).

    Args:
        expected: Counts of the rarer outcome, (..., points).
        trials: Of each point, the same shape; infinite for Poisson counts.
    """
    means, variances = np.ones(expected.shape), np.full(expected.shape, 2.0)
    few = expected < _MANY
    rare, number = expected[few], trials[few]
    kinds = np.unique(number)
    if len(rare) <= _TABLE or len(kinds) > _KINDS:
        means[few], variances[few] = _point_moments(rare, number)
    else:
        for kind in kinds.tolist():
            same = few & (trials == kind)
            places, *table = _moment_table(kind)
            means[same], variances[same] = (np.interp(np.sqrt(expected[same]), places, one) for one in table)
    return means.sum(-1), variances.sum(-1)


@lru_cache(maxsize=4 * _KINDS)
def _moment_table(trials: float) -> tuple[Vector, Vector, Vector]:
    """Return roots of expected counts, and mean and variance of the deviance of a point there."""
    places = np.linspace(0.0, math.sqrt(min(_MANY, trials / 2)), _TABLE)
    means, variances = _point_moments(np.maximum(places**2, _LEAST), np.full(_TABLE, trials))
    return places, means, variances


def _point_moments(expected: Vector, trials: Vector) -> tuple[Vector, Vector]:
    """Return mean and variance of the deviance of single points, both (points,), by summing over counts."""
    from scipy.special import gammaln, xlog1py, xlogy  # noqa: PLC0415 - slow to import

    means, variances = np.zeros(len(expected)), np.zeros(len(expected))
    for part in np.array_split(np.argsort(expected), 1 + len(expected) // 200):
        rare, number = expected[part][:, None], trials[part][:, None]
        counts = np.arange(_farthest(rare))
        chance = xlogy(counts, rare) - gammaln(counts + 1)
        deviance = 2 * _terms(counts, rare)
        if np.isinf(number).any():
            chance = np.exp(chance - rare)
        else:
            missed = np.maximum(number - counts, 0)
            chance += gammaln(number + 1) - gammaln(missed + 1) - xlogy(counts, number)
            chance = np.exp(chance + xlog1py(missed, -rare / number)) * (number >= counts)
            deviance = deviance + 2 * _terms(missed, number - rare)
        means[part] = (chance * deviance).sum(1)
        variances[part] = (chance * deviance**2).sum(1) - means[part] ** 2
    return means, variances


def _farthest(means: Vector) -> int:
    """Return the count behind the largest that has to be summed."""
    largest = float(means.max(initial=0.0))
    return math.ceil(largest + _REACH * math.sqrt(largest) + _REACH**2 / 4)
