"""How fits end: whether their parameters can be believed, and if not, why."""

from __future__ import annotations

from enum import Enum
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.counts import Data
from data.analysis.fits import CHANCE
from data.analysis.scoring import Descent, Problem
from data.analysis.walls import walls_of

Vector: TypeAlias = NDArray[np.float64]

_FLAT: Final = 1e-10  # information in some direction, relative, below which there is none
_WIDEST: Final = 0.5  # of the allowed range: a standard error above it says that nothing is known


class Outcome(Enum):
    """How a fit ended."""

    FOUND = "the parameters are found"
    NO_SIGNAL = "a constant describes the data as well"
    AT_LIMIT = "a parameter lies where the search ends"
    UNDETERMINED = "a parameter, or a combination of some, can have any value"
    MISFIT = "the model does not describe the data"
    UNFINISHED = "no minimum was reached"


def judge(
    problem: Problem,
    end: Descent,
    covariance: Vector,
    strength: Vector,
    p_values: Vector,
    chances: Vector,
    ambiguous: NDArray[np.intp],
    gate: float,
) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """Return the outcome of each fit, and which parameter it failed at, both (sets,).

    Args:
        problem: Data sets and model.
        end: Where their descents ended.
        covariance: Shape (sets, parameters, parameters).
        strength: Of the information in the weakest direction, (sets,); see `scoring.invert`.
        p_values: Of the deviances, (sets,).
        chances: Probability that a constant looks like the model, (sets,).
        ambiguous: Parameter that may as well have another value, (sets,), or -1.
        gate: p-value below which a fit is a misfit.
    """
    width = problem.high - problem.low
    vague = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)) / np.where(width > 0, width, np.inf)
    low_wall, high_wall = walls_of(problem)
    nearer = end.values - problem.low < problem.high - end.values
    astray = end.pressed & ~np.where(nearer, low_wall, high_wall)
    outcomes = np.full(len(end.values), Outcome.FOUND, dtype=object)
    culprits = np.full(len(end.values), -1)
    outcomes[p_values < gate] = Outcome.MISFIT
    outcomes[ambiguous >= 0], culprits[ambiguous >= 0] = Outcome.UNDETERMINED, ambiguous[ambiguous >= 0]
    undetermined = (strength < _FLAT) | ~(vague <= _WIDEST).all(axis=1)
    outcomes[undetermined], culprits[undetermined] = Outcome.UNDETERMINED, vague.argmax(axis=1)[undetermined]
    lost = astray.any(axis=1)
    outcomes[lost], culprits[lost] = Outcome.AT_LIMIT, astray.argmax(axis=1)[lost]
    outcomes[~end.arrived] = Outcome.UNFINISHED
    outcomes[chances > CHANCE] = Outcome.NO_SIGNAL
    return outcomes, culprits


def chances_of_constant(problem: Problem, end: Descent, parameters: int) -> Vector:
    """Return the probability that a constant looks like the model anywhere in the scan, (sets,).

    Source: S. Wilks, Ann. Math. Stat. 9, 60 (1938), with C. Bonferroni's bound for one chance a point.
    """
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    data = problem.data
    if problem.model.constant or parameters < 2:
        return np.zeros(len(end.values))
    information = data.information(
        np.broadcast_to(data.values.mean(axis=1, keepdims=True), data.values.shape)
    )
    level = (information * data.values).sum(axis=1) / information.sum(axis=1)
    flat = data.deviances(np.broadcast_to(level[:, None], data.values.shape))
    gain = np.maximum(flat - data.deviances(problem.model.evaluate(problem.places, end.values)[0]), 0.0)
    return np.asarray(np.minimum(len(data) * chdtrc(parameters - 1, gain), 1.0), dtype=np.float64)


def p_values_of(data: Data, prediction: Vector, deviances: Vector, spent: int) -> Vector:
    """Return the probability of a larger deviance of each data set, (sets,); see `fits.fit`."""
    from scipy.special import gammaincc  # noqa: PLC0415 - slow to import

    mean, variance = data.moment_columns(prediction)
    mean, variance = mean - spent, variance - 2 * spent
    enough = (mean > 0) & (variance > 0)
    mean, variance = np.where(enough, mean, 1.0), np.where(enough, variance, 1.0)
    chance = gammaincc(mean**2 / variance, np.maximum(deviances, 0.0) * mean / variance)
    return np.asarray(np.where(enough, chance, 1.0))
