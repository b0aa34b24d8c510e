"""Correlations of photons: does a source ever emit two at once?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import Estimate, poisson_error
from data.errors import InsufficientDataError, RangeError, ShapeError


@dataclass(frozen=True, slots=True, eq=False)
class Correlation:
    """Coincidences of two detectors over the attempts between them.

    Attributes:
        lags: From the attempt of the one click to that of the other, (lags,), 0 in the middle.
        coincidences: Pairs of clicks, (lags,).
        expected: Of independent clicks, (lags,).
        attempts: In all.
    """

    lags: NDArray[np.int64]
    coincidences: NDArray[np.int64]
    expected: NDArray[np.float64]
    attempts: int

    @property
    def g2(self) -> NDArray[np.float64]:
        """Coincidences over those of independent clicks, (lags,)."""
        return self.coincidences / self.expected

    @property
    def g2_error(self) -> NDArray[np.float64]:
        """Poisson errors of g2, (lags,): above zero also where nothing coincided."""
        return poisson_error(self.coincidences) / self.expected

    @property
    def at_zero(self) -> Estimate:
        """g2 within one attempt; the error is that of the coincidences and of what is expected."""
        middle = len(self.lags) // 2
        value = float(self.g2[middle])
        beside = float(np.delete(self.coincidences, middle).sum())
        relative = 1 / math.sqrt(beside) if beside else 0.0
        return Estimate(value, math.hypot(float(self.g2_error[middle]), value * relative))


def correlate(first: ArrayLike, second: ArrayLike, most: int) -> Correlation:
    """Correlate the clicks of two detectors behind a beam splitter, attempt by attempt.

    What independent clicks would give at a lag is worked out shot by shot from how many pairs of attempts
    there are at that lag, and from the mean click probabilities of the run.

    Args:
        first: Clicks of the one detector, (shots, attempts); two in one attempt count as one.
        second: Of the other.
        most: Largest lag.

    Raises:
        ShapeError: If the two are not tables of one shape.
        RangeError: If the lag is not between 1 and the attempts of a shot.
        InsufficientDataError: If one detector never clicked.

    Source: R. Loudon, The Quantum Theory of Light (2000), ch. 5 and 6.

    Example:
        >>> one = np.array([[1, 0, 1, 0], [0, 1, 0, 1]])
        >>> found = correlate(one, 1 - one, most=1)
        >>> found.coincidences.tolist(), found.g2.round(2).tolist()
        ([3, 0, 3], [2.0, 0.0, 2.0])
    """
    one, two = (np.asarray(clicks) > 0 for clicks in (first, second))
    if one.ndim != 2 or one.shape != two.shape:
        raise ShapeError("second", two.shape, f"{one.shape}, the same (shots, attempts) as of first,")
    shots, attempts = one.shape
    if not 1 <= most < attempts:
        raise RangeError("most", most, f"1 to {attempts - 1} attempts", "play more attempts in a shot")
    for name, clicks in (("first", one), ("second", two)):
        if not clicks.any():
            raise InsufficientDataError(f"a correlation with the {name} detector", 0, 1, "clicks")
    lags = np.arange(-most, most + 1)
    coincidences = [
        int(
            (
                one[:, max(0, -lag) : attempts - max(0, lag)] & two[:, max(0, lag) : attempts - max(0, -lag)]
            ).sum()
        )
        for lag in lags.tolist()
    ]
    pairs = shots * (attempts - abs(lags))
    return Correlation(lags, np.array(coincidences), pairs * one.mean() * two.mean(), shots * attempts)


def accidental_g2(clicks: tuple[float, float], dark: tuple[float, float]) -> float:
    """Return g2 within one attempt of a source of single photons whose detectors have dark counts.

    Args:
        clicks: Probability that each detector clicks in an attempt, dark counts included.
        dark: Probability of a dark count in an attempt, of each.

    Returns:
        (s1 d2 + d1 s2 + d1 d2) / (p1 p2), with s = p - d from photons: a photon goes one way only.

    Example:
        >>> round(accidental_g2((0.2, 0.2), (1e-4, 1e-4)), 6)
        0.001
    """
    photons = tuple(click - noise for click, noise in zip(clicks, dark, strict=True))
    both = photons[0] * dark[1] + dark[0] * photons[1] + dark[0] * dark[1]
    return both / (clicks[0] * clicks[1])
