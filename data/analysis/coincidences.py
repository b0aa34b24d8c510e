"""Which clicks belong together: pairs and groups of channels within a window, and how many meet by chance.

All of them are found, each once: a click can belong to several. A greedy search that spends every click at
once finds fewer, and which ones depends on the order in which it looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.delays import DelayBins
from data.analysis.estimates import Estimate
from data.analysis.kernels import sections
from data.analysis.tags import check_tags, check_times
from data.errors import InsufficientDataError, RangeError, ShapeError

Rows = NDArray[np.int64]

MOST_GROUPS: Final = 10**8
"""Groups that are listed: 0.8 GB for each of their members."""


def find_pairs(first_ps: ArrayLike, second_ps: ArrayLike, low: float, high: float) -> tuple[Rows, Rows]:
    """Find the pairs of clicks of two detectors with a delay, second less first, in a range.

    Args:
        first_ps: Clicks of the first detector, int64 picoseconds, (tags,), in order of time.
        second_ps: Of the second.
        low: Smallest delay in seconds, included.
        high: Largest, not included.

    Returns:
        Row of the first click and row of the second, each (pairs,), ordered by the first, then the second.

    Raises:
        ShapeError: If the tags are not columns.
        RangeError: If tags are not integers or not in order, or the range is empty or no whole picoseconds.

    Example:
        >>> [rows.tolist() for rows in find_pairs([0, 1000], [0, 400, 1300], low=0.0, high=500e-12)]
        [[0, 0, 1], [0, 1, 2]]
    """
    first, second = check_tags("first_ps", first_ps), check_tags("second_ps", second_ps)
    ones, others = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for rows, begins, ends in _partners(first, second, DelayBins.spanning(low, high, high - low)):
        ones.append(np.repeat(rows, ends - begins))
        others.append(_expand(begins, ends))
    return np.concatenate(ones), np.concatenate(others)


def find_groups(t_ps: ArrayLike, channel: ArrayLike, members: Sequence[int], window: float) -> Rows:
    """Find all groups of one click of each of several channels whose last is within a window of their first.

    Args:
        t_ps: Clicks of all channels, int64 picoseconds, (tags,), in order of time.
        channel: Of each click, (tags,).
        members: Channels of a group, at least two, all different.
        window: Largest span of a group in seconds, not included.

    Returns:
        Rows of the clicks, shape (groups, members), ordered by the earliest click of each group.

    Raises:
        ShapeError: If the two are not columns of one length.
        RangeError: If tags are not integers or not in order, members are few or the same, the window is no
            whole number of picoseconds, or there are more groups than a list can hold.

    Example:
        >>> find_groups([0, 10, 20, 900], [1, 2, 3, 2], members=(1, 2, 3), window=100e-12)
        array([[0, 1, 2]])
    """
    number = count_groups(t_ps, channel, members, window)
    if number > MOST_GROUPS:
        raise RangeError(
            "groups", number, f"<= {MOST_GROUPS} to be listed", "take a shorter window, or count"
        )
    times, rows, member = _select(t_ps, channel, members)
    found = [np.zeros((0, len(members)), np.int64)]
    for anchors, ends, places in _leads(times, member, len(members), window):
        for lead in range(len(members)):
            own = member[anchors] == lead
            groups = _combine(anchors[own], ends[own], places, lead)
            found.append(rows[groups])
    listed = np.concatenate(found)
    return listed[np.argsort(listed.min(axis=1), kind="stable")]


def count_groups(t_ps: ArrayLike, channel: ArrayLike, members: Sequence[int], window: float) -> int:
    """Count what `find_groups` lists, in less memory.

    Example:
        >>> count_groups([0, 10, 20, 900], [1, 2, 3, 2], members=(2, 3), window=900e-12)
        2
    """
    times, _, member = _select(t_ps, channel, members)
    total = 0
    for anchors, ends, places in _leads(times, member, len(members), window):
        within = [np.searchsorted(own, ends) - np.searchsorted(own, anchors + 1) for own in places]
        for lead in range(len(members)):
            others = np.stack([number for place, number in enumerate(within) if place != lead])
            others = others[:, member[anchors] == lead]
            if np.prod(others.max(axis=1, initial=0), dtype=np.float64) * others.shape[1] < 2**62:
                total += int(np.prod(others, axis=0).sum())
            else:
                total += sum(math.prod(row) for row in others.T.tolist())
    return total


def accidental_rate(rates: Sequence[Estimate], window: float) -> Estimate:
    """Return how often clicks of independent detectors form a group by chance.

    It holds for steady rates. Rates that vary together, as those of pulsed light do, meet more often.

    Args:
        rates: Of the detectors, in hertz, at least two.
        window: As of `find_groups`, in seconds; two clicks form a group at delays from -window to +window.

    Returns:
        n window**(n - 1) r_1 ... r_n, in hertz.

    Raises:
        InsufficientDataError: If there are fewer than two rates.
        RangeError: If a rate is negative or the window not above zero.

    Source: C. Eckart and F. R. Shonka, Phys. Rev. 53, 752 (1938).

    Example:
        >>> print(accidental_rate([Estimate(1e3, 10, "Hz"), Estimate(2e3, 20, "Hz")], window=100e-9))
        400(6) mHz
    """
    if len(rates) < 2:
        raise InsufficientDataError("a rate of accidental coincidences", len(rates), 2, "rates")
    if not (math.isfinite(window) and window > 0):
        raise RangeError("window", f"{window} s", "> 0 s", "give the largest span of a group")
    for index, rate in enumerate(rates):
        if rate.value < 0:
            raise RangeError(f"rate {index}", str(rate), ">= 0 Hz", "check what was subtracted from it")
    values = [rate.value for rate in rates]
    scale = len(rates) * window ** (len(rates) - 1)
    slopes = [math.prod(values[:index] + values[index + 1 :]) for index in range(len(values))]
    error = math.hypot(*(slope * rate.error for slope, rate in zip(slopes, rates, strict=True)))
    return Estimate(scale * math.prod(values), scale * error, "Hz")


def _partners(first: Rows, second: Rows, window: DelayBins) -> Iterator[tuple[Rows, Rows, Rows]]:
    """Yield rows of the first column, and where their partners in the second begin and end, each (rows,)."""
    for ones, others in sections(first, second, window):
        since, near = first[ones] - first[ones.start], second[others] - first[ones.start]
        begins = np.searchsorted(near, since + window.start_ps) + others.start
        ends = np.searchsorted(near, since + window.stop_ps) + others.start
        yield np.arange(ones.start, ones.stop), begins, ends


def _leads(times: Rows, member: Rows, members: int, window: float) -> Iterator[tuple[Rows, Rows, list[Rows]]]:
    """Yield clicks that can lead a group, where their windows end, and each member's clicks among them."""
    for anchors, _, ends in _partners(times, times, DelayBins.spanning(0.0, window, window)):
        can = ends - anchors >= members
        begin, end = int(anchors[0]), int(ends[-1])
        places = [np.flatnonzero(member[begin:end] == number) + begin for number in range(members)]
        yield anchors[can], ends[can], places


def _expand(begins: Rows, ends: Rows) -> Rows:
    """Return all whole numbers from each begin to its end, one range after the other."""
    numbers = ends - begins
    shifts: Rows = np.repeat(begins - (np.cumsum(numbers) - numbers), numbers)
    return shifts + np.arange(len(shifts))


def _select(t_ps: ArrayLike, channel: ArrayLike, members: Sequence[int]) -> tuple[Rows, Rows, Rows]:
    """Return the times of the members' clicks, their rows, and which member each of them is."""
    times, channels = check_tags("t_ps", t_ps), check_times("channel", channel, "(tags,)")
    if len(channels) != len(times):
        raise ShapeError("channel", channels.shape, f"({len(times)},), one for each tag,")
    if len(members) < 2 or len(set(members)) != len(members):
        raise RangeError(
            "members", tuple(members), "two or more different channels", "name each of them once"
        )
    member = np.full(len(channels), -1, np.int64)
    for place, number in enumerate(members):
        member[channels == number] = place
    rows = np.flatnonzero(member >= 0)
    return times[rows], rows, member[rows]


def _combine(anchors: Rows, ends: Rows, places: Sequence[Rows], lead: int) -> Rows:
    """Return all groups led by the anchors, (groups, members): the others come later, before the end."""
    groups = np.zeros((len(anchors), len(places)), np.int64)
    groups[:, lead] = anchors
    for member, own in enumerate(places):
        if member == lead:
            continue
        first, last = np.searchsorted(own, groups[:, lead] + 1), np.searchsorted(own, ends)
        chosen = own[_expand(first, last)]
        repeats = last - first
        groups, ends = np.repeat(groups, repeats, axis=0), np.repeat(ends, repeats)
        groups[:, member] = chosen
    return groups
