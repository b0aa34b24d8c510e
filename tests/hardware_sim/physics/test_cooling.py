from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.constants import CALCIUM_MASS, HBAR
from hardware_sim.physics.cooling import (
    Cooling,
    boiling_point,
    bright_fraction,
    cooled,
    darkening_time,
    scattering_rate,
    unpumped,
)
from hardware_sim.physics.motion import doppler_limit

WIDTH = 22.4e6
RED = Cooling(detuning=-WIDTH / 2, saturation=0.5, cosine=math.sqrt(0.5), linewidth=WIDTH)
BLUE = dataclasses.replace(RED, detuning=+WIDTH / 2)
MODES = np.array([0.3e6, 0.9e6, 2.4e6])


class TestScattering:
    def test_strong_light_keeps_the_ion_half_excited(self) -> None:
        assert scattering_rate(1e9, 0.0, WIDTH) == pytest.approx(math.pi * WIDTH, rel=1e-6)

    def test_half_maximum_lies_half_a_linewidth_off_for_weak_light(self) -> None:
        ratio = scattering_rate(1e-6, WIDTH / 2, WIDTH) / scattering_rate(1e-6, 0.0, WIDTH)
        assert ratio == pytest.approx(0.5, rel=1e-5)

    def test_saturation_one_on_resonance_gives_half_the_maximum(self) -> None:
        assert scattering_rate(1.0, 0.0, WIDTH) == pytest.approx(math.pi * WIDTH / 2)


class TestDamping:
    @pytest.mark.parametrize("cooling", [RED, BLUE, dataclasses.replace(RED, saturation=3.0, cosine=1.0)])
    def test_agrees_with_the_work_of_the_light_on_a_swinging_ion(self, cooling: Cooling) -> None:
        """Mean of force times velocity over a swing, from the Doppler-shifted scattering rate itself."""
        phase = 2 * math.pi * (np.arange(64) + 0.5) / 64
        speed = 1e-3 * np.cos(phase)
        momentum = 2 * math.pi * HBAR / cooling.wavelength * cooling.cosine
        work = 0.0
        for v in speed:
            shifted = cooling.detuning - v * cooling.cosine / cooling.wavelength
            work += momentum * scattering_rate(cooling.saturation, shifted, cooling.linewidth) * v / 64
        energy = CALCIUM_MASS * (1e-3) ** 2 / 2
        assert -work / energy == pytest.approx(cooling.damping, rel=1e-5)

    def test_light_across_the_mode_does_nothing(self) -> None:
        across = dataclasses.replace(RED, cosine=0.0)
        np.testing.assert_array_equal(cooled(np.full(3, 7.0), 1.0, MODES, across), 7.0)


class TestCooled:
    def test_long_red_light_reaches_the_doppler_limit(self) -> None:
        limit = doppler_limit(MODES, WIDTH, RED.detuning, RED.saturation)
        np.testing.assert_allclose(cooled(np.full(3, 500.0), 7e-3, MODES, RED), limit, rtol=1e-9)

    def test_approach_is_exponential(self) -> None:
        limit = doppler_limit(MODES, WIDTH, RED.detuning, RED.saturation)
        after = cooled(limit + 100.0, 1 / RED.damping, MODES, RED)
        np.testing.assert_allclose(after, limit + 100.0 / math.e)

    def test_fifty_microseconds_cool_a_string_between_attempts(self) -> None:
        """The node cools for 50 us between attempts: the time constant must be of that order."""
        assert 5e-6 < 1 / RED.damping < 50e-6

    @given(st.floats(-40e6, 40e6), st.floats(0.01, 10.0), st.floats(1e-7, 1e-5))
    def test_two_stretches_equal_one_long_one(
        self, detuning: float, saturation: float, duration: float
    ) -> None:
        cooling = Cooling(detuning, saturation, 0.7, linewidth=WIDTH)
        start = np.full(3, 20.0)
        twice = cooled(cooled(start, duration, MODES, cooling), duration, MODES, cooling)
        np.testing.assert_allclose(twice, cooled(start, 2 * duration, MODES, cooling), rtol=1e-9)

    def test_resonant_light_heats_linearly(self) -> None:
        resonant = dataclasses.replace(RED, detuning=0.0)
        gained = cooled(np.zeros(3), 1e-6, MODES, resonant)
        np.testing.assert_allclose(gained, resonant.heating(MODES) * 1e-6)

    def test_blue_light_boils_up_to_a_bound(self) -> None:
        start = np.full(3, 10.0)
        short, long = cooled(start, 20e-6, MODES, BLUE), cooled(start, 1.0, MODES, BLUE)
        assert np.all(short > start * math.exp(-BLUE.damping * 20e-6))
        np.testing.assert_array_equal(long, boiling_point(MODES, BLUE))

    def test_string_hotter_than_the_bound_still_cools(self) -> None:
        hot = 10 * boiling_point(MODES, RED)
        after = cooled(hot, 1 / RED.damping, MODES, RED)
        np.testing.assert_allclose(after, hot / math.e, rtol=1e-2)

    def test_no_light_changes_nothing(self) -> None:
        dark = dataclasses.replace(RED, saturation=0.0)
        np.testing.assert_array_equal(cooled(np.full(3, 7.0), 1.0, MODES, dark), 7.0)


class TestPumping:
    def test_agrees_with_the_rate_equations(self) -> None:
        """Two spins and all decay paths, stepped in time."""
        scattering, wrong, duration, steps = 5e6, 0.02, 1.2e-6, 20_000
        up, step = 0.5, duration / steps
        flip = 0.936 / 3 + 0.064 / 2
        for _ in range(steps):
            up += step * scattering * flip * (wrong * (1 - up) - up)
        assert unpumped(0.5, duration, scattering, wrong) == pytest.approx(up, rel=1e-3)

    def test_final_impurity_is_set_by_the_wrong_light(self) -> None:
        assert unpumped(0.5, 20e-6, 2e7, 0.01) == pytest.approx(0.01 / 1.01, rel=1e-9)

    def test_clean_light_pumps_completely_in_the_node_s_20_microseconds(self) -> None:
        assert unpumped(0.5, 20e-6, scattering_rate(0.5, 0.0, WIDTH)) < 1e-12

    def test_no_time_changes_nothing(self) -> None:
        assert unpumped(0.37, 0.0, 1e7, 0.1) == pytest.approx(0.37)


class TestDarkening:
    def test_ion_scatters_about_16_photons_without_repumper(self) -> None:
        assert darkening_time(1e7) * 1e7 == pytest.approx(1 / 0.064)

    def test_bright_fraction_after_one_time_constant(self) -> None:
        assert bright_fraction(darkening_time(3e6), 3e6) == pytest.approx(1 / math.e)

    def test_ion_in_the_dark_stays_bright(self) -> None:
        assert darkening_time(0.0) == math.inf
        assert bright_fraction(5.0, 0.0) == 1.0
