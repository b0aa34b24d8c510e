"""Values with errors: the type, the counting statistics, and averages.

Errors are one standard deviation, or half of a 68.27 % interval where the distribution is not normal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import InsufficientDataError, RangeError, UnitError

ONE_SIGMA = 0.6827
"""Probability inside one standard deviation of a normal distribution."""

_PREFIXES = {-12: "p", -9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G"}
_PREFIXED_UNITS = frozenset({"A", "Hz", "K", "T", "V", "W", "m", "s"})
# A number without unit is written plainly between these decades, with an exponent outside.
_PLAIN_DECADES = range(-4, 6)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured value with its standard error.

    Args:
        value: The value, in `unit`.
        error: One standard deviation, in `unit`; zero for an exact value.
        unit: SI unit or ``""`` for a pure number.

    Raises:
        RangeError: If the value is not finite, or the error is negative or not finite.

    Example:
        >>> print(Estimate(0.091, 0.008))
        0.091(8)
        >>> print(f"{Estimate(0.92, 0.01):%}")
        92.0(10) %
        >>> print(Estimate(1.2346e-5, 3e-7, "s"))
        12.35(30) us
    """

    value: float
    error: float
    unit: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise RangeError("value", self.value, "finite", "check the data for NaN and empty columns")
        if not (math.isfinite(self.error) and self.error >= 0):
            raise RangeError("error", self.error, "finite and >= 0", "give one standard deviation")

    def __str__(self) -> str:
        decade = _decade(max(abs(self.value), self.error))
        if self.unit in _PREFIXED_UNITS:
            exponent = min(max(3 * (decade // 3), min(_PREFIXES)), max(_PREFIXES))
            return f"{_parenthesise(self.value, self.error, exponent)} {_PREFIXES[exponent]}{self.unit}"
        exponent = 0 if decade in _PLAIN_DECADES else decade
        power = f"e{exponent}" if exponent else ""
        return f"{_parenthesise(self.value, self.error, exponent)}{power} {self.unit}".rstrip()

    def __format__(self, spec: str) -> str:
        """Format as text; the spec ``%`` writes a pure number in percent."""
        if spec == "%" and not self.unit:
            return f"{_parenthesise(self.value, self.error, -2)} %"
        return format(str(self), spec)


def _decade(magnitude: float) -> int:
    """Return the exponent of ten of the leading digit, 0 for zero."""
    return Decimal(repr(float(magnitude))).adjusted() if magnitude else 0


def _parenthesise(value: float, error: float, exponent: int) -> str:
    """Write value and error in units of ``10**exponent``, the error in units of the last digit shown.

    Source: Particle Data Group, Review of Particle Physics, Introduction, section "Rounding": two digits of
        the error if its first three lie in 100 to 354, one if in 355 to 949, and 1000 above.
    """
    scaled_value = Decimal(repr(float(value))).scaleb(-exponent)
    if error == 0:
        return f"{scaled_value.normalize():f}(0)"
    scaled_error = Decimal(repr(float(error))).scaleb(-exponent)
    leading = scaled_error.adjusted()
    first_three = round(scaled_error.scaleb(2 - leading))
    last = leading - 1 if first_three <= 354 else leading
    shown_error = round(scaled_error.scaleb(-last))
    if last > 0:
        return f"{round(scaled_value.scaleb(-last)) * 10**last}({shown_error * 10**last})"
    return f"{scaled_value:.{-last}f}({shown_error})"


def binomial_interval(successes: int, trials: int, confidence: float = ONE_SIGMA) -> tuple[float, float]:
    """Return the Wilson score interval of a probability.

    Wilson's interval is used because it inverts the score test in closed form, stays inside 0..1, has a
    width above zero at 0 and at all successes, and covers its nominal probability on average already for
    ten trials, where value +- sqrt(p (1 - p) / n) falls far short.

    Args:
        successes: Trials that succeeded.
        trials: All trials, at least 1.
        confidence: Probability that the interval holds the true value, between 0 and 1.

    Returns:
        Lower and upper end.

    Raises:
        InsufficientDataError: If there are no trials.
        RangeError: If the successes are not between 0 and the trials, or the confidence not in 0..1.

    Source: E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927); compared in Brown, Cai and DasGupta,
        Statistical Science 16, 101 (2001).

    Example:
        >>> low, high = binomial_interval(0, 9)
        >>> print(f"{low:.2f} {high:.2f}")
        0.00 0.10
    """
    _check_binomial(successes, trials)
    if not 0 < confidence < 1:
        raise RangeError("confidence", confidence, "between 0 and 1", "one standard deviation is 0.6827")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    fraction = successes / trials
    shrink = 1 + z**2 / trials
    centre = (fraction + z**2 / (2 * trials)) / shrink
    half = z * math.sqrt(fraction * (1 - fraction) / trials + (z / (2 * trials)) ** 2) / shrink
    return max(centre - half, 0.0), min(centre + half, 1.0)


def binomial(successes: int, trials: int) -> Estimate:
    """Estimate a probability from counted trials.

    The value is the unbiased fraction. The error is the longer side of the 68.27 % Wilson interval, so that
    value +- error always holds that interval: never zero, slightly wide below ten successes, and equal to
    the textbook error for many.

    Args:
        successes: Trials that succeeded.
        trials: All trials, at least 1.

    Returns:
        The probability.

    Raises:
        InsufficientDataError: If there are no trials.
        RangeError: If the successes are not between 0 and the trials.

    Example:
        >>> print(f"{binomial(91, 1000):%}")
        9.1(10) %
        >>> print(binomial(0, 50))
        0.000(20)
    """
    low, high = binomial_interval(successes, trials)
    fraction = successes / trials
    return Estimate(fraction, max(fraction - low, high - fraction))


def _check_binomial(successes: int, trials: int) -> None:
    if trials < 1:
        raise InsufficientDataError("a probability", trials, 1, "trials")
    if not 0 <= successes <= trials:
        raise RangeError("successes", successes, f"0 to {trials}", "count every success within a trial")


def poisson_error(counts: ArrayLike) -> NDArray[np.float64]:
    """Return the symmetric error of Poisson counts, above zero also for no counts.

    It is the longer side of the score interval ``n + 1/2 +- sqrt(n + 1/4)``: 1 for no counts, and
    sqrt(n) + 1/2 for many.

    Args:
        counts: Counts, any shape.

    Returns:
        One standard deviation in counts, same shape.

    Source: score interval of the Poisson mean at one standard deviation: (n - m)**2 = m solved for m.

    Example:
        >>> poisson_error([0, 2, 6])
        array([1., 2., 3.])
    """
    return 0.5 + np.sqrt(np.asarray(counts, dtype=np.float64) + 0.25)


def mean(estimates: Iterable[Estimate]) -> Estimate:
    """Average independent estimates with equal weight; the error is propagated, not taken from the scatter.

    Args:
        estimates: At least one estimate; all of one unit.

    Returns:
        The mean, as one reports the average over the ions of a register.

    Raises:
        InsufficientDataError: If there are none.
        UnitError: If the units differ.

    Example:
        >>> print(mean([Estimate(0.90, 0.03), Estimate(0.94, 0.04)]))
        0.920(25)
    """
    values, errors, unit = _columns(estimates)
    return Estimate(float(values.mean()), float(np.linalg.norm(errors)) / len(values), unit)


def weighted_mean(estimates: Iterable[Estimate]) -> Estimate:
    """Average independent estimates of one quantity with weights 1 / error**2.

    The weights must not depend on the values: for binomial fractions this average is pulled towards the
    extremes, so add the counts instead.

    Args:
        estimates: At least one estimate; all of one unit, all errors above zero.

    Returns:
        The mean with the smallest error.

    Raises:
        InsufficientDataError: If there are none.
        UnitError: If the units differ.
        RangeError: If an error is zero.

    Example:
        >>> print(weighted_mean([Estimate(1.0, 0.1, "V"), Estimate(2.0, 0.2, "V")]))
        1.20(9) V
    """
    values, errors, unit = _columns(estimates)
    if not errors.all():
        index = int(np.argmin(errors))
        raise RangeError(f"error of estimate {index}", 0.0, f"> 0 {unit}".rstrip(), "use mean() instead")
    weights = errors**-2
    return Estimate(float(weights @ values / weights.sum()), float(weights.sum() ** -0.5), unit)


def _columns(estimates: Iterable[Estimate]) -> tuple[NDArray[np.float64], NDArray[np.float64], str]:
    """Return values, errors and the common unit."""
    rows = list(estimates)
    if not rows:
        raise InsufficientDataError("an average", 0, 1, "estimates")
    units = tuple(dict.fromkeys(row.unit for row in rows))
    if len(units) > 1:
        raise UnitError(units)
    return np.array([row.value for row in rows]), np.array([row.error for row in rows]), units[0]
