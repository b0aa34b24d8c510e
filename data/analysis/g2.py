"""g2 of steady and of pulsed light from histograms of pairs: normalised, without background, with dead time.

Errors are those of Poisson counts. That holds where a click has few partners in a bin; clicks that share
partners (many pairs for each click) scatter more, and neighbouring bins with them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.delays import DelayBins, PairHistogram
from data.analysis.estimates import Estimate, poisson_error
from data.analysis.ratios import poisson_ratio
from data.analysis.tags import PICOSECOND, whole_picoseconds
from data.errors import InsufficientDataError, RangeError

Vector = NDArray[np.float64]

_RIPPLES: Final = 64
"""Dead times after which a detector has forgotten a click: 1e-4 at a tenth of the light it could count."""


@dataclass(frozen=True, slots=True, eq=False)
class G2:
    """Normalised correlation over the delay.

    Attributes:
        bins: Of the delay, second detector less first.
        value: g2, (bins,); NaN where no pair can be seen, within the dead time of one detector.
        error: One standard deviation, (bins,): of the counts of the bin, and of the background if it was
            subtracted. The normalisation adds nothing: steady light of which so many clicks were measured
            gives on average just as many pairs as it is compared with. Value +- error holds the truth in 68 %
            of cases or more up to g2 = 1, and in 64 % for bunched light of which clicks have a partner in
            five (tested).
    """

    bins: DelayBins
    value: Vector
    error: Vector

    @property
    def at_zero(self) -> Estimate:
        """g2 of the bin that holds delay zero.

        Raises:
            RangeError: If no bin does, or no pair can be seen there.
        """
        bin_ = self.bins.zero
        if bin_ is None or not math.isfinite(self.value[bin_]):
            advice = "take bins around zero, of two detectors"
            raise RangeError("g2 at zero delay", "not seen", "within the bins and outside dead time", advice)
        return Estimate(float(self.value[bin_]), float(self.error[bin_]))

    def without_background(self, first: Estimate, second: Estimate) -> G2:
        """Return g2 of the signal alone, of clicks among which independent background is.

        Pairs with a background click come at the rate of independent ones at every delay. The error of the
        shares moves all bins together; it is in the error of each.

        Args:
            first: Share of the first detector's clicks that are signal; see `signal_share`.
            second: Of the second.

        Raises:
            RangeError: If a share is not above zero.

        Source: R. Brouri et al., Opt. Lett. 25, 1294 (2000): (g2 - (1 - rho^2)) / rho^2.
        """
        for name, share in (("first", first), ("second", second)):
            if not share.value > 0:
                advice = "measure the background again: it is as much as all clicks"
                raise RangeError(f"share of signal of the {name} detector", str(share), "> 0", advice)
        both = first.value * second.value
        relative = math.hypot(first.error / first.value, second.error / second.value)
        value = 1 - (1 - self.value) / both
        return G2(self.bins, value, np.hypot(self.error / both, (1 - value) * relative))


def normalise_g2(pairs: PairHistogram, live: ArrayLike, dead: float = 0.0) -> G2:
    """Normalise pairs by what steady, independent light of the same rates would give.

    Assumes rates that are constant over all live time, and that stretches of live time are further apart than
    the largest delay. A drift by a share d of the rate (standard deviation) raises g2 by d**2 at all delays.

    Dead time: both detectors' clicks are thinned out without knowing of each other, so between two detectors
    the measured rates normalise rightly and no correction is made. Of one detector with itself, delays below
    the dead time are never seen (NaN), and after it the clicks of steady light ripple; with `dead` given,
    they are compared with that ripple. A bin with zero inside, not at its lower edge, counts each pair of one
    detector twice; its error is sqrt(2) too small.

    Args:
        pairs: Histogram; one of a single detector is normalised as an autocorrelation.
        live: Lengths in seconds of the stretches in which both detectors were live: one number, or
            (stretches,). Pairs that reach beyond an end are missing, which is corrected for.
        dead: Dead time in seconds after each click, not prolonged by light within it; for one detector.

    Raises:
        InsufficientDataError: If a detector has too few clicks.
        RangeError: If live time is not above zero, or too short for the clicks and the dead time.

    Source: R. Loudon, The Quantum Theory of Light (2000), ch. 3; ripple of a detector with dead time:
        J. W. Mueller, Nucl. Instrum. Methods 112, 47 (1973).

    Example:
        >>> pairs = PairHistogram(DelayBins.spanning(0.0, 2e-9, 1e-9), np.array([3, 10]), (1000, 1000), False)
        >>> normalise_g2(pairs, live=1e-4).value.round(2)
        array([0.3, 1. ])
    """
    lengths = _check_live(live)
    first, second = pairs.clicks
    least = 2 if pairs.same else 1
    for name, clicks in (("first", first), ("second", second)):
        if clicks < least:
            raise InsufficientDataError(f"g2 with the {name} detector", clicks, least, "clicks")
    total = float(lengths.sum())
    overlap = _overlap(lengths, pairs.bins)
    if not pairs.same:
        expected = first * second / total**2 * overlap
    else:
        seen = _density(pairs.bins, first / total, dead) * (first - 1) / first
        expected = first / total * seen * overlap / (pairs.bins.width_ps * PICOSECOND)
    visible = expected > 0
    scale = np.divide(1.0, expected, out=np.full(len(expected), np.nan), where=visible)
    return G2(pairs.bins, pairs.counts * scale, poisson_error(pairs.counts) * scale)


def signal_share(clicks: int, live: float, background: Estimate) -> Estimate:
    """Return the share of a detector's clicks that are no background.

    Args:
        clicks: In all.
        live: Time in seconds in which they were seen.
        background: Rate in hertz, measured without the signal.

    Raises:
        InsufficientDataError: If there are no clicks.
        RangeError: If the live time is not above zero, or the background negative.

    Example:
        >>> print(signal_share(10_000, live=10.0, background=Estimate(50.0, 2.0, "Hz")))
        0.9500(21)
    """
    if clicks < 1:
        raise InsufficientDataError("a share of signal", clicks, 1, "clicks")
    if not (math.isfinite(live) and live > 0):
        raise RangeError("live", f"{live} s", "> 0 s", "give the time in which the clicks were seen")
    if background.value < 0:
        raise RangeError("background", str(background), ">= 0 Hz", "give the rate without signal")
    noise = background.value * live / clicks
    return Estimate(1 - noise, math.hypot(background.error * live / clicks, noise / math.sqrt(clicks)))


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """Pairs in each peak that continuous background makes, as told by the valleys between the peaks.

    Attributes:
        pairs: In the peak of each lag, (lags,).
        covariance: Of these, (lags, lags): all come from the same valleys.
    """

    pairs: Vector
    covariance: Vector


@dataclass(frozen=True, slots=True, eq=False)
class PulsedG2:
    """Pairs of pulses: how many clicks of one pulse meet those of the same and of other pulses.

    Attributes:
        lags: From the pulse of the first click to that of the second, (lags,).
        areas: Pairs in the peak of each lag, (lags,).
        pairs: Pairs of pulses at each lag, (lags,).
        background: What of the areas is no signal; None if it was not asked for.
    """

    lags: NDArray[np.int64]
    areas: NDArray[np.int64]
    pairs: NDArray[np.int64]
    background: Background | None

    @property
    def at_zero(self) -> Estimate:
        """Area of the middle peak for a pair of pulses, over that of the others.

        The error is the longer side of the interval of a ratio of Poisson counts: above zero without any
        coincidence. It holds the truth in at least 68 % of cases (tested), in more of few counts.

        Raises:
            InsufficientDataError: If there are no pairs in the other peaks.
        """
        middle = self.lags == 0
        zero, sides = int(self.areas[middle].sum()), int(self.areas[~middle].sum())
        exposure = float(self.pairs[~middle].sum() / self.pairs[middle].sum())
        plain = poisson_ratio(zero, sides, exposure)
        if self.background is None:
            return plain
        noise = self.background.pairs
        signal = sides - float(noise[~middle].sum())
        if not signal > 1e-9 * sides:  # as good as none: the line is fitted in floats
            raise InsufficientDataError("g2 above background", round(signal), 1, "pairs in the side peaks")
        value = exposure * (zero - float(noise[middle].sum())) / signal
        slopes = np.where(middle, -exposure, value) / signal  # d value / d noise of each peak
        spread = math.sqrt(max(float(slopes @ self.background.covariance @ slopes), 0.0))
        return Estimate(value, math.hypot(plain.error * sides / signal, spread))


def pulsed_g2(
    pairs: PairHistogram, period: float, width: float, pulses: int, *, subtract_valleys: bool = False
) -> PulsedG2:
    """Sort pairs of a triggered source into peaks, one for each distance of pulses.

    Drifts of the brightness that are slower than the lags act on all peaks alike, and drop out. Pulses must
    follow each other whatever is seen: where the first click ends a row, there are no side peaks.

    Background that is there as long as a row makes fewer pairs the larger the delay, one that never ends as
    many at all delays. Both, and any sum of them, lie on a line over the size of the delay, which is fitted
    to the valleys and read at each peak. Background seen only in gates as short as the peaks leaves valleys
    empty: it cannot be taken away so.

    Args:
        pairs: Of two detectors behind a beam splitter, at least one period to both sides of zero; two to take
            background away.
        period: From pulse to pulse, in seconds.
        width: Of a peak, in seconds, centred on multiples of the period; at most half of it. What lies in the
            valleys between the peaks is in none of them.
        pulses: In an uninterrupted row (a shot); rows are further apart than the largest delay.
        subtract_valleys: Take away what continuous background (dark counts) makes, from the counts between
            the peaks.

    Raises:
        RangeError: If the pairs are of one detector, or peaks do not begin and end at edges of bins, or are
            wider than half of the period, or reach beyond the range.

    Source: C. Santori et al., Nature 419, 594 (2002); correction for the valleys as in A. Beveratos et al.,
        Eur. Phys. J. D 18, 191 (2002).
    """
    bins = pairs.bins
    if pairs.same:
        raise RangeError("detectors of the pairs", 1, "2, behind a beam splitter", "count pairs of both")
    step, wide = (whole_picoseconds(name, time) for name, time in (("period", period), ("width", width)))
    if not 0 < 2 * wide <= step:
        limit = f"above 0 and <= half of the period of {period} s, so that valleys are between the peaks"
        raise RangeError("width", f"{width} s", limit, "compare pulse by pulse with correlate_tags()")
    reach = (min(-bins.start_ps, bins.stop_ps) - (wide + 1) // 2) // step
    most, least = min(reach, pulses - 1), 2 if subtract_valleys else 1
    if most < least:
        span = f"a range of {least * period + width / 2:.3g} s or more to both sides of zero"
        limit = f"{least + 1} pulses or more, and {span}"
        raise RangeError("side peaks", max(most, 0), limit, "count pairs over a longer range")
    lags = np.arange(-most, most + 1)
    begins = 2 * (lags * step - bins.start_ps) - wide  # in half picoseconds
    if wide % bins.width_ps or (begins % (2 * bins.width_ps)).any():
        limit = f"at edges of the bins of {bins.width_ps} ps"
        raise RangeError(
            "the edges of the peaks", "between edges of bins", limit, "choose bins that divide both"
        )
    sums = np.concatenate([[0], np.cumsum(pairs.counts)])
    rows = begins // (2 * bins.width_ps)
    areas = sums[rows + wide // bins.width_ps] - sums[rows]
    background = _background(sums, rows, wide // bins.width_ps, lags) if subtract_valleys else None
    return PulsedG2(lags, areas, pulses - abs(lags), background)


def _background(
    sums: NDArray[np.int64], rows: NDArray[np.int64], wide: int, lags: NDArray[np.int64]
) -> Background:
    """Return what the peaks would hold if they were as empty as the bins between them, from a line.

    Args:
        sums: Of the counts of all bins before each edge, (bins + 1,).
        rows: Edge at which each peak begins, (lags,).
        wide: Bins of a peak.
        lags: Of the peaks, in order.
    """
    between = int(rows[1] - rows[0]) - wide
    counts = sums[rows[1:]] - sums[rows[:-1] + wide]
    line, peaks = (
        np.stack([np.ones(len(distances)), distances], axis=1)
        for distances in (abs(lags[1:] - 0.5), abs(lags).astype(np.float64))
    )
    fitted = np.linalg.pinv(line)
    # Valleys scatter by what the line expects in them; never less than by one pair in all of them.
    expected = np.maximum(line @ (fitted @ counts), 1 / len(counts))
    weights = wide / between * (peaks @ fitted)
    return Background(weights @ counts, weights * expected @ weights.T)


def _check_live(live: ArrayLike) -> Vector:
    lengths = np.atleast_1d(np.asarray(live, dtype=np.float64)).ravel()
    if not (lengths.size and (lengths > 0).all() and np.isfinite(lengths).all()):
        bad = lengths[~(np.isfinite(lengths) & (lengths > 0))]
        value = f"{bad[0]} s" if bad.size else "empty"
        raise RangeError("live", value, "> 0 s for every stretch", "give the time the gates were open")
    return np.sort(lengths)


def _overlap(lengths: Vector, bins: DelayBins) -> Vector:
    """Return the live time that has live time a delay later, integrated over the delays of each bin."""
    edges = bins.edges
    reach = np.abs(edges)
    shorter = np.searchsorted(lengths, reach)
    sums = np.concatenate([[0.0], np.cumsum(lengths)])
    halves = np.concatenate([[0.0], np.cumsum(lengths**2 / 2)])
    integral = halves[shorter] + reach * (sums[-1] - sums[shorter]) - reach**2 / 2 * (len(lengths) - shorter)
    return np.asarray(np.diff(np.sign(edges) * integral), dtype=np.float64)


def _density(bins: DelayBins, rate: float, dead: float) -> Vector:
    """Return how many clicks follow a click in each bin, for steady light on a detector with dead time."""
    from scipy.special import gammainc  # noqa: PLC0415 - slow to import

    if not (math.isfinite(dead) and dead >= 0 and rate * dead < 1):
        limit = f">= 0 s and below the mean distance of clicks, {1 / rate:.3g} s"
        raise RangeError("dead", f"{dead} s", limit, "check the dead time and the live time")
    edges = np.abs(bins.edges)
    if dead == 0:
        reached = rate * edges
    else:
        light = rate / (1 - rate * dead)
        late = edges > _RIPPLES * dead
        reached = np.zeros(len(edges))
        for click in range(1, _RIPPLES + 1):
            since = light * np.maximum(np.minimum(edges, _RIPPLES * dead) - click * dead, 0.0)
            reached += gammainc(click, since)
        reached[late] += rate * (edges[late] - _RIPPLES * dead)
    return np.asarray(np.diff(np.sign(bins.edges) * reached), dtype=np.float64)
