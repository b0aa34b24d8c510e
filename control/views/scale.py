"""From times to places on paper: a linear axis, or one that leaves out stretches in which nothing happens.

A program may cool for milliseconds and then play pulses of microseconds. On paper nobody can zoom, so long
stretches in which nothing begins or ends are cut short, each to the same width, and the axis says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.picture import Picture

_CUT_WIDTH: Final = 76.0  # pixels: room for the break and its length in writing
_WORTH_CUTTING: Final = 0.25
"""A stretch is cut if it is longer than this share of all the shorter ones together."""
_MOST_CUTS: Final = 4  # more, and an axis no longer reads as one
BREAK: Final = 7.0  # pixels of nothing where the axis is broken
_STEPS: Final = (1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class Cut:
    """A stretch of time, s, that takes less room than it should."""

    start: float
    stop: float


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Where times lie on paper.

    Attributes:
        times: (knots,) s, ascending; linear in between.
        places: (knots,) pixels.
        cuts: what is cut short.
    """

    times: NDArray[np.float64]
    places: NDArray[np.float64]
    cuts: tuple[Cut, ...] = ()

    @property
    def start(self) -> float:
        """The first time that is shown, s."""
        return float(self.times[0])

    @property
    def stop(self) -> float:
        """The last time that is shown, s."""
        return float(self.times[-1])

    def place(self, time: float) -> float:
        """Return where a time lies, in pixels; at the edge if it is not shown."""
        return float(np.interp(time, self.times, self.places))

    def place_all(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (times,) where they lie, in pixels."""
        return np.interp(times, self.times, self.places)

    def breaks(self) -> tuple[float, ...]:
        """Return where the axis is broken, pixels: in the middle of each cut."""
        return tuple((self.place(cut.start) + self.place(cut.stop)) / 2 for cut in self.cuts)

    def clear(self, left: float, right: float) -> tuple[float, float]:
        """Return the widest part between two places that no break of the axis runs through."""
        inside = [place for place in self.breaks() if left < place < right]
        edges = [left, *(edge for place in inside for edge in (place - BREAK / 2, place + BREAK / 2)), right]
        return max(zip(edges[::2], edges[1::2], strict=True), key=lambda part: part[1] - part[0])

    def ticks(self, spacing: float) -> tuple[tuple[float, str], ...]:
        """Return times with their labels, on round numbers.

        Args:
            spacing: pixels between two labels, at least.
        """
        unit, factor = time_unit(max(abs(self.start), abs(self.stop)))
        slope = self._seconds_a_pixel()
        step = nice_step(spacing * slope)
        digits = max(0, -math.floor(math.log10(step / factor) + 1e-9))
        first, last = math.ceil(self.start / step - 1e-9), math.floor(self.stop / step + 1e-9)
        if self.cuts:
            numbers = [n for n in _round_numbers(self, step) if first <= n <= last]
        else:
            numbers = list(range(first, last + 1))
        return tuple((n * step, f"{n * step / factor:.{digits}f} {unit}") for n in numbers)

    def _seconds_a_pixel(self) -> float:
        """Return the slope outside of the cuts."""
        seconds, pixels = np.diff(self.times), np.diff(self.places)
        cut = {(cut.start, cut.stop) for cut in self.cuts}
        spans = list(zip(self.times[:-1].tolist(), self.times[1:].tolist(), strict=True))
        kept = np.array([span not in cut for span in spans])
        return float(seconds[kept].sum() / pixels[kept].sum()) if kept.any() else float(seconds.sum())


def _round_numbers(scale: Scale, step: float) -> list[int]:
    """Return multiples of a step that lie in no cut, nor within it of one."""
    numbers: list[int] = []
    for start, stop in zip(scale.times[:-1].tolist(), scale.times[1:].tolist(), strict=True):
        if Cut(start, stop) not in scale.cuts:
            numbers += range(math.ceil(start / step - 1e-9), math.floor(stop / step + 1e-9) + 1)
    return sorted(set(numbers))


def nice_step(least: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is no smaller.

    Example:
        >>> nice_step(3e-6), nice_step(0.7)
        (5e-06, 1.0)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return float(
        next((f"{s * power:.0e}" for s in _STEPS if s * power >= least * (1 - 1e-9)), f"{10 * power:.0e}")
    )


def time_unit(longest: float) -> tuple[str, float]:
    """Return the unit in which times up to the longest (s) are told, and its size in seconds.

    Example:
        >>> time_unit(9.7e-3)
        ('ms', 0.001)
    """
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if longest >= factor:
            return unit, factor
    return "ns", 1e-9


def linear_scale(start: float, stop: float, left: float, right: float) -> Scale:
    """Return an axis without cuts.

    Args:
        start: first time, s.
        stop: last time, s.
        left: pixels, where the first time lies.
        right: pixels, where the last one lies.
    """
    return Scale(np.array([start, stop]), np.array([left, right]))


def cut_scale(pictures: tuple[Picture, ...], stop: float, left: float, right: float) -> Scale:
    """Return an axis from zero on whose long dull stretches are cut short.

    Args:
        pictures: drawn along it.
        stop: last time, s.
        left: pixels, where zero lies.
        right: pixels, where the last time lies.
    """
    edges = np.unique(np.clip(np.concatenate([[0.0, stop], *map(_edges, pictures)]), 0.0, stop))
    gaps = np.diff(edges)
    dull = sorted(_dull(gaps))
    cuts = tuple(Cut(float(edges[i]), float(edges[i + 1])) for i in dull)
    if not cuts:
        return linear_scale(0.0, stop, left, right)
    inset = tuple(_inset(cut, stop - float(gaps[dull].sum())) for cut in cuts)
    times = np.unique([0.0, stop, *(t for cut in inset for t in (cut.start, cut.stop))])
    spans = list(zip(times[:-1].tolist(), times[1:].tolist(), strict=True))
    is_cut = np.array([Cut(*span) in inset for span in spans])
    widths = np.diff(times)
    room = right - left - _CUT_WIDTH * is_cut.sum()
    widths = np.where(is_cut, _CUT_WIDTH, widths * (room / widths[~is_cut].sum()))
    return Scale(times, left + np.concatenate([[0.0], np.cumsum(widths)]), inset)


def _dull(gaps: NDArray[np.float64]) -> list[int]:
    """Return the gaps that are so long that the others could not be seen for them."""
    order = np.argsort(gaps)[::-1]
    rest = float(gaps.sum())
    chosen = []
    for gap in order[:_MOST_CUTS].tolist():
        rest -= float(gaps[gap])
        if not gaps[gap] > _WORTH_CUTTING * rest or rest <= 0:
            break
        chosen.append(gap)
    return chosen


def _inset(cut: Cut, rest: float) -> Cut:
    """Return a cut without a little of the stretch at both ends, so that its edges are seen.

    Args:
        cut: the whole stretch.
        rest: of the axis that is not cut, s.
    """
    rim = min(0.1 * (cut.stop - cut.start), 0.02 * rest)
    return Cut(cut.start + rim, cut.stop - rim)


def _edges(picture: Picture) -> NDArray[np.float64]:
    """Return when something begins or ends; a ramp moves all the time that it takes."""
    spans = (picture.bars, picture.gates, picture.strokes)
    edges = [column for span in spans for column in (span.start, span.stop)]
    folds = [time for fold in picture.folds for time in (fold.start, fold.stop)]
    labels = [time for stretch in picture.stretches for time in (stretch.start, stretch.stop)]
    instants = [mark.time for mark in picture.marks]
    return np.concatenate([*edges, folds, labels, instants, picture.voltages.time])
