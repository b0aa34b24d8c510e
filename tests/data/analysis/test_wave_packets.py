"""Arrival histograms and times."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from data.analysis import average_arrival, bin_arrivals, detection_probability, median_arrival
from data.analysis.estimates import Estimate
from data.analysis.wave_packets import arrival_quantile
from data.columns import TimeTags
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
def test_arrival_times_cover(estimator: Callable[..., Estimate], truth: float) -> None:
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
            "dtype of window_ps is float64, but must be an integer type that fits into int64; "
            "give int64 picoseconds",
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


def test_parts_of_a_run_add() -> None:
    times = np.random.default_rng(6).integers(-10, 1_100_000, 200_000)
    whole = bin_arrivals(times, 300_000, 1e-6, 50)
    parts = bin_arrivals(times[:70_001], 100_000, 1e-6, 50) + bin_arrivals(times[70_001:], 200_000, 1e-6, 50)
    assert np.array_equal(whole.counts, parts.counts)
    assert (whole.attempts, whole.outside) == (parts.attempts, parts.outside)
    with pytest.raises(ShapeError, match="edges of the second part has shape"):
        _ = whole + bin_arrivals([1], 1, 1e-6, 49)


def test_windows_with_a_fraction_of_a_picosecond_are_exact() -> None:
    """Bins of a third of 10 ps: edges at 10/3 and 20/3 ps, so whole picoseconds fall 4, 3, 3."""
    assert bin_arrivals(np.arange(12), 1, 10e-12, 3).counts.tolist() == [4, 3, 3]
    assert bin_arrivals(np.arange(12), 1, 10.5e-12, 3).counts.tolist() == [4, 3, 4]


def test_extreme_times_lie_outside() -> None:
    packet = bin_arrivals(np.array([-(2**63), 0, 2**63 - 1]), 1, 1e-6, 10_000)
    assert (packet.counts.sum(), packet.outside) == (1, 2)


def test_density_integrates_to_one() -> None:
    packet = bin_arrivals(np.arange(0, 2_000_000, 777), 9999, 1e-6, 40)
    assert (packet.density * np.diff(packet.edges)).sum() == pytest.approx(1)
    scale = packet.rate[0] / packet.density[0]
    assert packet.density_error == pytest.approx(packet.rate_error / scale)
    with pytest.raises(InsufficientDataError, match="a density of arrivals needs at least 1 clicks"):
        _ = bin_arrivals([], 1, 1e-6, 4).density


def test_efficiency_without_background_covers() -> None:
    """1500 runs with 5 % dark counts: 68 % inside, within 4.5 standard errors (5 %) and 3 %."""
    rng = np.random.default_rng(7)
    inside, attempts = [], 4000
    for _ in range(1500):
        photons = np.minimum(rng.exponential(3e6, rng.binomial(attempts, 0.03)), 19e6)
        dark = rng.uniform(0, 40e6, rng.poisson(0.05 * attempts))
        packet = bin_arrivals(np.append(photons, dark).astype(np.int64), attempts, 40e-6, 40)
        found = packet.efficiency(0.0, 20e-6, packet.background(20e-6, 40e-6))
        inside.append(abs(found.value - 0.03) <= found.error)
    assert np.mean(inside) == pytest.approx(0.683, abs=0.054 + 0.03)
    assert packet.background(20e-6, 40e-6).unit == "Hz"


def test_two_clicks_of_an_attempt_are_one_detection() -> None:
    shot, attempt = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 3, 0, 3], np.uint32)
    tags = TimeTags(
        np.arange(5), np.array([1, 2, 1, 1, 2], np.uint16), shot, attempt, np.zeros(5, np.uint16),
        np.array([5, 10, 20, 30, 40]),
    )  # fmt: skip
    assert detection_probability(tags, 8).value == 0.5
    assert detection_probability(tags, 8, channels=(2,)).value == 0.25
    assert detection_probability(tags, 8, begin=10e-12, end=30e-12).value == 0.25
    assert detection_probability(tags, 8, begin=5e-12, end=10e-12).value == 0.125
    with pytest.raises(RangeError) as more:
        detection_probability(tags, 3)
    assert str(more.value) == (
        "attempts with a click is 4, but must be <= 3, those played; "
        "give the attempts of all shots of this point"
    )
    with pytest.raises(
        RangeError, match=r"gate is from 2.0 s to 1.0 s, but must be of a length above 0 s; swap"
    ):
        detection_probability(tags, 3, 2.0, 1.0)


def test_gates_must_fit_the_bins() -> None:
    packet = bin_arrivals(np.zeros(9, np.int64), 5, 1e-6, 10)
    for gate in ((0.05e-6, 0.5e-6), (0.5e-6, 0.5e-6), (0.0, 1.1e-6), (float("nan"), 1e-6)):
        with pytest.raises(RangeError) as loose:
            packet.background(*gate)
        assert str(loose.value) == (
            f"gate is from {gate[0]} s to {gate[1]} s, but must be edges of bins, multiples of 1e-07 s "
            "within the window; choose bins that fit the gate"
        )
    with pytest.raises(RangeError) as many:
        packet.efficiency(0.0, 1e-6, Estimate(0.0, 0.0, "Hz"))
    assert str(many.value) == (
        "clicks in the gate is 9, but must be <= 5, one an attempt; "
        "use detection_probability(), which counts attempts with a click"
    )
    with pytest.raises(
        RangeError, match=r"bins is 10000000000000, but must be <= 9223372 for a window of 1\.0 s"
    ):
        bin_arrivals([1], 1, 1.0, 10**13)
