"""854 nm light empties D5/2: rates, where ions end, light shifts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hardware_sim.physics.bloch import NO_LIGHT, Beam, Polarisation, rabi, two_level_rate
from hardware_sim.physics.calcium import D52, LINE_393, LINE_850, LINE_854, P32, zeeman_shift
from hardware_sim.physics.quench import quench_rates

ACROSS = Polarisation.linear(0.0)
PLUS = Polarisation(0.0, 0.0, 1.0)
FIELD = 4.23e-4


@pytest.mark.parametrize("light", [ACROSS, PLUS, Polarisation.linear(1.0), Polarisation.linear(0.4)])
def test_every_scattered_photon_ends_somewhere(light: Polarisation) -> None:
    rates = quench_rates(Beam(0.7, 3e6, light), FIELD)
    assert rates.arrivals.sum(axis=0) == pytest.approx(rates.scattering, rel=1e-12)
    assert rates.arrivals.min() >= 0


def test_weak_light_scatters_as_two_levels_do_on_the_mean() -> None:
    """In no field, the saturation parameter is that of the mean over all sublevels."""
    for light in (ACROSS, Polarisation.linear(1.0), PLUS):
        rates = quench_rates(Beam(1e-6, 5e6, light), 0.0)
        assert rates.scattering.mean() == pytest.approx(two_level_rate(1e-6, 5e6, P32.linewidth), rel=1e-4)


def test_from_the_stretched_level_plus_light_leads_to_one_spin_alone() -> None:
    arrivals = quench_rates(Beam(0.1, 0.0, PLUS), FIELD).arrivals[:, 0]
    assert arrivals[1] == 0
    share = arrivals / arrivals.sum()
    assert share[0] == pytest.approx(LINE_393.branching, rel=1e-3)
    assert share[2] == pytest.approx(LINE_850.branching, rel=1e-3)
    # P3/2(-3/2) falls back to -5/2, -3/2 and -1/2 as 10 : 4 : 1.
    assert share[3:] == pytest.approx(LINE_854.branching * np.array([10, 4, 1, 0, 0, 0]) / 15, rel=1e-3)


def test_minus_light_leaves_the_lowest_sublevels_dark() -> None:
    minus = Polarisation(1.0, 0.0, 0.0)
    assert quench_rates(Beam(1.0, 0.0, minus), FIELD).scattering[:2] == pytest.approx([0, 0], abs=1e-6)


def test_one_photon_empties_an_ion_but_for_a_seventeenth() -> None:
    rates = quench_rates(Beam(0.5, 0.0, ACROSS), FIELD)
    left = rates.arrivals[:3].sum(axis=0) / rates.scattering
    assert left == pytest.approx(np.full(6, 1 - LINE_854.branching), rel=2e-3)


def test_far_light_shifts_the_levels() -> None:
    """Omega^2 / 4 delta: red light pushes D5/2 down."""
    light = Beam(1.0, -3e9, PLUS)
    omega = float(rabi(LINE_854, 1.0)) / (2 * math.pi) * math.sqrt(10 / 15)
    zeeman = zeeman_shift(P32, -1.5, FIELD) - zeeman_shift(D52, -2.5, FIELD)
    shift = quench_rates(light, FIELD).shifts[0]
    assert shift == pytest.approx(omega**2 / (4 * (-3e9 - zeeman)), rel=1e-3)


def test_no_light_does_nothing() -> None:
    assert quench_rates(NO_LIGHT, FIELD).arrivals.max() == 0
