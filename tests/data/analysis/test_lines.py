"""Lines of spectra: one, several, dips, none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from data.analysis.counts import BinomialCounts, PoissonCounts
from data.analysis.fits import Fit
from data.analysis.lines import fit_lines, gaussian, lorentzian, pulse_line, warm_sideband
from data.errors import AnalysisError

PLACES = np.linspace(-500e3, 500e3, 51)
WIDTHS = (20e3, 1e6)


def fit_one(successes: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Fit:
    return fit_lines("a line", PLACES, BinomialCounts(successes, 400), WIDTHS).fit


@pytest.mark.slow
def test_errors_of_a_line_cover(coverage: Callable[..., None]) -> None:
    rng = np.random.default_rng(1)
    share = 0.01 + 0.3 * lorentzian(PLACES - 40e3, 180e3)
    fits = [fit_one(rng.binomial(400, share)) for _ in range(30)]
    coverage(fits, {"centre 1": 40e3, "width 1": 180e3, "height 1": 0.3})


def test_all_lines_are_found_and_no_more() -> None:
    """Three peaks, looked for with room for six; a seventh of noise would pass in 1e-6 of all seeds."""
    rng = np.random.default_rng(2)
    truth = [(-300e3, 60e3, 300.0), (-150e3, 60e3, 80.0), (210e3, 120e3, 150.0)]
    expected = 20 + sum(height * lorentzian(PLACES - centre, width) for centre, width, height in truth)
    found = fit_lines("a line", PLACES, PoissonCounts(rng.poisson(expected)), WIDTHS, most=6)
    assert len(found.lines) == 3
    for line, (centre, width, height) in zip(found.lines, truth, strict=True):
        assert abs(line.centre.value - centre) < 4.5 * line.centre.error
        assert abs(line.width.value - width) < 4.5 * line.width.error
        assert abs(line.height.value - height) < 4.5 * line.height.error
    assert found.fit.p_value > 1e-4
    assert found.model(PLACES) == pytest.approx(found.fit.prediction)


def test_dips() -> None:
    rng = np.random.default_rng(3)
    expected = 400 - 250 * gaussian(PLACES + 100e3, 90e3)
    found = fit_lines("a dip", PLACES, PoissonCounts(rng.poisson(expected)), WIDTHS, sign=-1, shape=gaussian)
    (dip,) = found.lines
    assert abs(dip.centre.value + 100e3) < 4.5 * dip.centre.error
    assert dip.height.value < 0
    assert abs(dip.height.value + 250) < 4.5 * dip.height.error


def test_flat_ground_has_no_line() -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(AnalysisError):
        fit_lines("a line", PLACES, PoissonCounts(rng.poisson(np.full(51, 30.0))), WIDTHS)


def test_shapes_have_the_width_and_height_that_they_say() -> None:
    half = np.array([0.0, 45e3])
    assert lorentzian(half, 90e3) == pytest.approx([1.0, 0.5])
    assert gaussian(half, 90e3) == pytest.approx([1.0, 0.5])
    # A pi pulse: 1 on the line, nothing where W t = 1.
    assert pulse_line(50e-6)(np.array([0.0, np.sqrt(3) * 10e3]), 10e3) == pytest.approx([1.0, 0.0], abs=1e-12)


def test_a_warm_sideband_is_the_mean_over_an_exponential_distribution() -> None:
    """Against 200 000 draws: errors below 0.001."""
    rng = np.random.default_rng(5)
    rabi = 5e3 * np.sqrt(rng.exponential(size=200_000))
    time, places = 200e-6, np.array([0.0, 3e3, 9e3])
    whole = np.hypot(rabi, places[:, None])
    expected = ((rabi / whole) ** 2 * np.sin(np.pi * whole * time) ** 2).mean(axis=1)
    assert warm_sideband(time)(places, 5e3) == pytest.approx(expected, abs=0.005)
