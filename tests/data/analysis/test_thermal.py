"""Thermal averages, against sums over phonon numbers."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import eval_genlaguerre, eval_laguerre

from data.analysis.flops import averaged_flop, blue_sideband, rabi_line
from data.analysis.thermal import carrier_factors, equal_temperature, thermal_nodes
from data.errors import RangeError

TIMES = np.linspace(0, 200e-6, 25)
RABI = 54e3


def weights(quanta: float, most: int) -> NDArray[np.float64]:
    return np.asarray((quanta / (quanta + 1)) ** np.arange(most) / (quanta + 1))


def summed_flop(etas: NDArray[np.float64], quanta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Flops over every combination of phonon numbers that matters."""
    factors, chances = np.ones(1), np.ones(1)
    for eta, mean in zip(etas, quanta, strict=True):
        numbers = np.arange(int(16 * mean + 20))
        factors = np.outer(factors, np.exp(-(eta**2) / 2) * eval_laguerre(numbers, eta**2)).ravel()
        chances = np.outer(chances, weights(mean, len(numbers))).ravel()
    return np.asarray((1 - np.cos(2 * np.pi * RABI * np.outer(TIMES, factors)) @ chances) / 2)


@pytest.mark.parametrize("quanta", [0.0, 0.05, 2.0, 11.0, 60.0])
def test_one_mode_is_exact(quanta: float) -> None:
    """Ten flops and more: nodes follow them to 1e-4, also where the carrier changes sign."""
    etas = np.array([0.0714])
    found = averaged_flop(TIMES, RABI, *carrier_factors(etas, [quanta]))
    assert found == pytest.approx(summed_flop(etas, np.array([quanta])), abs=1e-4)


@pytest.mark.parametrize("quanta", [0.1, 3.0, 8.0])
@pytest.mark.slow
def test_weak_modes_together_are_good(quanta: float) -> None:
    etas, frequencies = np.array([0.0714, 0.0313, 0.0310]), np.array([0.92e6, 2.40e6, 2.44e6])
    numbers = equal_temperature(quanta, frequencies)
    found = averaged_flop(TIMES, RABI, *carrier_factors(etas, numbers))
    assert found == pytest.approx(summed_flop(etas, numbers), abs=5e-4)


def test_many_modes_against_draws() -> None:
    """Thirty modes of ten ions at the Doppler limit: the second order leaves 0.02, 20 000 draws 0.005."""
    rng = np.random.default_rng(1)
    frequencies = np.linspace(0.3e6, 2.4e6, 30)
    etas = 0.07 * np.sqrt(0.92e6 / frequencies / 10)
    numbers = equal_temperature(35.0, frequencies)
    drawn = rng.geometric(1 / (numbers + 1), (20_000, 30)) - 1
    factors = np.prod(np.exp(-(etas**2) / 2) * eval_laguerre(drawn, etas**2), axis=1)
    expected = averaged_flop(TIMES, RABI, factors, np.full(20_000, 1 / 20_000))
    assert averaged_flop(TIMES, RABI, *carrier_factors(etas, numbers)) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("quanta", [0.0, 1.0, 12.0])
def test_blue_sideband(quanta: float) -> None:
    eta, time, places = 0.0714, 140e-6, np.linspace(-15e3, 15e3, 13)
    numbers = np.arange(int(20 * quanta + 20))
    strengths = np.exp(-(eta**2) / 2) * eta * eval_genlaguerre(numbers, 1, eta**2) / np.sqrt(numbers + 1)
    expected = rabi_line(places[:, None], time, RABI * strengths) @ weights(quanta, len(numbers))
    assert blue_sideband(places, time, RABI, quanta, eta) == pytest.approx(expected, abs=1e-4)


def test_equal_temperature_is_that_of_bose_and_einstein() -> None:
    numbers = equal_temperature(4.0, np.array([1e6, 2e6, 3e6]))
    assert np.log1p(1 / numbers) / np.array([1, 2, 3]) == pytest.approx(np.full(3, np.log1p(1 / 4)))
    assert equal_temperature(0.0, np.array([1e6, 2e6])).tolist() == [0.0, 0.0]


def test_negative_quanta_are_refused() -> None:
    with pytest.raises(RangeError, match=r"quanta is -1\.0, but must be finite and >= 0"):
        thermal_nodes(-1.0, 4)
