"""Walls of nature: limits that a parameter may lie on, as a probability may be zero.

Near a wall the information that the likelihood expects says little: that on a probability p is n / p, without
end towards zero, and an error by it would vanish where nothing was seen. There, how far the parameter can go
away from the wall until the deviance has risen by 1 is its error.

Source: G. Feldman and R. Cousins, Phys. Rev. D 57, 3873 (1998), sec. II, on limits
    near a physical boundary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.profiles import find_end
from data.analysis.scoring import Descent, Problem, descend, invert

Vector: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

_NEAR: Final = 0.5  # of a standard error: a value so near to a wall may be one that lies on it
_NOTHING: Final = 1e-3  # of the deviance: if it rises by less, a value lies on the wall


def walls_of(problem: Problem) -> tuple[Mask, Mask]:
    """Return whether limits are walls of nature, lower and upper, both (sets, parameters)."""
    walls = np.array([parameter.walls for parameter in problem.model.parameters]).T
    shape = problem.low.shape
    finite = np.isfinite(problem.data.limits)
    levels = np.arange(shape[1]) < 2  # of counts that can be any number, no level has a wall above
    return (
        np.broadcast_to(walls[0] & (finite[0] | ~levels), shape),
        np.broadcast_to(walls[1] & (finite[1] | ~levels), shape),
    )


def snap_to_walls(problem: Problem, end: Descent, worth: Mask, tolerance: float, longest: int) -> None:
    """Put parameters on walls that the data do not keep them away from.

    A descent comes ever nearer to a wall, in ever shorter steps: it stops short of it, or never.

    Args:
        problem: Data sets and model.
        end: Where their descents ended; it is changed.
        worth: Which of them matter, (rows,).
        tolerance: As of these, for the other parameters, which follow.
        longest: Steps of theirs at most.
    """
    held = np.tile(problem.exact, (len(end.values), 1))
    errors = _errors_of(invert(end.information, held)[0])
    for index, _, limits, wall in _sides(problem):
        away = np.abs(end.values[:, index] - limits)
        near = worth & wall & ~held[:, index] & ~end.pressed[:, index] & (away < _NEAR * errors[:, index])
        rows = np.flatnonzero(near)
        if not rows.size:
            continue
        trial, fixed = end.values[rows], held[rows] | end.pressed[rows]
        trial[:, index], fixed[:, index] = limits[rows], True
        moved = descend(problem.rows(rows), trial, fixed, tolerance, longest)
        kept = moved.arrived & (moved.costs < end.costs[rows] + _NOTHING)
        there = rows[kept]
        end.values[there], end.costs[there] = moved.values[kept], moved.costs[kept]
        end.information[there] = moved.information[kept]
        end.pressed[there, index], end.arrived[there] = True, True


def measure_walls(problem: Problem, end: Descent, covariance: Vector, worth: Mask) -> None:
    """Give parameters within an error of a wall the distance away from it at which the deviance rose by 1.

    Their correlation with others is kept: these are no better known than if the wall were further away.

    Args:
        problem: Data sets and model.
        end: Where their descents ended.
        covariance: Shape (rows, parameters, parameters); it is changed.
        worth: Which of them matter, (rows,).
    """
    errors = _errors_of(covariance)
    for index, side, limits, wall in _sides(problem):
        near = np.abs(end.values[:, index] - limits) < errors[:, index]
        on_it = end.pressed[:, index] & (end.values[:, index] == limits)
        rows = np.flatnonzero((near | on_it) & worth & wall & end.arrived & ~problem.exact[index])
        if not rows.size:
            continue
        values, costs = end.values[rows], end.costs[rows]
        # The others follow, but in the metric of the data where the parameter itself has none.
        reached = find_end(problem.rows(rows), values, costs, covariance[rows], index, side, 1.0)
        own = np.maximum(errors[rows, index], np.sqrt(np.finfo(np.float64).tiny))
        scale = np.abs(reached - values[:, index]) / own
        covariance[rows, index, :] *= scale[:, None]
        covariance[rows, :, index] *= scale[:, None]


def _sides(problem: Problem) -> Iterator[tuple[int, float, Vector, Mask]]:
    """Yield each parameter with the way off each of its limits, the limits, and whether these are walls."""
    low, high = walls_of(problem)
    for index in range(problem.low.shape[1]):
        yield index, 1.0, problem.low[:, index], low[:, index]
        yield index, -1.0, problem.high[:, index], high[:, index]


def _errors_of(covariance: Vector) -> Vector:
    """Return standard errors, (rows, parameters)."""
    return np.asarray(np.sqrt(np.diagonal(covariance, axis1=1, axis2=2)))
