"""Fringes: contrast, detuning with its sign, and coherence."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from data.analysis.fits import Fit
from data.analysis.fringes import (
    contrast_at,
    decayed,
    fit_coherence,
    fit_fringe,
    fit_ramsey,
    fringe,
    phase_shifts,
)
from data.errors import NoSignalError


@pytest.mark.slow
def test_errors_of_fringes_cover(coverage: Callable[..., None]) -> None:
    rng = np.random.default_rng(1)
    phases = np.arange(12) / 12
    share = fringe(phases + 0.1, 0.7, 0.48)
    fits = [fit_fringe(phases, rng.binomial(100, share), 100) for _ in range(80)]
    coverage(fits, {"contrast": 0.7, "phase": 0.1, "offset": 0.48})


@pytest.mark.parametrize("contrast", [0.99, 1.0])
def test_errors_of_almost_perfect_fringes_hold(contrast: float) -> None:
    """Where all ions are dark the deviance has a corner, whose curvature would tell of no error at all."""
    rng = np.random.default_rng(11)
    phases = np.arange(12) / 12
    share = fringe(phases + 0.1, contrast)
    for found in [fit_fringe(phases, rng.binomial(100, share), 100) for _ in range(40)]:
        assert found["contrast"].value <= 1
        for name, true in (("contrast", contrast), ("phase", 0.1), ("offset", 0.5)):
            assert abs(found[name].value - true) < 4.5 * found[name].error


def test_phases_are_given_between_minus_and_plus_half() -> None:
    rng = np.random.default_rng(2)
    phases = np.arange(12) / 12
    for start in (-0.45, 0.0, 0.45, 0.49):
        found = fit_fringe(phases, rng.binomial(500, fringe(phases + start, 0.9)), 500)
        assert -0.5 <= found["phase"].value <= 0.5
        away = (found["phase"].value - start + 0.5) % 1 - 0.5
        assert abs(away) < 4.5 * found["phase"].error


def test_parity_oscillates_twice() -> None:
    rng = np.random.default_rng(3)
    phases = np.arange(16) / 16
    found = fit_fringe(phases, rng.binomial(300, fringe(2 * phases - 0.2, 0.9)), 300, harmonic=2)
    assert abs(found["contrast"].value - 0.9) < 4.5 * found["contrast"].error
    assert abs(found["phase"].value + 0.2) < 4.5 * found["phase"].error
    with pytest.raises(NoSignalError):
        fit_fringe(phases, rng.binomial(300, fringe(2 * phases - 0.2, 0.9)), 300)


@pytest.mark.slow
def test_errors_of_ramsey_cover(coverage: Callable[..., None]) -> None:
    rng = np.random.default_rng(4)
    waits, phases = np.repeat(np.linspace(0, 2e-3, 21), 3), np.tile([0.0, 1 / 3, 2 / 3], 21)
    share = fringe(700 * waits + phases + 0.02, 0.9 * np.exp(-((600 * waits) ** 2)))
    fits = [fit_ramsey(waits, phases, rng.binomial(100, share), 100) for _ in range(50)]
    coverage(fits, {"detuning": 700.0, "contrast": 0.9, "decay_rate": 600.0})


@pytest.mark.parametrize("detuning", [-4400.0, -300.0, 0.0, 300.0, 4400.0])
def test_the_sign_of_a_detuning_is_told(detuning: float) -> None:
    """Up to half of one over the step of 0.1 ms."""
    rng = np.random.default_rng(5)
    waits, phases = np.repeat(np.linspace(0, 2e-3, 21), 3), np.tile([0.0, 1 / 3, 2 / 3], 21)
    share = fringe(detuning * waits + phases, 0.95)
    found = fit_ramsey(waits, phases, rng.binomial(200, share), 200, decay="exponential")
    assert abs(found["detuning"].value - detuning) < 4.5 * found["detuning"].error
    assert found["decay_rate"].value < 4.5 * found["decay_rate"].error


@pytest.mark.slow
def test_errors_of_coherence_cover(coverage: Callable[..., None]) -> None:
    rng = np.random.default_rng(6)
    waits, phases = np.repeat(np.linspace(0.01, 0.1, 10), 4), np.tile(np.arange(4) / 4, 10)
    share = fringe(phases + 0.03, decayed(waits, 0.93, 18.0, 1.6))
    fits = [fit_coherence(waits, phases, rng.binomial(200, share), 200) for _ in range(50)]
    coverage(fits, {"decay_rate": 18.0, "phase": 0.03})


def test_a_lost_contrast_is_not_invented() -> None:
    rng = np.random.default_rng(7)
    waits, phases = np.repeat(np.linspace(0.01, 0.1, 10), 4), np.tile(np.arange(4) / 4, 10)
    with pytest.raises(NoSignalError, match="the decay of a contrast does not show"):
        fit_coherence(waits, phases, rng.binomial(100, np.full(40, 0.5)), 100)


def test_contrast_at_a_known_phase_has_no_bias() -> None:
    """Where nothing is left, noise gives both signs: the mean of 400 is 0 within 4.5 of its errors."""
    rng = np.random.default_rng(8)
    phases = np.arange(4) / 4
    found = [contrast_at(phases, rng.binomial(100, np.full(4, 0.5)), 100, 0.0) for _ in range(400)]
    values = np.array([one.value for one in found])
    assert abs(values.mean()) < 4.5 * values.std() / 20
    assert values.std() == pytest.approx(found[0].error, rel=0.2)
    assert contrast_at(phases, [100, 50, 0, 50], 100, 0.5).value == pytest.approx(-1.0)


def test_shifts_of_a_fringe_that_turns_with_the_wait_are_found() -> None:
    """Fringes at 6 waits, each turned by an angle of its own, and none at the last one."""
    turned = np.array([0.0, 0.05, -0.06, 0.08, 0.02, 0.0])
    contrasts = np.array([0.95, 0.9, 0.8, 0.7, 0.6, 0.0])
    waits = np.repeat(np.arange(1.0, 7.0), 4)
    phases = np.tile(np.arange(4) / 4, 6)
    share = fringe(phases + np.repeat(turned, 4), np.repeat(contrasts, 4))
    dark = np.random.default_rng(8).binomial(5000, share)
    shifts, found = phase_shifts(waits, phases, dark, 5000)
    assert found == 5
    assert shifts[-4:].tolist() == [0.0] * 4
    seen = shifts[::4][:5]
    assert seen - seen[0] == pytest.approx((turned - turned[0])[:5], abs=0.015)
    plain, mended = (
        fit_coherence(waits, phases + extra, dark, 5000, spent=spent)
        for extra, spent in ((0.0, 0), (shifts, found - 1))
    )
    assert plain.p_value < 1e-6
    assert mended.freedom == plain.freedom - 4
    assert mended["contrast"].value > plain["contrast"].value - 0.05


def hardly_lost(fits: int) -> list[Fit]:
    """Fits of echoes that lose 1 % of their contrast in 20 ms, and 1 % at once."""
    rng = np.random.default_rng(9)
    waits, phases = np.repeat(np.linspace(4e-3, 20e-3, 5), 4), np.tile(np.arange(4) / 4, 5)
    share = fringe(phases, decayed(waits, 0.99, 0.8, 1.0))
    return [fit_coherence(waits, phases, rng.binomial(150, share), 150) for _ in range(fits)]


def test_a_contrast_that_hardly_falls_has_no_law() -> None:
    """The exponent is told of none, and no loss is invented; a false alarm in 7e-6 of all seeds."""
    for found in hardly_lost(4):
        assert "exponent" not in found.estimates
        assert found["contrast"].value > 0.9
        assert abs(found["decay_rate"].value - 0.8) < 4.5 * found["decay_rate"].error


@pytest.mark.slow
def test_errors_of_a_contrast_that_hardly_falls_cover(coverage: Callable[..., None]) -> None:
    fits = hardly_lost(60)
    assert sum("exponent" in found.estimates for found in fits) <= 6  # by chance: 2 of 100
    coverage(fits, {"decay_rate": 0.8})


def test_a_law_that_the_data_tell_is_told() -> None:
    rng = np.random.default_rng(10)
    waits, phases = np.repeat(np.linspace(0.01, 0.1, 10), 4), np.tile(np.arange(4) / 4, 10)
    share = fringe(phases, decayed(waits, 0.95, 15.0, 2.0))
    found = fit_coherence(waits, phases, rng.binomial(200, share), 200)
    assert abs(found["exponent"].value - 2.0) < 4.5 * found["exponent"].error < 2.0
    assert abs(found["decay_rate"].value - 15.0) < 4.5 * found["decay_rate"].error
