"""Counts to states: the best threshold and its errors."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import poisson

from data.analysis import best_threshold, classify_bright, decay_probability, error_matrix, poisson_threshold
from data.analysis.thresholds import below_levels
from data.errors import RangeError


@pytest.mark.parametrize(
    ("dark", "bright"), [(2.0, 30.0), (0.1, 0.5), (0.0, 5.0), (10.0, 12.0), (3.0, 400.0), (1.0, math.e)]
)
def test_threshold_has_the_fewest_errors_of_all(dark: float, bright: float) -> None:
    errors = [poisson.sf(level - 1, dark) + poisson.cdf(level - 1, bright) for level in range(1, 500)]
    best = poisson_threshold(dark, bright)
    assert errors[best - 1] == pytest.approx(min(errors), abs=1e-15)


def test_an_ion_without_counts_is_never_bright() -> None:
    assert poisson_threshold(5e-324, 30.0) == 1


def test_published_threshold() -> None:
    """Bright 15 kcps and dark 1 kcps for 2 ms: threshold 11, error below 1 % (J. Schupp, thesis, 5.3)."""
    assert poisson_threshold(dark=2.0, bright=30.0) == 11
    matrix = error_matrix(11, dark=2.0, bright=30.0, decay=-math.expm1(-2e-3 / 1.168))
    assert matrix[0, 1] < 0.01
    assert matrix[1, 0] < 0.01
    assert matrix[0, 1] > 100 * error_matrix(11, dark=2.0, bright=30.0)[0, 1]


@pytest.mark.parametrize(
    ("dark", "bright", "decay"), [(2.0, 30.0, 0.002), (1.0, 8.0, 0.5), (5.0, 2000.0, 0.1)]
)
def test_error_matrix_averages_over_the_moment_of_decay(dark: float, bright: float, decay: float) -> None:
    threshold = poisson_threshold(dark, bright)
    rate = -math.log(1 - decay)

    def called_dark(moment: float) -> float:
        mean = dark * moment + bright * (1 - moment)
        return rate * math.exp(-rate * moment) * float(poisson.cdf(threshold - 1, mean))

    decayed, _ = quad(called_dark, 0, 1, limit=400, epsabs=1e-11, points=[1 - threshold / bright])
    matrix = error_matrix(threshold, dark, bright, decay)
    assert matrix[0, 0] == pytest.approx((1 - decay) * poisson.cdf(threshold - 1, dark) + decayed, abs=1e-7)
    assert matrix[1, 0] == pytest.approx(poisson.cdf(threshold - 1, bright), abs=1e-12)
    assert matrix.sum(axis=1) == pytest.approx(1)


def test_error_matrix_is_what_simulated_readouts_show() -> None:
    """100 000 readouts of each state: bounds at 4.9 standard errors, 2e-6 false alarms."""
    rng = np.random.default_rng(5)
    moment = np.minimum(rng.exponential(1 / 0.2, 100_000), 1.0)
    shelved = rng.poisson(1.0 * moment + 8.0 * (1 - moment))
    bright = rng.poisson(8.0, 100_000)
    matrix = error_matrix(4, 1.0, 8.0, decay=1 - math.exp(-0.2))
    for row, counts in enumerate((shelved, bright)):
        expected = matrix[row, 1]
        allowed = 4.9 * math.sqrt(expected * (1 - expected) / 100_000)
        assert classify_bright(counts, 4).mean() == pytest.approx(expected, abs=allowed)


def test_classify_keeps_the_shape() -> None:
    assert classify_bright(np.arange(6).reshape(2, 3), 3).tolist() == [[False] * 3, [True] * 3]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: classify_bright([1], 0),
            "threshold is 0, but must be >= 1 count; take poisson_threshold()",
        ),
        (
            lambda: classify_bright([1], math.nan),  # type: ignore[arg-type]
            "threshold is nan, but must be >= 1 count; take poisson_threshold()",
        ),
        (
            lambda: poisson_threshold(-1.0, 5.0),
            "dark is -1.0, but must be finite and >= 0 counts; give the mean counts of one readout",
        ),
        (
            lambda: poisson_threshold(5.0, 5.0),
            "bright is 5.0, but must be above the 5.0 counts of a dark ion; check the detection beam",
        ),
        (
            lambda: error_matrix(3, 1.0, 5.0, 1.0),
            "decay is 1.0, but must be 0 <= decay < 1; it is 1 - exp(-duration / lifetime)",
        ),
    ],
)
def test_messages(call: Callable[[], object], text: str) -> None:
    with pytest.raises(RangeError) as caught:
        call()
    assert str(caught.value) == text


@pytest.mark.parametrize(("decay", "share"), [(0.0, 0.5), (0.05, 0.5), (0.01, 0.02), (0.3, 0.9)])
def test_best_threshold_is_the_best_of_all(decay: float, share: float) -> None:
    def errors(level: int) -> float:
        matrix = error_matrix(level, 1.5, 20.0, decay)
        return float((1 - share) * matrix[0, 1] + share * matrix[1, 0])

    best = best_threshold(1.5, 20.0, decay, share)
    assert errors(best) == pytest.approx(min(errors(level) for level in range(1, 80)), abs=1e-15)


def test_levels_agree_with_the_matrix() -> None:
    below = below_levels([0, 1, 7], 1.5, 20.0, 0.05)
    assert below[:, 0].tolist() == [0.0, 0.0]
    matrices = [error_matrix(level, 1.5, 20.0, 0.05) for level in (1, 7)]
    assert below[:, 1:] == pytest.approx(np.stack([matrix[:, 0] for matrix in matrices], axis=1))


def test_decay_of_the_published_readout() -> None:
    assert decay_probability(1.5e-3) == pytest.approx(1.5e-3 / 1.168, rel=1e-3)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: best_threshold(1.0, 5.0, share=1.0),
            "share is 1.0, but must be between 0 and 1; 0.5 for states that are equally frequent",
        ),
        (
            lambda: decay_probability(0.0),
            "duration is 0.0 s, but must be finite and > 0 s; give seconds",
        ),
        (
            lambda: decay_probability(1.0, math.nan),
            "lifetime is nan s, but must be finite and > 0 s; give seconds",
        ),
    ],
)
def test_messages_of_levels(call: Callable[[], object], text: str) -> None:
    with pytest.raises(RangeError) as caught:
        call()
    assert str(caught.value) == text
