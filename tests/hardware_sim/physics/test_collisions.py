"""Background gas: rates, energies, and how long light needs to mend what a collision did."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hardware_sim.constants import BOLTZMANN, CALCIUM_MASS
from hardware_sim.physics.calcium import LINE_397, recoil
from hardware_sim.physics.collisions import (
    HELIUM,
    HYDROGEN,
    NITROGEN,
    Gas,
    cooling_power,
    cooling_time,
    draw_kicks,
    exchange_barrier,
    langevin_rate,
    mean_kick,
)
from hardware_sim.physics.crystal import length_scale
from hardware_sim.physics.errors import ModelError

WIDTH = LINE_397.upper.linewidth


def test_langevin_constant_of_hydrogen() -> None:
    """2.342e-9 cm^3/s sqrt(alpha / mu), alpha in cubic angstroms and mu in u: the textbook's number."""
    density = 1e-9 / (BOLTZMANN * 300)
    reduced = 2.016 * 39.96 / (2.016 + 39.96)
    expected = 2.342e-15 * math.sqrt(0.804 / reduced) * density
    assert langevin_rate(1e-9) == pytest.approx(expected, rel=2e-3)
    assert langevin_rate(2e-9, NITROGEN) == pytest.approx(2 * langevin_rate(1e-9, NITROGEN))


@pytest.mark.parametrize("gas", [HYDROGEN, HELIUM, NITROGEN])
def test_kicks_are_those_of_balls_that_part_in_any_direction(gas: Gas) -> None:
    """Brute force: velocities, an isotropic turn of the relative one, and the ion's energy afterwards."""
    rng = np.random.default_rng(1)
    count = 200_000
    speed = rng.standard_normal((count, 3)) * math.sqrt(BOLTZMANN * 300 / gas.mass)
    direction = rng.standard_normal((count, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    total = gas.mass + CALCIUM_MASS
    common = speed * gas.mass / total
    ion = common - direction * np.linalg.norm(speed, axis=1)[:, None] * gas.mass / total
    energy = CALCIUM_MASS * (ion**2).sum(axis=1) / 2
    drawn = draw_kicks(rng, count, gas)
    assert drawn.mean() == pytest.approx(energy.mean(), rel=0.02)
    assert drawn.mean() == pytest.approx(mean_kick(gas), rel=0.02)
    np.testing.assert_allclose(
        np.quantile(drawn, [0.1, 0.5, 0.9]), np.quantile(energy, [0.1, 0.5, 0.9]), rtol=0.03
    )


def test_barrier_of_two_ions_in_closed_form() -> None:
    """Two ions across the axis: as along it, with the radial frequency; energy goes as w^(2/3)."""
    axial, radial = 0.5e6, 2.4e6
    scale = CALCIUM_MASS * (2 * math.pi * axial * length_scale(axial)) ** 2
    at_rest = 1.5 * 2 ** (-1 / 3) * scale
    expected = at_rest * ((radial / axial) ** (2 / 3) - 1)
    assert exchange_barrier(2, axial, radial) == pytest.approx(expected, rel=1e-8)


def test_collisions_reorder_a_string_but_do_not_empty_the_trap() -> None:
    barrier = exchange_barrier(10, 0.3e6, 2.4e6)
    share = (draw_kicks(np.random.default_rng(2), 100_000) > barrier).mean()
    assert 0.8 < share < 0.99
    assert mean_kick() < 0.01 * 1.6e-19


def test_barrier_rises_with_the_radial_confinement() -> None:
    barriers = [exchange_barrier(5, 0.3e6, radial) for radial in (1e6, 2e6, 3e6)]
    assert barriers[0] < barriers[1] < barriers[2]
    assert exchange_barrier(30, 0.1e6, 2.4e6) > 0


def test_slow_ions_cool_as_the_linear_force_says() -> None:
    """Energy falls at 2 recoil cos^2 dR/d(detuning) times ...: Leibfried et al., RMP 75, 281 (2003)."""
    detuning, saturation = -WIDTH / 2, 0.1
    excess = 1 + saturation + 4 * (detuning / WIDTH) ** 2
    damping = -2 * recoil(LINE_397.wavelength) * 8 * math.pi * saturation * (detuning / WIDTH) / excess**2
    energy = 1e-28
    assert cooling_power(energy, [(detuning, saturation)]) / energy == pytest.approx(damping, rel=1e-3)
    half = cooling_power(energy, [(detuning, saturation)], math.sqrt(0.5)) / energy
    assert half == pytest.approx(damping / 2, rel=1e-3)


def test_fast_ions_cool_as_their_time_in_resonance() -> None:
    """Wesenberg et al.: power as 1 / sqrt(E), so that time goes as E^(3/2)."""
    beams = [(-WIDTH / 2, 0.5)]
    hot = 4e-22
    ratio = cooling_power(4 * hot, beams) / cooling_power(hot, beams)
    assert ratio == pytest.approx(0.5, rel=0.05)
    long, longer = (cooling_time(energy, hot / 10, beams) for energy in (4 * hot, 16 * hot))
    assert longer / long == pytest.approx(8, rel=0.05)


def test_time_of_slow_ions_is_a_logarithm() -> None:
    beams = [(-WIDTH / 2, 0.1)]
    power = cooling_power(1e-28, beams) / 1e-28
    assert cooling_time(1e-27, 1e-29, beams) == pytest.approx(math.log(100) / power, rel=0.01)


def test_far_detuned_light_helps_hot_ions() -> None:
    """Why experiments add a beam 500 MHz red against melting: You et al., arXiv 2405.10501."""
    near, far = (-WIDTH / 2, 0.5), (-200e6, 50.0)
    hot = mean_kick(NITROGEN)
    assert cooling_time(hot, 1e-25, [near, far], 0.7) < 0.5 * cooling_time(hot, 1e-25, [near], 0.7)


def test_shared_energy_is_gone_sooner() -> None:
    beams = [(-WIDTH / 2, 0.5)]
    assert cooling_time(1e-21, 1e-24, beams, ions=10) < cooling_time(1e-21, 1e-24, beams) / 5


def test_blue_light_never_cools() -> None:
    assert cooling_time(1e-22, 1e-25, [(WIDTH / 2, 0.5)]) == math.inf


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ModelError, match="pressure is -1 Pa, but must be 0 Pa or more: give that of the gas"):
        langevin_rate(-1.0)
    with pytest.raises(
        ModelError, match="number of ions is 1, but must be 2 or more: one ion has no neighbour"
    ):
        exchange_barrier(1, 1e6, 3e6)
    with pytest.raises(ModelError, match="energy to cool to is 2 J, but must be above 0 J and below 1 J"):
        cooling_time(1.0, 2.0, [])
