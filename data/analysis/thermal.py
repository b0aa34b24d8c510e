"""Averages over thermal motion, by Gauss quadrature: how strongly light drives an ion that is not at rest.

A phonon number n in a thermal state is geometrically distributed; the orthogonal polynomials of that
distribution (Meixner's) give nodes at which a smooth function of n needs to be known for its exact mean.

Example:
    >>> nodes, weights = thermal_nodes(10.0, 8)
    >>> round(float(weights @ nodes), 6), round(float(weights @ nodes**2), 6)  # n and 2 n^2 + n
    (10.0, 210.0)
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import RangeError

Vector = NDArray[np.float64]

_WEAK_FEWEST, _WEAK_MOST, _WEAK_BY_STRENGTH = 4, 24, 100.0
"""The same for what all other modes do together."""

_FEWEST, _MOST, _BY_STRENGTH = 16, 300, 400.0
"""Nodes of the strongest mode: when cold, at most, and how many more where its eta^2 (2 n + 1) is 1."""

_SIDEBAND_NODES: Final = 48


def thermal_nodes(quanta: float, count: int) -> tuple[Vector, Vector]:
    """Return phonon numbers and weights that stand for a thermal state.

    Args:
        quanta: Mean phonon number.
        count: How many; polynomials up to degree 2 count - 1 have their exact mean.

    Returns:
        Nodes and weights, both (count,).

    Source: recurrence of the Meixner polynomials for beta = 1; G. Golub and J. Welsch, Math. Comp. 23, 221
        (1969).
    """
    if not (math.isfinite(quanta) and quanta >= 0):
        raise RangeError("quanta", quanta, "finite and >= 0", "give a mean phonon number")
    order = np.arange(count)
    return _gauss(order + (2 * order + 1) * quanta, order[1:] * math.sqrt(quanta * (1 + quanta)))


def equal_temperature(quanta: float, frequencies: Vector) -> Vector:
    """Return the mean phonon numbers (modes,) of modes as warm as the first one.

    Args:
        quanta: Mean phonon number of the first mode.
        frequencies: Of all modes, Hz, (modes,).

    Source: Bose and Einstein, n = 1 / (exp(h f / k T) - 1).

    Example:
        >>> equal_temperature(10.0, np.array([1e6, 2e6])).round(3).tolist()
        [10.0, 4.762]
    """
    if quanta <= 0:
        return np.zeros(len(frequencies))
    return np.asarray(1 / np.expm1(frequencies / frequencies[0] * math.log1p(1 / quanta)))


def carrier_factors(lamb_dicke: ArrayLike, quanta: ArrayLike) -> tuple[Vector, Vector]:
    """Return by which factors thermal motion changes the Rabi frequency of a carrier, and their weights.

    The factor of a mode is exp(-eta^2/2) L_n(eta^2). The mode that matters most is averaged over exactly. All
    others together weaken the light by exp(-y), y a sum of many small parts, which is given the gamma
    distribution of its mean and variance (to second order in eta^2 n).

    Args:
        lamb_dicke: Lamb-Dicke parameters, (modes,).
        quanta: Mean phonon numbers, (modes,).

    Returns:
        Factors and weights, both (nodes,).

    Source: D. Wineland et al., J. Res. NIST 103, 259 (1998), eq. 18.

    Example:
        >>> factors, weights = carrier_factors([0.07], [11.0])
        >>> round(float(weights @ factors), 4), round(math.exp(-(0.07**2) * 11.5), 4)
        (0.9452, 0.9452)
    """
    from scipy.special import eval_laguerre  # noqa: PLC0415 - slow to import

    squares, numbers = (
        np.square(np.asarray(lamb_dicke, dtype=np.float64)),
        np.asarray(quanta, dtype=np.float64),
    )
    strengths = squares * (2 * numbers + 1)
    first = int(np.argmax(strengths))
    count = min(math.ceil(_FEWEST + _BY_STRENGTH * float(strengths[first])), _MOST)
    nodes, weights = thermal_nodes(float(numbers[first]), count)
    factors = np.exp(-squares[first] / 2) * eval_laguerre(nodes, squares[first])
    losses, chances = _pooled(np.delete(squares, first), np.delete(numbers, first))
    return np.outer(factors, np.exp(-losses)).ravel(), np.outer(weights, chances).ravel()


def sideband_factors(lamb_dicke: float, quanta: float) -> tuple[Vector, Vector]:
    """Return the Rabi frequencies of the first blue sideband over that of the carrier at rest, and weights.

    The red sideband of a thermal state has the same frequencies, and is weaker by n / (n + 1) as a whole.

    Args:
        lamb_dicke: Lamb-Dicke parameter of the mode.
        quanta: Mean phonon number.

    Returns:
        Factors and weights, both (nodes,).

    Source: D. Wineland et al., J. Res. NIST 103, 259 (1998), eq. 18: from n to n + 1 it is
        exp(-eta^2/2) eta L_n^1(eta^2) / sqrt(n + 1).
    """
    from scipy.special import eval_genlaguerre  # noqa: PLC0415 - slow to import

    square = lamb_dicke**2
    nodes, weights = thermal_nodes(quanta, _SIDEBAND_NODES)
    factors = np.exp(-square / 2) * abs(lamb_dicke) * eval_genlaguerre(nodes, 1.0, square)
    return np.asarray(factors / np.sqrt(nodes + 1)), weights


def _pooled(squares: Vector, numbers: Vector) -> tuple[Vector, Vector]:
    """Return the loss y of modes that are all weak, and the weights of its values."""
    spread = numbers * (numbers + 1)
    still = float(squares.sum()) / 2
    mean = float((squares * numbers + squares**2 * spread / 2).sum())
    variance = float((squares**2 * spread * (1 + squares * (2 * numbers + 1))).sum())
    if variance == 0:
        return np.array([still]), np.ones(1)
    shape = mean**2 / variance
    strength = float((squares * (2 * numbers + 1)).sum())
    order = np.arange(min(math.ceil(_WEAK_FEWEST + _WEAK_BY_STRENGTH * strength), _WEAK_MOST))
    # Laguerre's recurrence, for the weight x^(shape - 1) exp(-x).
    nodes, weights = _gauss(2.0 * order + shape, np.sqrt(order[1:] * (order[1:] + shape - 1)))
    return still + nodes * (variance / mean), weights


def _gauss(diagonal: NDArray[Any], beside: NDArray[Any]) -> tuple[Vector, Vector]:
    """Return the nodes and weights of the quadrature whose polynomials have this recurrence."""
    from scipy.linalg import eigh_tridiagonal  # noqa: PLC0415 - slow to import

    nodes, vectors = eigh_tridiagonal(diagonal, beside)
    return np.asarray(nodes), np.asarray(vectors[0] ** 2)
