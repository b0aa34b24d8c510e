"""Fits: the parameters under which a model describes data best, their errors, and whether it describes them.

A fit minimises the deviance of its data, which is to maximise the likelihood. It starts from many places that
the caller works out from the data, so that nobody has to guess, and ends in an error where the data say
nothing about a parameter.

Example:
    >>> place = np.linspace(-1, 1, 9)
    >>> data = NormalValues(2 * place + 1, np.full(9, 0.3))
    >>> line = fit("a line", lambda p: p[0] * place + p[1], (Free("slope", -9, 9), Free("rise", -9, 9)),
    ...            [(0.0, 0.0)], data)
    >>> print(line["slope"], line["rise"], line.freedom)
    2.00(15) 1.00(10) 7
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.counts import Data, NormalValues
from data.analysis.estimates import Estimate
from data.analysis.fit_errors import descend, measure_errors
from data.errors import InsufficientDataError, NoSignalError, RangeError, ShapeError

if TYPE_CHECKING:
    from iminuit import Minuit

Vector: TypeAlias = NDArray[np.float64]
Model: TypeAlias = Callable[[Vector], Vector]
"""Parameters (parameters,) -> what is expected at each point (points,)."""

CHANCE: Final = 1e-4
"""Probability of a constant to look like a signal, below which a signal is believed."""

_FINALISTS: Final = 3  # starts that are followed to their minimum: the best of all that are tried


@dataclass(frozen=True, slots=True)
class Free:
    """A parameter of a model.

    A limit of 0 or 1 is a wall: shares, rates and phonon numbers can lie on it. Any other limit is where the
    search ends, and a fit that ends there, too, has found nothing.

    Attributes:
        name: Of it.
        low: Smallest value that is looked at.
        high: Largest.
        unit: SI unit, or ``""``.
        step: By which the value may be changed at first; by default a hundredth of the range.
        known: The value from elsewhere, with its standard error: one more point that the fit must agree with.
        skewed: Whether its error is the longer side of its profile, for one that may be near a wall, or whose
            model has corners, where curvature tells nothing.
    """

    name: str
    low: float
    high: float
    unit: str = ""
    step: float | None = None
    known: Estimate | None = None
    skewed: bool = False

    @property
    def width(self) -> float:
        """Of the allowed range."""
        return self.high - self.low

    @property
    def first_step(self) -> float:
        """By which the value is changed at first."""
        return self.step or self.width / 100

    def penalty(self, value: float) -> float:
        """Return by how much a value that contradicts what is known raises the deviance."""
        return 0.0 if self.known is None else ((value - self.known.value) / self.known.error) ** 2


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """What a fit found.

    Attributes:
        estimates: Name of each parameter -> its value with its error.
        covariance: Shape (parameters, parameters), in the order of the estimates.
        prediction: What the model says at each point, shape (points,).
        deviance: Of the data from it; chi^2 where counts are many.
        freedom: Points less parameters; those that are known from elsewhere do not count.
        p_value: Probability of a deviance as large as this, or larger, if the model is true.
    """

    estimates: dict[str, Estimate]
    covariance: NDArray[np.float64]
    prediction: Vector
    deviance: float
    freedom: int
    p_value: float

    def __getitem__(self, name: str) -> Estimate:
        return self.estimates[name]

    @property
    def values(self) -> Vector:
        """Of all parameters, (parameters,)."""
        return np.array([estimate.value for estimate in self.estimates.values()])

    def derived(self, function: Callable[[Vector], float], unit: str = "") -> Estimate:
        """Return a function of the parameters with the error that follows from theirs, to first order.

        Args:
            function: Parameters (parameters,) -> a number.
            unit: Of that number.
        """
        centre = self.values
        steps = np.sqrt(np.diag(self.covariance)) / 10
        slopes = np.zeros(len(centre))
        for index in np.flatnonzero(steps):
            shift = np.zeros(len(centre))
            shift[index] = steps[index]
            slopes[index] = (function(centre + shift) - function(centre - shift)) / (2 * steps[index])
        return Estimate(
            float(function(centre)), math.sqrt(max(float(slopes @ self.covariance @ slopes), 0.0)), unit
        )


def fit(
    what: str,
    model: Model,
    parameters: Sequence[Free],
    starts: Iterable[Sequence[float]],
    data: Data,
    *,
    signal: bool = False,
    spent: int = 0,
) -> Fit:
    """Fit a model to data.

    Args:
        what: Is fitted; with its article, for the errors.
        model: That predicts the data.
        parameters: Of the model.
        starts: Values of all parameters to start from. The best few are followed to their minimum.
        data: The points.
        signal: Whether the model must describe the data better than a constant does.
        spent: Parameters that were taken from the same data before.

    Raises:
        InsufficientDataError: If there are not more points than parameters.
        NoSignalError: If a signal is asked for and a constant is as good, but for chance.
        UndeterminedError: If the data leave a parameter open.

    Source: errors from the curvature of the deviance at its minimum; S. Baker and R. Cousins, Nucl. Instrum.
        Methods 221, 437 (1984); elsewhere as `fit_errors.measure_errors` says. Minimum and curvature by
        Minuit: F. James and M. Roos, Comput. Phys. Commun. 10, 343 (1975).
    """
    if data.values.ndim != 1:
        raise ShapeError("data", data.values.shape, "(points,), one data set,")
    if len(data) <= len(parameters):
        raise InsufficientDataError(f"a fit of {what}", len(data), len(parameters) + 1, "points")
    cost = _cost_of(model, parameters, data)
    best = _lowest(cost, parameters, starts)
    if signal:
        _require_signal(what, float(best.fval), len(parameters), data)
    covariance = measure_errors(what, best, cost, model, parameters, data)
    values = np.array(best.values)
    errors = np.sqrt(np.diag(covariance)).tolist()
    estimates = {
        free.name: Estimate(value, error, free.unit)
        for free, value, error in zip(parameters, values.tolist(), errors, strict=True)
    }
    prediction, deviance = model(values), float(best.fval)
    spent += len(parameters) - sum(free.known is not None for free in parameters)
    p_value = _p_value(data, prediction, deviance, spent)
    return Fit(estimates, covariance, prediction, deviance, len(data) - spent, p_value)


def least_deviance(
    model: Model, parameters: Sequence[Free], starts: Iterable[Sequence[float]], data: Data
) -> float:
    """Return how near a model can come to data, whether they determine its parameters or not; see `fit`."""
    return float(_lowest(_cost_of(model, parameters, data), parameters, starts).fval)


def fit_straight(places: Vector, values: Vector, errors: Vector, unit: str = "", slope_unit: str = "") -> Fit:
    """Fit a straight line to values with errors, in closed form.

    Args:
        places: Shape (points,), not all alike.
        values: Shape (points,).
        errors: Standard errors of the values, shape (points,).
        unit: Of the values.
        slope_unit: Of the slope.

    Returns:
        ``rise``, the value at place 0, and ``slope``.

    Raises:
        InsufficientDataError: If there are fewer than two places.
        RangeError: If an error is not above zero.

    Example:
        >>> line = fit_straight(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]), np.full(3, 0.1))
        >>> print(line["rise"], line["slope"])
        1.00(9) 2.00(7)
    """
    different = len(np.unique(places))
    if different < 2:
        raise InsufficientDataError("a fit of a line", different, 2, "places")
    data = NormalValues(values, errors)
    design = np.stack([np.ones(len(places)), places], axis=1)
    covariance = np.asarray(np.linalg.inv(design.T @ (design * data.weights[:, None])), dtype=np.float64)
    best = covariance @ design.T @ (data.weights * data.values)
    prediction = design @ best
    deviance = data.deviance(prediction)
    rise, slope = np.sqrt(np.diag(covariance)).tolist()
    estimates = {
        "rise": Estimate(float(best[0]), rise, unit),
        "slope": Estimate(float(best[1]), slope, slope_unit),
    }
    p_value = _p_value(data, prediction, deviance, 2)
    return Fit(estimates, covariance, prediction, deviance, len(data) - 2, p_value)


def _cost_of(model: Model, parameters: Sequence[Free], data: Data) -> Callable[[Vector], float]:
    """Return the deviance as a function of the parameters.

    Source: what is known is a point with a Gaussian error. PDG, Review of Particle Physics, sec. Statistics.
    """

    def cost(values: Vector) -> float:
        known = sum(free.penalty(float(value)) for free, value in zip(parameters, values, strict=True))
        return data.deviance(model(values)) + known

    return cost


def _lowest(
    cost: Callable[[Vector], float], parameters: Sequence[Free], starts: Iterable[Sequence[float]]
) -> Minuit:
    """Return the lowest minimum below the best of the starts."""
    low, high = (np.array([getattr(free, end) for free in parameters]) for end in ("low", "high"))
    tried = sorted((np.clip(start, low, high) for start in starts), key=cost)
    ends = (descend(cost, start, parameters) for start in tried[:_FINALISTS])
    return min(ends, key=lambda end: float(end.fval))


def _require_signal(what: str, deviance: float, parameters: int, data: Data) -> None:
    """Refuse a fit that describes the data no better than a constant does.

    Source: S. Wilks, Ann. Math. Stat. 9, 60 (1938): the gain in deviance follows chi^2.
    """
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    weighted = float(data.weights @ data.values / data.weights.sum())
    plain = float(data.values.mean())
    flat = min(data.deviance(np.full(len(data), level)) for level in (weighted, plain))
    chance = float(chdtrc(parameters - 1, max(flat - deviance, 0.0)))
    if chance > CHANCE:
        raise NoSignalError(what, chance, CHANCE)


def _p_value(data: Data, prediction: Vector, deviance: float, parameters: int) -> float:
    """Return the probability of a larger deviance, from a gamma distribution of its mean and variance.

    Each parameter that was fitted takes the deviance of one point away. Where the data hold less than that,
    nothing can speak against the model.
    """
    from scipy.special import gammaincc  # noqa: PLC0415 - slow to import

    mean, variance = data.moments(prediction)
    mean, variance = mean - parameters, variance - 2 * parameters
    if min(mean, variance) <= 0:
        return 1.0
    return float(gammaincc(mean**2 / variance, max(deviance, 0.0) * mean / variance))


def check_columns(**columns: Vector) -> None:
    """Make sure that the columns of a scan are as long as each other, and finite.

    Raises:
        RangeError: If one is not.
    """
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        text = ", ".join(f"{name} {len(column)}" for name, column in columns.items())
        raise RangeError("the number of points", text, "the same in each column", "give one value a point")
    for name, column in columns.items():
        if not np.isfinite(column).all():
            raise RangeError(name, "not finite", "finite", "check the columns of the run")
