"""The cavity as a probe sees it, against closed forms and the published table of the Innsbruck cavity."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.constants import LIGHT_SPEED
from hardware_sim.physics.cavity import free_spectral_range, mode_waist
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.resonator import (
    Resonator,
    curvature_of,
    followed_shift,
    gouy_phase,
    mode_frequency,
    mode_intensity,
    order_spacing,
    polarised_ring_down,
    resonance_shift,
)

# Source: Schupp, PhD thesis (Innsbruck 2021), section 4.1 and tables 4.1, 4.2.
LENGTH, CURVATURE = 19.9057e-3, 9.9841e-3
AT_854 = Resonator(LENGTH, 2.9e-6, 90e-6, 23e-6)
AT_806 = Resonator(LENGTH, 380e-6, 112e-6, 32e-6)
LOSSES, LARGE = st.floats(1e-6, 0.2), st.floats(1e-3, 0.2)


def test_orders_are_as_far_from_the_fundamental_mode_as_published() -> None:
    # Measured 270.9(1) and 265.3(1) MHz for the two directions; their mean gives the published curvature.
    assert free_spectral_range(LENGTH) == pytest.approx(7.5303e9, abs=0.2e6)
    assert order_spacing(LENGTH, CURVATURE) == pytest.approx((270.9e6 + 265.3e6) / 2, rel=0.002)
    curvatures = curvature_of(LENGTH, 270.9e6), curvature_of(LENGTH, 265.3e6)
    assert np.mean(curvatures) == pytest.approx(CURVATURE, abs=0.7e-6)
    assert [order_spacing(LENGTH, each) for each in curvatures] == pytest.approx([270.9e6, 265.3e6], rel=1e-9)


def test_orders_lie_below_the_next_fundamental_mode() -> None:
    curvatures = curvature_of(LENGTH, 270.9e6), curvature_of(LENGTH, 265.3e6)
    number = 46_600
    here = mode_frequency(LENGTH, curvatures, number)
    beyond = mode_frequency(LENGTH, curvatures, number + 1)
    assert beyond - here == pytest.approx(free_spectral_range(LENGTH), rel=1e-9)
    assert beyond - mode_frequency(LENGTH, curvatures, number, (1, 0)) == pytest.approx(270.9e6, rel=1e-5)
    assert beyond - mode_frequency(LENGTH, curvatures, number, (0, 1)) == pytest.approx(265.3e6, rel=1e-5)
    # Both orders together are as far as both distances.
    two_beyond = mode_frequency(LENGTH, curvatures, number + 2)
    assert two_beyond - mode_frequency(LENGTH, curvatures, number, (1, 1)) == pytest.approx(536.2e6, rel=1e-5)


@pytest.mark.parametrize(("length", "turns"), [(1e-9, 0.0), (10e-3, 0.25), (19.999999e-3, 0.5)])
def test_planar_confocal_and_concentric_limits_of_the_gouy_phase(length: float, turns: float) -> None:
    assert gouy_phase(length, 10e-3) == pytest.approx(turns, abs=1e-3)


def test_the_gouy_phase_is_that_of_a_gaussian_beam_between_its_mirrors() -> None:
    # 2 arctan(L / 2 z_R), with the Rayleigh range of the mode's waist.
    rayleigh = pi * mode_waist(LENGTH, CURVATURE, 854e-9) ** 2 / 854e-9
    assert 2 * pi * gouy_phase(LENGTH, CURVATURE) == pytest.approx(2 * np.arctan(LENGTH / 2 / rayleigh))


@given(entrance=LARGE, exit_=LARGE, waste=LARGE, detuning=st.floats(-4e9, 4e9))
def test_the_response_is_the_sum_over_round_trips(
    entrance: float, exit_: float, waste: float, detuning: float
) -> None:
    # One round trip after the other, until less than exp(-50) of the field is left.
    resonator = Resonator(LENGTH, entrance, exit_, waste)
    first, second = np.sqrt(1 - entrance - waste / 2), np.sqrt(1 - exit_ - waste / 2)
    turn = np.exp(2j * pi * detuning / free_spectral_range(LENGTH))
    inside = ((first * second * turn) ** np.arange(int(100 / resonator.loss))).sum()
    out, back = entrance * exit_ * abs(inside) ** 2, -first + entrance * second * turn * inside
    assert float(resonator.transmission(detuning)) == pytest.approx(out, rel=1e-9)
    assert complex(resonator.reflection(detuning)) == pytest.approx(back, rel=1e-9, abs=1e-12)
    assert out + abs(back) ** 2 < 1


@given(entrance=LOSSES, exit_=LOSSES, detuning=st.floats(-4e9, 4e9))
def test_a_resonator_without_waste_conserves_power(entrance: float, exit_: float, detuning: float) -> None:
    resonator = Resonator(LENGTH, entrance, exit_, 0.0)
    total = resonator.transmission(detuning) + np.abs(resonator.reflection(detuning)) ** 2
    assert float(total) == pytest.approx(1.0, rel=1e-9)


def test_on_resonance_losses_decide() -> None:
    # T = 4 T1 T2 / loss^2, R = ((T1 - T2 - A) / loss)^2 for small losses.
    t1, t2, loss = AT_854.entrance, AT_854.exit, AT_854.loss
    assert float(AT_854.transmission(0.0)) == pytest.approx(4 * t1 * t2 / loss**2, rel=1e-3)
    back = float(AT_854.reflection(0.0).real)
    assert back == pytest.approx((2 * t1 - loss) / loss, rel=1e-3)


def test_lines_are_lorentzian_near_and_airy_far_from_resonance() -> None:
    kappa, full = AT_854.half_linewidth, free_spectral_range(LENGTH)
    assert 2 * kappa == pytest.approx(140e3, abs=3e3)
    near = np.linspace(-5, 5, 41) * kappa
    lorentzian = AT_854.transmission(0.0) / (1 + (near / kappa) ** 2)
    assert AT_854.transmission(near) == pytest.approx(lorentzian, rel=1e-3)
    # Between two resonances: T1 T2 / (1 + r1 r2)^2, a quarter of their product.
    assert float(AT_854.transmission(full / 2)) == pytest.approx(2.9e-6 * 90e-6 / 4, rel=1e-3)
    assert float(AT_854.transmission(full)) == pytest.approx(float(AT_854.transmission(0.0)))


def test_at_806_nm_the_line_is_as_wide_as_published() -> None:
    assert 2 * AT_806.half_linewidth == pytest.approx(0.63e6, abs=0.05e6)


def test_a_ring_down_lasts_as_long_as_the_linewidth_says() -> None:
    assert AT_854.ring_down_time == pytest.approx(1.14e-6, rel=0.02)
    # The response to a pulse is the Fourier transform of the transmitted field: its power falls to 1/e^2 in
    # two ring-down times. Exact round trips, counted one by one:
    kept = (1 - AT_854.entrance - AT_854.waste / 2) * (1 - AT_854.exit - AT_854.waste / 2)
    trips = round(2 * AT_854.ring_down_time * LIGHT_SPEED / (2 * LENGTH))
    assert kept**trips == pytest.approx(np.exp(-2), rel=1e-3)


def test_a_polarised_ring_down_beats_at_the_birefringence() -> None:
    kappa, split = 70e3, 13.8e3
    time = np.linspace(0, 20e-6, 201)
    v, h = polarised_ring_down(time, kappa, split, 1 / 8)
    assert v + h == pytest.approx(np.exp(-time / 1.1368e-6), rel=1e-3)
    assert (h / (v + h)) == pytest.approx((1 - np.cos(2 * pi * split * time)) / 2, abs=1e-9)
    straight, crossed = polarised_ring_down(time, kappa, split, 0.0)
    assert crossed.max() == 0
    assert straight[0] == 1


@given(axis=st.floats(-0.5, 0.5), time=st.floats(0, 1e-5))
def test_a_polarised_ring_down_is_that_of_two_eigenmodes(axis: float, time: float) -> None:
    split = 13.8e3
    modes = np.array(
        [[np.cos(2 * pi * axis), np.sin(2 * pi * axis)], [-np.sin(2 * pi * axis), np.cos(2 * pi * axis)]]
    )
    turned = modes.T @ np.diag(np.exp(-2j * pi * split / 2 * time * np.array([1, -1]))) @ modes @ [1, 0]
    v, h = polarised_ring_down(time, 70e3, split, axis)
    left = np.exp(-4 * pi * 70e3 * time)
    assert [float(v), float(h)] == pytest.approx((left * np.abs(turned) ** 2).tolist(), abs=1e-12)


def test_a_picometre_is_a_linewidth() -> None:
    # The fast piezo moves 2.1(3) nm/V, the slow one 5.8(4) nm/V.
    assert resonance_shift(854.209e-9, LENGTH, 2.1e-9) == pytest.approx(-37.0e6, rel=0.01)
    assert resonance_shift(854.209e-9, LENGTH, 5.8e-9) == pytest.approx(-102.3e6, rel=0.01)
    # A lock jitter of 9 kHz is half a picometre; half a wavelength is a spectral range.
    assert resonance_shift(854.209e-9, LENGTH, -0.51e-12) == pytest.approx(9e3, rel=0.01)
    half = 854.209e-9 / 2
    assert resonance_shift(854.209e-9, LENGTH, half) == pytest.approx(-free_spectral_range(LENGTH), rel=1e-9)


def test_a_mode_moves_with_the_length_by_its_slope() -> None:
    number = round(2 * LENGTH / 854.209e-9)
    change = 1e-12
    moved = [mode_frequency(length, (CURVATURE,) * 2, number) for length in (LENGTH, LENGTH + change)]
    wavelength = LIGHT_SPEED / moved[0]
    # The Gouy phase moves, too, but by far less.
    assert moved[1] - moved[0] == pytest.approx(resonance_shift(wavelength, LENGTH, change), rel=2e-3)


def test_the_cavity_follows_its_lock_laser_at_the_other_wavelength() -> None:
    lock, used = 806e-9, 854.209e-9
    change = -1e-12
    shifts = [resonance_shift(wavelength, LENGTH, change) for wavelength in (lock, used)]
    assert followed_shift(shifts[0], lock, used) == pytest.approx(shifts[1], rel=1e-12)
    assert abs(shifts[1]) < abs(shifts[0])


def test_hermite_gauss_modes_have_unit_power_and_their_nodes() -> None:
    waist = 12.31e-6
    place = np.linspace(-10, 10, 20_001) * waist
    for order in range(4):
        profile = mode_intensity(place, waist, order)
        assert np.trapezoid(profile, place) == pytest.approx(1.0, rel=1e-9)
        assert np.count_nonzero(np.diff(np.sign(np.diff(profile))) > 0) == order  # minima between maxima
    fundamental = mode_intensity([0.0, waist], waist, 0)
    assert fundamental[1] / fundamental[0] == pytest.approx(np.exp(-2))
    # The lock light in TEM01 leaves the ion on the axis dark.
    assert mode_intensity(0.0, waist, 1) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"length": 0.0}, "resonator length is 0 m, but must be above 0 m: it is a distance of mirrors"),
        ({"entrance": -1e-6}, "resonator entrance is -1e-06, but must be 0 or more: mirrors are passive"),
        ({"waste": -1e-6}, "resonator waste is -1e-06, but must be 0 or more: mirrors are passive"),
        (
            {"exit": 1.0},
            "loss of a resonator's mirror is 1.00001, but must be above 0 and below 1: "
            "a mirror reflects a part",
        ),
        (
            {"entrance": 0.0, "exit": 0.0, "waste": 0.0},
            "loss of a resonator's mirror is 0, but must be above 0 and below 1: a mirror reflects a part",
        ),
    ],
)
def test_impossible_resonators_are_refused(wrong: dict[str, float], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        replace(AT_854, **wrong)
    assert str(caught.value) == message


def test_mirrors_without_a_mode_have_no_spectrum() -> None:
    with pytest.raises(ModelError) as caught:
        gouy_phase(20e-3, 9.9841e-3)
    assert str(caught.value) == (
        "cavity length is 0.02 m, but must be above 0 and below twice the mirror curvature, 0.0199682 m: "
        "other mirrors hold no stable mode"
    )
