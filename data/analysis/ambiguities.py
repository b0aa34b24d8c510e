"""Ambiguities: other parameters, far away, that describe the data as well.

Errors tell how far parameters can go about one minimum. They are silent about another one that is as deep,
as of an alias of a frequency, and about parameters that show only in a signal which may be none.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.fits import CHANCE
from data.analysis.scoring import Descent, Problem, descend

Vector: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.intp]

_AS_GOOD: Final = 4.0  # of the deviance: a minimum higher by less, two standard errors, is not excluded
_SLACK: Final = 10.0  # of the deviance, that a descent may still fall after its first steps
_FAR: Final = 5.0  # standard errors: what is nearer belongs to the same minimum


def find_ambiguities(
    problem: Problem,
    end: Descent,
    rough: Descent,
    errors: Vector,
    worth: Mask,
    tolerance: float,
    longest: int,
) -> Indices:
    """Return which parameter of each data set may as well have another value, (rows,), or -1.

    Args:
        problem: Data sets and model.
        end: Where their descents ended.
        rough: First steps from all starts, a multiple of the rows, those of one data set together.
        errors: Standard errors, (rows, parameters).
        worth: Which of the data sets matter, (rows,).
        tolerance: As of the descents, for those that are followed further.
        longest: Steps of these.
    """
    culprits = np.full(len(end.values), -1)
    starts = len(rough.values) // len(end.values)
    rows = np.repeat(np.arange(len(end.values)), starts)
    near = rough.costs < end.costs[rows] + _AS_GOOD + _SLACK
    apart = _distances(problem, rough.values, end.values[rows], errors[rows])
    chosen = np.flatnonzero(near & worth[rows] & (apart > _FAR).any(axis=1))
    if chosen.size:
        rows = rows[chosen]
        held = np.tile(problem.exact, (len(rows), 1))
        found = descend(problem.rows(rows), rough.values[chosen], held, tolerance, longest)
        apart = _distances(problem, found.values, end.values[rows], errors[rows])
        rival = found.arrived & (found.costs < end.costs[rows] + _AS_GOOD) & (apart > _FAR).any(axis=1)
        culprits[rows[rival]] = apart[rival].argmax(axis=1)
    hidden = worth & (culprits < 0) & _hides(problem, end, worth, tolerance, longest)
    if hidden.any():
        culprits[hidden] = problem.model.names.index(problem.model.hinge[1])
    return culprits


def _distances(problem: Problem, values: Vector, others: Vector, errors: Vector) -> Vector:
    """Return how far values are from others, in standard errors, (rows, parameters); turns count as none."""
    model = problem.model
    apart = model.settle(values) - model.settle(others)
    turns = np.array([parameter.unit == "turn" for parameter in model.parameters])
    apart[:, turns] -= np.rint(apart[:, turns])
    certain = (errors > 0) & ~problem.exact
    return np.where(certain, np.abs(apart) / np.where(certain, errors, 1.0), 0.0)


def _hides(problem: Problem, end: Descent, worth: Mask, tolerance: float, longest: int) -> Mask:
    """Return whether the signal that a model hinges on may be none, (rows,).

    The gain by the signal follows chi^2 for its strength and place, with one chance a point of the scan.

    Source: S. Wilks, Ann. Math. Stat. 9, 60 (1938), with C. Bonferroni's bound.
    """
    from scipy.special import chdtrc  # noqa: PLC0415 - slow to import

    hidden = np.zeros(len(end.values), dtype=bool)
    rows = np.flatnonzero(worth)
    if not problem.model.hinge or not rows.size:
        return hidden
    strength, *places = (problem.model.names.index(name) for name in problem.model.hinge)
    told = problem.exact | (problem.precision > 0)
    if told[places].any():
        return hidden
    without, held = end.values[rows], np.tile(problem.exact, (len(rows), 1))
    without[:, strength] = problem.low[rows, strength]
    held[:, [strength, *places[1:]]] = True  # of several places, one takes up what all of them do together
    found = descend(problem.rows(rows), without, held, tolerance, longest)
    gain = np.maximum(found.costs - end.costs[rows], 0.0)
    hidden[rows] = len(problem.data) * chdtrc(2, gain) > CHANCE
    return hidden
