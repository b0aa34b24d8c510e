"""Rabi flops and lines: what fits find in data made by closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.flops import contrast, fit_flop, fit_resonance, rabi_line
from data.errors import AnalysisError, NoSignalError

ETA, MODE = 0.0714, 0.92e6


def flop(times: NDArray[np.float64], rabi: float, quanta: float) -> NDArray[np.float64]:
    """The flop of a warm ion without quadrature: in closed form, to first order in eta^2 n.

    With Rabi frequencies Omega (1 - eta^2 (n + 1/2)) the mean of exp(2 pi i Omega_n t) over a geometric n is
    a geometric series.
    """
    step = np.exp(-2j * np.pi * rabi * ETA**2 * times)
    start = np.exp(2j * np.pi * rabi * (1 - ETA**2 / 2) * times)
    return np.asarray((1 - (start / (1 + quanta * (1 - step))).real) / 2)


@pytest.mark.slow
def test_errors_of_flops_cover(coverage: Callable[..., None]) -> None:
    """The closed form leaves out eta^4 n^2 / 4, which is small for two phonons."""
    rng = np.random.default_rng(1)
    times = np.arange(1, 41) * 4e-6
    share = 0.01 + 0.96 * flop(times, 50e3, 2.0)
    fits = [fit_flop(times, rng.binomial(100, share), 100, [ETA], [MODE]) for _ in range(30)]
    coverage(fits, {"rabi_frequency": 50e3, "phonons": 2.0})


def test_phonons_of_a_cold_ion_are_none() -> None:
    rng = np.random.default_rng(2)
    times = np.arange(1, 41) * 4e-6
    share = 0.01 + 0.97 * np.sin(np.pi * 50e3 * (1 - ETA**2 / 2) * times) ** 2
    found = fit_flop(times, rng.binomial(200, share), 200, [ETA], [MODE])
    assert found["phonons"].value < 4 * found["phonons"].error
    assert found["phonons"].error < 1


@pytest.mark.parametrize("rabi", [9e3, 20e3, 110e3])
def test_flops_are_found_at_any_speed(rabi: float) -> None:
    """From a flop and a half in the scan to four points a flop; 4.5 standard errors."""
    rng = np.random.default_rng(3)
    times = np.arange(1, 61) * 2.5e-6
    share = 0.01 + 0.97 * flop(times, rabi, 1.0)
    found = fit_flop(times, rng.binomial(200, share), 200, [ETA], [MODE])
    assert abs(found["rabi_frequency"].value - rabi) < 4.5 * found["rabi_frequency"].error


@pytest.mark.slow
def test_without_light_there_is_no_flop() -> None:
    rng = np.random.default_rng(4)
    times = np.arange(1, 41) * 4e-6
    with pytest.raises(AnalysisError):
        fit_flop(times, rng.binomial(100, np.full(40, 0.03)), 100, [ETA], [MODE])


def test_too_few_points_for_a_flop() -> None:
    with pytest.raises(AnalysisError, match="needs at least 5 points, but there are 4"):
        fit_flop([1e-6, 2e-6, 3e-6, 4e-6], [1, 2, 3, 4], 10, [ETA], [MODE])


@pytest.mark.slow
def test_errors_of_lines_cover(coverage: Callable[..., None]) -> None:
    rng = np.random.default_rng(5)
    places, length = np.linspace(-40e3, 40e3, 41), 50e-6
    share = 0.02 + 0.86 * rabi_line(places - 6e3, length, 9e3)
    fits = [fit_resonance(places, rng.binomial(200, share), 200, length) for _ in range(40)]
    coverage(fits, {"centre": 6e3, "rabi_frequency": 9e3})


def test_a_line_beside_the_scan_is_not_invented() -> None:
    rng = np.random.default_rng(6)
    places = np.linspace(-40e3, 40e3, 41)
    with pytest.raises(AnalysisError):
        fit_resonance(places, rng.binomial(100, np.full(41, 0.02)), 100, 50e-6)


def test_rabi_line() -> None:
    """A pi pulse off by as much as it is strong: W t = sqrt(2) / 2, P = sin^2(pi sqrt(2) / 2) / 2."""
    assert rabi_line(50e3, 10e-6, 50e3) == pytest.approx(np.sin(np.pi / np.sqrt(2)) ** 2 / 2)
    assert rabi_line(0.0, 10e-6, 0.0) == 0.0


def test_no_signal_is_said_in_words() -> None:
    with pytest.raises(NoSignalError, match="a Rabi line does not show in the data"):
        fit_resonance(np.linspace(-40e3, 40e3, 41), np.tile([3, 4, 2, 3], 11)[:41], 100, 50e-6)


@pytest.mark.slow
def test_a_flop_upside_down_has_no_negative_contrast() -> None:
    """Ions that begin dark and turn bright are no flop: the contrast stays at or above zero."""
    times = np.linspace(2e-6, 60e-6, 30)
    share = 0.9 - 0.8 * np.sin(np.pi * 50e3 * times) ** 2
    dark = np.random.default_rng(9).binomial(200, share)
    found = fit_flop(times, dark, 200, [ETA], [MODE])
    assert contrast(found["floor"].value, found["share"].value) >= 0
    assert found.p_value < 1e-6
