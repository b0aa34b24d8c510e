"""Draws of phonon numbers from displaced number states, as quantiles at a given luck.

A number is a function of the state and of one uniform variable, so that it changes little when the state
does, and two looks at the same state in the same shot find the same number.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.sidebands import displaced_number

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

# Below this mean the Poisson distribution is summed up; from there on its quantile is expanded about the
# normal one, and looked up where that comes so close to a step that its error may matter.
_SUMMED: Final = 12.0
# An expanded quantile is off by less than a third of this (tested).
_CLOSE: Final = 0.01
# Standard deviations of a displaced number state that are summed up on both sides; it ends sharply.
_REACH: Final = 6.0
# Variance beyond which a displaced number state is taken for the classical swing that it is close to; less of
# it, from a number on at which Laguerre polynomials of high order would overflow.
_CLASSICAL: Final = 400.0
_CLASSICAL_HIGH: Final = (300, 50.0)


def poisson_quantile(mean: Floats, luck: Floats) -> Integers:
    """Return the least n at which the Poisson distribution function exceeds `luck`.

    Args:
        mean: of the distribution, any shape.
        luck: 0 to 1, of the same shape.

    Returns:
        Numbers of the same shape.

    Source: M. Giles, ACM Trans. Math. Softw. 42, 7 (2016), for the expansion.

    Example:
        >>> poisson_quantile(np.array([0.0, 1.0, 30.0]), np.array([0.99, 0.5, 0.5]))
        array([ 0,  1, 30])
    """
    found = np.zeros(mean.shape, dtype=np.int64)
    few = mean < _SUMMED
    found[few] = _summed(mean[few], luck[few])
    many = ~few
    found[many] = _expanded(mean[many], luck[many])
    return found


def _summed(mean: Floats, luck: Floats) -> Integers:
    """Add up probabilities until they exceed the luck; who is done leaves."""
    found = np.zeros(len(mean), dtype=np.int64)
    rows, term = np.arange(len(mean)), np.exp(-mean)
    left = luck - term
    number = 0
    while len(rows):
        going = left >= 0
        rows, mean, term, left = rows[going], mean[going], term[going], left[going]
        number += 1
        found[rows] = number
        term = term * mean / number
        left = left - term
        # Rounding may keep the sum below a luck next to 1 for ever.
        rows = rows if number < _SUMMED * 10 else rows[:0]
    return found


def _expanded(mean: Floats, luck: Floats) -> Integers:
    """Cornish-Fisher expansion of the quantile, in powers of 1/sqrt(mean)."""
    from scipy.special import ndtri, pdtr  # noqa: PLC0415 - slow to import, and checking a setup needs none

    root = np.sqrt(mean)
    normal = ndtri(np.clip(luck, 1e-16, 1 - 1e-16))
    square = normal**2
    quantile = mean + normal * root + (square + 2) / 6 - normal * (square + 2) / (72 * root)
    quantile += ((3 * square + 7) * square - 16) / (810 * mean)
    step = np.rint(quantile)
    found = np.floor(quantile)
    close = np.flatnonzero(np.abs(quantile - step) < _CLOSE)
    found[close] = step[close] - (pdtr(step[close] - 1, mean[close]) > luck[close])
    return np.asarray(np.maximum(found, 0), dtype=np.int64)


def displaced_quantile(start: Integers, displacement: Floats, luck: Floats) -> Integers:
    """Return the least m at which the distribution function of a displaced number state exceeds `luck`.

    The distribution is summed up exactly where its variance, |alpha|^2 (2 n + 1), is below 400 (50 above
    n = 300). Beyond, the classical swing n + |alpha|^2 + 2 |alpha| sqrt(n) cos(phase) stands for it, which
    has the same mean, the same variance but for |alpha|^2, and the same envelope.

    Args:
        start: n (entries,), before the displacement.
        displacement: |alpha|^2 (entries,).
        luck: 0 to 1 (entries,).

    Returns:
        m (entries,); n itself for those that were not displaced.
    """
    found = start.astype(np.int64)
    variance = displacement * (2 * start + 1)
    classical = variance > np.where(start > _CLASSICAL_HIGH[0], _CLASSICAL_HIGH[1], _CLASSICAL)
    swing = 2 * np.sqrt(displacement * start) * -np.cos(np.pi * luck)
    found[classical] = np.rint(start + displacement + swing)[classical].astype(np.int64)
    rows = np.flatnonzero((displacement > 0) & ~classical)
    if len(rows) == 0:
        return found
    reach = np.ceil(_REACH * np.sqrt(variance[rows]) + displacement[rows] + _REACH).astype(np.int64)
    for width in np.unique(1 << np.int64(np.ceil(np.log2(reach)))).tolist():
        alike = rows[(reach <= width) & (reach > width // 2)]
        first = np.maximum(start[alike] - width, 0)
        numbers = first[:, None] + np.arange(2 * width + 1)
        chances = displaced_number(numbers, start[alike, None], displacement[alike, None]).cumsum(axis=1)
        found[alike] = first + (chances < luck[alike, None] * chances[:, -1:]).sum(axis=1)
    return found
