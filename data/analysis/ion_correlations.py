"""Do the ions of a register succeed independently? Correlations of their detections, ion by ion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import poisson_error
from data.errors import InsufficientDataError, RangeError, ShapeError

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class IonCorrelations:
    """Joint detections of all pairs of ions; those of parts of a run add to those of the whole.

    Attributes:
        joint: Trains in which both ions were detected, (ions, ions); on the diagonal, the ion alone.
        trains: In all.
    """

    joint: NDArray[np.int64]
    trains: int

    def __add__(self, other: IonCorrelations) -> IonCorrelations:
        if self.joint.shape != other.joint.shape:
            raise ShapeError("joint of the second part", other.joint.shape, f"{self.joint.shape}")
        return IonCorrelations(self.joint + other.joint, self.trains + other.trains)

    @property
    def expected(self) -> Matrix:
        """Joint detections of independent ions, (ions, ions); the diagonal is that of two such ions, too."""
        clicks = np.diag(self.joint).astype(np.float64)
        return np.outer(clicks, clicks) / self.trains

    @property
    def ratio(self) -> Matrix:
        """Joint detections over those of independent ions, (ions, ions): 1 without crosstalk.

        It is g2 of two ions' photons. NaN on the diagonal, and for ions that were never detected.
        """
        return self.joint * self._scale

    @property
    def ratio_error(self) -> Matrix:
        """Poisson errors of the ratio, (ions, ions): for few joint detections; `correlation` suits many."""
        return poisson_error(self.joint) * self._scale

    @property
    def correlation(self) -> Matrix:
        """Correlation coefficients of the detections, from -1 to 1, (ions, ions); the diagonal is 1.

        Two ions that share an on-off fault of probability q have about q times p / (1 - p). NaN for ions that
        were detected always or never.
        """
        clicks = np.diag(self.joint) / self.trains
        spread = np.sqrt(clicks * (1 - clicks))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(
                (self.joint / self.trains - np.outer(clicks, clicks)) / np.outer(spread, spread)
            )

    @property
    def correlation_error(self) -> Matrix:
        """Standard errors of the coefficients, (ions, ions); 0 on the diagonal.

        To first order in the four shares of a pair (both, one, the other, none), each with half a train more
        so that none is empty. Where fewer than five joint detections are expected, the coefficients are
        skewed, and `ratio` tells more.

        Source: delta method; influence function z_1 z_2 - r (z_1^2 + z_2^2) / 2 of a coefficient r:
            S. J. Devlin, R. Gnanadesikan and J. R. Kettenring, Biometrika 62, 531 (1975).
        """
        clicks = np.diag(self.joint)
        both = self.joint + 0.5
        one, other = clicks[:, None] - self.joint + 0.5, clicks - self.joint + 0.5
        none = self.trains - clicks[:, None] - clicks + self.joint + 0.5
        total = self.trains + 2.0
        first, second = (both + one) / total, (both + other) / total
        widths = np.sqrt(first * (1 - first)), np.sqrt(second * (1 - second))
        coefficient = (both / total - first * second) / (widths[0] * widths[1])
        variance = np.zeros(self.joint.shape)
        for cell, (hit, also) in zip((both, one, other, none), ((1, 1), (1, 0), (0, 1), (0, 0)), strict=True):
            z, w = (hit - first) / widths[0], (also - second) / widths[1]
            variance += cell / total * (z * w - coefficient * (z**2 + w**2) / 2) ** 2
        error = np.sqrt(variance / self.trains)
        np.fill_diagonal(error, 0.0)
        return np.asarray(error, dtype=np.float64)

    @property
    def _scale(self) -> Matrix:
        expected = self.expected
        np.fill_diagonal(expected, np.nan)
        scale: Matrix = np.divide(1.0, expected, out=np.full(expected.shape, np.nan), where=expected > 0)
        return scale


def correlate_ions(clicks: ArrayLike) -> IonCorrelations:
    """Count in how many trains each pair of ions was detected.

    Args:
        clicks: Clicks in the window of each ion, (trains, ions); two in one window are one detection.

    Raises:
        ShapeError: If there are not two axes.
        RangeError: If a number of clicks is negative or NaN.
        InsufficientDataError: If there are no trains.

    Example:
        >>> found = correlate_ions([[1, 1], [1, 1], [0, 0], [1, 0]])
        >>> found.joint.tolist(), round(float(found.ratio[0, 1]), 3)
        ([[3, 2], [2, 2]], 1.333)
    """
    table = np.asarray(clicks)
    if table.ndim != 2:
        raise ShapeError("clicks", table.shape, "(trains, ions)")
    if not len(table):
        raise InsufficientDataError("correlations of ions", 0, 1, "trains")
    counted = table >= 0  # not NaN
    if not counted.all():
        row, ion = np.argwhere(~counted)[0].tolist()
        raise RangeError(f"clicks[{row}, {ion}]", table[row, ion], ">= 0", "check the column of counts")
    detected = (table > 0).astype(np.float64)  # sums of ones are exact, and products of floats are quick
    return IonCorrelations((detected.T @ detected).astype(np.int64), len(table))
