"""Errors of fits: by the curvature of the deviance, and where it has corners or walls, without."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.counts import Data
from data.errors import UndeterminedError

if TYPE_CHECKING:
    from iminuit import Minuit

    from data.analysis.fits import Free, Model

Vector: TypeAlias = NDArray[np.float64]
Cost: TypeAlias = Callable[[Vector], float]
"""Parameters (parameters,) -> the deviance."""

_CLOSE: Final = 0.02  # of an error: it is known as well as this
_AT_LIMIT: Final = 1e-3  # of a parameter's step: closer to a limit it lies on it
_WALLS: Final = (0.0, 1.0)
_WIDEST: Final = 0.5  # of the allowed range: a standard error above it says that nothing is known
_SLOPE: Final = 1e-3  # of a parameter's step, over which its slope is taken
_LONGEST: Final = 1e10  # condition of a covariance: beyond it, some combination of parameters is open


def descend(cost: Cost, start: Vector, parameters: Sequence[Free], held: int | None = None) -> Minuit:
    """Return the minimum below a start.

    Args:
        cost: Deviance.
        start: Values of the parameters, (parameters,).
        parameters: Of the model.
        held: Parameter that stays where it is, if one does.
    """
    from iminuit import Minuit  # noqa: PLC0415 - slow to import

    minuit = Minuit(cost, start, name=[free.name for free in parameters])
    minuit.errordef = Minuit.LEAST_SQUARES  # a deviance, like chi^2, rises by 1 at one standard error
    minuit.limits = [(free.low, free.high) for free in parameters]
    minuit.errors = [free.first_step for free in parameters]
    if held is not None:
        minuit.fixed[held] = True
    return minuit.migrad()


def measure_errors(
    what: str, minuit: Minuit, cost: Cost, model: Model, parameters: Sequence[Free], data: Data
) -> Vector:
    """Return the covariance (parameters, parameters) at a minimum.

    A parameter on a wall has no curvature there. Its error is how far it can be moved, all others following,
    until the deviance has risen by 1; the others' errors are those with it held fast.

    Where a prediction comes within the error of a point to an end of what can be, as a probability to 1, the
    deviance has a corner, and no curvature. Errors then follow from those of the points: they are above zero
    also where all trials agree.

    Args:
        what: Is fitted; with its article, for the errors.
        minuit: At the minimum.
        cost: Deviance.
        model: That predicts the data.
        parameters: Of the model.
        data: The points.

    Raises:
        UndeterminedError: If the data leave a parameter open.
    """
    values = np.array(minuit.values)
    covariance = np.zeros((len(parameters), len(parameters)))
    inside = []
    for index, free in enumerate(parameters):
        margin = _AT_LIMIT * free.first_step
        if free.low + margin < values[index] < free.high - margin:
            inside.append(index)
            continue
        limit = free.low if values[index] <= free.low + margin else free.high
        if limit not in _WALLS:
            raise UndeterminedError(what, free.name, math.inf, free.width, free.unit)
        minuit.fixed[index] = True
        covariance[index, index] = _reach(cost, values, index, parameters) ** 2
    if inside:
        cornered = _is_cornered(model(values), data)
        found = _propagate(model, values, inside, parameters, data) if cornered else _curve(minuit, inside)
        if found is None:
            vague = parameters[_vaguest(cost, values, inside, parameters)]
            raise UndeterminedError(what, vague.name, math.inf, vague.width, vague.unit)
        covariance[np.ix_(inside, inside)] = found
    for index in (index for index in inside if parameters[index].skewed):
        scale = _reach(cost, values, index, parameters) / math.sqrt(covariance[index, index])
        covariance[index, :] *= scale  # correlations stay
        covariance[:, index] *= scale
    for index, free in enumerate(parameters):
        error = math.sqrt(max(float(covariance[index, index]), 0.0))
        if not error < _WIDEST * free.width:
            raise UndeterminedError(what, free.name, error, free.width, free.unit)
    return covariance


def _is_cornered(prediction: Vector, data: Data) -> bool:
    """Tell whether a prediction is as near to an end of what can be as the error of its point, or beyond."""
    low, high = data.limits
    room = np.minimum(prediction - low, high - prediction)
    return bool((room**2 * data.weights < 1).any())


def _curve(minuit: Minuit, inside: Sequence[int]) -> Vector | None:
    """Return the covariance (inside, inside) by the curvature of the deviance; None if it has none."""
    minuit.hesse()
    found = minuit.covariance
    return None if found is None else np.asarray(found)[np.ix_(inside, inside)]


def _propagate(
    model: Model, values: Vector, inside: Sequence[int], parameters: Sequence[Free], data: Data
) -> Vector | None:
    """Return the covariance (inside, inside) that follows from the errors of points; None if one is open.

    Source: linear propagation; C. F. Gauss, Theoria combinationis (1823).
    """
    slopes = np.zeros((len(data), len(inside)))
    for column, index in enumerate(inside):
        step = np.zeros(len(values))
        step[index] = _SLOPE * parameters[index].first_step
        slopes[:, column] = (model(values + step) - model(values - step)) / (2 * step[index])
    precision = slopes.T @ (slopes * data.weights[:, None])
    known = (parameters[index].known for index in inside)
    precision += np.diag([0.0 if one is None else one.error**-2 for one in known])
    scale = np.sqrt(np.diag(precision))
    if not (scale > 0).all() or np.linalg.cond(precision / np.outer(scale, scale)) > _LONGEST:
        return None
    return np.asarray(np.linalg.inv(precision), dtype=np.float64)


def _reach(cost: Callable[[Vector], float], values: Vector, index: int, parameters: Sequence[Free]) -> float:
    """Return how far a parameter can go, all others following, until the deviance has risen by 1.

    To the side on which that is further; to its limit where the deviance does not rise so far.

    Source: S. Wilks, Ann. Math. Stat. 9, 60 (1938); W. Rolke, A. López and J. Conrad, Nucl. Instrum. Methods
        A 551, 493 (2005).
    """
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import

    free, lowest = parameters[index], cost(values)
    reached = [0.0]
    for limit in (free.low, free.high):
        room = limit - values[index]

        def excess(share: float, room: float = room) -> float:
            moved = values.copy()
            moved[index] += share * room
            return float(descend(cost, moved, parameters, held=index).fval) - lowest - 1.0

        share = min(free.first_step / abs(room), 1.0) if room else 1.0
        while share < 1 and excess(share) < 0:
            share = min(2 * share, 1.0)
        ends = excess(share) > 0
        reached.append(abs(room) * (float(brentq(excess, 0.0, share, rtol=_CLOSE)) if ends else share))
    return max(reached)


def _vaguest(
    cost: Callable[[Vector], float], values: Vector, inside: Sequence[int], parameters: Sequence[Free]
) -> int:
    """Return the parameter of some whose first step changes the deviance least."""

    def change(index: int) -> float:
        moved = values.copy()
        moved[index] += parameters[index].first_step
        return abs(cost(moved) - cost(values))

    return min(inside, key=change)
