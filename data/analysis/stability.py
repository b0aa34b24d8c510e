"""Allan deviation: how much a frequency, or anything else that drifts, changes from one average to the next.

Example:
    >>> readings = np.random.default_rng(1).standard_normal(1024)
    >>> found = allan_deviation(np.arange(1024.0), readings)
    >>> (found.averaging_times[:3], found.deviations[:3].round(2), int(found.exponents[0]))
    (array([1., 2., 4.]), array([1.  , 0.7 , 0.49]), 0)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import ONE_SIGMA
from data.errors import InsufficientDataError, RangeError, ShapeError

Vector: TypeAlias = NDArray[np.float64]

_EVEN: Final = 0.01  # of a step: readings later or earlier than that have a gap before or behind them
_FEWEST: Final = 4  # readings; with fewer there are no two averages of two
_TELLING: Final = 100  # averages from which their own correlation tells the kind of noise


@dataclass(frozen=True, slots=True, eq=False)
class AllanDeviation:
    """Overlapping Allan deviations with their intervals, all (averages,).

    Attributes:
        averaging_times: s.
        deviations: In the unit of the readings.
        low: Lower ends of the intervals.
        high: Upper ends.
        exponents: Of the noise, as it was identified: the power of frequency by which its spectral density
            goes; 0 for white readings, -1 for flicker, -2 for a random walk, 1 and 2 for noise of a phase
            that was differentiated.
        freedom: Degrees of freedom, of which the intervals are chi^2 intervals.
        confidence: Of the intervals.
    """

    averaging_times: Vector
    deviations: Vector
    low: Vector
    high: Vector
    exponents: NDArray[np.int64]
    freedom: Vector
    confidence: float


def allan_deviation(
    times: ArrayLike, values: ArrayLike, sizes: ArrayLike | None = None, confidence: float = ONE_SIGMA
) -> AllanDeviation:
    """Return the overlapping Allan deviation of readings taken at even times.

    Args:
        times: Of the readings, s, (readings,), rising in even steps. Gaps are refused: an average across one
            is of something else.
        values: The readings, (readings,): frequencies, or what drifts as they do.
        sizes: Readings to an average, whole numbers, (averages,); by default powers of 2 up to a quarter of
            all. Beyond that, the estimate rests on one or two differences.
        confidence: Of the intervals. They hold the true deviation in 61 to 77 % of cases for the 68 % that is
            the default (see the tests), where the noise is of one kind: degrees of freedom are approximate,
            and the kind of the noise is told by the data.

    Raises:
        ShapeError: If times and values are not columns of one length.
        RangeError: If something is not finite, there is a gap, or a size is out of range.
        InsufficientDataError: If there are fewer than four readings.

    Source: W. Riley, Handbook of Frequency Stability Analysis, NIST SP 1065 (2008): sec. 5.2.4 for the
        estimator, table 5 for the degrees of freedom (D. Howe, D. Allan and J. Barnes, Proc. 35th Freq. Cont.
        Symp. (1981)), sec. 5.5.3 for the kind of noise by lag-1 autocorrelation.
    """
    moments, readings = _check_readings(times, values)
    number = len(readings)
    step = float(moments[-1] - moments[0]) / (number - 1)
    if sizes is None:
        chosen = 2 ** np.arange(int(np.log2(number // 4)) + 1)
    else:
        chosen = np.atleast_1d(np.asarray(sizes))
    _check_sizes(chosen, number, confidence)
    phase = np.concatenate([[0.0], np.cumsum(readings - readings.mean())])
    variances = np.array([_variance(phase, int(size)) for size in chosen])
    exponents = _identify(readings, chosen)
    freedom = np.array([_freedom(number + 1, int(m), int(a)) for m, a in zip(chosen, exponents, strict=True)])
    low, high = _bounds(variances, freedom, confidence)
    return AllanDeviation(
        np.asarray(chosen * step, dtype=np.float64),
        np.sqrt(variances),
        low,
        high,
        exponents,
        freedom,
        confidence,
    )


def _check_readings(times: ArrayLike, values: ArrayLike) -> tuple[Vector, Vector]:
    moments, readings = np.asarray(times, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if readings.ndim != 1 or moments.shape != readings.shape:
        raise ShapeError("times", moments.shape, f"{readings.shape}, one for each reading in one column,")
    if len(readings) < _FEWEST:
        raise InsufficientDataError("an Allan deviation", len(readings), _FEWEST, "readings")
    for name, column in (("times", moments), ("values", readings)):
        if not np.isfinite(column).all():
            index = int(np.argmin(np.isfinite(column)))
            raise RangeError(f"{name}[{index}]", float(column[index]), "finite", "cut the series there")
    steps = np.diff(moments)
    usual = float(np.median(steps))
    even = np.abs(steps - usual) <= _EVEN * usual
    if usual <= 0 or not even.all():
        index = int(np.argmin(even)) if usual > 0 else 0
        raise RangeError(
            f"times[{index + 1}] - times[{index}]",
            f"{steps[index]:.6g} s",
            f"{usual:.6g} s, as the usual step, to 1 %",
            "an Allan deviation bears no gaps: take the longest stretch without, or average into even bins",
        )
    return moments, readings


def _check_sizes(sizes: NDArray[np.int64], number: int, confidence: float) -> None:
    inside = (sizes >= 1) & (2 * sizes <= number) & (sizes == np.floor(sizes))
    if not inside.all():
        index = int(np.argmin(inside))
        raise RangeError(
            f"sizes[{index}]",
            sizes[index],
            f"a whole number from 1 to {number // 2}",
            "two averages must fit",
        )
    if not 0 < confidence < 1:
        raise RangeError("confidence", confidence, "between 0 and 1", "one standard deviation is 0.6827")


def _variance(phase: Vector, size: int) -> float:
    """Return the overlapping Allan variance from sums of readings (readings + 1,)."""
    second = phase[2 * size :] - 2 * phase[size:-size] + phase[: -2 * size]
    return float(second @ second) / (2 * size**2 * len(second))


def _identify(readings: Vector, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the exponent of the noise at each size: by its own averages, or as before where they are few."""
    exponents = np.zeros(len(sizes), dtype=np.int64)
    order = np.argsort(sizes)
    before = _exponent(readings)
    for index in order:
        size = int(sizes[index])
        count = len(readings) // size
        if count >= _TELLING:
            before = _exponent(readings[: count * size].reshape(count, size).mean(axis=1))
        exponents[index] = before
    return exponents


def _exponent(series: Vector) -> int:
    """Return the exponent of the noise of a series, from its correlation with itself one step later."""
    differences = 0
    while True:
        away = series - series.mean()
        spread = float(away @ away)
        correlation = float(away[1:] @ away[:-1]) / spread if spread > 0 else 0.0
        share = correlation / (1 + correlation) if correlation > -1 else -1.0
        if share < 0.25 or differences == 2:
            return int(np.clip(-round(2 * (share + differences)), -2, 2))
        series, differences = np.diff(series), differences + 1


def _freedom(phases: int, size: int, exponent: int) -> float:
    """Return the degrees of freedom of an overlapping Allan variance of one kind of noise."""
    n, m = float(phases), float(size)
    if exponent == 2:
        return max((n + 1) * (n - 2 * m) / (2 * (n - m)), 1.0)
    if exponent == 1:
        product = np.log((n - 1) / (2 * m)) * np.log((2 * m + 1) * (n - 1) / 4)
        return float(max(np.exp(np.sqrt(max(product, 0.0))), 1.0))
    if exponent == 0:
        return max((3 * (n - 1) / (2 * m) - 2 * (n - 2) / n) * 4 * m**2 / (4 * m**2 + 5), 1.0)
    if exponent == -1:
        return max(2 * (n - 2) ** 2 / (2.3 * n - 4.9) if m == 1 else 5 * n**2 / (4 * m * (n + 3 * m)), 1.0)
    return max((n - 2) / m * ((n - 1) ** 2 - 3 * m * (n - 1) + 4 * m**2) / (n - 3) ** 2, 1.0)


def _bounds(variances: Vector, freedom: Vector, confidence: float) -> tuple[Vector, Vector]:
    """Return both ends of the chi^2 intervals of deviations, (averages,)."""
    from scipy.special import gammaincinv  # noqa: PLC0415 - slow to import

    tail = (1 - confidence) / 2
    quantiles = (2 * gammaincinv(freedom / 2, share) for share in (1 - tail, tail))
    low, high = (np.sqrt(variances * freedom / quantile) for quantile in quantiles)
    return np.asarray(low), np.asarray(high)
