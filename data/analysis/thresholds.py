"""Is the ion bright? From fluorescence counts to states, and how often that is wrong."""

from __future__ import annotations

import math
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import RangeError

D52_LIFETIME: Final = 1.168
"""Seconds, of D5/2 in 40Ca+: P. A. Barton et al., Phys. Rev. A 62, 032503 (2000), 1.168(7) s."""

# Gauss-Legendre nodes over the moment of decay; for 2000 bright counts exact to 1e-7 of the decays.
_NODES: Final = 200


def classify_bright(counts: ArrayLike, threshold: int) -> NDArray[np.bool_]:
    """Call an ion bright if it gave at least `threshold` counts.

    Args:
        counts: Counts of a readout, any shape.
        threshold: Least count of a bright ion, at least 1.

    Returns:
        Whether bright, same shape.

    Raises:
        RangeError: If the threshold is below 1, which would call every ion bright.

    Example:
        >>> classify_bright([0, 10, 11, 35], threshold=11)
        array([False, False,  True,  True])
    """
    _check_threshold(threshold)
    return np.asarray(counts) >= threshold


def poisson_threshold(dark: float, bright: float) -> int:
    """Return the threshold with the fewest errors for Poisson counts of equally likely states.

    It is the least whole number at which a bright ion is the likelier source of the counts.

    Args:
        dark: Mean counts of a dark ion in one readout (rate times duration).
        bright: Mean counts of a bright ion in one readout, above `dark`.

    Returns:
        Least count to be called bright.

    Raises:
        RangeError: If `dark` is negative or `bright` not above it.

    Source: likelihood ratio of two Poisson distributions, exp(dark - bright) (bright / dark)**n = 1.

    Example:
        >>> poisson_threshold(dark=2.0, bright=30.0)
        11
    """
    _check_means(dark, bright)
    if dark == 0:
        return 1
    return max(math.ceil((bright - dark) / math.log(bright / dark)), 1)


def error_matrix(threshold: int, dark: float, bright: float, decay: float = 0.0) -> NDArray[np.float64]:
    """Return the probabilities to call an ion dark or bright, given what it was.

    Args:
        threshold: Least count to be called bright, at least 1.
        dark: Mean counts of a dark ion in one readout.
        bright: Mean counts of a bright ion in one readout, above `dark`.
        decay: Probability that a dark (shelved) ion decays during the readout and shines for the rest of it,
            1 - exp(-duration / lifetime). In a long readout this error exceeds those of the Poisson tails.

    Returns:
        Shape (2, 2): the row is what the ion was, the column what it is called; dark first. Rows sum to 1.

    Raises:
        RangeError: If the threshold is below 1, the means are not ordered, or `decay` not in 0 <= decay < 1.

    Source: decay averaged as in A. H. Myerson et al., Phys. Rev. Lett. 100, 200502 (2008), threshold method.

    Example:
        >>> error_matrix(11, dark=2.0, bright=30.0).round(5)
        array([[9.9999e-01, 1.0000e-05],
               [2.0000e-05, 9.9998e-01]])
    """
    _check_threshold(threshold)
    called_dark = below_levels(np.array([threshold]), dark, bright, decay)[:, 0]
    return np.stack([called_dark, 1 - called_dark], axis=1)


def best_threshold(dark: float, bright: float, decay: float = 0.0, share: float = 0.5) -> int:
    """Return the threshold with the fewest errors, with decay and with states of unlike frequency.

    Decay pushes it above `poisson_threshold`: an ion that shone for a part of the readout was dark.

    Args:
        dark: Mean counts of a dark ion in one readout.
        bright: Mean counts of a bright ion, above `dark`.
        decay: As of `error_matrix`.
        share: Of bright ions among all, between 0 and 1.

    Returns:
        Least count to be called bright, at least 1.

    Raises:
        RangeError: If the means are not ordered, or `decay` or `share` out of range.

    Source: least mean error over all thresholds; A. H. Myerson et al., Phys. Rev. Lett. 100, 200502 (2008).

    Example:
        >>> best_threshold(dark=2.0, bright=30.0), best_threshold(dark=2.0, bright=30.0, decay=0.002)
        (11, 12)
    """
    _check_means(dark, bright)
    if not 0 < share < 1:
        raise RangeError("share", share, "between 0 and 1", "0.5 for states that are equally frequent")
    levels = np.arange(1, math.ceil(bright + 12 * math.sqrt(bright + 1)) + 2)
    below = below_levels(levels, dark, bright, decay)
    return int(levels[np.argmin((1 - share) * (1 - below[0]) + share * below[1])])


def below_levels(levels: ArrayLike, dark: float, bright: float, decay: float = 0.0) -> NDArray[np.float64]:
    """Return the probabilities of fewer counts than each level.

    Args:
        levels: Counts, (levels,).
        dark: Mean counts of a dark ion in one readout.
        bright: Mean counts of a bright ion, above `dark`.
        decay: As of `error_matrix`.

    Returns:
        Shape (2, levels): of an ion that was dark at first, and of a bright one.

    Raises:
        RangeError: If the means are not ordered, or `decay` not in 0 <= decay < 1.
    """
    from scipy.special import pdtr  # noqa: PLC0415 (scipy takes longer to import than all else here)

    _check_means(dark, bright)
    if not 0 <= decay < 1:
        raise RangeError("decay", decay, "0 <= decay < 1", "it is 1 - exp(-duration / lifetime)")
    most = np.asarray(levels, dtype=np.float64) - 1
    rate = -math.log1p(-decay)  # decays per readout
    elapsed, weights = _moments_of_decay()
    density = weights * rate * np.exp(-rate * elapsed)
    stayed = pdtr(np.maximum(most, 0), dark), pdtr(np.maximum(most, 0), bright)
    decayed = density @ pdtr(np.maximum(most, 0), (dark + (bright - dark) * (1 - elapsed))[:, None])
    found = np.stack([(1 - decay) * stayed[0] + decayed, stayed[1]])
    return np.asarray(np.where(most < 0, 0.0, found), dtype=np.float64)


def decay_probability(duration: float, lifetime: float = D52_LIFETIME) -> float:
    """Return the probability that a shelved ion decays during the readout.

    Args:
        duration: Of the readout in seconds.
        lifetime: Of the shelf in seconds; by default that of D5/2 in 40Ca+. Light at 854 nm shortens it.

    Raises:
        RangeError: If a time is not above zero.

    Example:
        >>> round(decay_probability(2e-3), 5)
        0.00171
    """
    for name, time in (("duration", duration), ("lifetime", lifetime)):
        if not (math.isfinite(time) and time > 0):
            raise RangeError(name, f"{time} s", "finite and > 0 s", "give seconds")
    return -math.expm1(-duration / lifetime)


@cache
def _moments_of_decay() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return moments of a readout, 0 to 1, and the weights with which a function of them is summed."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)  # as slow as all that is done with them
    return (nodes + 1) / 2, weights / 2


def _check_threshold(threshold: int) -> None:
    if not threshold >= 1:  # NaN, too
        raise RangeError("threshold", threshold, ">= 1 count", "take poisson_threshold()")


def _check_means(dark: float, bright: float) -> None:
    if not (math.isfinite(dark) and dark >= 0):
        raise RangeError("dark", dark, "finite and >= 0 counts", "give the mean counts of one readout")
    if not (math.isfinite(bright) and bright > dark):
        raise RangeError(
            "bright", bright, f"above the {dark} counts of a dark ion", "check the detection beam"
        )
