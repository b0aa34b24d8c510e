"""Profile likelihood: how far a parameter can go, all others following, until the data contradict it.

Where the likelihood is skewed, the interval is, too: it needs no curvature, and holds for any function of the
parameter. It ends at a wall that the parameter cannot pass.

Source: S. Wilks, Ann. Math. Stat. 9, 60 (1938); W. Rolke, A. López and J. Conrad, Nucl. Instrum. Methods A
551, 493 (2005).
"""

from __future__ import annotations

import math
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.scoring import Problem, descend

Vector: TypeAlias = NDArray[np.float64]

_CLOSE: Final = 0.005  # of a standard error: an end is known as well as this
_TRIES: Final = 40
_LONGEST: Final = 40  # steps of the others for one try
_TOLERANCE: Final = 1e-4  # of the deviance
_STRIDE: Final = 0.05  # of the way to the limit, at most, for the first try
_STRETCH: Final = 2.0  # at most, by which a step that was too short grows
_CORNER: Final = 0.05  # of a bracket, kept from both of its ends


def find_end(
    problem: Problem, values: Vector, costs: Vector, covariance: Vector, index: int, side: float, rise: float
) -> Vector:
    """Return where the deviance has risen, moving one parameter to one side.

    Args:
        problem: Data sets and model.
        values: Those of greatest likelihood, (rows, parameters).
        costs: The deviance there, (rows,).
        covariance: About as large as it is, (rows, parameters, parameters): the scale of the search.
        index: Of the parameter.
        side: -1 or 1.
        rise: Of the deviance; 1 for a standard error.

    Returns:
        Shape (rows,); the limit of the parameter where the deviance does not rise so far, and NaN where its
        rise could not be followed.
    """
    root = math.sqrt(rise)
    limit = (problem.high if side > 0 else problem.low)[:, index]
    start = values[:, index]
    scale = np.minimum(np.sqrt(covariance[:, index, index]), _STRIDE * np.abs(limit - start))
    follow = covariance[:, index, :] / np.maximum(covariance[:, index, index], 1e-300)[:, None]
    held = np.tile(problem.exact, (len(values), 1))
    held[:, index] = True
    # Both ends of a bracket: place and root of the rise. The outer one is not known at first.
    inner, inner_rise, inner_values = start.copy(), np.zeros(len(start)), values.copy()
    outer, outer_rise = np.full((2, len(start)), np.nan)
    ends, place = np.full(len(start), np.nan), start + side * root * scale
    live = np.arange(len(start))
    for _ in range(_TRIES):
        place = np.where(side * (place - limit) > 0, limit, place)
        trial = inner_values[live] + follow[live] * (place[live] - inner[live])[:, None]
        trial[:, index] = place[live]
        found = descend(problem.rows(live), trial, held[live], _TOLERANCE, _LONGEST)
        risen = np.sqrt(np.maximum(found.costs - costs[live], 0.0))
        far = risen >= root
        near, off = live[~far], live[far]
        inner[near], inner_rise[near], inner_values[near] = place[near], risen[~far], found.values[~far]
        outer[off], outer_rise[off] = place[off], risen[far]
        done = (np.abs(risen - root) < _CLOSE * root) | (~far & (place[live] == limit[live]))
        ends[live[done]] = place[live[done]]
        live = live[~done]
        if not live.size:
            break
        place[live] = _next_place(start, inner, inner_rise, outer, outer_rise, root, scale * side)[live]
    return ends


def _next_place(
    start: Vector,
    inner: Vector,
    inner_rise: Vector,
    outer: Vector,
    outer_rise: Vector,
    root: float,
    scale: Vector,
) -> Vector:
    """Return where to try next: within the bracket if there is one, else further out."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (root - inner_rise) / (outer_rise - inner_rise)
        within = inner + np.clip(share, _CORNER, 1 - _CORNER) * (outer - inner)
        grown = np.clip(root / inner_rise, 1.0, _STRETCH)
    beyond = inner + np.where(inner == start, scale, (inner - start) * (grown - 1 + _CORNER))
    return np.where(np.isnan(outer), beyond, within)
