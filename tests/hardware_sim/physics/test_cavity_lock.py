"""The Pound-Drever-Hall signal against its closed forms."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pytest
from scipy.special import jv

from hardware_sim.physics.cavity_lock import (
    SIDEBANDS,
    PhaseModulation,
    capture_range,
    error_signal,
    error_slope,
    sideband_amplitudes,
)
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.resonator import Resonator

LENGTH = 19.9057e-3
AT_806 = Resonator(LENGTH, 380e-6, 112e-6, 32e-6)  # Schupp, PhD thesis (Innsbruck 2021), table 4.2
MATCHED = Resonator(LENGTH, 262e-6, 262e-6, 0.0)
FAST = PhaseModulation(7.2e6, 0.3)  # of section 4.1.3


@pytest.mark.parametrize("depth", [1e-3, 0.3, 1.08, 3.0, 6.0])
def test_sidebands_have_the_amplitudes_of_bessel_functions(depth: float) -> None:
    orders = np.arange(-SIDEBANDS, SIDEBANDS + 1)
    assert sideband_amplitudes(depth) == pytest.approx(jv(orders, depth), abs=1e-15)
    assert (sideband_amplitudes(depth) ** 2).sum() == pytest.approx(1.0, abs=1e-14)


def test_the_signal_of_weak_modulation_is_that_of_carrier_and_two_sidebands() -> None:
    detuning, modulation = np.linspace(-10e6, 10e6, 801), PhaseModulation(7.2e6, 1e-3)
    field, up, down = (AT_806.reflection(detuning + shift) for shift in (0.0, 7.2e6, -7.2e6))
    chi = field * up.conj() - field.conj() * down
    # Black 2001, eq. 3.3: the sine quadrature has Im, the cosine quadrature Re.
    scale = 2 * jv(0, 1e-3) * jv(1, 1e-3)
    assert error_signal(AT_806, modulation, detuning) == pytest.approx(scale * chi.imag, abs=1e-6 * scale)
    other = replace(modulation, phase=0.0)
    assert error_signal(AT_806, other, detuning) == pytest.approx(scale * chi.real, abs=1e-6 * scale)


@pytest.mark.parametrize("depth", [0.1, 1.08, 2.0])
def test_the_signal_is_the_demodulated_power_of_the_reflected_light(depth: float) -> None:
    # By brute force in time: the power over one period of the modulation, and its Fourier component.
    modulation, detuning = PhaseModulation(7.2e6, depth), 0.2e6
    samples = 1024
    angle = 2 * pi * np.arange(samples) / samples
    spectrum = np.fft.fft(np.exp(1j * depth * np.sin(angle))) / samples
    orders = np.fft.fftfreq(samples, 1 / samples)
    kept = np.abs(orders) <= 100
    reflected = np.zeros(samples, dtype=complex)
    for order, amplitude in zip(orders[kept], spectrum[kept], strict=True):
        reflected += amplitude * AT_806.reflection(detuning + order * 7.2e6) * np.exp(1j * order * angle)
    power = np.abs(reflected) ** 2
    quadrature = 2 * (power * np.sin(angle)).mean()
    assert error_signal(AT_806, modulation, detuning) == pytest.approx(quadrature, rel=1e-9)


def test_the_slope_on_resonance_is_that_of_the_textbook() -> None:
    # -8 J0 J1 / full linewidth for a matched cavity and fast modulation (Black 2001, eq. 4.4); the cavity is
    # 22 half linewidths from its sidebands, which costs half a percent.
    carrier, side = jv(0, 0.3), jv(1, 0.3)
    assert error_slope(MATCHED, FAST) == pytest.approx(
        -8 * carrier * side / (2 * MATCHED.half_linewidth), rel=0.01
    )
    general = -8 * carrier * side * AT_806.entrance / (AT_806.loss * AT_806.half_linewidth)
    assert error_slope(AT_806, FAST) == pytest.approx(general, rel=0.01)


def test_the_slope_is_steepest_at_a_depth_of_1_08() -> None:
    depths = np.linspace(0.7, 1.5, 81)
    slopes = [abs(error_slope(MATCHED, PhaseModulation(7.2e6, float(depth)))) for depth in depths]
    assert depths[int(np.argmax(slopes))] == pytest.approx(1.08, abs=0.02)


def test_the_signal_is_odd_and_zero_on_resonance() -> None:
    detuning = np.linspace(0, 20e6, 301)
    assert error_signal(AT_806, FAST, -detuning) == pytest.approx(
        -error_signal(AT_806, FAST, detuning), abs=1e-9
    )
    assert abs(float(error_signal(AT_806, FAST, 0.0))) < 1e-9


def test_the_lock_catches_up_to_the_modulation_frequency() -> None:
    # Where a sideband is on resonance the signal changes its sign.
    caught = capture_range(AT_806, FAST)
    assert caught == pytest.approx(7.2e6, rel=1e-3)
    assert capture_range(AT_806, PhaseModulation(20e6, 0.3)) == pytest.approx(20e6, rel=1e-3)
    inside, outside = error_signal(AT_806, FAST, [caught - 1e3, caught + 1e3])
    assert inside * outside < 0


def test_slow_modulation_is_the_derivative_of_the_reflected_power() -> None:
    # Far below the linewidth the other quadrature has J0 J1 Omega d|F|^2/d delta; Black 2001, eq. 4.1.
    slow = PhaseModulation(1e3, 0.1, phase=0.0)
    detuning, little = 0.2e6, 50.0
    high, low = np.abs(AT_806.reflection([detuning + little, detuning - little])) ** 2
    derivative = (high - low) / (2 * little)
    found = error_signal(AT_806, slow, detuning)
    assert found == pytest.approx(2 * jv(0, 0.1) * jv(1, 0.1) * 1e3 * derivative, rel=0.01)


def test_light_that_does_not_come_in_locks_nothing() -> None:
    with pytest.raises(ModelError) as caught:
        capture_range(replace(MATCHED, entrance=0.0), FAST)
    assert str(caught.value) == (
        "slope of the lock signal is 0 1/Hz, but must be different from 0: "
        "let light in through the entrance mirror"
    )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"frequency": 0.0},
            "modulation frequency is 0 Hz, but must be above 0 Hz: sidebands must be aside",
        ),
        (
            {"depth": 7.0},
            "modulation depth is 7 rad, but must be above 0 and up to 6 rad: a lock works best near 1.08 rad",
        ),
    ],
)
def test_impossible_modulations_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        replace(FAST, **wrong)
    assert str(caught.value) == message
