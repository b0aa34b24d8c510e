"""Counts to states: the best threshold and its errors."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import poisson

from data.analysis import classify_bright, error_matrix, poisson_threshold
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
