"""Groups of clicks: all of them, as a search one by one finds them."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.analysis.coincidences import accidental_rate, count_groups, find_groups, find_pairs
from data.analysis.delays import DelayBins
from data.analysis.estimates import Estimate
from data.analysis.pairs import count_pairs
from data.errors import AnalysisError, InsufficientDataError, RangeError, ShapeError

LAST = 2**63 - 1
times = st.one_of(st.integers(-20, 20), st.integers(LAST - 9, LAST), st.integers(-(2**63), -(2**63) + 9))


@settings(max_examples=30)
@given(
    tags=st.lists(st.tuples(times, st.integers(0, 4)), max_size=25),
    members=st.permutations(range(4)).flatmap(lambda p: st.integers(2, 4).map(lambda n: p[:n])),
    window_ps=st.integers(1, 15),
)
def test_all_groups_are_found_once(tags: list[tuple[int, int]], members: list[int], window_ps: int) -> None:
    tags = sorted(tags)
    t_ps, channel = np.array([time for time, _ in tags], np.int64), np.array([c for _, c in tags], np.int64)
    rows = [[row for row, (_, found) in enumerate(tags) if found == member] for member in members]
    expected = {
        group
        for group in itertools.product(*rows)
        if max(tags[row][0] for row in group) - min(tags[row][0] for row in group) < window_ps
    }
    found = find_groups(t_ps, channel, members, window_ps * 1e-12)
    assert len(found) == len(expected) == count_groups(t_ps, channel, members, window_ps * 1e-12)
    assert set(map(tuple, found.tolist())) == expected
    assert (np.diff(found.min(axis=1)) >= 0).all()


@settings(max_examples=30)
@given(
    first=st.lists(times, max_size=25).map(sorted),
    second=st.lists(times, max_size=25).map(sorted),
    low=st.integers(-15, 14),
    span=st.integers(1, 20),
)
def test_all_pairs_are_found_in_order(first: list[int], second: list[int], low: int, span: int) -> None:
    one, two = np.array(first, np.int64), np.array(second, np.int64)
    rows = find_pairs(one, two, low * 1e-12, (low + span) * 1e-12)
    expected = [
        (i, j) for i, a in enumerate(first) for j, b in enumerate(second) if low <= b - a < low + span
    ]
    assert list(zip(*(column.tolist() for column in rows), strict=True)) == expected


def test_pairs_of_many_tags_are_those_that_are_counted() -> None:
    first, second = np.sort(np.random.default_rng(1).integers(0, 10**10, (2, 100_000)))
    ones, others = find_pairs(first, second, -2e-9, 2e-9)
    delays = second[others] - first[ones]
    bins = DelayBins.spanning(-2e-9, 2e-9, 100e-12)
    counted = count_pairs(first, second, bins).counts
    assert np.array_equal(np.bincount((delays + 2000) // 100, minlength=40), counted)


def test_more_groups_than_fit_are_counted() -> None:
    """Five channels of 9000 clicks at one time: 5.9e19 groups, more than 63 bits hold."""
    channel = np.repeat(np.arange(5), 9000)
    assert count_groups(np.zeros(45_000, np.int64), channel, range(5), 1e-9) == 9000**5
    with pytest.raises(RangeError) as many:
        find_groups(np.zeros(45_000, np.int64), channel, range(5), 1e-9)
    assert str(many.value) == (
        "groups is 59049000000000000000, but must be <= 100000000 to be listed; "
        "take a shorter window, or count"
    )


def test_accidental_rate_is_what_independent_clicks_show() -> None:
    """Three channels, 3 x 1e5 clicks in 0.25 s: 3 w^2 r^3 groups, within 4.5 errors; pairs likewise."""
    rng = np.random.default_rng(2)
    t_ps, channel = np.sort(rng.integers(0, 10**12 // 4, 300_000)), rng.integers(0, 3, 300_000)
    rates = [Estimate(4e5, 0.0, "Hz")] * 3
    for members, window in ((range(2), 20e-9), (range(3), 50e-9)):
        expected = accidental_rate(rates[: len(members)], window).value / 4
        found = count_groups(t_ps, channel, members, window)
        # Clicks of one channel scatter by 3e2 of 1e5, each shared by the groups it is in.
        assert found == pytest.approx(expected, abs=4.5 * (expected + 3 * (expected / 1e5**0.5) ** 2) ** 0.5)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: find_groups([1, 2], [1], (1, 2), 1e-9),
            ShapeError,
            "channel has shape (1,), but (2,), one for each tag, is needed; reshape or slice it first",
        ),
        (
            lambda: count_groups([1, 2], [1, 2], (1, 1), 1e-9),
            RangeError,
            "members is (1, 1), but must be two or more different channels; name each of them once",
        ),
        (
            lambda: count_groups([2, 1], [1, 2], (1, 2), 1e-9),
            RangeError,
            "t_ps[1] is 1 ps, but must be >= 2 ps, the time of the tag before it; sort the tags by time",
        ),
        (
            lambda: accidental_rate([Estimate(1.0, 0.1, "Hz")], 1e-9),
            InsufficientDataError,
            "a rate of accidental coincidences needs at least 2 rates, but there are 1; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: accidental_rate([Estimate(1.0, 0.1, "Hz")] * 2, 0.0),
            RangeError,
            "window is 0.0 s, but must be > 0 s; give the largest span of a group",
        ),
        (
            lambda: accidental_rate([Estimate(1.0, 0.1, "Hz"), Estimate(-1.0, 0.1, "Hz")], 1e-9),
            RangeError,
            "rate 1 is -1.00(10) Hz, but must be >= 0 Hz; check what was subtracted from it",
        ),
    ],
)
def test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
