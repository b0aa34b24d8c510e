"""Couplings against the matrix exponential of the recoil, flops against sums, thermometry against itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import eval_laguerre

from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.sidebands import (
    coherent_distribution,
    displaced_number,
    displaced_thermal_distribution,
    flop,
    mean_from_sidebands,
    sideband_ratio,
    strength,
    thermal_carrier_flop,
    thermal_distribution,
)

SIZE = 160


def recoil_matrix(eta: float, size: int = SIZE) -> np.ndarray:
    """Return exp(i eta (a + a^+)), far from where the basis is cut."""
    lowering = np.diag(np.sqrt(np.arange(1, size)), 1)
    return np.asarray(expm(1j * eta * (lowering + lowering.T)))


@pytest.mark.parametrize("eta", [0.05, 0.3, 1.1])
@pytest.mark.parametrize("order", [-3, -2, -1, 0, 1, 2, 3])
def test_couplings_are_the_elements_of_the_recoil(eta: float, order: int) -> None:
    numbers, recoil = np.arange(40), recoil_matrix(eta)
    found = strength(numbers, order, eta**2)
    for n in numbers:
        expected = (recoil[n + order, n] / 1j ** abs(order)).real if n + order >= 0 else 0.0
        assert found[n] == pytest.approx(expected, abs=1e-10)


def test_couplings_obey_a_sum_rule_and_stay_finite_for_large_numbers() -> None:
    # The recoil is unitary: all ways out of a number together have the probability 1.
    for number in (0, 3, 2000, 100_000):
        eta_squared = 0.02 / (1 + number / 100)
        total = sum(float(strength(number, order, eta_squared)) ** 2 for order in range(-60, 61))
        assert total == pytest.approx(1.0, abs=1e-9)
    assert strength(np.array([10**6]), 2, 1e-7)[0] == pytest.approx(math.sqrt(1e-7 * 1e6) ** 2 / 2, rel=0.05)


def test_a_carrier_is_weakened_by_its_laguerre_polynomial() -> None:
    numbers = np.arange(100)
    np.testing.assert_allclose(strength(numbers, 0, 0.03), np.exp(-0.015) * eval_laguerre(numbers, 0.03))


def test_light_from_both_ends_couples_a_pair_alike() -> None:
    numbers = np.arange(2, 50)
    np.testing.assert_allclose(strength(numbers, -2, 0.1), strength(numbers - 2, 2, 0.1))


@pytest.mark.parametrize("detuning", [0.0, 7e3])
def test_a_flop_is_the_sum_over_numbers(detuning: float) -> None:
    weights, times = thermal_distribution(3.0, 120), np.linspace(0, 300e-6, 7)
    expected = np.zeros(7)
    for n, weight in enumerate(weights):
        own = 40e3 * 0.1 * math.exp(-0.005) * math.sqrt(n + 1) * eval_laguerre_1(n, 0.01) / (n + 1)
        whole = math.hypot(own, detuning)
        expected += weight * (own / whole) ** 2 * np.sin(np.pi * whole * times) ** 2
    np.testing.assert_allclose(flop(times, 40e3, weights, 1, 0.01, detuning), expected, atol=1e-12)


def eval_laguerre_1(n: int, x: float) -> float:
    """Return L_n^1(x), from its sum."""
    return sum(math.comb(n + 1, n - k) * (-x) ** k / math.factorial(k) for k in range(min(n, 12) + 1))


def test_the_thermal_carrier_has_a_closed_form_for_small_recoils() -> None:
    times = np.linspace(0, 100e-6, 41)
    exact = flop(times, 50e3, thermal_distribution(4.0, 300), 0, 1e-4)
    np.testing.assert_allclose(thermal_carrier_flop(times, 50e3, 4.0, 1e-4), exact, atol=2e-5)


@pytest.mark.parametrize("mean", [0.0, 0.2, 8.0])
def test_distributions_sum_to_one_and_have_their_means(mean: float) -> None:
    n = np.arange(800)
    for weights, expected in (
        (thermal_distribution(mean, 800), mean),
        (coherent_distribution(mean, 800), mean),
        (displaced_thermal_distribution(mean, 6.0, 800), mean + 6.0),
    ):
        assert weights.sum() == pytest.approx(1.0, abs=1e-9)
        assert weights @ n == pytest.approx(expected, abs=1e-6)


def test_a_displaced_thermal_state_is_a_displaced_mixture_of_numbers() -> None:
    thermal, displacement, n = 1.3, 2.2, np.arange(60)
    mixture = sum(
        weight * displaced_number(n, start, displacement)
        for start, weight in enumerate(thermal_distribution(thermal, 90))
    )
    np.testing.assert_allclose(displaced_thermal_distribution(thermal, displacement, 60), mixture, atol=1e-12)
    assert displaced_thermal_distribution(thermal, displacement, 1) == pytest.approx(mixture[0])
    np.testing.assert_allclose(
        displaced_thermal_distribution(0.0, displacement, 60), coherent_distribution(displacement, 60)
    )
    np.testing.assert_allclose(displaced_number(n, 0, displacement), coherent_distribution(displacement, 60))


@pytest.mark.parametrize("start", [0, 1, 7, 120, 300])
def test_a_displaced_number_state_is_whole(start: int) -> None:
    weights = displaced_number(np.arange(start + 200), start, 1.7)
    assert weights.sum() == pytest.approx(1.0, abs=1e-10)
    assert weights @ np.arange(start + 200) == pytest.approx(start + 1.7)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("mean", [0.05, 1.0, 12.0])
def test_sidebands_of_a_thermal_ion_tell_its_mean_at_any_time(order: int, mean: float) -> None:
    weights, times = thermal_distribution(mean, 900), np.array([30e-6, 110e-6, 350e-6])
    red, blue = (flop(times, 60e3, weights, sign * order, 0.02) for sign in (-1, 1))
    np.testing.assert_allclose(red / blue, sideband_ratio(mean, order), rtol=1e-9)
    if order == 1:
        assert mean_from_sidebands(float(red[1]), float(blue[1])) == pytest.approx(mean)


def test_what_no_thermal_ion_does_is_refused() -> None:
    with pytest.raises(ModelError) as caught:
        mean_from_sidebands(0.5, 0.5)
    assert str(caught.value) == (
        "excitation on the red sideband is 0.5, but must be at least 0 and below 0.5: measure for longer, or "
        "with pulses on which a thermal ion is not already half excited"
    )
    with pytest.raises(ModelError) as caught:
        thermal_distribution(-1.0, 3)
    assert str(caught.value) == (
        "mean phonon number is -1, but must be at least 0: give the mean of a number of quanta"
    )
