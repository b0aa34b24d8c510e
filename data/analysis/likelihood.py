"""The state of maximum likelihood, by an interior-point method on many data sets at a time.

This serves one and two qubits, and by `process_likelihood` processes. With more qubits a Newton step costs
the sixth power of the dimension; there `ascent` climbs the same likelihood, with the same bound.

To the log-likelihood of the counts a barrier ``mu log det(rho)`` is added, Newton steps in the d**2 real
coordinates of the state maximise the sum, and mu is lowered. On that path the likelihood still missing is
below ``mu d``, so a demanded gap says how low mu must go. Each tenfold smaller gap costs two or three steps,
where a projected gradient or an R rho R iteration needs a multiple of its steps. A step is one batched solve.

The gap that is reported does not rely on that: it is the bound that the concavity of the likelihood gives at
the state returned, the largest eigenvalue of ``R = sum n E / p`` less the number of counts.

Sources: S. Boyd and L. Vandenberghe, Convex Optimization (2004), ch. 11 (barrier method); S. Glancy, E. Knill
and M. Girard, New J. Phys. 14, 095017 (2012) (bound from R); R. Blume-Kohout, Phys. Rev. Lett. 105, 200504
(2010) (the same barrier as a prior: mu = 1/2 is where the path starts).
"""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.errors import ConvergenceError

_FIRST_BARRIER: Final = 0.5  # half a count in each direction: the hedge that suits a start without knowledge
_BARRIER_CUT: Final = 30.0  # 10 to 100 cost about the same number of steps
_FLOOR: Final = 0.01  # smallest eigenvalue of the start, so that its Newton steps are not cut short
_REACH: Final = 0.9  # share of the safe distance to the nearest singular state that a step may go
_ROUNDING: Final = 4e-15  # of the largest eigenvalue of a small matrix, relative; keeps the bound a bound
_LONGEST: Final = 100  # steps; the hardest of 90 batches (ranks 1 to 4, 9 to 9 million counts) took 38
_WIDEST: Final = 2**21  # numbers, 16 MB: beyond it the products of effects leave the cache that they serve


class Likelihood:
    """The log-likelihood of outcomes and its derivatives, in real coordinates of Hermitian matrices.

    The coordinates belong to an orthonormal basis, so tr(A B) is the product of two coordinate vectors.

    Args:
        effects: Effects of all outcomes of all settings, shape (outcomes, d, d).
        basis: Orthonormal basis of the Hermitian matrices, shape (d**2, d, d); by default matrix units.
    """

    def __init__(self, effects: NDArray[np.complex128], basis: NDArray[np.complex128] | None = None) -> None:
        self.dimension = effects.shape[-1]
        matrices = _hermitian_basis(self.dimension) if basis is None else basis
        self._basis = matrices.reshape(self.dimension**2, -1)
        self.vectors = self.to_vector(effects)
        self.identity = self.to_vector(np.eye(self.dimension, dtype=np.complex128))

    @cached_property
    def _products(self) -> NDArray[np.float64]:
        """Products of the coordinates of each effect, shape (outcomes, d**4)."""
        products = np.einsum("ki,kj->kij", self.vectors, self.vectors)
        return np.asarray(products.reshape(len(self.vectors), -1), dtype=np.float64)

    def to_vector(self, matrices: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return real coordinates, shape (..., d**2), of Hermitian matrices, shape (..., d, d)."""
        flat = matrices.reshape(*matrices.shape[:-2], -1)
        return np.ascontiguousarray((flat @ self._basis.conj().T).real, dtype=np.float64)

    def to_matrix(self, vectors: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Return Hermitian matrices, shape (..., d, d), of real coordinates, shape (..., d**2)."""
        matrices: NDArray[np.complex128] = vectors @ self._basis
        return matrices.reshape(*vectors.shape[:-1], self.dimension, self.dimension)

    def bound_gap(self, counts: NDArray[np.float64], states: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how much log-likelihood is missing at most.

        The likelihood is concave, so no state s gains more than tr(R (s - rho)) over rho; tr(R rho) is the
        number of counts, and tr(R s) is at most the largest eigenvalue of R.

        Args:
            counts: Shape (batch, outcomes).
            states: Coordinates of positive matrices of trace one, shape (batch, d**2).

        Returns:
            Shape (batch,).
        """
        slopes = self.to_matrix(self.weigh(counts, states @ self.vectors.T) @ self.vectors)
        totals = counts.sum(axis=1)
        largest = np.asarray(np.linalg.eigvalsh(slopes)[:, -1], dtype=np.float64)
        return np.asarray(largest - totals + _ROUNDING * totals, dtype=np.float64)

    @staticmethod
    def weigh(counts: NDArray[np.float64], probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return n / p, the slope of n log p; zero for what was not seen, also where p is zero.

        Args:
            counts: Shape (batch, outcomes).
            probabilities: Above zero where there are counts, same shape.

        Returns:
            Same shape.
        """
        return np.divide(counts, probabilities, out=np.zeros_like(probabilities), where=counts > 0)

    def maximise(
        self, counts: NDArray[np.float64], starts: NDArray[np.complex128], gap: float
    ) -> tuple[NDArray[np.complex128], NDArray[np.float64], NDArray[np.int64]]:
        """Follow the path of falling barriers until each data set has its gap.

        Args:
            counts: Shape (batch, outcomes).
            starts: Hermitian matrices of trace one, shape (batch, d, d).
            gap: Log-likelihood that may be missing.

        Returns:
            States (batch, d, d), their gaps (batch,), and the steps taken (batch,).

        Raises:
            ConvergenceError: If the gap is beyond the precision of the numbers.
        """
        states = self._begin(starts)
        barriers = np.full(len(counts), _FIRST_BARRIER)
        lowest = gap / (2 * self.dimension)  # then mu d is half of the gap
        gaps, iterations = np.full(len(counts), np.inf), np.zeros(len(counts), dtype=np.int64)
        live = np.arange(len(counts))
        while live.size:
            states[live], lengths = self._step(counts[live], states[live], barriers[live])
            gaps[live] = self.bound_gap(counts[live], states[live])
            iterations[live] += 1
            centred = live[lengths < 1]
            barriers[centred] = np.maximum(barriers[centred] / _BARRIER_CUT, lowest)
            live = live[~(gaps[live] < gap)]
            if live.size and iterations[live[0]] == _LONGEST:
                raise ConvergenceError(float(gaps[live].max()), gap, _LONGEST)
        return self.to_matrix(states), gaps, iterations

    def _step(
        self, counts: NDArray[np.float64], states: NDArray[np.float64], barriers: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Take a Newton step towards the maximum of the likelihood with its barrier.

        The multiplier of the trace is known beforehand: with N + mu d in its place, the maximum over all
        positive matrices has trace one, so the step needs no constraint.

        Returns:
            The next states, and the step lengths in the metric of the barrier: below 1 a step stays positive.
        """
        gradients, curvature, metric = self._expand(counts, states, barriers)
        multipliers = counts.sum(axis=1) + barriers * self.dimension
        gradients -= multipliers[:, None] * self.identity
        moves, lengths = solve_step(gradients, curvature + barriers[:, None, None] * metric, metric)
        stepped = states + moves
        return stepped / (stepped @ self.identity)[:, None], lengths

    def _begin(self, starts: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return the coordinates of states well inside the positive ones, near the given matrices."""
        return self.to_vector(_lift(starts))

    def _expand(
        self, counts: NDArray[np.float64], states: NDArray[np.float64], barriers: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return the gradient of likelihood and barrier, and the curvature of -likelihood and of -log det."""
        probabilities = states @ self.vectors.T
        weights = counts / probabilities
        inverses = np.asarray(np.linalg.inv(self.to_matrix(states)), dtype=np.complex128)
        gradients = weights @ self.vectors + barriers[:, None] * self.to_vector(inverses)
        return gradients, self._curve(weights / probabilities), self._measure(inverses)

    def _curve(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of w e e^T over the coordinates e of the effects, shape (batch, d**2, d**2)."""
        size = self.dimension**2
        if self.vectors.size * size <= _WIDEST:
            return (weights @ self._products).reshape(-1, size, size)
        return np.stack([(self.vectors.T * row) @ self.vectors for row in weights])

    def _measure(self, inverses: NDArray[np.complex128]) -> NDArray[np.float64]:
        """Return the curvature of -log det(rho), the form tr(A rho^-1 B rho^-1).

        Args:
            inverses: rho^-1, shape (batch, d, d).

        Returns:
            Shape (batch, d**2, d**2).
        """
        size = self.dimension**2
        forms = inverses[:, :, None, :, None] * inverses.conj()[:, None, :, None, :]
        # Two products of one tall matrix: half the time of a small product for each data set.
        columns = (forms.reshape(-1, size) @ self._basis.T).reshape(-1, size, size)
        rows = columns.swapaxes(1, 2).reshape(-1, size) @ self._basis.conj().T
        return np.asarray(rows.real.reshape(-1, size, size), dtype=np.float64)


def solve_step(
    gradients: NDArray[np.float64], curvature: NDArray[np.float64], metric: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Solve for Newton steps, and cut those that would leave the positive matrices.

    Args:
        gradients: Shape (batch, coordinates).
        curvature: Of what is minimised, shape (batch, coordinates, coordinates).
        metric: Curvature of -log det alone, same shape.

    Returns:
        The steps (batch, coordinates), and their lengths in the metric before the cut (batch,).
    """
    moves = np.linalg.solve(curvature, gradients[..., None])
    squares = (moves.swapaxes(1, 2) @ metric @ moves)[:, 0, 0]
    lengths = np.sqrt(np.maximum(squares, 0))
    return moves[..., 0] * (_REACH / np.maximum(lengths, _REACH))[:, None], lengths


def _lift(matrices: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return the matrices with all eigenvalues raised to a floor, and trace one."""
    values, vectors = np.linalg.eigh(matrices)
    values = np.maximum(values, _FLOOR)
    values /= values.sum(axis=-1, keepdims=True)
    lifted: NDArray[np.complex128] = (vectors * values[..., None, :]) @ vectors.conj().swapaxes(-1, -2)
    return lifted


def _hermitian_basis(dimension: int) -> NDArray[np.complex128]:
    """Return an orthonormal basis of the Hermitian matrices, shape (d**2, d, d)."""
    basis = np.zeros((dimension, dimension, dimension, dimension), dtype=np.complex128)
    for row in range(dimension):
        basis[row, row, row, row] = 1
        for column in range(row):
            basis[row, column, [row, column], [column, row]] = np.sqrt(0.5)
            basis[column, row, [row, column], [column, row]] = np.sqrt(0.5) * np.array([1j, -1j])
    return basis.reshape(dimension**2, dimension, dimension)
