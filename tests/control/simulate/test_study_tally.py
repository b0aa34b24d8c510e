"""Tallies add up: whatever the shots, and however they are shared out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from control.simulate import Multiset, PointTally, Tally, tally_of
from data import Attempts, Record, TimeTags, join_records

SEEDS = st.integers(0, 2**32 - 1)
SHOTS = st.integers(1, 30)


def record(seed: int, shots: int) -> Record:
    """Return something that could have been seen."""
    rng = np.random.default_rng(seed)
    counts = {
        "photon_h": rng.poisson(0.3, (shots, 3)).astype(np.int32),
        "photon_v": rng.poisson(0.5, (shots, 3)).astype(np.int32),
        "ions": rng.poisson(20, (shots, 2)).astype(np.int32),
    }
    shot = np.sort(rng.integers(0, shots, rng.integers(0, 9)))
    n = len(shot)
    channel = rng.integers(9, 12, n).astype(np.uint16)
    tags = TimeTags(shot * 1000, channel, shot, np.zeros(n, np.uint32), np.zeros(n, np.uint16), shot)
    attempts = Attempts(shot, np.zeros(n, np.uint32), shot * 1000, rng.random(n) < 0.5)
    return Record(shots, np.arange(shots) * 1000, shots * 1000, counts, attempts, tags)


@given(SEEDS, st.lists(SHOTS, min_size=1, max_size=5))
def test_the_tally_of_all_is_the_sum_of_the_parts(seed: int, parts: list[int]) -> None:
    records = [record(seed + number, shots) for number, shots in enumerate(parts)]
    assert tally_of([join_records(records)]) == sum((tally_of([one]) for one in records), Tally())


@given(SEEDS, SEEDS, SEEDS, SHOTS)
def test_adding_is_associative_and_commutative_with_a_zero(a: int, b: int, c: int, shots: int) -> None:
    one, two, three = (tally_of([record(seed, shots), record(seed + 1, shots + 1)]) for seed in (a, b, c))
    assert (one + two) + three == one + (two + three)
    assert one + two == two + one
    assert one + Tally() == one == Tally() + one
    assert one != one + two


def test_sums_means_and_errors_are_those_of_the_counts() -> None:
    seen = record(7, 400)
    (point,) = tally_of([seen]).points
    for name, counts in seen.counts.items():
        assert_array_equal(point.sums(name), counts.sum(axis=0))
        assert_array_equal(point.squares(name), (counts.astype(np.int64) ** 2).sum(axis=0))
        assert_allclose(point.means(name), counts.mean(axis=0), rtol=1e-14)
        assert_allclose(point.errors(name), counts.std(axis=0, ddof=1) / 20, rtol=1e-12)
    assert (point.shots, point.duration_ps, point.seconds) == (400, 400_000, pytest.approx(4e-7))
    assert (point.attempts, point.heralds) == (len(seen.attempts), seen.attempts.heralded.sum())


def test_a_single_shot_has_no_error() -> None:
    (point,) = tally_of([record(1, 1)]).points
    assert np.isnan(point.errors("ions")).all()


def test_coincidences_are_shots_that_saw_something_in_both() -> None:
    seen = record(3, 200)
    (point,) = tally_of([seen]).points
    assert set(point.coincidences) == {("ions", "photon_h"), ("ions", "photon_v"), ("photon_h", "photon_v")}
    both = point.coincidences["photon_h", "photon_v"]
    expected = {
        (one, other): int(
            ((seen.counts["photon_h"][:, one] > 0) & (seen.counts["photon_v"][:, other] > 0)).sum()
        )
        for one in range(3)
        for other in range(3)
    }
    found = {
        (one, other): times
        for (one, other), times in zip(both.rows.tolist(), both.times.tolist(), strict=True)
    }
    assert found == {pair: times for pair, times in expected.items() if times}


def test_clicks_are_counted_by_channel() -> None:
    seen = record(5, 20)
    (point,) = tally_of([seen]).points
    channels, times = np.unique(seen.tags.channel, return_counts=True)
    assert_array_equal(point.clicks.rows[:, 0], channels)
    assert_array_equal(point.clicks.times, times)


def test_sums_of_a_study_run_over_its_points() -> None:
    tally = tally_of([record(1, 10), record(2, 30)])
    assert (tally.shots, tally.seconds) == (40, pytest.approx(4e-8))
    assert tally.attempts == sum(point.attempts for point in tally.points)
    assert tally.heralds == sum(point.heralds for point in tally.points)


def test_rows_of_a_multiset_are_sorted_and_occur_once() -> None:
    rows = np.array([[2, 1], [0, 5], [2, 1], [0, 4]])
    bag = Multiset.of(rows, np.array([1, 2, 3, 4]))
    assert bag.rows.tolist() == [[0, 4], [0, 5], [2, 1]]
    assert bag.times.tolist() == [4, 2, 4]
    assert len(bag) == 3
    assert bag != 5
    assert PointTally() + PointTally() == PointTally()
