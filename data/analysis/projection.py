"""Projections onto what is physical: the nearest probabilities, states and processes.

The nearest matrix in the Frobenius norm is meant throughout. A projection of an unbiased estimate is always
nearer to the truth than the estimate, but it is biased: what noise made negative is cut off, which lowers the
overlap with a nearly pure state.

Conventions of a Choi matrix: ``sum |i><j| (x) E(|i><j|)``, input before output, trace d_in; the trace over
the output is the identity of the input.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import ProjectionError, RangeError, ShapeError

_TIGHT: Final = 1e-9  # of the trace over the output less the identity, in any element
_LONGEST: Final = 5_000  # steps; near-unitary processes of two qubits take about 50


def project_simplex(values: ArrayLike) -> NDArray[np.float64]:
    """Return the nearest probabilities: not negative, sum one.

    Args:
        values: Finite, shape (..., n).

    Returns:
        Same shape.

    Source: C. Michelot, J. Optim. Theory Appl. 50, 195 (1986).

    Example:
        >>> project_simplex([0.8, 0.5, -0.3])
        array([0.65, 0.35, 0.  ])
    """
    values = np.asarray(values, dtype=np.float64)
    falling = -np.sort(-values, axis=-1)
    # The shift that makes the k largest sum to one; the right k is the last that keeps them positive.
    shifts = (falling.cumsum(axis=-1) - 1) / np.arange(1, values.shape[-1] + 1)
    last = np.maximum((falling > shifts).sum(axis=-1, keepdims=True) - 1, 0)
    return np.maximum(values - np.take_along_axis(shifts, last, axis=-1), 0.0)


def project_states(matrices: ArrayLike) -> NDArray[np.complex128]:
    """Return the nearest density matrices: positive, trace one.

    Args:
        matrices: Hermitian, shape (..., d, d).

    Returns:
        Same shape.

    Raises:
        ShapeError: If the matrices are not square.
        RangeError: If an element is not finite.

    Source: J. A. Smolin, J. M. Gambetta and G. Smith, Phys. Rev. Lett. 108, 070502 (2012).
    """
    values, vectors = np.linalg.eigh(check_matrices("matrices", matrices))
    return _compose(project_simplex(values), vectors)


def project_processes(chois: ArrayLike, inputs: int) -> NDArray[np.complex128]:
    """Return the nearest Choi matrices of processes: positive, and preserving the trace.

    The multiplier of the trace condition is found by an accelerated gradient on the dual problem; without
    the acceleration its steps are those of Dykstra's alternating projections. Each step is the exact
    projection onto the positive matrices with *some* trace over the output, and the stopping certificate is
    how far that one is from the identity: 1e-9 in every element. A last congruence takes this away.

    Args:
        chois: Hermitian, shape (..., d_in d_out, d_in d_out).
        inputs: d_in.

    Returns:
        Same shape.

    Raises:
        ShapeError: If the matrices are not square, or their size is no multiple of `inputs`.
        RangeError: If an element is not finite.
        ProjectionError: If the certificate is not reached, as for elements beyond about a million.

    Source: J. P. Boyle and R. L. Dykstra, Lect. Notes Stat. 37, 28 (1986); dual gradient: J. Malick,
        SIAM J. Matrix Anal. Appl. 26, 272 (2004); use on processes: G. C. Knee et al., Phys. Rev. A 98,
        062336 (2018); T. Surawy-Stepney et al., Quantum 6, 844 (2022).
    """
    matrices = check_matrices("chois", chois)
    outputs, rest = divmod(matrices.shape[-1], inputs)
    if rest:
        raise ShapeError("chois", matrices.shape, f"(..., {inputs} * d_out, {inputs} * d_out)")
    flat = matrices.reshape(-1, *matrices.shape[-2:])
    found = np.empty_like(flat)
    leads = np.zeros((len(flat), inputs, inputs), dtype=np.complex128)
    before, momenta = leads.copy(), np.ones(len(flat))
    live = np.arange(len(flat))
    for _ in range(_LONGEST):
        values, vectors = np.linalg.eigh(flat[live] + spread(leads, outputs))
        found[live] = _compose(np.maximum(values, 0.0), vectors)
        excess = trace_output(found[live], inputs) - np.eye(inputs)
        leads, before, momenta = _accelerate(leads - excess / outputs, before, excess, momenta)
        rough = np.abs(excess).max(axis=(1, 2), initial=0.0) > _TIGHT
        live, leads, before, momenta = live[rough], leads[rough], before[rough], momenta[rough]
        if not live.size:
            return _normalise(found, inputs).reshape(matrices.shape)
    raise ProjectionError(float(np.abs(excess).max()), _TIGHT, _LONGEST)


def _accelerate(
    stepped: NDArray[np.complex128],
    before: NDArray[np.complex128],
    slope: NDArray[np.complex128],
    momenta: NDArray[np.float64],
) -> tuple[NDArray[np.complex128], NDArray[np.complex128], NDArray[np.float64]]:
    """Go on in the direction of the last step, and stop where that leads uphill (O'Donoghue and Candes)."""
    forth = stepped - before
    uphill = (slope * forth.conj()).real.sum(axis=(1, 2)) > 0
    momenta = np.where(uphill, 1.0, momenta)
    following = (1 + np.sqrt(1 + 4 * momenta**2)) / 2
    swing = np.where(uphill, 0.0, (momenta - 1) / following)
    return stepped + swing[:, None, None] * forth, stepped, following


def trace_output(matrices: NDArray[np.complex128], inputs: int) -> NDArray[np.complex128]:
    """Return the trace over the second factor, shape (..., inputs, inputs)."""
    outputs = matrices.shape[-1] // inputs
    parts = matrices.reshape(*matrices.shape[:-2], inputs, outputs, inputs, outputs)
    return np.asarray(np.einsum("...ikjk->...ij", parts), dtype=np.complex128)


def spread(matrices: NDArray[np.complex128], outputs: int) -> NDArray[np.complex128]:
    """Return the product with the identity of the second factor, shape (..., d_in d_out, d_in d_out)."""
    size = matrices.shape[-1] * outputs
    products = np.einsum("...ij,kl->...ikjl", matrices, np.eye(outputs))
    return np.asarray(products.reshape(*matrices.shape[:-2], size, size), dtype=np.complex128)


def check_matrices(name: str, matrices: ArrayLike) -> NDArray[np.complex128]:
    """Return square matrices as complex numbers, refusing other shapes and NaN.

    Args:
        name: The argument, for the message.
        matrices: Shape (..., d, d).

    Returns:
        Same shape.

    Raises:
        ShapeError: If the matrices are not square.
        RangeError: If an element is not finite.
    """
    checked = np.asarray(matrices, dtype=np.complex128)
    if checked.ndim < 2 or checked.shape[-1] != checked.shape[-2] or not checked.shape[-1]:
        raise ShapeError(name, checked.shape, "(..., d, d)")
    finite = np.isfinite(checked)
    if not finite.all():
        index = tuple(map(int, np.argwhere(~finite)[0]))
        raise RangeError(f"{name}{list(index)}", checked[index], "finite", "reconstruct it again")
    return checked


def _compose(values: NDArray[np.float64], vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return the matrices of eigenvalues and eigenvectors."""
    matrices: NDArray[np.complex128] = (vectors * values[..., None, :]) @ vectors.conj().swapaxes(-1, -2)
    return matrices


def _normalise(chois: NDArray[np.complex128], inputs: int) -> NDArray[np.complex128]:
    """Make the trace over the output the identity by a congruence, which keeps the matrices positive."""
    values, vectors = np.linalg.eigh(trace_output(chois, inputs))
    roots = spread(_compose(1 / np.sqrt(values), vectors), chois.shape[-1] // inputs)
    scaled: NDArray[np.complex128] = roots @ chois @ roots
    return scaled
