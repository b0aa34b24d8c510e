"""Delays between clicks, and how many pairs of clicks have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from data.analysis.tags import PICOSECOND, whole_picoseconds
from data.errors import RangeError, ShapeError

LONGEST_DELAY: Final = 2**61
"""Picoseconds, 26 days: twice as much still fits into 63 bits."""

MOST_BINS: Final = 10**8
"""0.8 GB of counts; more bins than that are a slip of the unit."""


@dataclass(frozen=True, slots=True)
class DelayBins:
    """Bins of the delay from a click of the first detector to a click of the second.

    Bin k holds the delays ``start_ps + k width_ps <= delay < start_ps + (k + 1) width_ps``: its lower edge
    and not its upper. Delays are whole picoseconds, so bins of an odd width can have a centre at zero.

    Attributes:
        start_ps: Lower edge of the first bin; negative where the second detector clicks first.
        width_ps: Of a bin, at least 1.
        number: Of bins, at least 1.
    """

    start_ps: int
    width_ps: int
    number: int

    def __post_init__(self) -> None:
        if self.width_ps < 1:
            raise RangeError("width of a bin", f"{self.width_ps} ps", ">= 1 ps", "tags have no finer times")
        if not 1 <= self.number <= MOST_BINS:
            raise RangeError("bins", self.number, f"1 to {MOST_BINS}", "take wider bins or a shorter range")
        for name, edge in (("first", self.start_ps), ("last", self.stop_ps)):
            if abs(edge) > LONGEST_DELAY:
                limit = f"within +-{LONGEST_DELAY} ps (26 days)"
                raise RangeError(f"the {name} delay", f"{edge} ps", limit, "take a shorter range")

    @classmethod
    def spanning(cls, low: float, high: float, width: float) -> DelayBins:
        """Return bins from `low` (included) to `high` (not included), in seconds.

        Raises:
            RangeError: If a time is no whole number of picoseconds, or the range no whole number of bins.

        Example:
            >>> DelayBins.spanning(-50e-9, 50e-9, 100e-12)
            DelayBins(start_ps=-50000, width_ps=100, number=1000)
        """
        start, stop = whole_picoseconds("low", low), whole_picoseconds("high", high)
        step = max(whole_picoseconds("width", width), 0)
        if step == 0 or stop <= start or (stop - start) % step:
            limit = f"above {low} s by a whole number of bins of {width} s"
            raise RangeError("high", f"{high} s", limit, "move an edge or change the width")
        return cls(start, step, (stop - start) // step)

    @property
    def stop_ps(self) -> int:
        """Upper edge of the last bin, which is in none."""
        return self.start_ps + self.width_ps * self.number

    @property
    def edges(self) -> NDArray[np.float64]:
        """Of all bins, in seconds, shape (bins + 1,)."""
        return np.asarray(self.start_ps + self.width_ps * np.arange(self.number + 1.0)) * PICOSECOND

    @property
    def centres(self) -> NDArray[np.float64]:
        """Of all bins, in seconds, shape (bins,)."""
        return np.asarray(self.start_ps + self.width_ps * (np.arange(self.number) + 0.5)) * PICOSECOND

    @property
    def zero(self) -> int | None:
        """Bin of clicks at the same time; None if there is none."""
        return -self.start_ps // self.width_ps if self.start_ps <= 0 < self.stop_ps else None


@dataclass(frozen=True, slots=True, eq=False)
class PairHistogram:
    """Pairs of clicks by their delay; histograms of separate parts of a run add to that of the whole.

    Attributes:
        bins: Of the delay, second less first.
        counts: Pairs in each bin, shape (bins,).
        clicks: Of the first detector and of the second, with a partner or without.
        same: Whether both are one detector; then a click is no pair with itself, and each pair counts twice,
            at both signs of its delay.
    """

    bins: DelayBins
    counts: NDArray[np.int64]
    clicks: tuple[int, int]
    same: bool

    def __add__(self, other: PairHistogram) -> PairHistogram:
        """Return the histogram of both parts; both must be of one detector, or of two, in the same bins."""
        if other.bins != self.bins:
            raise ShapeError(
                "the second histogram", (other.bins.number,), f"the bins of the first, {self.bins},"
            )
        if other.same != self.same:
            kinds = ["of two detectors", "of one detector with itself"]
            advice = "add the parts of each kind for themselves"
            raise RangeError("the second histogram", kinds[other.same], kinds[self.same], advice)
        clicks = (self.clicks[0] + other.clicks[0], self.clicks[1] + other.clicks[1])
        return PairHistogram(self.bins, self.counts + other.counts, clicks, self.same)
