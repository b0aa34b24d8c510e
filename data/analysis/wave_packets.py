"""When photons arrive: the histogram of a wave packet, and its mean and median time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.estimates import Estimate, binomial, poisson_error
from data.analysis.tags import PICOSECOND, check_times
from data.errors import InsufficientDataError, RangeError, ShapeError

if TYPE_CHECKING:
    from data.columns import TimeTags

_PIECE: Final = 1 << 16  # clicks at a time, so that what is worked out of them stays in the cache
_LARGEST: Final = 2**63 - 1


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

    def __add__(self, other: WavePacket) -> WavePacket:
        """Return the histogram of both parts of a run; their windows must be binned alike."""
        if not np.array_equal(self.edges, other.edges):
            raise ShapeError("edges of the second part", other.edges.shape, "the same edges as of the first")
        counts, attempts = self.counts + other.counts, self.attempts + other.attempts
        return WavePacket(self.edges, counts, attempts, self.outside + other.outside)

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
    def density(self) -> NDArray[np.float64]:
        """Arrival-time density of the clicks, in 1/s, shape (bins,); its integral over the window is 1.

        Raises:
            InsufficientDataError: If there are no clicks.
        """
        return self.counts / self._weight

    @property
    def density_error(self) -> NDArray[np.float64]:
        """Poisson error of the density, in 1/s, shape (bins,); the scale, which all bins share, is exact."""
        return poisson_error(self.counts) / self._weight

    def background(self, begin: float, end: float) -> Estimate:
        """Return the rate of clicks, in hertz, in a part of the window where no photon comes.

        Args:
            begin: Of that part, in seconds, at an edge of a bin.
            end: Of it.

        Raises:
            RangeError: If these are no edges of bins.
        """
        rows = self._rows(begin, end)
        counts, exposure = int(self.counts[rows].sum()), float(self._exposure[rows].sum())
        return Estimate(counts / exposure, float(poisson_error(counts)) / exposure, "Hz")

    def efficiency(self, begin: float, end: float, background: Estimate | None = None) -> Estimate:
        """Return the clicks per attempt within a gate, without background.

        The error is binomial; it supposes that hardly any attempt has two clicks. `detection_probability`
        supposes nothing of the kind.

        Args:
            begin: Of the gate, in seconds, at an edge of a bin.
            end: Of it.
            background: Rate to subtract, in hertz, with its error; see `background`.

        Raises:
            RangeError: If these are no edges of bins, or there are more clicks than attempts.
        """
        rows = self._rows(begin, end)
        counts = int(self.counts[rows].sum())
        if counts > self.attempts:
            advice = "use detection_probability(), which counts attempts with a click"
            raise RangeError("clicks in the gate", counts, f"<= {self.attempts}, one an attempt", advice)
        seen = binomial(counts, self.attempts)
        if background is None:
            return seen
        length = float(np.diff(self.edges)[rows].sum())
        error = math.hypot(seen.error, background.error * length)
        return Estimate(seen.value - background.value * length, error)

    def _rows(self, begin: float, end: float) -> slice:
        """Return the bins between two edges."""
        width = float(self.edges[1] - self.edges[0])
        places = np.array([begin, end]) / width
        first, last = np.round(places).astype(int).tolist() if np.isfinite(places).all() else (0, 0)
        if not (0 <= first < last <= len(self.counts) and np.allclose(places, [first, last], atol=1e-6)):
            limit = f"edges of bins, multiples of {width:.6g} s within the window"
            raise RangeError("gate", f"from {begin} s to {end} s", limit, "choose bins that fit the gate")
        return slice(first, last)

    @property
    def _weight(self) -> NDArray[np.float64]:
        """Clicks times the width of each bin, (bins,)."""
        clicks = int(self.counts.sum())
        if not clicks:
            raise InsufficientDataError("a density of arrivals", 0, 1, "clicks")
        return np.diff(self.edges) * clicks

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
    times = check_times("window_ps", window_ps)
    for name, value, unit in (("attempts", attempts, ""), ("window", window, " s"), ("bins", bins, "")):
        if not 0 < value < math.inf:
            raise RangeError(name, value, f"> 0{unit}", "describe the window that was really opened")
    # Quotients of whole numbers are exact where a click lies on an edge; products with a fraction are not.
    length = round(window / PICOSECOND, 3)
    scale = 1 if length == round(length) else 1000
    span = round(length * scale)
    if span * bins > _LARGEST:
        limit = f"<= {_LARGEST // span} for a window of {window} s"
        raise RangeError("bins", bins, limit, "take fewer bins or a shorter window")
    counts = np.zeros(bins, np.int64)
    for begin in range(0, len(times), _PIECE):
        piece = times[begin : begin + _PIECE]
        inside = piece[(piece >= 0) & (piece < -(-span // scale))]
        counts += np.bincount(inside * (bins * scale) // span, minlength=bins)
    return WavePacket(np.linspace(0, window, bins + 1), counts, attempts, len(times) - int(counts.sum()))


def detection_probability(
    tags: TimeTags, attempts: int, begin: float = 0.0, end: float = math.inf, channels: Sequence[int] = ()
) -> Estimate:
    """Return the probability that an attempt has a click within a gate, of any of several detectors.

    Two clicks of one attempt count once, so the error is exactly binomial. Background is not subtracted.

    Args:
        tags: Of one point.
        attempts: Played, with a click or without.
        begin: Of the gate, in seconds since the window opened; included.
        end: Of it; not included.
        channels: Detectors that count; none for all.

    Raises:
        InsufficientDataError: If there were no attempts.
        RangeError: If the gate is empty, or more attempts have a click than were played.
    """
    if not begin < end:
        raise RangeError("gate", f"from {begin} s to {end} s", "of a length above 0 s", "swap begin and end")
    low, high = (round(edge / PICOSECOND, 3) if math.isfinite(edge) else edge for edge in (begin, end))
    inside = (tags.window_ps >= low) & (tags.window_ps < high)
    if channels:
        inside &= np.isin(tags.channel, channels)
    # A number for each pair of shot and attempt, by the attempt that is largest.
    most = int(tags.attempt.max(initial=0)) + 1
    clicked = len(np.unique(tags.shot[inside] * most + tags.attempt[inside]))
    if clicked > attempts:
        advice = "give the attempts of all shots of this point"
        raise RangeError("attempts with a click", clicked, f"<= {attempts}, those played", advice)
    return binomial(clicked, attempts)


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
    times = check_times("window_ps", window_ps)
    if len(times) < 2:
        raise InsufficientDataError("a mean arrival time", len(times), 2, "clicks")
    error = float(np.std(times, ddof=1)) / math.sqrt(len(times))
    return Estimate(float(times.mean()) * PICOSECOND, error * PICOSECOND, "s")


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
    times = check_times("window_ps", window_ps)
    if len(times) < 2:
        raise InsufficientDataError("a median arrival time", len(times), 2, "clicks")
    clicks = len(times)
    scatter = math.sqrt(clicks)
    ranks = np.array([clicks + 1 - scatter, clicks + 1, clicks + 1 + scatter]) / 2
    low, median, high = np.interp(ranks, np.arange(1, clicks + 1), np.sort(times)).tolist()
    return Estimate(median * PICOSECOND, (high - low) / 2 * PICOSECOND, "s")


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
    times = check_times("window_ps", window_ps)
    if not 0 < share < 1:
        raise RangeError("share", share, "between 0 and 1", "0.5 is the median")
    rarer = min(share, 1 - share)
    needed = math.ceil(1 / rarer - 1e-9)  # 1 / (1 - 0.9) is 10 and a rounding error
    if len(times) < needed:
        raise InsufficientDataError(f"the time of {share:.0%} of the arrivals", len(times), needed, "clicks")
    middle, scatter = share * (len(times) - 1), math.sqrt(len(times) * share * (1 - share))
    ranks = np.array([middle - scatter, middle, middle + scatter])
    low, value, high = np.interp(ranks, np.arange(len(times)), np.sort(times)).tolist()
    return Estimate(value * PICOSECOND, (high - low) / 2 * PICOSECOND, "s")
