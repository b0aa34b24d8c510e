from __future__ import annotations

import dataclasses
import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from hardware_sim.constants import CALCIUM_MASS, ELEMENTARY_CHARGE, HBAR
from hardware_sim.physics.errors import ConfinementError, IonCountError, StabilityError
from hardware_sim.physics.trap import Trap, coherent_amplitude, filtered, screened_factor

Floats = NDArray[np.float64]
TRAP = Trap()


def minimum_jerk(samples: int, duration: float, distance: float) -> tuple[Floats, Floats]:
    s = np.linspace(0.0, 1.0, samples)
    return s * duration, distance * (10 * s**3 - 15 * s**4 + 6 * s**5)


class TestVoltages:
    @pytest.mark.parametrize(("megahertz", "volts"), [(0.25, 74), (0.30, 106), (0.40, 189), (0.92, 1001)])
    def test_endcap_voltage(self, megahertz: float, volts: float) -> None:
        assert TRAP.endcap_voltage(megahertz * 1e6) == pytest.approx(volts, abs=0.6)

    def test_axial_frequency_inverts_the_voltage(self) -> None:
        assert TRAP.axial_frequency(TRAP.endcap_voltage(0.3e6)) == pytest.approx(0.3e6, rel=1e-12)

    @pytest.mark.parametrize(("megahertz", "field"), [(0.25, 26), (0.30, 37), (0.40, 65)])
    def test_field_that_moves_the_string_by_25_micrometres(self, megahertz: float, field: float) -> None:
        difference = TRAP.difference(25e-6, megahertz * 1e6)
        assert TRAP.differential_factor * difference / 5e-3 == pytest.approx(field, abs=0.6)

    def test_displacement_is_where_forces_balance(self) -> None:
        differences = np.array([-4.0, 0.0, 7.0])
        moved = TRAP.displacement(differences, 0.3e6)
        push = ELEMENTARY_CHARGE * TRAP.differential_factor * differences / (2 * TRAP.endcap_distance)
        np.testing.assert_allclose(push, CALCIUM_MASS * (2 * math.pi * 0.3e6) ** 2 * moved)
        assert moved[2] > 0
        np.testing.assert_allclose(TRAP.difference(moved, 0.3e6), differences)

    def test_screened_factor_agrees_with_the_field_of_two_evanescent_endcaps(self) -> None:
        """Numerical derivatives at the centre of the potentials themselves."""
        decay, z0, step = TRAP.blade_distance / 2.404826, TRAP.endcap_distance, 1e-6

        def one_endcap(z: float) -> float:
            return math.exp((z - z0) / decay)

        curvature = (one_endcap(step) - 2 * one_endcap(0.0) + one_endcap(-step)) / step**2
        efficiency = 2 * curvature * z0**2 / 2
        field = (one_endcap(step) - one_endcap(-step)) / (2 * step)
        factor = screened_factor(efficiency, z0, TRAP.blade_distance)
        assert factor == pytest.approx(2 * z0 * field, rel=1e-4)

    def test_default_factor_is_the_screened_one(self) -> None:
        factor = screened_factor(TRAP.endcap_efficiency, TRAP.endcap_distance, TRAP.blade_distance)
        assert TRAP.differential_factor == pytest.approx(factor, rel=2e-3)

    def test_assumed_numbers_can_be_listed(self) -> None:
        assumed = {f.name for f in dataclasses.fields(Trap) if f.metadata["source"].startswith("ASSUMED")}
        assert assumed == {"differential_factor", "rf_efficiency"}

    @pytest.mark.parametrize("volts", [0.0, -10.0])
    def test_repelling_endcaps_are_refused(self, volts: float) -> None:
        with pytest.raises(ConfinementError, match=f"the mean endcap voltage is {volts:g} V"):
            TRAP.axial_frequency(volts)


class TestRadial:
    def test_amplitude_inverts_the_frequency(self) -> None:
        amplitude = TRAP.rf_amplitude(2.4e6, 0.3e6)
        assert TRAP.radial_frequency(amplitude, 0.3e6) == pytest.approx(2.4e6, rel=1e-12)

    def test_endcaps_weaken_the_radial_confinement(self) -> None:
        weak, strong = TRAP.radial_frequency(800.0, 0.1e6), TRAP.radial_frequency(800.0, 0.9e6)
        assert weak**2 - strong**2 == pytest.approx((0.9e6**2 - 0.1e6**2) / 2, rel=1e-9)

    @pytest.mark.parametrize(("q", "error"), [(0.3, 0.018), (0.5, 0.054)])
    def test_pseudopotential_is_as_good_as_stated(self, q: float, error: float) -> None:
        """Against the true secular frequency: Floquet exponent of x'' = 2 q cos(2 t) x."""

        def motion(t: float, y: Floats) -> list[float]:
            return [y[1], 2 * q * math.cos(2 * t) * y[0]]

        ends = [
            solve_ivp(motion, (0, math.pi), start, rtol=1e-10, atol=1e-12).y[:, -1]
            for start in ([1.0, 0.0], [0.0, 1.0])
        ]
        beta = math.acos((ends[0][0] + ends[1][1]) / 2) / math.pi
        amplitude = q / TRAP.stability(1.0)
        secular = beta * TRAP.rf_frequency / 2
        assert 1 - TRAP.radial_frequency(amplitude, 1.0) / secular == pytest.approx(error, abs=0.001)

    def test_too_strong_a_drive_is_refused(self) -> None:
        highest = 0.908 / TRAP.stability(1.0)
        assert TRAP.stability(highest * 0.999) < 0.908
        with pytest.raises(StabilityError, match=r"the limit is 0.908; stay below") as caught:
            TRAP.radial_frequency(highest * 1.2, 0.3e6)
        assert caught.value.q == pytest.approx(1.2 * 0.908)

    def test_too_weak_a_drive_is_refused(self) -> None:
        with pytest.raises(ConfinementError, match="no radial confinement: the pseudopotential frequency"):
            TRAP.radial_frequency(50.0, 0.9e6)


class TestFilter:
    def test_step_response_is_exponential(self) -> None:
        time = np.linspace(-1e-6, 5e-6, 50)
        out = filtered(np.array([-1.0, 0.0]), np.array([2.0, 3.0]), time, 0.2e6)
        expected = np.where(time < 0, 2.0, 3.0 - np.exp(-2 * np.pi * 0.2e6 * time))
        np.testing.assert_allclose(out, expected, rtol=1e-13)

    @given(st.integers(min_value=1, max_value=40), st.integers(min_value=0, max_value=10**6))
    def test_agrees_with_stepping_through_the_samples(self, samples: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        times, volts = np.cumsum(rng.exponential(1e-6, samples)), rng.normal(size=samples)
        level, levels = volts[0], []
        for gap, before in zip(np.diff(times, prepend=times[0]), np.roll(volts, 1), strict=True):
            level = before + (level - before) * math.exp(-2 * math.pi * 0.3e6 * gap)
            levels.append(level)
        np.testing.assert_allclose(filtered(times, volts, times, 0.3e6), levels, atol=1e-12)

    def test_rests_before_the_first_sample(self) -> None:
        out = filtered(np.array([1.0, 2.0]), np.array([5.0, 9.0]), np.array([-3.0, 0.9, 1.5]), 1.0)
        np.testing.assert_array_equal(out, 5.0)

    def test_no_filter_holds_the_samples(self) -> None:
        times, volts = np.array([0.0, 1.0, 2.0]), np.array([5.0, 9.0, 7.0])
        out = filtered(times, volts, np.array([0.5, 1.0, 1.99, 2.0]), math.inf)
        np.testing.assert_array_equal(out, [5.0, 9.0, 9.0, 7.0])

    def test_very_long_waveform_neither_overflows_nor_drifts(self) -> None:
        times = np.arange(10_000) * 1e-3
        volts = np.resize([0.0, 1.0], 10_000)
        out = filtered(times, volts, times + 0.9e-3, 1e6)
        np.testing.assert_allclose(out, volts, atol=1e-12)


class TestCoherentAmplitude:
    @pytest.mark.parametrize(
        ("megahertz", "microseconds", "quanta"),
        [
            (0.25, 10, 154.4),
            (0.25, 20, 0.0972),
            (0.25, 50, 0.0109),
            (0.25, 100, 2.5e-7),
            (0.40, 10, 0.927),
            (0.40, 20, 3.62e-3),
            (0.40, 50, 2.4e-6),
            (0.40, 100, 9.3e-9),
        ],
    )
    def test_minimum_jerk_excitation(self, megahertz: float, microseconds: float, quanta: float) -> None:
        """Ten ions over 6 um, and against the transform of zc'' by quadrature."""
        times, centre = minimum_jerk(20_001, microseconds * 1e-6, 6e-6)
        found = abs(coherent_amplitude(times, centre, megahertz * 1e6, 10)) ** 2
        assert found == pytest.approx(quanta, rel=0.02)
        s, weights = np.polynomial.legendre.leggauss(200)
        s, weights = (s + 1) / 2, weights / 2
        omega, duration = 2 * math.pi * megahertz * 1e6, microseconds * 1e-6
        bend = 6e-6 / duration * (60 * s - 180 * s**2 + 120 * s**3)
        integral = np.sum(weights * bend * np.exp(1j * omega * duration * s))
        exact = 10 * CALCIUM_MASS * abs(integral) ** 2 / (2 * HBAR * omega)
        assert found == pytest.approx(exact, rel=2e-3)

    @pytest.mark.parametrize("angle", [11.527, 18.190, 24.646, 31.029, 37.378])
    def test_minimum_jerk_has_quiet_durations(self, angle: float) -> None:
        def excitation(turned: float) -> float:
            return abs(
                coherent_amplitude(*minimum_jerk(4001, turned / (2 * math.pi * 0.25e6), 6e-6), 0.25e6, 10)
            )

        assert excitation(angle) < 1e-3 * max(excitation(angle - 0.7), excitation(angle + 0.7))

    @pytest.mark.parametrize("cutoff", [math.inf, 0.4e6, 80e3])
    def test_agrees_with_newtons_equation(self, cutoff: float) -> None:
        """A coarse staircase through the filter, against the ion's motion solved step by step."""
        times, centre = minimum_jerk(13, 12e-6, 6e-6)
        frequency, ions, settled = 0.3e6, 7, 12e-6 + (0.0 if cutoff == math.inf else 3 / cutoff)
        omega = 2 * math.pi * frequency

        def motion(t: float, y: Floats) -> list[float]:
            well = float(filtered(times, centre, np.array([t]), cutoff)[0])
            return [y[1], -(omega**2) * (y[0] - well)]

        state = np.array([0.0, 0.0])
        edges = [*times[:-1], times[-1]] if settled == times[-1] else [*times, settled]
        for start, end in pairwise(edges):
            # The filter output jumps at an edge: integrate up to just before it.
            span = (start, np.nextafter(end, 0.0))
            state = solve_ivp(motion, span, state, rtol=1e-9, atol=1e-16).y[:, -1]
        offset = state[0] - centre[-1]
        scale = math.sqrt(ions * CALCIUM_MASS * omega / (2 * HBAR))
        expected = scale * (offset + 1j * state[1] / omega) * np.exp(1j * omega * settled)
        found = coherent_amplitude(times, centre, frequency, ions, cutoff)
        assert abs(found - expected) < 1e-4 * abs(expected) + 1e-3

    def test_filter_lag_agrees_with_a_finely_sampled_filtered_trajectory(self) -> None:
        times, centre = minimum_jerk(21, 20e-6, 6e-6)
        fine = np.linspace(0.0, 60e-6, 60_001)
        smooth = filtered(times, centre, fine, 0.1e6)
        direct = coherent_amplitude(fine, smooth, 0.25e6, 10)
        assert coherent_amplitude(times, centre, 0.25e6, 10, 0.1e6) == pytest.approx(direct, rel=2e-2)

    def test_successive_motions_add(self) -> None:
        times, centre = minimum_jerk(101, 10e-6, 6e-6)
        both = coherent_amplitude(
            np.concatenate([times, times + 30e-6]), np.concatenate([centre, centre + 6e-6]), 0.25e6, 10
        )
        apart = coherent_amplitude(times, centre, 0.25e6, 10)
        later = coherent_amplitude(times + 30e-6, centre, 0.25e6, 10)
        assert both == pytest.approx(apart + later, rel=1e-9)

    def test_quanta_grow_with_the_mass_of_the_string(self) -> None:
        move = minimum_jerk(101, 10e-6, 6e-6)
        ratio = (
            abs(coherent_amplitude(*move, 0.25e6, 9)) ** 2 / abs(coherent_amplitude(*move, 0.25e6, 1)) ** 2
        )
        assert ratio == pytest.approx(9, rel=1e-12)

    def test_empty_string_is_refused(self) -> None:
        with pytest.raises(IonCountError, match="a string of 0 ions"):
            coherent_amplitude(np.array([0.0]), np.array([0.0]), 0.25e6, 0)
