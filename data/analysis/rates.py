"""Rates of counted events, with intervals that hold for few of them.

The intervals of a rate and of a ratio are exact: they hold the true value at least as often as they say, more
often where counts are few. That of a rate above a background joins two exact ones, and holds it about as
often, or more.

Example:
    >>> print(poisson_rate(0, 100.0))
    0 (0 to 0.0184) 1/s
    >>> print(net_rate(130, 10.0, 400, 40.0))
    3 (1.75 to 4.34) 1/s
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from data.analysis.estimates import ONE_SIGMA
from data.errors import InsufficientDataError, RangeError


@dataclass(frozen=True, slots=True)
class Bounded:
    """A value with an interval that need not be symmetric.

    Attributes:
        value: The most likely one.
        low: Lower end.
        high: Upper end; infinite where nothing bounds it, as of a ratio to no events.
        confidence: Probability that the interval holds the true value.
        unit: Of all three.
    """

    value: float
    low: float
    high: float
    confidence: float = ONE_SIGMA
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g}) {self.unit}".rstrip()


def poisson_rate(counts: int, time: float, confidence: float = ONE_SIGMA) -> Bounded:
    """Return the rate of events, with its exact central interval.

    Args:
        counts: Events.
        time: In which they were counted, s.
        confidence: Probability that the interval holds the rate; half of the rest is left to either side. For
            no events all of the upper side is a limit at (1 + confidence) / 2.

    Raises:
        RangeError: If counts are negative, the time not above zero, or the confidence not between 0 and 1.

    Source: F. Garwood, Biometrika 28, 437 (1936).
    """
    from scipy.special import gammaincinv  # noqa: PLC0415 - slow to import

    _check(confidence, counts=counts)
    _check_time("time", time)
    tail = (1 - confidence) / 2
    low = float(gammaincinv(counts, tail)) if counts else 0.0
    high = float(gammaincinv(counts + 1, 1 - tail))
    return Bounded(counts / time, low / time, high / time, confidence, "1/s")


def rate_ratio(
    counts: int, time: float, reference: int, reference_time: float, confidence: float = ONE_SIGMA
) -> Bounded:
    """Return the ratio of two rates, with its exact central interval.

    Of all events together, those of the one kind are binomial, whatever the rates. `ratios.ratio_interval` is
    the shorter interval that holds the ratio as often on average, but not always.

    Args:
        counts: Events of the one kind.
        time: In which they were counted, s.
        reference: Events of the other.
        reference_time: In which these were counted, s.
        confidence: Probability that the interval holds the ratio.

    Raises:
        InsufficientDataError: If there are no events at all.
        RangeError: If counts are negative, a time not above zero, or the confidence not between 0 and 1.

    Source: J. Przyborowski and H. Wilenski, Biometrika 31, 313 (1940); C. Clopper and E. Pearson, Biometrika
        26, 404 (1934).

    Example:
        >>> print(rate_ratio(4, 1.0, 100, 10.0))
        0.4 (0.206 to 0.728)
    """
    from scipy.special import betaincinv  # noqa: PLC0415 - slow to import

    _check(confidence, counts=counts, reference=reference)
    _check_time("time", time)
    _check_time("reference_time", reference_time)
    if counts + reference == 0:
        raise InsufficientDataError("a ratio of rates", 0, 1, "events")
    tail = (1 - confidence) / 2
    low = float(betaincinv(counts, reference + 1, tail)) if counts else 0.0
    high = float(betaincinv(counts + 1, reference, 1 - tail)) if reference else 1.0
    scale = reference_time / time

    def odds(share: float) -> float:
        return scale * share / (1 - share) if share < 1 else math.inf

    return Bounded(odds(counts / (counts + reference)), odds(low), odds(high), confidence)


def net_rate(
    counts: int, time: float, background: int, background_time: float, confidence: float = ONE_SIGMA
) -> Bounded:
    """Return the rate of events above a background that was counted elsewhere.

    The value is the plain difference, without bias: it can be below zero, and is not cut off, so that several
    can be averaged.

    Args:
        counts: Events of signal and background.
        time: In which they were counted, s.
        background: Events of the background alone.
        background_time: In which these were counted, s.
        confidence: Probability that the interval holds the rate; 66 to 94 % of cases for the 68 % that is the
            default, most where few events are expected (see the tests).

    Raises:
        RangeError: If counts are negative, a time not above zero, or the confidence not between 0 and 1.

    Source: G. Zou and A. Donner, Stat. Med. 27, 1693 (2008): the intervals of both rates, added in squares.
    """
    whole = poisson_rate(counts, time, confidence)
    ground = poisson_rate(background, background_time, confidence)
    value = whole.value - ground.value
    low = value - math.hypot(whole.value - whole.low, ground.high - ground.value)
    high = value + math.hypot(whole.high - whole.value, ground.value - ground.low)
    return Bounded(value, low, high, confidence, "1/s")


def _check(confidence: float, **counts: int) -> None:
    for name, number in counts.items():
        if not number >= 0:
            raise RangeError(name, number, ">= 0", "give raw counts, nothing subtracted")
    if not 0 < confidence < 1:
        raise RangeError("confidence", confidence, "between 0 and 1", "one standard deviation is 0.6827")


def _check_time(name: str, time: float) -> None:
    if not (math.isfinite(time) and time > 0):
        raise RangeError(name, time, "finite and > 0 s", "give the time in which the events were counted")
