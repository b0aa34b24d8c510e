"""Deviances and their moments, against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from data.analysis.counts import BinomialCounts, NormalValues, PoissonCounts
from data.errors import RangeError, ShapeError


def test_binomial_deviance_is_twice_the_missing_log_likelihood() -> None:
    successes, trials, share = np.array([3.0, 0.0, 20.0]), 20.0, np.array([0.2, 0.05, 0.9])
    scipy_stats = pytest.importorskip("scipy.stats")
    reached = scipy_stats.binom.logpmf(successes, trials, share).sum()
    best = scipy_stats.binom.logpmf(successes, trials, successes / trials).sum()
    assert BinomialCounts(successes, trials).deviance(share) == pytest.approx(2 * (best - reached))


def test_poisson_deviance_is_twice_the_missing_log_likelihood() -> None:
    counts, means = np.array([3.0, 0.0, 20.0]), np.array([2.0, 0.5, 25.0])
    scipy_stats = pytest.importorskip("scipy.stats")
    reached = scipy_stats.poisson.logpmf(counts, means).sum()
    best = scipy_stats.poisson.logpmf(counts, counts).sum()
    assert PoissonCounts(counts).deviance(means) == pytest.approx(2 * (best - reached))


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 0.75, 0.999])
@pytest.mark.slow
def test_binomial_moments(share: float) -> None:
    """Against 40 000 data sets: 5 standard errors of the mean and, roughly, of the variance."""
    rng = np.random.default_rng(1)
    truth = np.full(8, share)
    drawn = rng.binomial(200, truth, (40_000, 8))
    deviances = np.array([BinomialCounts(row, 200).deviance(truth) for row in drawn[:4000]])
    mean, variance = BinomialCounts(drawn[0], 200).moments(truth)
    assert deviances.mean() == pytest.approx(mean, abs=5 * (variance / 4000) ** 0.5)
    assert deviances.var() == pytest.approx(variance, rel=0.25)


@pytest.mark.parametrize("level", [0.01, 0.7, 12.0, 300.0])
def test_poisson_moments(level: float) -> None:
    rng = np.random.default_rng(2)
    truth = np.full(8, level)
    drawn = rng.poisson(truth, (4000, 8))
    deviances = np.array([PoissonCounts(row).deviance(truth) for row in drawn])
    mean, variance = PoissonCounts(drawn[0]).moments(truth)
    assert deviances.mean() == pytest.approx(mean, abs=5 * (variance / 4000) ** 0.5)
    assert deviances.var() == pytest.approx(variance, rel=0.25)


def test_many_counts_follow_chi_squared() -> None:
    assert BinomialCounts([500], 1000).moments(np.array([0.5])) == (1.0, 2.0)
    assert PoissonCounts([500]).moments(np.array([500.0])) == (1.0, 2.0)


def test_errors_stay_above_zero() -> None:
    errors = BinomialCounts([0, 50, 100], 100).errors
    assert errors[0] > 0
    assert errors[1] == pytest.approx(0.05, rel=0.02)
    assert errors[0] == pytest.approx(errors[2])


def test_what_is_no_count_is_refused() -> None:
    with pytest.raises(RangeError) as told:
        BinomialCounts([5, 11], 10)
    assert str(told.value) == (
        "successes[1] is 11.0, but must be between 0 and the trials of the point; "
        "check the columns of the run"
    )
    with pytest.raises(RangeError, match=r"trials\[0\] is 0.0, but must be at least 1"):
        BinomialCounts([0], 0)
    with pytest.raises(RangeError, match=r"counts\[1\] is -1.0, but must be >= 0"):
        PoissonCounts([1, -1])
    with pytest.raises(RangeError, match=r"errors\[0\] is 0.0, but must be > 0"):
        NormalValues([1.0], [0.0])
    with pytest.raises(RangeError, match=r"counts\[0\] is nan, but must be finite"):
        PoissonCounts([np.nan])
    with pytest.raises(ShapeError, match="one for each value"):
        NormalValues([1.0, 2.0], [1.0])
    with pytest.raises(ShapeError, match=r"needed"):
        PoissonCounts([[[1, 2]]])
