"""Phonons from sidebands, with data from sums over phonon numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.flops import rabi_line
from data.analysis.thermometry import fit_sidebands, sideband_ratio
from data.errors import AnalysisError, NoSignalError, UndeterminedError

ETA, RABI, TIME, MODE = 0.0714, 54e3, 140e-6, 920e3
AROUND = np.linspace(-25e3, 25e3, 31)
PLACES = np.concatenate([AROUND - MODE, AROUND + MODE])


def spectrum(quanta: float, mode: float, carrier: float) -> NDArray[np.float64]:
    """Both sidebands in the Lamb-Dicke limit, phonon number by phonon number."""
    numbers = np.arange(int(25 * quanta + 15))
    chances = (quanta / (quanta + 1)) ** numbers / (quanta + 1)
    red, blue = PLACES[:31] - carrier + mode, PLACES[31:] - carrier - mode
    down = rabi_line(red[:, None], TIME, RABI * ETA * np.sqrt(numbers)) @ chances
    up = rabi_line(blue[:, None], TIME, RABI * ETA * np.sqrt(numbers + 1)) @ chances
    return np.concatenate([down, up])


@pytest.mark.slow
def test_errors_of_thermometry_cover(coverage: Callable[..., None]) -> None:
    """The Lamb-Dicke limit is 1 % off in strength at two phonons, which is within the error of each fit."""
    rng = np.random.default_rng(1)
    share = 0.02 + 0.96 * spectrum(1.0, MODE + 300, 1000.0)
    fits = [
        fit_sidebands(PLACES, rng.binomial(150, share), 150, duration=TIME, lamb_dicke=ETA, rabi=50e3)
        for _ in range(20)
    ]
    coverage(fits, {"phonons": 1.0, "mode_frequency": MODE + 300, "carrier": 1000.0})


@pytest.mark.parametrize(("quanta", "blue", "shots"), [(0.5, 0.5, 200), (0.1, 0.4, 100)])
def test_a_ratio_of_sidebands_is_biased_as_stated(quanta: float, blue: float, shots: int) -> None:
    """3000 ratios: the mean is too high by what the docstring says, to 4.5 of its errors."""
    rng, red = np.random.default_rng(4), blue * quanta / (quanta + 1)
    flips = rng.binomial(shots, (red, blue), (3000, 2)).tolist()
    values = np.array([sideband_ratio(*pair, shots).value for pair in flips])
    bias = quanta * (quanta + 1) ** 2 * (2 - blue - red) / (blue * shots)
    assert values.mean() == pytest.approx(quanta + bias, abs=4.5 * values.std() / 3000**0.5)


@pytest.mark.parametrize("quanta", [0.0, 0.05, 0.4])
def test_cold_ions(quanta: float) -> None:
    rng = np.random.default_rng(2)
    share = 0.005 + 0.99 * spectrum(quanta, MODE, 0.0)
    found = fit_sidebands(PLACES, rng.binomial(300, share), 300, duration=TIME, lamb_dicke=ETA, rabi=50e3)
    assert abs(found["phonons"].value - quanta) < 4.5 * found["phonons"].error
    assert found["phonons"].error < 0.1


def test_without_sidebands_there_is_no_temperature() -> None:
    rng = np.random.default_rng(3)
    with pytest.raises(AnalysisError):
        fit_sidebands(
            PLACES, rng.binomial(100, np.full(62, 0.01)), 100, duration=TIME, lamb_dicke=ETA, rabi=50e3
        )


def test_ratio() -> None:
    found = sideband_ratio(50, 500, 1000)
    assert found.value == pytest.approx(1 / 9)
    rng = np.random.default_rng(4)
    pulls = []
    for _ in range(400):
        one = sideband_ratio(rng.binomial(1000, 0.2), rng.binomial(1000, 0.4), 1000)
        pulls.append((one.value - 1.0) / one.error)
    # n = r / (1 - r) is skewed: pulls have mean 0.05 and width 1.05; 4.5 errors of 0.05 and 0.035.
    assert abs(np.mean(pulls)) < 0.3
    assert abs(np.std(pulls) - 1) < 0.25


def test_alike_sidebands_leave_the_temperature_open() -> None:
    with pytest.raises(UndeterminedError, match="do not determine the phonon number of two sidebands"):
        sideband_ratio(495, 500, 1000)
    with pytest.raises(NoSignalError, match="a blue sideband does not show"):
        sideband_ratio(0, 0, 1000)
