from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.stats import poisson

from hardware_sim.physics.numbers import displaced_quantile, poisson_quantile
from hardware_sim.physics.sidebands import displaced_number


@pytest.mark.parametrize("most", [0.3, 5.0, 12.0, 30.0, 400.0, 1e5])
def test_quantiles_are_those_of_the_poisson_distribution(most: float) -> None:
    rng = np.random.default_rng(1)
    mean, luck = rng.uniform(0, most, 20_000), rng.random(20_000)
    np.testing.assert_array_equal(poisson_quantile(mean, luck), poisson.ppf(luck, mean))


def test_extreme_luck_stays_finite_and_slow_changes_move_numbers_slowly() -> None:
    mean = np.array([0.0, 1e-12, 3.0, 11.9, 12.0, 300.0])
    for luck in (0.0, 1e-300, 1 - 2**-53):
        found = poisson_quantile(mean, np.full(6, luck))
        assert (found >= 0).all()
        assert (found <= mean + 12 * np.sqrt(mean) + 40).all()
    rise = np.linspace(0, 60, 5000)
    numbers = poisson_quantile(rise, np.full(5000, 0.77))
    assert set(np.diff(numbers).tolist()) == {0, 1}


def test_thermal_displacements_make_thermal_numbers() -> None:
    # Frequencies of 200 000 draws within 5 standard errors, 20 of them: false alarm 1e-5.
    rng, shots, nbar = np.random.default_rng(2), 200_000, 4.0
    numbers = poisson_quantile(rng.exponential(nbar, shots), rng.random(shots))
    expected = (nbar / (nbar + 1)) ** np.arange(20) / (nbar + 1)
    found = np.bincount(numbers, minlength=20)[:20] / shots
    assert (np.abs(found - expected) < 5 * np.sqrt(expected / shots)).all()


@pytest.mark.parametrize(("start", "displacement"), [(1, 0.04), (3, 2.0), (25, 0.7), (60, 3.0), (0, 9.0)])
def test_a_displaced_number_state_is_drawn_as_it_is_distributed(start: int, displacement: float) -> None:
    # The quantile at equally spaced luck: every frequency within one draw.
    draws = 4000
    luck = (np.arange(draws) + 0.5) / draws
    found = displaced_quantile(np.full(draws, start), np.full(draws, displacement), luck)
    expected = displaced_number(np.arange(250), start, displacement)
    assert expected.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.abs(np.bincount(found, minlength=250) / draws - expected).max() < 1.5 / draws


def test_what_was_not_displaced_is_what_it_was() -> None:
    start = np.array([1, 7, 40_000])
    np.testing.assert_array_equal(displaced_quantile(start, np.zeros(3), np.array([0.0, 0.5, 1.0])), start)


@pytest.mark.parametrize(("start", "displacement"), [(200, 30.0), (5000, 0.5), (40_000, 90.0)])
def test_wide_swings_keep_mean_and_variance(start: int, displacement: float) -> None:
    luck = (np.arange(20_000) + 0.5) / 20_000
    found = displaced_quantile(np.full(20_000, start), np.full(20_000, displacement), luck)
    assert found.mean() == pytest.approx(start + displacement, rel=1e-3)
    assert found.var() == pytest.approx(displacement * (2 * start + 1), rel=0.02)


def test_numbers_of_a_long_string_are_quick() -> None:
    # 600 modes in 1000 shots: 0.11 s where it was measured; the bound is for slow and busy machines.
    rng = np.random.default_rng(3)
    mean, luck = rng.exponential(20.0, (1000, 600)), rng.random((1000, 600))
    began = time.perf_counter()
    poisson_quantile(mean, luck)
    assert time.perf_counter() - began < 2.0
