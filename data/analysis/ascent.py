"""The state of maximum likelihood by accelerated projected gradient, for three and four qubits.

A step goes along the gradient from a point that is thrown ahead of the last state, and then to the nearest
state. Its length adapts by backtracking, and the momentum starts anew when it leads downhill. One step costs
two products with the effects and one eigendecomposition, where a Newton step solves d**2 equations: at equal
gap this is 1.5 to 2.5 times faster for three qubits and 3 to 5 times for four; for two the Newton steps of
`likelihood` are, 2.5 times.

It ends by the bound of `Likelihood.bound_gap`, which holds for any state, however it was found.

Sources: J. Shang, Z. Zhang and H. K. Ng, Phys. Rev. A 95, 062336 (2017); A. Beck and M. Teboulle, SIAM J.
Imaging Sci. 2, 183 (2009) (momentum, backtracking); B. O'Donoghue and E. Candes, Found. Comput. Math. 15, 715
(2015) (restart by gradient).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.analysis.likelihood import Likelihood
from data.analysis.projection import project_states
from data.errors import ConvergenceError

_INSIDE: Final = 1e-3  # of white noise in the start: no outcome that was seen may be impossible
_GROWTH: Final = 1.1  # of the step length before each step; backtracking halves it
_ROUNDING: Final = 1e-15  # of the mean log-likelihood, which is about 1
_EVERY: Final = 5  # steps between two looks at the gap: a look costs half a step
_LONGEST: Final = 5_000  # steps; the hardest of 100 batches (ranks 1 to 16, 1 to 50 000 shots) took 575


@dataclass(slots=True, eq=False)
class _Climb:
    """Where each data set of a batch is: one row each.

    Attributes:
        shares: Counts over their sum, (batch, outcomes).
        states: Coordinates of the last states, (batch, d**2).
        leads: Of the points thrown ahead.
        momenta: How far they are thrown, (batch,).
        lengths: Of the steps, (batch,).
    """

    shares: NDArray[np.float64]
    states: NDArray[np.float64]
    leads: NDArray[np.float64]
    momenta: NDArray[np.float64]
    lengths: NDArray[np.float64]

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Leave out the data sets that have arrived."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name)[rows])


def ascend(
    likelihood: Likelihood, counts: NDArray[np.float64], starts: NDArray[np.complex128], gap: float
) -> tuple[NDArray[np.complex128], NDArray[np.float64], NDArray[np.int64]]:
    """Climb until each data set has its gap.

    Args:
        likelihood: Of the effects.
        counts: Shape (batch, outcomes).
        starts: Density matrices, shape (batch, d, d).
        gap: Log-likelihood that may be missing.

    Returns:
        States (batch, d, d), their gaps (batch,), and the steps taken (batch,).

    Raises:
        ConvergenceError: If the gap is not reached, as when it is beyond the precision of the numbers.
    """
    found = likelihood.to_vector(starts)
    found += _INSIDE * (likelihood.identity / likelihood.dimension - found)
    gaps, iterations = np.full(len(counts), np.inf), np.zeros(len(counts), dtype=np.int64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    climb = _Climb(shares, found.copy(), found.copy(), np.ones(len(counts)), np.ones(len(counts)))
    live = np.arange(len(counts))
    while live.size:
        for _ in range(_EVERY):
            _step(likelihood, climb)
        found[live], iterations[live] = climb.states, iterations[live] + _EVERY
        gaps[live] = likelihood.bound_gap(counts[live], climb.states)
        unfinished = ~(gaps[live] < gap)
        live = live[unfinished]
        climb.keep(unfinished)
        if live.size and iterations[live[0]] >= _LONGEST:
            raise ConvergenceError(float(gaps[live].max()), gap, _LONGEST)
    return likelihood.to_matrix(found), gaps, iterations


def _step(likelihood: Likelihood, climb: _Climb) -> None:
    """Take one step with every data set."""
    probabilities = climb.leads @ likelihood.vectors.T
    heights = _height(climb.shares, probabilities)
    lost = ~np.isfinite(
        heights
    )  # thrown so far that something seen would be impossible: go on from the state
    if lost.any():
        climb.leads[lost], climb.momenta[lost] = climb.states[lost], 1.0
        probabilities[lost] = climb.leads[lost] @ likelihood.vectors.T
        heights[lost] = _height(climb.shares[lost], probabilities[lost])
    slopes = likelihood.weigh(climb.shares, probabilities) @ likelihood.vectors
    reached = _backtrack(likelihood, climb, heights, slopes)
    forth = reached - climb.states
    downhill = ((climb.leads - reached) * forth).sum(axis=1) > 0
    momenta = np.where(downhill, 1.0, climb.momenta)
    climb.momenta = (1 + np.sqrt(1 + 4 * momenta**2)) / 2
    swing = np.where(downhill, 0.0, (momenta - 1) / climb.momenta)
    climb.leads, climb.states = reached + swing[:, None] * forth, reached


def _backtrack(
    likelihood: Likelihood, climb: _Climb, heights: NDArray[np.float64], slopes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the states that a step of suitable length reaches, and keep the lengths.

    A length suits if the parabola of that curvature lies below the likelihood.
    """
    reached = np.empty_like(climb.leads)
    climb.lengths *= _GROWTH
    rows = np.arange(len(reached))
    while rows.size:
        lengths, leads = climb.lengths[rows], climb.leads[rows]
        targets = likelihood.to_matrix(leads + lengths[:, None] * slopes[rows])
        states = likelihood.to_vector(project_states(targets))
        moves = states - leads
        gains = _height(climb.shares[rows], states @ likelihood.vectors.T) - heights[rows]
        expected = (slopes[rows] * moves).sum(axis=1) - (moves**2).sum(axis=1) / (2 * lengths)
        reached[rows] = states
        rows = rows[gains < expected - _ROUNDING]
        climb.lengths[rows] /= 2
    return reached


def _height(shares: NDArray[np.float64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean log-likelihood of a count, minus infinity where something seen is impossible."""
    seen = shares > 0
    impossible = (seen & ~(probabilities > 0)).any(axis=1)
    logarithms = np.log(probabilities, out=np.zeros_like(probabilities), where=seen & (probabilities > 0))
    return np.where(impossible, -np.inf, (shares * logarithms).sum(axis=1))
