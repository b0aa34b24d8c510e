"""Fits of one model to many data sets at a time, each with an outcome of its own.

A fit that found nothing is as much a result as one that did: it says why, and has no errors, rather than
errors of zero or without end. A single data set is a batch of one.

Example:
    >>> from data.analysis.counts import BinomialCounts
    >>> from data.analysis.models import Decay
    >>> times = np.linspace(0.0, 3.0, 31)
    >>> truth = Decay().predict(times, [0.05, 0.95, 1.2])
    >>> counts = np.random.default_rng(1).binomial(200, truth, (3, 31))
    >>> counts[2] = 10  # there is no decay in this one
    >>> fits = fit_sets(Decay(), times, BinomialCounts(counts, 200))
    >>> print(fits[0]["lifetime"], fits.outcomes[2].name)
    1.17(8) s NO_SIGNAL
    >>> print(fits[2].error)
    a decay does not show in the data: a constant describes them, too (probability 1, a signal is believed ...
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.ambiguities import find_ambiguities
from data.analysis.counts import Data
from data.analysis.fit_results import LONGEST, FailedFit, FitSets, Known
from data.analysis.fits import CHANCE, Fit
from data.analysis.models.model import Model
from data.analysis.outcomes import Outcome, chances_of_constant, judge, p_values_of
from data.analysis.scoring import Problem, descend, invert
from data.analysis.walls import measure_walls, snap_to_walls
from data.errors import InsufficientDataError, RangeError, ShapeError

Vector: TypeAlias = NDArray[np.float64]

GATE: Final = 1e-4
"""p-value below which a fit is refused: one in ten thousand true models is, too."""

STARTS: Final = 3
"""Basins that are followed."""

_MORE: Final = 4  # times as many starts where the first ones led to no fit that describes the data
_SETS: Final = 128  # fitted together: their arrays stay in the cache
_ROUGH: Final = (0.1, 5)  # gain of deviance, and steps, after which the best start is clear
_FINE: Final = (1e-6, LONGEST)  # the same for the rest of its way: a thousandth of a standard error


_Judged: TypeAlias = tuple[
    NDArray[np.object_], Vector, Vector, Vector, Vector, Vector, NDArray[np.intp]
]  # outcomes, values, covariance, deviances, p-values, chances of a constant, culprits; as in `FitSets`


def fit_sets(
    model: Model,
    places: ArrayLike,
    data: Data,
    *,
    known: Known | None = None,
    starts: int = STARTS,
    gate: float = GATE,
) -> FitSets:
    """Fit a model to many data sets: the greatest likelihood, from many starts, and whether to believe it.

    Each fit starts from the most promising places of a grid, for which the data themselves tell the levels.
    Errors follow from Fisher's information at the maximum. A fit is refused where a constant describes the
    data as well (the gain in deviance follows chi^2, and a scan of N points has N chances), where it runs
    against a limit of the search, where the data leave a parameter open or another minimum is as deep (to 4
    of the deviance, among the basins that are followed), and where the deviance is too large
    for the model to be true (its distribution is a gamma distribution with the exact mean and variance of the
    deviance of the counts, less those of one point a parameter; `fit_samples.simulate_p_value` needs no such
    approximation).

    Args:
        model: Of all data sets.
        places: Where they were measured, (points,), or (sets, points); faster if in the same places.
        data: What was seen, (sets, points), or (points,) for a single one.
        known: Parameters that are known from elsewhere: with an error, the data have to agree with them;
            without (0), they are exact, and kept.
        starts: Basins that are followed for each data set.
        gate: p-value below which a fit is refused; 0 to refuse none.

    Raises:
        ShapeError: If the places do not match the data.
        RangeError: If a place is not finite, or negative where the model begins at zero, or a known parameter
            is none of the model.
        InsufficientDataError: If there are not more points than parameters, or all in one place, or no data
            sets.

    Source: S. Baker and R. Cousins, Nucl. Instrum. Methods 221, 437 (1984); S. Wilks, Ann. Math. Stat. 9, 60
        (1938).
    """
    columns = _check_places(model, places, data, known or {})
    data = _stack(data) if data.values.ndim == 1 else data
    values, precision = _gather(model, known or {})
    exact = np.isinf(precision)
    limits = model.limits(columns, data)
    problem = Problem(model, columns, data, *limits, values, np.where(exact, 0.0, precision), exact)
    judged = _fit_all(problem, starts, precision, gate)
    again = np.flatnonzero((judged[0] == Outcome.MISFIT) | (judged[0] == Outcome.UNFINISHED))
    if again.size:  # another minimum may be better: follow more of them
        better = _fit_all(problem.rows(again), _MORE * starts, precision, gate)
        for column, new in zip(judged, better, strict=True):
            column[again] = new
    freedom = len(data) - len(exact) + int((precision > 0).sum())
    return FitSets(problem, *judged, freedom, gate, dict(known or {}))


def fit_model(
    model: Model,
    places: ArrayLike,
    data: Data,
    *,
    known: Known | None = None,
    starts: int = STARTS,
    gate: float = GATE,
) -> Fit:
    """Fit a model to one data set; see `fit_sets`.

    Raises:
        AnalysisError: Also if the fit found nothing to rely on.

    Example:
        >>> from data.analysis.counts import BinomialCounts
        >>> from data.analysis.models import PhaseFringe
        >>> phases = np.arange(8) / 8
        >>> seen = BinomialCounts([95, 88, 52, 15, 6, 12, 48, 85], 100)
        >>> fringe = fit_model(PhaseFringe(), phases, seen)
        >>> print(fringe["phase"], fringe.derived(PhaseFringe.contrast))
        -0.008(7) turn 0.921(25)
    """
    if data.values.ndim != 1:
        raise ShapeError("data", data.values.shape, "(points,), one data set,")
    result = fit_sets(model, places, data, known=known, starts=starts, gate=gate)[0]
    if isinstance(result, FailedFit):
        raise result.error
    return result


def _check_places(model: Model, places: ArrayLike, data: Data, known: Known) -> Vector:
    """Return the places as rows, (1, points) or (sets, points), if they suit data and model."""
    columns = np.asarray(places, dtype=np.float64)
    allowed = {data.values.shape, data.values.shape[-1:]}
    if columns.shape not in allowed:
        raise ShapeError(
            "places", columns.shape, f"{data.values.shape[-1:]}, one for each point of the data,"
        )
    if data.values.ndim > 1 and not len(data.values):
        raise InsufficientDataError(f"a fit of {model.what}", 0, 1, "data sets")
    if not np.isfinite(columns).all():
        raise RangeError("places", "not finite", "finite", "check the columns of the run")
    needed = len(model.parameters) - len(known) + 1
    if len(data) < needed:
        raise InsufficientDataError(f"a fit of {model.what}", len(data), needed, "points")
    if (np.ptp(columns, axis=-1) == 0).any():
        raise InsufficientDataError(f"a fit of {model.what}", 1, 2, "different places")
    if model.forward and columns.min() < 0:
        advice = "count from where the light, or the wait, begins"
        raise RangeError("places", float(columns.min()), f">= 0 for {model.what}", advice)
    for name in known:
        if name not in model.names:
            raise RangeError("known", repr(name), f"one of {', '.join(model.names)}", "check its spelling")
    return np.atleast_2d(columns)


def _stack(data: Data) -> Data:
    """Return a single data set as a batch of one."""
    return data.rows(np.newaxis)  # type: ignore[arg-type]  # one more axis is a choice of rows, too


def _gather(model: Model, known: Known) -> tuple[Vector, Vector]:
    """Return what is known, and its precision, both (parameters,): 0 for nothing, infinite for all."""
    values, precision = np.zeros((2, len(model.parameters)))
    for name, estimate in known.items():
        index = model.names.index(name)
        values[index] = estimate.value
        precision[index] = estimate.error**-2 if estimate.error > 0 else math.inf
    return values, precision


def _fit_all(problem: Problem, number: int, precision: Vector, gate: float) -> _Judged:
    """Fit and judge data sets, some at a time."""
    exact = np.isinf(precision)
    starts = problem.model.starts(problem.places, problem.data, number, problem.known, precision)
    starts[:, :, exact] = problem.known[exact]
    problem.low[:, exact] = np.minimum(problem.low[:, exact], problem.known[exact])
    problem.high[:, exact] = np.maximum(problem.high[:, exact], problem.known[exact])
    parts = [
        _fit_part(problem.rows(rows), starts[rows], gate)
        for rows in np.array_split(np.arange(len(starts)), math.ceil(len(starts) / _SETS))
    ]
    return cast("_Judged", tuple(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _fit_part(problem: Problem, starts: Vector, gate: float) -> _Judged:
    """Fit some data sets from several starts each, and judge them."""
    sets, number, width = starts.shape
    free = width - int(problem.exact.sum())
    held = np.broadcast_to(problem.exact, (sets * number, width))
    rows = np.repeat(np.arange(sets), number)
    rough = descend(problem.rows(rows), starts.reshape(-1, width), held, *_ROUGH)
    best = rough.costs.reshape(sets, number).argmin(axis=1) + number * np.arange(sets)
    end = descend(problem, rough.values[best], held[:sets], *_FINE)
    chances = chances_of_constant(problem, end, free)
    worth = chances <= CHANCE
    snap_to_walls(problem, end, worth, *_FINE)
    prediction = problem.model.evaluate(problem.places, end.values)[0]
    covariance, strength = invert(end.information, held[:sets])
    measure_walls(problem, end, covariance, worth)
    spent = free - int((problem.precision > 0).sum())
    p_values = p_values_of(problem.data, prediction, end.costs, spent)
    errors = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    ambiguous = find_ambiguities(problem, end, rough, errors, worth & (p_values >= gate), *_FINE)
    outcomes, culprits = judge(problem, end, covariance, strength, p_values, chances, ambiguous, gate)
    covariance[outcomes != Outcome.FOUND] = np.nan
    return outcomes, problem.model.settle(end.values), covariance, end.costs, p_values, chances, culprits
