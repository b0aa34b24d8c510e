"""Narrow dips in a spectrum of counts: found where counts fall below both sides by more than noise."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.counts import PoissonCounts
from data.analysis.estimates import Estimate
from data.analysis.fits import check_columns
from data.errors import InsufficientDataError

Vector = NDArray[np.float64]

LEAST_POINTS: Final = 5
"""A dip has a middle, and two sides that lie higher."""

_BELIEVED: Final = 5.0  # standard errors that both sides must stand above the middle of a dip


def find_dips(places: ArrayLike, counts: ArrayLike, unit: str = "Hz") -> list[Estimate]:
    """Return the centres of all dips, in ascending order.

    A dip is a lowest point from which the counts rise on both sides by five standard errors before they fall
    below it again. Its centre is that of the parabola through the points of its lower half.

    Args:
        places: Where it was measured, (points,), all different.
        counts: There, (points,).
        unit: Of the places.

    Raises:
        InsufficientDataError: If there are fewer than five points.

    Example:
        >>> place = np.linspace(-10, 10, 41)
        >>> dips = find_dips(place, 10_000 - 8_000 / (1 + (place - 2.1) ** 2), unit="MHz")
        >>> [round(dip.value, 1) for dip in dips]
        [2.1]
    """
    column, data = np.asarray(places, dtype=np.float64), PoissonCounts(counts)
    check_columns(places=column, counts=data.values)
    if len(column) < LEAST_POINTS:
        raise InsufficientDataError("a search for dips", len(column), LEAST_POINTS, "points")
    order = np.argsort(column)
    column, values = column[order], data.counts[order]
    errors = np.sqrt(values + 1)
    dips = []
    for middle in range(1, len(values) - 1):
        ends = _walls(values, errors, middle)
        if ends is not None:
            dips.append(_centre(column, values, errors, middle, ends, unit))
    return dips


def _walls(
    values: Vector,
    errors: Vector,
    middle: int,
) -> tuple[int, int] | None:
    """Return the nearest points on both sides that stand clearly above one; None for no dip."""
    found = []
    for step in (-1, 1):
        at = middle + step
        while 0 <= at < len(values):
            # Of two equal lowest points the first is taken.
            if values[at] < values[middle] or (step < 0 and values[at] == values[middle]):
                return None
            if values[at] - values[middle] > _BELIEVED * np.hypot(errors[at], errors[middle]):
                found.append(at)
                break
            at += step
    return (found[0], found[1]) if len(found) == 2 else None


def _centre(
    places: Vector,
    values: Vector,
    errors: Vector,
    middle: int,
    ends: tuple[int, int],
    unit: str,
) -> Estimate:
    """Return the lowest place of the parabola between both walls, at least over three points."""
    rows = slice(ends[0], ends[1] + 1)
    away = places[rows] - places[middle]
    scale = float(np.abs(away).max())
    design = np.stack([np.ones(len(away)), away / scale, (away / scale) ** 2], axis=1)
    weights = errors[rows] ** -2
    covariance = np.linalg.inv(design.T @ (design * weights[:, None]))
    _, slope, bend = covariance @ design.T @ (weights * values[rows])
    change = scale * np.array([0.0, -1 / (2 * bend), slope / (2 * bend**2)])
    error = float(np.sqrt(change @ covariance @ change))
    return Estimate(float(places[middle] - scale * slope / (2 * bend)), error, unit)
