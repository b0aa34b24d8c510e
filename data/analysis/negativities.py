"""Entanglement across any cut, by the partial transpose: negativity and logarithmic negativity.

Above zero, the two parts are entangled; for a qubit with a qubit or a qutrit also the other way round. Both
are convex in the noise near zero: from a reconstructed state they come out too high where the true value is
zero or near it, so a value within two errors of zero shows nothing.

Source: A. Peres, Phys. Rev. Lett. 77, 1413 (1996); G. Vidal and R. F. Werner, Phys. Rev. A 65, 032314 (2002).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.projection import check_matrices
from data.errors import ShapeError


def partial_transpose(density: ArrayLike, first: int = 2) -> NDArray[np.complex128]:
    """Return the transpose in the first part alone.

    Args:
        density: Shape (..., d, d).
        first: Dimension of the first part: 2 for the first qubit against all others.

    Returns:
        Same shape.

    Raises:
        ShapeError: If d is no multiple of `first`, or `first` below 1.
        RangeError: If an element is not finite.
    """
    states = check_matrices("density", density)
    size = states.shape[-1]
    if first < 1 or size % first:
        raise ShapeError("density", states.shape, f"a multiple of {first}, the size of the first part,")
    parts = states.reshape(*states.shape[:-2], first, size // first, first, size // first)
    return np.ascontiguousarray(parts.swapaxes(-4, -2)).reshape(states.shape)


def negativity(density: ArrayLike, first: int = 2) -> NDArray[np.float64]:
    """Return the sum of the negative eigenvalues of the partial transpose, without its sign.

    Args:
        density: Shape (..., d, d), trace one.
        first: Dimension of the first part.

    Returns:
        Shape (...); 1/2 for a Bell state.

    Raises:
        ShapeError: If d is no multiple of `first`.
        RangeError: If an element is not finite.

    Example:
        >>> bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
        >>> float(negativity(np.outer(bell, bell)).round(9))
        0.5
    """
    values = np.linalg.eigvalsh(partial_transpose(density, first))
    return np.asarray(-np.minimum(values, 0.0).sum(axis=-1), dtype=np.float64)


def log_negativity(density: ArrayLike, first: int = 2) -> NDArray[np.float64]:
    """Return log2 of the trace norm of the partial transpose, a bound on the Bell pairs one can distil.

    Args:
        density: Shape (..., d, d), trace one.
        first: Dimension of the first part.

    Returns:
        Shape (...), in ebits; 1 for a Bell state.

    Raises:
        ShapeError: If d is no multiple of `first`.
        RangeError: If an element is not finite.
    """
    return np.asarray(np.log2(1 + 2 * negativity(density, first)), dtype=np.float64)
