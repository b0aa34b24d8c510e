"""Fisher scoring: the parameters of greatest likelihood, of many data sets at a time.

A step is that of Gauss and Newton, with the information that the likelihood expects in place of curvature,
damped as far as needed for the deviance to fall. Parameters stay within limits: one that is pushed against
its limit is held there for the step. Rows that have arrived drop out, so that a batch costs as much as the
sum of its data sets, and numpy's overhead is shared.

Sources: R. Fisher's scoring as in P. McCullagh and J. Nelder, Generalized Linear Models (1989), sec. 2.5;
damping as in D. Marquardt, J. SIAM 11, 431 (1963); limits as in D. Bertsekas, SIAM J. Control Optim. 20, 221
(1982).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.analysis.counts import Data, Rows

if TYPE_CHECKING:
    from data.analysis.models.model import Model

Vector: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]

_FIRST_DAMPING: Final = 1e-3  # of the information on each parameter
_LEAST_DAMPING: Final = 1e-9
_STUCK: Final = 1e9  # damping at which there is no way down
_GOOD: Final = 0.7  # of the gain that a step promised: above it, less damping will do
_POOR: Final = 0.3  # below it, more is needed; data are often curved more than their model expects
_EASE: Final = 0.1  # on the damping
_BRAKE: Final = 10.0
_ROUGHNESS: Final = 1e-3  # of a deviance: where there is no way down, so small a gain is one of rounding
_STRIDE: Final = 0.25  # of the allowed range, at most, in one step
_ROUNDING: Final = 1e-11  # of the deviance of a constant, below which a rise is none


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Data sets, and the model that shall describe them.

    Attributes:
        model: Of all of them.
        places: Where they were measured, (rows, points), or (1, points) if in the same places.
        data: What was seen there, (rows, points).
        low: Least values of the parameters, (rows, parameters).
        high: Greatest values.
        known: Values from elsewhere, (parameters,).
        precision: Of these, one over the squared error, (parameters,); 0 for what is not known, or exact.
        exact: Which of them are exact, and kept, (parameters,).
    """

    model: Model
    places: Vector
    data: Data
    low: Vector
    high: Vector
    known: Vector
    precision: Vector
    exact: Mask

    def rows(self, chosen: Rows) -> Problem:
        """Return some of the data sets."""
        places = self.places if len(self.places) == 1 else self.places[chosen]
        return replace(
            self, places=places, data=self.data.rows(chosen), low=self.low[chosen], high=self.high[chosen]
        )

    def expand(self, values: Vector) -> tuple[Vector, Vector, Vector]:
        """Return the deviance about some values, to second order.

        Args:
            values: Shape (rows, parameters).

        Returns:
            The deviance (rows,) with that of what is known; half of its fall with each parameter (rows,
            parameters); and the information (rows, parameters, parameters).
        """
        prediction, slopes = self.model.evaluate(self.places, values)
        information = self.data.information(prediction)
        residuals = information * (self.data.values - prediction)
        away = self.known - values
        pull = (slopes @ residuals[:, :, None])[:, :, 0] + self.precision * away
        bend = (slopes * information[:, None, :]) @ slopes.swapaxes(1, 2)
        bend[:, np.arange(len(self.known)), np.arange(len(self.known))] += self.precision
        return self.data.deviances(prediction) + away**2 @ self.precision, pull, bend


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """Where a descent ended.

    Attributes:
        values: Shape (rows, parameters).
        costs: Deviance there, with that of what is known, (rows,).
        information: Shape (rows, parameters, parameters).
        pressed: Whether a parameter lies on a limit and is pushed against it, (rows, parameters).
        arrived: Whether a further step would gain nothing, (rows,).
    """

    values: Vector
    costs: Vector
    information: Vector
    pressed: Mask
    arrived: Mask


def descend(problem: Problem, starts: Vector, held: Mask, tolerance: float, longest: int) -> Descent:
    """Follow the likelihood to its maximum.

    Args:
        problem: Data sets and model.
        starts: Values to start from, (rows, parameters).
        held: Parameters that stay as they are, (rows, parameters).
        tolerance: Gain of deviance below which a step is not worth it.
        longest: Steps at most.
    """
    values = np.clip(starts, problem.low, problem.high)
    costs, pulls, bends = problem.expand(values)
    damping = np.full(len(values), _FIRST_DAMPING)
    arrived = np.zeros(len(values), dtype=bool)
    live = np.arange(len(values))
    for _ in range(longest):
        part = problem.rows(live)
        fixed = held[live] | _pressed(part, values[live], pulls[live])
        steps, gains = _steps(pulls[live], bends[live], damping[live], fixed)
        stuck = damping[live] >= _STUCK
        arrived[live] = gains < np.where(stuck, _ROUGHNESS, tolerance)
        going = ~arrived[live] & ~stuck
        if not going.any():
            break
        live, part, steps, gains = live[going], part.rows(going), steps[going], gains[going]
        stride = _STRIDE * (part.high - part.low)
        trial = np.clip(values[live] + np.clip(steps, -stride, stride), part.low, part.high)
        cost, pull, bend = part.expand(trial)
        better = cost <= costs[live] * (1 + _ROUNDING)
        kept = (costs[live] - cost) * (1 + damping[live]) / gains
        damping[live] *= np.where(kept > _GOOD, _EASE, np.where(kept < _POOR, _BRAKE, 1.0))
        np.maximum(damping, _LEAST_DAMPING, out=damping)
        taken = live[better]
        values[taken], costs[taken] = trial[better], cost[better]
        pulls[taken], bends[taken] = pull[better], bend[better]
    return Descent(values, costs, bends, _pressed(problem, values, pulls) & ~held, arrived)


def invert(information: Vector, fixed: Mask) -> tuple[Vector, Vector]:
    """Return the covariance of the parameters that are not fixed, and how well it is known.

    Args:
        information: Shape (rows, parameters, parameters).
        fixed: Shape (rows, parameters).

    Returns:
        Covariance (rows, parameters, parameters), zero for what is fixed; and the least eigenvalue (rows,) of
        the information in units in which each parameter alone has 1: zero for a direction that is flat.
    """
    scaled, scale = _scale(information, fixed)
    strengths, vectors = np.linalg.eigh(scaled)
    safe = np.maximum(strengths, np.finfo(np.float64).eps)
    inverse = (vectors / safe[:, None, :]) @ vectors.swapaxes(1, 2)
    covariance = inverse * (scale[:, :, None] * scale[:, None, :])
    return np.asarray(covariance * ~(fixed[:, :, None] | fixed[:, None, :])), np.asarray(strengths[:, 0])


def _pressed(problem: Problem, values: Vector, pulls: Vector) -> Mask:
    """Return which parameters lie on a limit and would go beyond, (rows, parameters)."""
    return np.asarray(((values <= problem.low) & (pulls < 0)) | ((values >= problem.high) & (pulls > 0)))


def _steps(pulls: Vector, bends: Vector, damping: Vector, fixed: Mask) -> tuple[Vector, Vector]:
    """Return damped steps (rows, parameters), and what steps without damping gain at least, (rows,)."""
    scaled, scale = _scale(bends, fixed)
    diagonal = np.arange(scaled.shape[-1])
    scaled[:, diagonal, diagonal] += damping[:, None]
    forces = np.where(fixed, 0.0, pulls) * scale
    steps = np.linalg.solve(scaled, forces[:, :, None])[:, :, 0]
    return steps * scale, (forces * steps).sum(axis=1) * (1 + damping)


def _scale(bends: Vector, fixed: Mask) -> tuple[Vector, Vector]:
    """Return the information with 1 on its diagonal, cut off from what is fixed, and the units for that."""
    own = np.diagonal(bends, axis1=1, axis2=2)
    scale = np.where((own > 0) & ~fixed, 1 / np.sqrt(np.where(own > 0, own, 1.0)), 0.0)
    scaled = bends * (scale[:, :, None] * scale[:, None, :])
    diagonal = np.arange(scaled.shape[-1])
    # A parameter that does nothing keeps a zero, that it may be told; a fixed one gets a 1.
    scaled[:, diagonal, diagonal] = np.where(fixed, 1.0, (scale > 0).astype(np.float64))
    return scaled, scale
