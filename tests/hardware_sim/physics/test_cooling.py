"""Cooling rates from the Bloch equations against closed forms of two levels, and friction by gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hardware_sim.constants import CALCIUM_MASS, HBAR
from hardware_sim.physics.bloch import (
    LINEWIDTH,
    NO_LIGHT,
    Beam,
    P,
    Polarisation,
    dark_resonances,
    liouvillian,
    population,
    scattering_rate,
    steady_state,
    two_level_rate,
)
from hardware_sim.physics.calcium import (
    LINE_393,
    LINE_397,
    LINE_850,
    LINE_854,
    LINE_866,
    P12,
    recoil,
)
from hardware_sim.physics.cooling import (
    COLDEST,
    ModeRates,
    boiling_point,
    doppler_shift_squared,
    hot_cooling,
    mode_rates,
    pumping_recoil,
    quench_recoil,
)
from hardware_sim.physics.slow_rates import slow_rates

PI, ACROSS = Polarisation.linear(1.0), Polarisation.linear(0.0)
FIELD = 4.23e-4
NONE = np.zeros(1)


def rates_of(
    beams: tuple[Beam, Beam],
    frequencies: np.ndarray,
    cosines: tuple[np.ndarray, np.ndarray],
    field: float = FIELD,
) -> tuple[ModeRates, np.ndarray]:
    """Return rates by level, and the populations of the levels that the light ends in."""
    generator = liouvillian(*beams, field)
    slow = slow_rates(generator)
    values, vectors = np.linalg.eig(slow.generator)
    share = vectors[:, np.argmin(np.abs(values))].real
    return mode_rates(generator, slow, beams, cosines, frequencies), share / share.sum()


def settled(beams: tuple[Beam, Beam], frequencies: np.ndarray, cosine: float) -> np.ndarray:
    along = np.full(len(frequencies), cosine)
    rates, share = rates_of(beams, frequencies, (along, along))
    down, up = share @ rates.down, share @ rates.up
    return np.asarray(up / (down - up))


class TestTwoLevels:
    """pi light without field and without repumper: what an ion in S1/2 does is that of a two-level ion."""

    @pytest.mark.parametrize("detuning", [-5e6, -11.2e6, -40e6, 20e6])
    @pytest.mark.parametrize("frequency", [0.1e6, 2.4e6, 60e6])
    def test_weak_light_makes_the_lorentzians_of_textbooks(self, frequency: float, detuning: float) -> None:
        """A-+ = eta^2 (R(detuning +- f) + emission), from slow modes to resolved sidebands."""
        saturation, cosine = 1e-5, 0.6
        light = Beam(saturation, detuning, PI)
        rates, _ = rates_of(
            (light, NO_LIGHT), np.array([frequency]), (np.array([cosine]), np.array([0.3])), 1e-6
        )
        emitted = two_level_rate(saturation, detuning, LINEWIDTH)
        mean = LINE_397.branching * recoil(LINE_397.wavelength) + LINE_866.branching * recoil(
            LINE_866.wavelength
        )
        for found, sign in ((rates.down[0, 0], 1), (rates.up[0, 0], -1)):
            absorbed = two_level_rate(saturation, detuning + sign * frequency, LINEWIDTH)
            expected = (recoil(LINE_397.wavelength) * cosine**2 * absorbed + mean / 3 * emitted) / frequency
            assert found == pytest.approx(expected, rel=2e-3)

    @pytest.mark.parametrize("ratio", [0.5, 1.0, 2.0])
    def test_slow_modes_settle_at_the_doppler_limit(self, ratio: float) -> None:
        """n + 1/2 = (Gamma / 8 f) (1 + e) (1 / x + x), with e the recoil of emission over that of absorption.

        For modes that are slow against the line, weak light, and a beam at 45 degrees.
        """
        frequency, cosine = np.array([0.1e6]), math.sqrt(0.5)
        light = Beam(1e-5, -ratio * LINEWIDTH / 2, PI)
        rates, _ = rates_of((light, NO_LIGHT), frequency, (np.array([cosine]), NONE), 1e-6)
        found = rates.up[0, 0] / (rates.down[0, 0] - rates.up[0, 0])
        mean = 0.936 + 0.064 * (396.847 / 866.214) ** 2
        emission = mean / 3 / cosine**2
        expected = LINEWIDTH / (8 * frequency[0]) * (1 + emission) * (1 / ratio + ratio)
        assert found + 0.5 == pytest.approx(expected, rel=1e-3)

    def test_light_whose_emission_heats_like_its_absorption_has_the_limit_of_gamma_over_two_f(self) -> None:
        """Beam and mode at a cosine of 1 / sqrt(3), where emission gives as much, at half a linewidth."""
        light, frequency = Beam(1e-5, -LINEWIDTH / 2, PI), 0.2e6
        rates, _ = rates_of((light, NO_LIGHT), np.array([frequency]), (np.array([3**-0.5]), NONE), 1e-6)
        found = rates.up[0, 0] / (rates.down[0, 0] - rates.up[0, 0])
        # Of 6.4 % of the photons, at 866 nm, the recoil is small.
        assert found + 0.5 == pytest.approx(LINEWIDTH / (2 * frequency), rel=0.03)


class TestEightLevels:
    BEAMS = (Beam(0.1, -11.2e6, PI, 3e5), Beam(1.0, 20e6, ACROSS, 3e5))

    @pytest.mark.parametrize("saturation", [0.1, 3.0])
    @pytest.mark.parametrize("detuning", [-30e6, -11.2e6, -5e6, 5e6])
    def test_slow_modes_feel_the_gradient_of_the_scattering_force(
        self, detuning: float, saturation: float
    ) -> None:
        """Friction from the work of the force on an ion that moves at 1 cm/s, both lines together."""
        beams = (Beam(saturation, detuning, PI, 3e5), self.BEAMS[1])
        frequency, cosine, speed = 1e3, 0.6, 1e-2
        along = np.array([cosine])
        rates, share = rates_of(beams, np.array([frequency]), (along, along))
        momentum = LINE_397.branching / LINE_397.wavelength + LINE_866.branching / LINE_866.wavelength
        force = []
        for velocity in (speed, -speed):
            seen = [
                Beam(beam.saturation, float(beam.detuning) - cosine * velocity / wave, beam.polarisation, 3e5)
                for beam, wave in zip(beams, (LINE_397.wavelength, LINE_866.wavelength), strict=True)
            ]
            state = steady_state(liouvillian(seen[0], seen[1], FIELD))
            photons = float(population(state, P)) / P12.lifetime
            force.append(2 * math.pi * HBAR * momentum * cosine * photons)
        friction = -(force[0] - force[1]) / (2 * speed)
        assert share @ (rates.down - rates.up)[:, 0] == pytest.approx(friction / CALCIUM_MASS, rel=2e-3)

    def test_the_shipped_light_cools_near_the_limit_of_two_levels(self) -> None:
        found = settled(self.BEAMS, np.array([0.3e6, 0.92e6, 2.4e6]), math.sqrt(0.5))
        ideal = LINEWIDTH / 8 / np.array([0.3e6, 0.92e6, 2.4e6]) * (1 + 2 / 3) * 2 - 0.5
        assert (found > 0.95 * ideal).all()
        assert (found < 1.5 * ideal).all()

    def test_quanta_after_cooling_are_those_published(self) -> None:
        """11(2) at 0.92 MHz along the axis and 8(2) at 2.4 MHz across; Schupp, thesis 2021, sec. 3.4.1."""
        axial = settled(self.BEAMS, np.array([0.92e6]), math.sqrt(0.5))
        radial = settled(self.BEAMS, np.array([2.4e6]), 0.5)
        assert axial == pytest.approx([11], abs=4)
        assert radial == pytest.approx([8], abs=4)

    def test_the_blue_side_of_a_dark_resonance_cools_and_the_red_side_heats(self) -> None:
        """On either side of the outermost one, with the light red of the line."""
        place = float(dark_resonances(FIELD)[0])
        repump = Beam(0.3, -5e6, ACROSS)
        signs = []
        for side in (-1.2e6, 1.2e6):
            light = Beam(0.05, -5e6 + place + side, PI)
            along = np.array([1.0])
            rates, share = rates_of((light, repump), np.array([0.1e6]), (along, along))
            signs.append(float(share @ (rates.down - rates.up)[:, 0]))
        assert signs[0] < 0 < signs[1]

    def test_blue_light_heats(self) -> None:
        along = np.array([1.0])
        beams = (Beam(0.1, 40e6, PI), Beam(1.0, 20e6, ACROSS))
        rates, share = rates_of(beams, np.array([1e6]), (along, along))
        assert share @ (rates.down - rates.up)[:, 0] < 0

    def test_rates_stay_positive_and_finite(self) -> None:
        modes = np.geomspace(1e4, 3e7, 70)
        along = np.full(70, 0.5)
        rates, _ = rates_of(self.BEAMS, modes, (along, along))
        assert rates.down.min() > 0
        assert rates.up.min() > 0

    def test_a_beam_across_a_mode_heats_it_by_emission_alone(self) -> None:
        none = np.zeros(1)
        rates, share = rates_of(self.BEAMS, np.array([1e6]), (none, none))
        photons = float(scattering_rate(steady_state(liouvillian(*self.BEAMS, FIELD))))
        emitted = pumping_recoil(none, np.array([1e6]))[0] * photons / LINE_397.branching
        assert share @ rates.up[:, 0] == pytest.approx(emitted, rel=1e-6)
        assert share @ rates.down[:, 0] == pytest.approx(emitted, rel=1e-6)


class TestRecoil:
    def test_a_quenched_ion_takes_the_recoil_of_both_lines(self) -> None:
        """854 nm absorbed along the beam; 393, 850 and 854 nm emitted, a third of each along any mode."""
        frequency = np.array([1e6])
        emitted = sum(line.branching * recoil(line.wavelength) for line in (LINE_393, LINE_850, LINE_854)) / 3
        for cosine in (0.0, 0.5, 1.0):
            expected = (recoil(LINE_854.wavelength) * cosine**2 + emitted) / 1e6
            assert quench_recoil(np.array([cosine]), frequency) == pytest.approx([expected], rel=1e-12)

    def test_one_cycle_of_sideband_cooling_heats_by_a_few_hundredths(self) -> None:
        """At 1 MHz: 0.0068 + 0.0102 by quenching and 0.032 + 0.01 by each photon of pumping."""
        along, frequency = np.array([1.0]), np.array([1e6])
        assert quench_recoil(along, frequency)[0] == pytest.approx(0.0170, abs=2e-4)
        assert pumping_recoil(along, frequency)[0] == pytest.approx(0.0417, abs=3e-4)


class TestHotIons:
    BEAMS = TestEightLevels.BEAMS

    def test_cold_ions_cool_as_at_rest(self) -> None:
        hot = hot_cooling(*self.BEAMS, FIELD)
        assert hot is not None
        cold = np.array([0.0, 0.3, 2.0, 50.0])
        assert hot.exponents(np.full(4, COLDEST**2 / 100), cold) == pytest.approx(cold, abs=1e-12)

    @pytest.mark.parametrize("shift", [1e6, 3e6, 10e6, 30e6, 100e6, 300e6])
    def test_hot_ions_cool_as_one_that_swings_within_a_factor_of_two(self, shift: float) -> None:
        """The mean work of the force over a swing with the same mean square, from the Bloch equations."""
        hot = hot_cooling(*self.BEAMS, FIELD)
        assert hot is not None

        def excited(shifts: np.ndarray) -> np.ndarray:
            beams = [
                Beam(
                    beam.saturation, float(beam.detuning) - scale * shifts, beam.polarisation, beam.linewidth
                )
                for beam, scale in zip(
                    self.BEAMS, (1.0, LINE_397.wavelength / LINE_866.wavelength), strict=True
                )
            ]
            return population(steady_state(liouvillian(beams[0], beams[1], FIELD)), P)

        swing = math.sqrt(2) * shift * np.cos(2 * math.pi * (np.arange(200) + 0.5) / 200)
        step = np.array([-1e4, 1e4])
        at_rest = -float(np.diff(excited(step))[0]) / 2e4
        expected = -float((excited(swing) * swing).mean()) / shift**2 / at_rest
        time = 0.02 / expected  # damping times at rest, for 2 % of the energy
        found = hot.exponents(np.array([shift**2]), np.array([time]))[0] / time
        assert 0.5 * expected < found < 2 * expected

    def test_a_melted_string_takes_long(self) -> None:
        """An ion at room temperature, with a Doppler shift of 600 MHz, is not cold after 10 damping times."""
        hot = hot_cooling(*self.BEAMS, FIELD)
        assert hot is not None
        assert hot.exponents(np.array([600e6**2]), np.array([10.0]))[0] < 0.1

    def test_cooling_in_two_steps_cools_as_much(self) -> None:
        hot = hot_cooling(*self.BEAMS, FIELD)
        assert hot is not None
        spread = np.array([30e6**2])
        whole = hot.exponents(spread, np.array([40.0]))
        first = hot.exponents(spread, np.array([15.0]))
        second = hot.exponents(spread * np.exp(-first), np.array([25.0]))
        assert first + second == pytest.approx(whole, abs=1e-9)

    def test_light_that_heats_cools_no_hot_ion(self) -> None:
        assert hot_cooling(Beam(0.1, 40e6, PI), self.BEAMS[1], FIELD) is None

    def test_the_doppler_shift_is_that_of_a_swing(self) -> None:
        """One ion, one mode: k v / 2 pi has an amplitude of 2 eta sqrt(n) f."""
        frequency, quanta, cosine = 1e6, 50.0, 0.7
        eta = math.sqrt(recoil(LINE_397.wavelength) / frequency) * cosine
        amplitude = 2 * eta * math.sqrt(quanta) * frequency
        found = doppler_shift_squared(np.array([[quanta]]), np.array([cosine]), np.array([frequency]), 1)
        assert found == pytest.approx([amplitude**2 / 2], rel=1e-12)


def test_ions_boil_where_their_doppler_shift_fills_the_line() -> None:
    frequencies = np.array([1e6, 2e6])
    most = boiling_point(frequencies, np.array([1.0, 1.0]), 0.0)
    # k v of a swing: 2 eta sqrt(n) f equals a linewidth.
    swing = 2 * np.sqrt(recoil(LINE_397.wavelength) / frequencies * most) * frequencies
    assert swing == pytest.approx([LINEWIDTH] * 2, rel=1e-6)
