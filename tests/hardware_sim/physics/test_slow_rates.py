"""Rates among long-lived levels against the Bloch equations that they are made from."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import expm, null_space

from hardware_sim.physics.bloch import (
    LINEWIDTH,
    NO_LIGHT,
    Beam,
    D,
    P,
    Polarisation,
    S,
    liouvillian,
    population,
    propagate,
    rabi,
    scattering_rate,
    steady_state,
    two_level_rate,
)
from hardware_sim.physics.calcium import D32, LINE_397, P12, S12, zeeman_shift
from hardware_sim.physics.slow_rates import SlowRates, coherence_rate, slow_rates

PI, ACROSS = Polarisation.linear(1.0), Polarisation.linear(0.0)
FIELD = 4.23e-4
SIGMA_LINE = zeeman_shift(P12, -0.5, FIELD) - zeeman_shift(S12, 0.5, FIELD)
REPUMP = Beam(1.0, 20e6, ACROSS, 3e5)
LIGHTS = {
    "cooling": (Beam(0.1, -11e6, PI, 3e5), REPUMP),
    "strong": (Beam(3.0, -11e6, PI, 3e5), Beam(10.0, 30e6, ACROSS)),
    "pumping": (Beam(0.1, SIGMA_LINE, Polarisation.circular(1e-3)), REPUMP),
    "alone": (Beam(0.1, -11e6, PI, 3e5), NO_LIGHT),
    "near a dark resonance": (Beam(0.1, 11e6, PI), REPUMP),
}


def settled(slow: SlowRates) -> np.ndarray:
    found = null_space(slow.generator / np.abs(slow.generator).max(), rcond=1e-13)[:, 0]
    return np.asarray(found / found.sum())


@pytest.mark.parametrize("name", LIGHTS)
def test_rates_end_where_the_bloch_equations_end(name: str) -> None:
    generator = liouvillian(*LIGHTS[name], FIELD)
    slow, steady = slow_rates(generator), steady_state(generator)
    share = settled(slow)
    assert share @ slow.photons == pytest.approx(float(scattering_rate(steady)), rel=1e-6)
    # What is in P1/2 counts with the level that it came from: the whole state is a mixture of the three.
    mixture = (share @ slow.states).reshape(8, 8)
    assert np.abs(mixture - steady).max() < 1e-6
    assert (slow.backwards > 0.01) == (name == "near a dark resonance")


@pytest.mark.parametrize("name", LIGHTS)
def test_rates_make_no_population_and_no_negative_one(name: str) -> None:
    generator = slow_rates(liouvillian(*LIGHTS[name], FIELD)).generator
    assert np.abs(generator.sum(axis=0)).max() <= 1e-12 * np.abs(generator).max()
    assert (generator - np.diag(generator.diagonal()) >= 0).all()


@pytest.mark.parametrize("name", ["cooling", "pumping", "alone"])
@pytest.mark.parametrize("start", [0, 1])
def test_rates_follow_the_bloch_equations_in_time(name: str, start: int) -> None:
    """Every 300 ns for 3 us, to 2 % of all ions: P1/2 and coherences are not followed."""
    generator = liouvillian(*LIGHTS[name], FIELD)
    slow = slow_rates(generator)
    state = np.zeros((8, 8), dtype=complex)
    state[start, start] = 1.0
    for time in np.arange(1, 11) * 3e-7:
        exact = propagate(generator, state, float(time))
        found = expm(slow.generator * time)[:, start]
        counted = found @ np.array([np.diag(each.reshape(8, 8)).real for each in slow.states])
        for levels in (slice(0, 1), slice(1, 2), P, D):
            assert counted[levels].sum() == pytest.approx(float(population(exact, levels)), abs=0.02)


def test_without_repumper_the_excited_share_is_that_of_two_levels_exactly() -> None:
    """pi light makes a two-level system of each spin: s / 2 / (1 + s + 4 d^2 / Gamma^2), broadened by s."""
    field = 1e-6
    for saturation, detuning in [(1e-4, 0.0), (0.3, -11e6), (3.0, 40e6), (100.0, 0.0)]:
        slow = slow_rates(liouvillian(Beam(saturation, detuning, PI), NO_LIGHT, field))
        for spin, m in enumerate(S12.sublevels):
            own = detuning - zeeman_shift(P12, m, field) + zeeman_shift(S12, m, field)
            expected = two_level_rate(saturation, own, LINEWIDTH)
            assert slow.excited[spin] / P12.lifetime == pytest.approx(expected, rel=1e-5)
            # 6.4 % of it goes to D3/2, 2/3 of the rest to the other spin.
            assert slow.generator[2, spin] == pytest.approx(0.064 * expected, rel=1e-4)
            flipped = LINE_397.branching * 2 / 3 * expected
            assert slow.generator[1 - spin, spin] == pytest.approx(flipped, rel=1e-4)


def test_an_ion_in_the_dark_stays_where_it_is_for_a_second() -> None:
    slow = slow_rates(liouvillian(NO_LIGHT, NO_LIGHT, FIELD))
    assert slow.photons == pytest.approx(0, abs=1e-9)
    assert slow.generator[2, 2] == pytest.approx(-1 / D32.lifetime, rel=1e-6)


class TestPumping:
    """sigma- light at 397 nm, from the same equations."""

    def test_pure_light_pumps_all_ions(self) -> None:
        pure = Beam(0.1, SIGMA_LINE, Polarisation.circular())
        share = settled(slow_rates(liouvillian(pure, REPUMP, FIELD)))
        assert share[0] == pytest.approx(1, abs=1e-9)

    @pytest.mark.parametrize("impurity", [1e-4, 1e-3, 1e-2])
    def test_weak_impure_light_leaves_what_it_pumps_back(self, impurity: float) -> None:
        """sigma+ light is off its line by both Zeeman splittings, which weakens the way back.

        For weak light: impurity / (1 + 4 d^2 / Gamma^2), d = 15.8 MHz. D3/2 returns ions of either spin,
        which adds a little to either way.
        """
        # A broad repumper dresses nothing.
        repump = Beam(0.3, 0.0, ACROSS, 300e6)
        light = Beam(1e-4, SIGMA_LINE, Polarisation.circular(impurity))
        share = settled(slow_rates(liouvillian(light, repump, FIELD)))
        off = 2 * SIGMA_LINE
        expected = impurity / (1 - impurity) / (1 + 4 * (off / LINEWIDTH) ** 2)
        assert share[1] == pytest.approx(expected, rel=0.1)

    def test_weak_light_pumps_as_fast_as_it_scatters_over_three(self) -> None:
        """Of the photons of the wrong spin, 1/3 of 93.6 % change it, and half of those over D3/2."""
        repump = Beam(0.3, 0.0, ACROSS, 300e6)
        slow = slow_rates(liouvillian(Beam(1e-4, SIGMA_LINE, Polarisation.circular()), repump, FIELD))
        events = 2 * two_level_rate(1e-4, 0.0, LINEWIDTH)  # one spin takes what two would: s counts both
        rate = events * (LINE_397.branching / 3 + 0.064 / 2)
        values = np.sort(-np.linalg.eigvals(slow.generator).real)
        # The broad repumper broadens the line by 3 %.
        assert values[1] == pytest.approx(rate, rel=0.05)

    def test_without_repumper_an_eighth_of_the_wrong_spin_is_lost(self) -> None:
        """0.064 of 0.064 + 0.936 / 3."""
        slow = slow_rates(liouvillian(Beam(0.1, SIGMA_LINE, Polarisation.circular()), NO_LIGHT, FIELD))
        lost = expm(slow.generator * 20e-6)[2, 1]
        assert lost == pytest.approx(0.064 / (0.064 + 0.936 / 3), rel=1e-3)

    @pytest.mark.parametrize("degrees", [1.0, 3.0])
    def test_a_beam_beside_the_field_pumps_back_with_pi_light(self, degrees: float) -> None:
        """pi light of sin^2 / 2 of the power, 7.9 MHz off its line from S1/2(-1/2): 2/3 of it goes across."""
        angle = degrees / 360
        repump = Beam(0.3, 0.0, ACROSS, 300e6)
        light = Beam(1e-4, SIGMA_LINE, Polarisation.circular(0.0, angle))
        share = settled(slow_rates(liouvillian(light, repump, FIELD)))
        pi_line = zeeman_shift(P12, -0.5, FIELD) - zeeman_shift(S12, -0.5, FIELD)
        off = 2 * (SIGMA_LINE - pi_line) / LINEWIDTH
        # Strengths 1/3 of pi to 2/3 of sigma light; branching to the other spin 2/3 there and 1/3 back.
        back = math.sin(2 * math.pi * angle) ** 2 / 2 * (1 / 3) * (2 / 3) / (1 + off**2)
        assert share[1] == pytest.approx(back / ((2 / 3) * (1 / 3)), rel=0.15)


class TestCoherence:
    def test_each_scattered_photon_tells_s_from_d(self) -> None:
        light = Beam(1e-3, -11e6, PI)
        events = slow_rates(liouvillian(light, NO_LIGHT, FIELD)).photons[0] / LINE_397.branching
        assert -2 * coherence_rate(light, NO_LIGHT, FIELD).real == pytest.approx(events, rel=1e-3)

    @pytest.mark.parametrize("detuning", [-2e9, 2e9])
    def test_far_detuned_light_shifts_as_perturbation_theory_says(self, detuning: float) -> None:
        """Omega^2 / 4 delta, downwards for red light; the amplitude turns the other way round."""
        light = Beam(1.0, detuning, PI)
        omega = float(rabi(LINE_397, 1.0)) / math.sqrt(3) / (2 * math.pi)
        found = -coherence_rate(light, NO_LIGHT, FIELD).imag / (2 * math.pi)
        assert found == pytest.approx(omega**2 / (4 * detuning), rel=0.01)

    def test_it_is_what_the_bloch_equations_do_to_an_amplitude_without_return(self) -> None:
        """Of an ion that scatters into the other levels alone, what stays is the square of the amplitude."""
        light = Beam(1e-2, SIGMA_LINE, Polarisation.circular())
        generator = liouvillian(light, NO_LIGHT, FIELD)
        state = np.zeros((8, 8), dtype=complex)
        state[0, 0] = 1.0
        # S1/2(-1/2) is dark to sigma- light.
        assert abs(coherence_rate(light, NO_LIGHT, FIELD)) < 1e-6
        assert population(propagate(generator, state, 1e-5), S) == pytest.approx(1, abs=1e-9)
