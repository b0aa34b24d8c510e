"""Is the ion bright? From fluorescence counts to states, and how often that is wrong."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import RangeError

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
    from scipy.special import pdtr  # noqa: PLC0415 (scipy takes longer to import than all else here)

    _check_threshold(threshold)
    _check_means(dark, bright)
    if not 0 <= decay < 1:
        raise RangeError("decay", decay, "0 <= decay < 1", "it is 1 - exp(-duration / lifetime)")
    rate = -math.log1p(-decay)  # decays per readout
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    elapsed = (nodes + 1) / 2
    density = weights / 2 * rate * np.exp(-rate * elapsed)
    decayed = pdtr(threshold - 1, dark + (bright - dark) * (1 - elapsed))
    called_dark = [(1 - decay) * pdtr(threshold - 1, dark) + density @ decayed, pdtr(threshold - 1, bright)]
    return np.array([[probability, 1 - probability] for probability in map(float, called_dark)])


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
