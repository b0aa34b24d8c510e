"""Emission from either spin, and what a superposition with another level keeps: against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from hardware_sim.core.raman_beam import raman_model
from hardware_sim.physics.raman import Drive, RamanModel, emit, scattering_rate, stark_shift

PULSE = Drive(30e-6, 19.14e6, 23.63e6, 0.765e6, 0.765e6)


@pytest.fixture(scope="module")
def model(innsbruck: Any) -> RamanModel:
    return raman_model(innsbruck.properties)


def test_outcomes_of_a_mixture_are_the_mixture_of_outcomes(model: RamanModel) -> None:
    down, up, mixed = range(3)
    found = emit(model, [PULSE], [0.8, 0.8, 0.8], spin_up=[0.0, 1.0, 0.3])
    for value in (found.probability, found.ground, found.other_ground, found.lost, found.inside):
        assert value[mixed] == pytest.approx(0.7 * value[down] + 0.3 * value[up], abs=1e-12)
    total = found.probability + found.ground + found.other_ground + found.lost + found.inside
    assert total == pytest.approx(1.0, abs=1e-9)


def test_without_a_cavity_the_spins_follow_their_scattering_rates(model: RamanModel) -> None:
    # Linear light across the field: sigma- and sigma+ of equal strength, on lines of strength 1 and 1/3, each
    # with its own Zeeman shift, in MHz at 4.229 G. P3/2 returns to S1/2 with 0.9347, from the inner levels to
    # the near and far spin as 1 to 2.
    s, gamma = 0.9347, 11.49e6

    def rate(strength: float, zeeman: float) -> float:
        tones = ((PULSE.rabi_v, PULSE.detuning_v), (PULSE.rabi_h, PULSE.detuning_h + 7.1047e6))
        detunings = [(rabi, -403e6 + offset + zeeman * 1e6) for rabi, offset in tones]
        light = sum(rabi**2 / (4 * (detuning**2 + gamma**2)) for rabi, detuning in detunings)
        return 2 * (2 * np.pi * gamma) * light * strength

    down_outer, down_inner = rate(1, 0.0), rate(1 / 3, -15.784)  # to P3/2(-3/2) and (+1/2)
    up_outer, up_inner = rate(1, 11.851 - 23.676), rate(1 / 3, 11.851 - 7.892)  # to P3/2(+3/2) and (-1/2)
    rises, falls = down_inner * s * 2 / 3, up_inner * s * 2 / 3
    lost_down, lost_up = (1 - s) * (down_outer + down_inner), (1 - s) * (up_outer + up_inner)
    generator = np.array([[-rises - lost_down, falls], [rises, -falls - lost_up]])
    expected = expm(generator * PULSE.duration)
    found = emit(model, [PULSE], [0.0, 0.0], spin_up=[0.0, 1.0])
    assert found.ground == pytest.approx(expected[0], rel=0.01)
    assert found.other_ground == pytest.approx(expected[1], rel=0.01)  # but for the light shift in Δ


def test_without_a_cavity_a_superposition_decays_by_half_the_events_and_turns_by_the_light_shift(
    model: RamanModel,
) -> None:
    events = scattering_rate(model, PULSE) * PULSE.duration
    turned = np.exp(-2j * np.pi * stark_shift(model, PULSE) * PULSE.duration)
    (amplitude,) = emit(model, [PULSE], [0.0]).amplitude
    assert amplitude == pytest.approx(np.exp(-events / 2) * turned, abs=1e-9)


@pytest.mark.parametrize("coupling", [0.0, 0.3, 1.0])
def test_no_superposition_outlives_its_ground_state(model: RamanModel, coupling: float) -> None:
    found = emit(model, [PULSE], [coupling])
    assert abs(found.amplitude[0]) ** 2 <= found.ground[0] + 1e-12


def test_a_pulse_cut_in_two_keeps_as_much(model: RamanModel) -> None:
    parts = [Drive(seconds, 19.14e6, 23.63e6, 0.765e6, 0.765e6) for seconds in (1e-6, 2e-6, 27e-6)]
    assert emit(model, parts, [0.7]).amplitude == pytest.approx(
        emit(model, [PULSE], [0.7]).amplitude, abs=1e-12
    )
