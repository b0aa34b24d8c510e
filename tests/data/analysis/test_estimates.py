"""Notation, counting statistics and averages."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, poisson

from data.analysis import Estimate, binomial, binomial_interval, mean, poisson_error, weighted_mean
from data.errors import AnalysisError, InsufficientDataError, RangeError, UnitError


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.091, 0.008), "0.091(8)"),
        (Estimate(0.92, 0.01), "0.920(10)"),
        (Estimate(92.0, 1.0, "%"), "92.0(10) %"),
        (Estimate(0.827, 0.119), "0.83(12)"),
        (Estimate(0.827, 0.367), "0.8(4)"),
        (Estimate(0.8271, 0.0968), "0.83(10)"),
        (Estimate(12340.0, 120.0), "12340(120)"),
        (Estimate(-3.21, 0.05), "-3.21(5)"),
        (Estimate(0.0, 0.02), "0.000(20)"),
        (Estimate(0.0, 0.0), "0(0)"),
        (Estimate(0.25, 0.0), "0.25(0)"),
        (Estimate(5.3e-6, 2e-7), "5.30(20)e-6"),
        (Estimate(1.5e7, 2e5), "1.500(20)e7"),
        (Estimate(729e-9, 1e-9, "m"), "729.0(10) nm"),
        (Estimate(1.2e6, 5e3, "Hz"), "1.200(5) MHz"),
        (Estimate(0.0621, 0.003, "s"), "62.1(30) ms"),
        (Estimate(3e-15, 1e-15, "s"), "0.0030(10) ps"),
        (Estimate(0.25, 0.01, "turn"), "0.250(10) turn"),
    ],
)
def test_notation(estimate: Estimate, text: str) -> None:
    assert str(estimate) == text


def test_numbers_of_numpy_are_written_as_others() -> None:
    assert str(Estimate(np.float64(62.2), np.float64(0.53), "Hz")) == "62.2(5) Hz"


def test_percent_and_alignment() -> None:
    assert f"{Estimate(0.921, 0.0104):%}" == "92.1(10) %"
    assert f"{Estimate(0.5, 0.1):>10}" == "  0.50(10)"


@settings(deadline=None, max_examples=300)
@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e4))
def test_notation_reads_back_within_its_last_digit(value: float, error: float) -> None:
    match = re.fullmatch(r"(-?\d+(?:\.(\d+))?)\((\d+)\)", str(Estimate(value, error)))
    assert match is not None
    decimals = len(match[2] or "")
    step = 10.0**-decimals
    shown = int(match[3]) * step
    # The error keeps one digit from 355 up and two below, so it is shown to within 0.5 of 3.55.
    assert shown == pytest.approx(error, rel=0.5 / 3.5)
    assert abs(float(match[1]) - value) <= shown / 2


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (math.nan, 1.0, "value is nan, but must be finite; check the data for NaN and empty columns"),
        (1.0, -0.1, "error is -0.1, but must be finite and >= 0; give one standard deviation"),
        (1.0, math.inf, "error is inf, but must be finite and >= 0; give one standard deviation"),
    ],
)
def test_estimate_refuses(value: float, error: float, text: str) -> None:
    with pytest.raises(RangeError) as caught:
        Estimate(value, error)
    assert str(caught.value) == text


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (3, 10), (10, 10), (91, 1000), (1, 1)])
@pytest.mark.parametrize("confidence", [0.6827, 0.95])
def test_interval_is_wilsons(successes: int, trials: int, confidence: float) -> None:
    expected = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert binomial_interval(successes, trials, confidence) == pytest.approx(
        (expected.low, expected.high), abs=1e-12
    )


def test_interval_covers_its_probability_exactly() -> None:
    """Coverage summed over all outcomes, so nothing is random here."""
    trials = 50
    successes = np.arange(trials + 1)
    ends = np.array([binomial_interval(int(k), trials) for k in successes])
    estimates = [binomial(int(k), trials) for k in successes]
    probabilities = np.linspace(0.02, 0.98, 1921)[:, None]
    weights = binom.pmf(successes, trials, probabilities)
    inside = (ends[:, 0] <= probabilities) & (probabilities <= ends[:, 1])
    assert 0.67 < (weights * inside).sum(axis=1).mean() < 0.70
    errors = np.array([estimate.error for estimate in estimates])
    held = np.abs(successes / trials - probabilities) <= errors
    assert (held | ~inside).all()
    assert (weights * held).sum(axis=1).mean() < 0.76


def test_binomial_error_is_the_textbook_error_for_many() -> None:
    estimate = binomial(91_000, 1_000_000)
    assert estimate.value == 0.091
    assert estimate.error == pytest.approx(math.sqrt(0.091 * 0.909 / 1e6), rel=2e-3)
    assert binomial(0, 7).error == pytest.approx(1 / 8, rel=1e-3)


def test_poisson_error_covers() -> None:
    means = np.linspace(0.05, 60, 600)[:, None]
    counts = np.arange(200)
    held = np.abs(counts - means) <= poisson_error(counts)
    coverage = (poisson.pmf(counts, means) * held).sum(axis=1)
    assert 0.683 < coverage.mean() < 0.76
    assert poisson_error(1e8) == pytest.approx(1e4, rel=1e-4)


def test_averages() -> None:
    estimates = [Estimate(0.90, 0.03), Estimate(0.94, 0.04)]
    average = mean(estimates)
    assert (average.value, average.error) == pytest.approx((0.92, 0.025))
    weighted = weighted_mean(estimates)
    assert weighted.value == pytest.approx((0.90 / 9 + 0.94 / 16) / (1 / 9 + 1 / 16))
    assert weighted.error == pytest.approx(0.024)
    assert mean(iter([Estimate(1.0, 0.1, "s")])) == Estimate(1.0, 0.1, "s")


def test_weighted_mean_scatters_as_its_error_says() -> None:
    """4000 pulls: mean 0 and spread 1 within 4.9 standard errors, so 2e-6 false alarms."""
    rng = np.random.default_rng(11)
    errors = np.array([0.01, 0.02, 0.05])
    pulls = []
    for draws in 0.3 + errors * rng.standard_normal((4000, 3)):
        average = weighted_mean(Estimate(*row) for row in zip(draws, errors, strict=True))
        pulls.append((average.value - 0.3) / average.error)
    assert abs(np.mean(pulls)) < 4.9 / math.sqrt(4000)
    assert abs(np.std(pulls) - 1) < 0.055


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: binomial(0, 0),
            InsufficientDataError,
            "a probability needs at least 1 trials, but there are 0; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: binomial(5, 4),
            RangeError,
            "successes is 5, but must be 0 to 4; count every success within a trial",
        ),
        (
            lambda: binomial_interval(1, 4, 1.5),
            RangeError,
            "confidence is 1.5, but must be between 0 and 1; one standard deviation is 0.6827",
        ),
        (
            lambda: mean([]),
            InsufficientDataError,
            "an average needs at least 1 estimates, but there are 0; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: mean([Estimate(1, 1, "s"), Estimate(1, 1, "Hz")]),
            UnitError,
            "the estimates have different units ('s', 'Hz'), but an average needs one; convert them first",
        ),
        (
            lambda: weighted_mean([Estimate(1, 1, "V"), Estimate(1, 0, "V")]),
            RangeError,
            "error of estimate 1 is 0.0, but must be > 0 V; use mean() instead",
        ),
    ],
)
def test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
