"""Rates: exact intervals against their definition, and coverage by summing over all counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from data.analysis.rates import Bounded, net_rate, poisson_rate, rate_ratio
from data.errors import InsufficientDataError, RangeError


@pytest.mark.parametrize("counts", [0, 1, 7, 400])
def test_ends_of_a_rate_are_the_rates_that_just_allow_the_counts(counts: int) -> None:
    found = poisson_rate(counts, 2.0, 0.9)
    assert stats.poisson.cdf(counts, 2.0 * found.high) == pytest.approx(0.05)
    if counts:
        assert stats.poisson.sf(counts - 1, 2.0 * found.low) == pytest.approx(0.05)
    else:
        assert found.low == 0.0
    assert found.value == counts / 2.0


@pytest.mark.parametrize("mean", [0.3, 2.0, 9.5, 60.0])
def test_intervals_of_a_rate_never_cover_less_than_they_say(mean: float) -> None:
    counts = np.arange(200)
    ends = [poisson_rate(int(count), 1.0) for count in counts]
    inside = np.array([one.low <= mean <= one.high for one in ends])
    assert float(stats.poisson.pmf(counts, mean) @ inside) >= 0.6827


def test_ratios_are_those_of_binomial_intervals() -> None:
    found = rate_ratio(7, 2.0, 20, 8.0, 0.9)
    assert found.value == pytest.approx(7 / 2 / (20 / 8))
    low, high = (end / 4 / (1 + end / 4) for end in (found.low, found.high))  # 8 s against 2 s
    assert stats.binom.sf(6, 27, low) == pytest.approx(0.05)
    assert stats.binom.cdf(7, 27, high) == pytest.approx(0.05)
    assert rate_ratio(0, 1.0, 5, 1.0).low == 0.0
    assert rate_ratio(5, 1.0, 0, 1.0).high == np.inf
    assert rate_ratio(5, 1.0, 0, 1.0).value == np.inf


@pytest.mark.parametrize("signal", [0.0, 1.0, 4.0, 30.0])
@pytest.mark.parametrize("ground", [1.0, 5.0, 50.0])
def test_net_rates_cover_about_as_often_as_they_say(signal: float, ground: float) -> None:
    """By summing over both counts; the background is counted four times as long."""
    whole, below = np.arange(140), np.arange(320)
    chances = np.multiply.outer(
        stats.poisson.pmf(whole, signal + ground), stats.poisson.pmf(below, 4 * ground)
    )
    rows = np.argwhere(chances > 1e-4)
    inside = [net_rate(int(n), 1.0, int(b), 4.0) for n, b in rows]
    held = np.array([one.low <= signal <= one.high for one in inside])
    covered = float(chances[tuple(rows.T)] @ held) / float(chances[tuple(rows.T)].sum())
    assert 0.66 < covered < 0.89


@pytest.mark.parametrize(("signal", "ground", "longer"), [(1.0, 0.2, 20), (1.5, 0.01, 100), (3.0, 2.0, 4)])
def test_net_rates_cover_more_often_where_few_events_are_expected(
    signal: float, ground: float, longer: int
) -> None:
    """By summing over both counts; 66 to 94 %, as the text says."""
    whole, below = np.arange(25), np.arange(40)
    chances = np.outer(stats.poisson.pmf(whole, signal + ground), stats.poisson.pmf(below, longer * ground))
    covered = 0.0
    for seen, back in np.argwhere(chances > 1e-6).tolist():
        found = net_rate(seen, 1.0, back, float(longer))
        covered += float(chances[seen, back]) * (found.low <= signal <= found.high)
    assert 0.66 < covered < 0.94


def test_a_net_rate_may_be_negative() -> None:
    found = net_rate(3, 1.0, 40, 8.0)
    assert found.value == -2.0
    assert found.low < -2.0 < found.high


def test_texts() -> None:
    assert str(Bounded(0.0, 0.0, 1.84, unit="1/s")) == "0 (0 to 1.84) 1/s"
    with pytest.raises(RangeError) as told:
        poisson_rate(-1, 1.0)
    assert str(told.value) == "counts is -1, but must be >= 0; give raw counts, nothing subtracted"
    with pytest.raises(
        RangeError, match=r"time is 0\.0, but must be finite and > 0 s; give the time in which"
    ):
        poisson_rate(1, 0.0)
    with pytest.raises(RangeError, match=r"confidence is 1\.0, but must be between 0 and 1"):
        poisson_rate(1, 1.0, 1.0)
    with pytest.raises(RangeError, match="reference_time is nan"):
        rate_ratio(1, 1.0, 1, float("nan"))
    with pytest.raises(
        InsufficientDataError, match="a ratio of rates needs at least 1 events, but there are 0"
    ):
        rate_ratio(0, 1.0, 0, 1.0)
