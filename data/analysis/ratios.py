"""Ratios of counts: one kind of pair over another, with errors that hold for few of them."""

from __future__ import annotations

import math

from data.analysis.estimates import ONE_SIGMA, Estimate, binomial_interval
from data.errors import InsufficientDataError, RangeError


def ratio_interval(
    counts: int, reference: int, exposure: float = 1.0, confidence: float = ONE_SIGMA
) -> tuple[float, float]:
    """Return an interval of the ratio of two Poisson rates.

    Given how many events there are of both kinds, those of the one kind are binomial; so the interval is that
    of a probability p, turned into p / (1 - p).

    Args:
        counts: Events of the one kind.
        reference: Of the other, at least 1.
        exposure: Of the reference over that of the counts: time, attempts, or pairs of attempts.
        confidence: Probability that the interval holds the true ratio.

    Returns:
        Lower and upper end.

    Raises:
        InsufficientDataError: If there is no event of the reference.
        RangeError: If counts are negative, or the exposure is not above zero.

    Source: J. Przyborowski and H. Wilenski, Biometrika 31, 313 (1940), with Wilson's binomial interval.

    Example:
        >>> low, high = ratio_interval(0, 100)
        >>> print(f"{low:.2f} {high:.2f}")
        0.00 0.01
    """
    if counts < 0 or reference < 0:
        raise RangeError(
            "counts of a ratio", (counts, reference), ">= 0", "give raw counts, nothing subtracted"
        )
    if reference < 1:
        raise InsufficientDataError("a ratio of counts", reference, 1, "counts of the reference")
    if not (math.isfinite(exposure) and exposure > 0):
        raise RangeError("exposure", exposure, "finite and > 0", "it is that of the reference over the other")
    low, high = binomial_interval(counts, counts + reference, confidence)
    return exposure * low / (1 - low), exposure * high / (1 - high)


def poisson_ratio(counts: int, reference: int, exposure: float = 1.0) -> Estimate:
    """Estimate the ratio of two Poisson rates; the error is the longer side of `ratio_interval`.

    The value is the plain ratio. Its mean lies above the true ratio by 1 / reference of it.

    Args:
        counts: As of `ratio_interval`.
        reference: As of `ratio_interval`.
        exposure: As of `ratio_interval`.

    Raises:
        InsufficientDataError: If there is no event of the reference.
        RangeError: If counts are negative, or the exposure is not above zero.

    Example:
        >>> print(poisson_ratio(4, 100))
        0.040(26)
    """
    low, high = ratio_interval(counts, reference, exposure)
    value = exposure * counts / reference
    return Estimate(value, max(value - low, high - value))
