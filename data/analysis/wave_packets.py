"""When photons arrive: the histogram of a wave packet, and its mean and median time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import Estimate, poisson_error
from data.errors import InsufficientDataError, RangeError, ShapeError

_PICOSECOND: Final = 1e-12  # seconds; the unit of time tags


@dataclass(frozen=True, slots=True, eq=False)
class WavePacket:
    """Clicks by time since the window opened.

    Attributes:
        edges: Bin edges in seconds, shape (bins + 1,).
        counts: Clicks in each bin, shape (bins,).
        attempts: Windows that were opened.
        outside: Clicks before the window opened or after it closed; they are in no bin.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    attempts: int
    outside: int

    @property
    def centres(self) -> NDArray[np.float64]:
        """Middle of each bin in seconds, shape (bins,)."""
        return (self.edges[1:] + self.edges[:-1]) / 2

    @property
    def rate(self) -> NDArray[np.float64]:
        """Clicks per attempt and second, in hertz, shape (bins,); its integral is the clicks per attempt."""
        return self.counts / self._exposure

    @property
    def rate_error(self) -> NDArray[np.float64]:
        """Poisson error of the rate, in hertz, shape (bins,); above zero also for empty bins."""
        return poisson_error(self.counts) / self._exposure

    @property
    def _exposure(self) -> NDArray[np.float64]:
        """Time for which each bin was open, in seconds, shape (bins,)."""
        return np.diff(self.edges) * self.attempts


def bin_arrivals(window_ps: ArrayLike, attempts: int, window: float, bins: int) -> WavePacket:
    """Bin clicks by their time since the window opened.

    Args:
        window_ps: Times since the window opened, int64 picoseconds, shape (clicks,), in any order.
        attempts: Windows that were opened, with a click or not.
        window: Length of the window in seconds.
        bins: Bins of equal width; each holds its lower edge and not its upper.

    Returns:
        The histogram.

    Raises:
        ShapeError: If the times are not one column.
        RangeError: If the times are not integers, or attempts, window or bins not above zero.

    Example:
        >>> packet = bin_arrivals([0, 400_000, 900_000, 2_000_000], attempts=100, window=1e-6, bins=2)
        >>> packet.counts, packet.outside
        (array([2, 1]), 1)
        >>> packet.rate
        array([40000., 20000.])
    """
    times = _check_times(window_ps)
    for name, value, unit in (("attempts", attempts, ""), ("window", window, " s"), ("bins", bins, "")):
        if not value > 0:
            raise RangeError(name, value, f"> 0{unit}", "describe the window that was really opened")
    # Quotients of whole numbers are exact where a click lies on an edge; products with a fraction are not.
    places = np.floor(times * bins / round(window / _PICOSECOND, 3)).astype(np.int64)
    inside = places[(places >= 0) & (places < bins)]
    counts = np.bincount(inside, minlength=bins)
    return WavePacket(np.linspace(0, window, bins + 1), counts, attempts, len(times) - len(inside))


def average_arrival(window_ps: ArrayLike) -> Estimate:
    """Return the mean arrival time.

    Background clicks, uniform over the window, pull it to the middle of the window; `median_arrival` less so.

    Args:
        window_ps: Times since the window opened, int64 picoseconds, shape (clicks,), at least 2.

    Returns:
        The mean in seconds.

    Raises:
        ShapeError: If the times are not one column.
        RangeError: If the times are not integers.
        InsufficientDataError: If there are fewer than two clicks.

    Example:
        >>> print(average_arrival([10_000_000, 14_000_000, 12_000_000]))
        12.0(12) us
    """
    times = _check_times(window_ps)
    if len(times) < 2:
        raise InsufficientDataError("a mean arrival time", len(times), 2, "clicks")
    error = float(np.std(times, ddof=1)) / math.sqrt(len(times))
    return Estimate(float(times.mean()) * _PICOSECOND, error * _PICOSECOND, "s")


def median_arrival(window_ps: ArrayLike) -> Estimate:
    """Return the median arrival time.

    Its error supposes no shape of the packet: half of the clicks lie before the median but for the binomial
    scatter sqrt(n)/2, so the times at the ranks (n + 1 +- sqrt n)/2 enclose it with one standard deviation.

    Args:
        window_ps: Times since the window opened, int64 picoseconds, shape (clicks,), at least 2.

    Returns:
        The median in seconds.

    Raises:
        ShapeError: If the times are not one column.
        RangeError: If the times are not integers.
        InsufficientDataError: If there are fewer than two clicks.

    Source: H. A. David and H. N. Nagaraja, Order Statistics (2003), section 7.1.
    """
    times = _check_times(window_ps)
    if len(times) < 2:
        raise InsufficientDataError("a median arrival time", len(times), 2, "clicks")
    clicks = len(times)
    scatter = math.sqrt(clicks)
    ranks = np.array([clicks + 1 - scatter, clicks + 1, clicks + 1 + scatter]) / 2
    low, median, high = np.interp(ranks, np.arange(1, clicks + 1), np.sort(times)).tolist()
    return Estimate(median * _PICOSECOND, (high - low) / 2 * _PICOSECOND, "s")


def arrival_quantile(window_ps: ArrayLike, share: float) -> Estimate:
    """Return the time by which a share of the clicks has arrived.

    Its error supposes no shape of the packet: the number of clicks before that time scatters binomially.

    Args:
        window_ps: Times since the window opened, int64 picoseconds, shape (clicks,), at least 2.
        share: Between 0 and 1; 0.5 is the median.

    Returns:
        The time in seconds.

    Raises:
        ShapeError: If the times are not one column.
        RangeError: If the times are not integers, or the share not between 0 and 1.
        InsufficientDataError: If there are fewer clicks before or after that time than their scatter.

    Source: H. A. David and H. N. Nagaraja, Order Statistics (2003), section 7.1.

    Example:
        >>> print(arrival_quantile(1_000_000 * np.arange(101), 0.9))
        90.0(30) us
    """
    times = _check_times(window_ps)
    if not 0 < share < 1:
        raise RangeError("share", share, "between 0 and 1", "0.5 is the median")
    rarer = min(share, 1 - share)
    needed = math.ceil(1 / rarer - 1e-9)  # 1 / (1 - 0.9) is 10 and a rounding error
    if len(times) < needed:
        raise InsufficientDataError(f"the time of {share:.0%} of the arrivals", len(times), needed, "clicks")
    middle, scatter = share * (len(times) - 1), math.sqrt(len(times) * share * (1 - share))
    ranks = np.array([middle - scatter, middle, middle + scatter])
    low, value, high = np.interp(ranks, np.arange(len(times)), np.sort(times)).tolist()
    return Estimate(value * _PICOSECOND, (high - low) / 2 * _PICOSECOND, "s")


def _check_times(window_ps: ArrayLike) -> NDArray[np.int64]:
    """Return the column of times, refusing other shapes and fractions."""
    times = np.asarray(window_ps)
    if times.ndim != 1:
        raise ShapeError("window_ps", times.shape, "(clicks,)")
    if times.size and not np.issubdtype(times.dtype, np.integer):
        raise RangeError("dtype of window_ps", times.dtype, "an integer type", "give int64 picoseconds")
    return times.astype(np.int64, copy=False)
