"""Arrival histograms and times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from data.analysis import average_arrival, bin_arrivals, median_arrival
from data.analysis.wave_packets import arrival_quantile
from data.errors import AnalysisError, InsufficientDataError, RangeError, ShapeError


def test_bins_are_those_of_a_plain_histogram() -> None:
    rng = np.random.default_rng(1)
    times = rng.integers(-5_000_000, 60_000_000, 20_000)
    packet = bin_arrivals(times, attempts=50_000, window=50e-6, bins=80)
    # Bins of 625 000 ps, so that numpy's integer edges are exact.
    expected = [
        np.count_nonzero((times >= low) & (times < low + 625_000)) for low in range(0, 50_000_000, 625_000)
    ]
    assert np.array_equal(packet.counts, expected)
    assert packet.counts.sum() + packet.outside == 20_000
    assert packet.edges[[0, -1]] == pytest.approx([0, 50e-6])
    assert packet.centres[0] == pytest.approx(0.3125e-6)


def test_rate_integrates_to_the_clicks_per_attempt() -> None:
    packet = bin_arrivals(np.arange(0, 30_000_000, 10_000), attempts=20_000, window=40e-6, bins=37)
    assert (packet.rate * np.diff(packet.edges)).sum() == pytest.approx(3000 / 20_000)
    assert (packet.rate_error > 0).all()
    width = 40e-6 / 37
    assert packet.rate_error[0] == pytest.approx((0.5 + np.sqrt(packet.counts[0] + 0.25)) / (20_000 * width))


def test_rate_finds_an_exponential_packet() -> None:
    """Chi-square of 40 bins: above 97 with probability 1e-6, below 9 with 2e-9."""
    rng = np.random.default_rng(2)
    lifetime, efficiency, attempts = 8e-6, 0.4, 200_000
    clicks = rng.exponential(lifetime, rng.binomial(attempts, efficiency))
    packet = bin_arrivals((clicks * 1e12).astype(np.int64), attempts, window=40e-6, bins=40)
    survival = np.exp(-packet.edges / lifetime)
    expected = attempts * efficiency * -np.diff(survival)
    assert 9 < np.sum((packet.counts - expected) ** 2 / expected) < 97
    assert packet.outside == len(clicks) - packet.counts.sum() > 0


def test_no_clicks_is_a_result() -> None:
    packet = bin_arrivals([], attempts=10, window=1e-6, bins=4)
    assert packet.counts.tolist() == [0, 0, 0, 0]
    assert packet.rate_error == pytest.approx(1 / (10 * 0.25e-6))


@pytest.mark.parametrize(
    ("estimator", "truth"), [(average_arrival, 8e-6), (median_arrival, 8e-6 * np.log(2))]
)
def test_arrival_times_cover(estimator: Callable, truth: float) -> None:
    """1500 packets of 150 clicks: coverage within 5 standard errors (0.06) of 68 %, so 1e-6 false alarms."""
    rng = np.random.default_rng(3)
    clicks = (rng.exponential(8e-6, (1500, 150)) * 1e12).astype(np.int64)
    found = [estimator(row) for row in clicks]
    inside = [abs(estimate.value - truth) <= estimate.error for estimate in found]
    assert np.mean(inside) == pytest.approx(0.683, abs=0.06)
    assert found[0].unit == "s"


def test_median_of_two_clicks() -> None:
    found = median_arrival([4_000_000, 1_000_000])
    assert found.value == pytest.approx(2.5e-6)
    assert found.error == pytest.approx(1.5e-6)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: bin_arrivals([[1]], 1, 1e-6, 1),
            ShapeError,
            "window_ps has shape (1, 1), but (clicks,) is needed; reshape or slice it first",
        ),
        (
            lambda: bin_arrivals([1e-6], 1, 1e-6, 1),
            RangeError,
            "dtype of window_ps is float64, but must be an integer type; give int64 picoseconds",
        ),
        (
            lambda: bin_arrivals([1], 0, 1e-6, 1),
            RangeError,
            "attempts is 0, but must be > 0; describe the window that was really opened",
        ),
        (
            lambda: bin_arrivals([1], 1, 0.0, 1),
            RangeError,
            "window is 0.0, but must be > 0 s; describe the window that was really opened",
        ),
        (
            lambda: average_arrival([1]),
            InsufficientDataError,
            "a mean arrival time needs at least 2 clicks, but there are 1; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: median_arrival([]),
            InsufficientDataError,
            "a median arrival time needs at least 2 clicks, but there are 0; "
            "collect more data or leave this estimate out",
        ),
    ],
)
def test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize(("window", "bins"), [(50e-6, 500), (7e-6, 70), (1.1e-6, 11), (30e-6, 3000)])
def test_a_click_on_an_edge_is_in_the_bin_above(window: float, bins: int) -> None:
    edges = np.arange(bins) * (round(window * 1e12) // bins)
    assert bin_arrivals(edges, attempts=1, window=window, bins=bins).counts.tolist() == [1] * bins
    below = bin_arrivals(edges[1:] - 1, attempts=1, window=window, bins=bins)
    assert below.counts.tolist() == [1] * (bins - 1) + [0]


def test_quantiles_of_arrivals_cover() -> None:
    """Exponential packets of 500 clicks: the time of 90 % is ln 10 lifetimes, pulls of 200 sets 0(1).

    Means within 4.5 / sqrt(200) = 0.32, widths within 4.5 / 20 = 0.23, and 0.1 for a skewed distribution.
    """
    rng = np.random.default_rng(5)
    pulls = []
    for _ in range(200):
        found = arrival_quantile(np.round(rng.exponential(10e6, 500)).astype(np.int64), 0.9)
        pulls.append((found.value - 10e-6 * np.log(10)) / found.error)
    assert abs(np.mean(pulls)) < 0.42
    assert abs(np.std(pulls) - 1) < 0.33


def test_quantiles_need_clicks_beyond_them() -> None:
    times = np.arange(9, dtype=np.int64)
    with pytest.raises(
        InsufficientDataError, match="the time of 90% of the arrivals needs at least 10 clicks"
    ):
        arrival_quantile(times, 0.9)
    with pytest.raises(RangeError, match=r"share is 1\.0, but must be between 0 and 1"):
        arrival_quantile(times, 1.0)
