"""Scattering without a cavity: that of the elimination far from resonance, and bounded on it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hardware_sim.physics.cavity import Cavity
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.raman import (
    Drive,
    RamanModel,
    emit,
    refuse_excitation,
    scattering_rate,
    stark_shift,
)
from hardware_sim.physics.raman_scattering import saturated_scattering, scatter

CAVITY = Cavity(1.53e6, 70e3, 90e-6, 116e-6, 12.31e-6, 854.209e-9, 85.3 / 360)
MODEL = RamanModel(CAVITY, -403e6)
PULSE = Drive(50e-6, 19.14e6, 23.63e6)
HOPS = np.linspace(330e6, 480e6, 301)


def off(hop: float, drive: Drive = PULSE) -> Drive:
    return replace(drive, detuning_v=hop, detuning_h=hop)


def test_far_from_resonance_it_is_the_elimination() -> None:
    for drive in (off(-2e9), off(3e9)):
        rates, shift = saturated_scattering(MODEL, drive)
        assert rates.sum() == pytest.approx(scattering_rate(MODEL, drive), rel=2e-3)
        assert shift == pytest.approx(stark_shift(MODEL, drive), rel=2e-3)


def test_it_is_that_of_a_two_level_atom_on_resonance() -> None:
    # One line, one tone: (Omega / Gamma)^2 * 2 is the saturation.
    alone = replace(MODEL, sigma_plus=0.0)
    rabi, gamma = 19.14e6, 2 * 11.49e6
    rates, shift = saturated_scattering(alone, Drive(1e-6, rabi, 0.0, 403e6))
    saturation = 2 * (rabi / gamma) ** 2
    assert rates.sum() == pytest.approx(2 * math.pi * gamma / 2 * saturation / (1 + saturation), rel=1e-6)
    assert shift == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("spin", [-1 / 2, 1 / 2])
def test_it_is_bounded_at_all_detunings(spin: float) -> None:
    most = 2 * math.pi * MODEL.decay
    rates = [saturated_scattering(MODEL, off(hop), spin)[0] for hop in HOPS.tolist()]
    totals = np.sum(rates, axis=1)
    assert np.min(rates) >= 0
    assert totals.max() < most
    assert totals.max() > 0.5 * most
    strong = saturated_scattering(MODEL, off(403e6, Drive(1e-6, 1e12, 1e12)), spin)[0]
    assert strong.sum() == pytest.approx(most, rel=1e-3)


def test_populations_are_those_of_an_ion_that_the_cavity_does_not_see() -> None:
    drives, starts = [off(30e6), Drive(5e-6, 0.0, 0.0), off(30e6)], [0.0, 0.4, 1.0]
    full = emit(MODEL, drives, np.zeros(3), spin_up=starts)
    alone = scatter(MODEL, drives, 3, spin_up=starts)
    for name in ("ground", "other_ground", "lost"):
        assert getattr(alone, name) == pytest.approx(getattr(full, name), rel=0.03, abs=1e-3)
    assert np.log(abs(alone.amplitude)) == pytest.approx(np.log(abs(full.amplitude)), rel=0.03)
    assert alone.edges[-1] == pytest.approx(full.edges[-1])


@pytest.mark.parametrize("hop", [0.0, 396e6, 403e6, 410e6, 2e9])
def test_nothing_is_lost_and_no_photon_comes(hop: float) -> None:
    left = scatter(MODEL, [off(hop)], 2, spin_up=[0.0, 1.0])
    assert left.ground + left.other_ground + left.lost == pytest.approx(np.ones(2))
    assert left.probability.tolist() == [0.0, 0.0]
    assert np.isfinite(left.amplitude).all()
    assert (np.abs(left.amplitude) <= 1).all()


def test_on_resonance_all_ions_leave_the_ground_state() -> None:
    assert scatter(MODEL, [off(403e6)], 1).lost[0] > 0.99


@pytest.mark.parametrize("hop", [380e6, 396e6, 403e6, 403.3e6, 410e6, 420e6])
def test_the_elimination_refuses_light_near_any_line(hop: float) -> None:
    with pytest.raises(ModelError) as caught:
        refuse_excitation(MODEL, [off(hop)])
    assert str(caught.value).startswith("distance of the V tone from a line of P3/2 is ")
    assert str(caught.value).endswith(
        " Hz, but must be 4.596e+07 Hz or more: detune the light further, the model eliminates P3/2"
    )


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ModelError):
        refuse_excitation(MODEL, [off(math.nan)])
    with pytest.raises(
        ModelError, match="Rabi frequency of the V tone in drive 0 is nan Hz, but must be 0 Hz"
    ):
        emit(MODEL, [Drive(1e-6, math.nan, 1e6)], [1.0])


def test_a_dark_tone_may_be_anywhere() -> None:
    refuse_excitation(MODEL, [Drive(50e-6, 19e6, 0.0, detuning_h=390e6)])
