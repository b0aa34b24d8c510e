"""All pairs of clicks within a range of delays: counted exactly, at once or as the tags stream by.

Every click of the first detector is paired with every click of the second in range (start, multiple stops),
not with the next one only: start-stop histograms miss pairs, and lean towards short delays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.delays import DelayBins, PairHistogram
from data.analysis.kernels import Kernel, add_pairs, use_numba
from data.analysis.tags import check_tags, check_times, first_from
from data.errors import RangeError, ShapeError

if TYPE_CHECKING:
    from data.columns import TimeTags


def count_pairs(
    first_ps: ArrayLike, second_ps: ArrayLike | None, bins: DelayBins, *, kernel: Kernel = "auto"
) -> PairHistogram:
    """Count the pairs of clicks of two detectors by their delay, second less first.

    Exact: whole numbers throughout, every pair in range and no other, also of equal times and near the ends
    of 64 bits. A dead time takes pairs away before they can be counted: within one detector all that are
    closer than it; between two detectors none for their delay, only in proportion to the clicks that each
    detector loses.

    Args:
        first_ps: Clicks of the first detector, int64 picoseconds, (tags,), in order of time.
        second_ps: Of the second; None pairs the clicks of the first with each other, not with themselves.
        bins: Of the delay.
        kernel: ``numpy``, ``numba`` (extra `fast`), or whichever is faster; the result is the same.

    Raises:
        ShapeError: If the tags are not columns.
        RangeError: If tags are not integers or not in order, or the kernel is not there.

    Source: T. A. Laurence, S. Fore and T. Huser, Opt. Lett. 31, 829 (2006), for the sweep over sorted tags.

    Example:
        >>> found = count_pairs([0, 1000], [0, 400, 1300], DelayBins.spanning(-1e-9, 1e-9, 500e-12))
        >>> found.counts
        array([2, 0, 3, 0])
    """
    first = check_tags("first_ps", first_ps)
    second = first if second_ps is None else check_tags("second_ps", second_ps)
    counts = np.zeros(bins.number, np.int64)
    add_pairs(counts, first, second, bins, kernel, len(first) + len(second))
    if second_ps is None and bins.zero is not None:
        counts[bins.zero] -= len(first)
    return PairHistogram(bins, counts, (len(first), len(second)), second_ps is None)


class PairCounter:
    """Counts pairs of two channels while tags stream by, in memory that does not grow with them.

    It keeps only those clicks that a later one may be paired with, so that the histogram is that of all tags
    at once, however they are cut into batches.

    Args:
        bins: Of the delay, second channel less first.
        first: Number of the first channel.
        second: Of the second; the same number pairs the clicks of one channel with each other.
        kernel: As of `count_pairs`.

    Raises:
        RangeError: If the kernel is not there.

    Example:
        >>> counter = PairCounter(DelayBins.spanning(0.0, 1e-9, 500e-12), first=1, second=2)
        >>> counter.add_columns([0, 100], [1, 1])
        >>> counter.add_columns([700], [2])
        >>> counter.histogram().counts
        array([0, 2])
    """

    def __init__(self, bins: DelayBins, first: int, second: int, *, kernel: Kernel = "auto") -> None:
        use_numba(kernel, 0)
        self._bins, self._channels, self._kernel = bins, (first, second), kernel
        self._counts = np.zeros(bins.number, np.int64)
        self._kept = (np.zeros(0, np.int64), np.zeros(0, np.int64))
        self._clicks = (0, 0)
        self._last: int | None = None

    def add(self, tags: TimeTags) -> None:
        """Count a batch of tags, all later than those before it or at the same time as the last.

        Raises:
            RangeError: If the tags are not in order, or earlier than those before; then none of them count.
        """
        self.add_columns(tags.t_ps, tags.channel)

    def add_columns(self, t_ps: ArrayLike, channel: ArrayLike) -> None:
        """Count a batch of tags given as columns, as `add` does.

        Raises:
            ShapeError: If the two are not columns of one length.
            RangeError: As of `add`.
        """
        times, channels = check_tags("t_ps", t_ps), check_times("channel", channel, "(tags,)")
        if len(channels) != len(times):
            raise ShapeError("channel", channels.shape, f"({len(times)},), one for each tag,")
        if not len(times):
            return
        if self._last is not None and times[0] < self._last:
            limit = f">= {self._last} ps, the last tag of the batch before"
            raise RangeError("t_ps[0]", f"{times[0]} ps", limit, "add batches in order of time")
        ones, others = (times[channels == number] for number in self._channels)
        self._pair(ones, others)
        self._last = int(times[-1])
        self._keep(ones, others, self._last)

    def histogram(self) -> PairHistogram:
        """Return all pairs so far; more tags may follow."""
        same = self._channels[0] == self._channels[1]
        return PairHistogram(self._bins, self._counts.copy(), self._clicks, same)

    def _pair(self, ones: NDArray[np.int64], others: NDArray[np.int64]) -> None:
        """Count new clicks with new ones and with those kept; the pairs of the kept are counted already."""
        self._clicks = (self._clicks[0] + len(ones), self._clicks[1] + len(others))
        tags = sum(self._clicks)
        both = np.concatenate([self._kept[0], ones])
        add_pairs(self._counts, both, others, self._bins, self._kernel, tags)
        add_pairs(self._counts, ones, self._kept[1], self._bins, self._kernel, tags)
        if self._channels[0] == self._channels[1] and self._bins.zero is not None:
            self._counts[self._bins.zero] -= len(ones)

    def _keep(self, ones: NDArray[np.int64], others: NDArray[np.int64], last: int) -> None:
        """Keep the clicks that can be in range of one at the last time or later."""
        limits = (last - self._bins.stop_ps + 1, last + self._bins.start_ps)
        columns = [np.concatenate(pair) for pair in zip(self._kept, (ones, others), strict=True)]
        first, second = (
            column[first_from(column, limit) :].copy() for column, limit in zip(columns, limits, strict=True)
        )
        self._kept = (first, second)
