"""Collisions of ions with background gas: how often, how hard, what they do to a string, and how it recovers.

A neutral molecule that comes close enough is drawn into the ion by the dipole that the ion induces in it.
Such Langevin collisions happen at a rate that does not depend on speed, and leave both partners with any
direction. They give an ion of a cold string far more energy than it needs to change places with its
neighbour, but far less than it needs to leave the trap.

The time that light needs to cool the string again comes from a rate model: one ion in one dimension that sees
the light of a two-level line through its own Doppler shift. Left out: micromotion, which heats an ion that is
far from the axis, and how energy wanders among ions and directions. Good to a factor of some.

Source: Langevin, Ann. Chim. Phys. 5, 245 (1905), after Gioumousis and Stevenson, J. Chem. Phys. 29, 294
(1958); Wesenberg et al., PRA 76, 053416 (2007), for the cooling of hot ions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import (
    ATOMIC_MASS,
    BOLTZMANN,
    CALCIUM_MASS,
    ELEMENTARY_CHARGE,
    PLANCK,
    VACUUM_PERMITTIVITY,
)
from hardware_sim.physics.calcium import LINE_397
from hardware_sim.physics.crystal import equilibrium_positions, length_scale
from hardware_sim.physics.errors import ModelError

Floats: TypeAlias = NDArray[np.float64]

# Phases of a swing over which the force of light is averaged: resonances of a hot ion are narrow.
_PHASES: Final = 4096
# Energies at which the cooling rate is taken, per factor of e: the integral of a smooth curve.
_DENSITY: Final = 40


@dataclass(frozen=True, slots=True)
class Gas:
    """A background gas.

    Attributes:
        mass: of a molecule, kg.
        polarisability: volume alpha / 4 pi epsilon0, m^3.
    """

    mass: float
    polarisability: float


# Masses and polarisabilities: CRC Handbook of Chemistry and Physics, 97th ed. (2016), sec. 10.
HYDROGEN: Final = Gas(2.016 * ATOMIC_MASS, 0.804e-30)
HELIUM: Final = Gas(4.003 * ATOMIC_MASS, 0.205e-30)
NITROGEN: Final = Gas(28.014 * ATOMIC_MASS, 1.740e-30)


def langevin_rate(pressure: float, gas: Gas = HYDROGEN, temperature: float = 300.0) -> float:
    """Return how often one ion is hit.

    Args:
        pressure: of the gas, Pa.
        gas: that is left in the chamber; hydrogen in a baked one.
        temperature: of the gas, K.

    Returns:
        n e sqrt(pi alpha / (epsilon0 mu)), 1/s, with alpha the polarisability volume.

    Raises:
        ModelError: a pressure below zero.

    Example: 1e-11 mbar of hydrogen.
        >>> round(langevin_rate(1e-9) * 3600, 2)
        1.32
    """
    if pressure < 0:
        raise ModelError("pressure", pressure, "0 Pa or more", "Pa", "give that of the gas at the ions")
    reduced = gas.mass * CALCIUM_MASS / (gas.mass + CALCIUM_MASS)
    constant = ELEMENTARY_CHARGE * math.sqrt(math.pi * gas.polarisability / (VACUUM_PERMITTIVITY * reduced))
    return pressure / (BOLTZMANN * temperature) * constant


def draw_kicks(
    rng: np.random.Generator, count: int, gas: Gas = HYDROGEN, temperature: float = 300.0
) -> Floats:
    """Draw the energies that cold ions get from Langevin collisions.

    Speeds of the gas are those of a Maxwell distribution, as the rate does not depend on them; directions
    after the collision are any.

    Args:
        rng: source of randomness.
        count: collisions.
        gas: that hits.
        temperature: of it, K.

    Returns:
        Energies (count,), J; their mean is `mean_kick`.
    """
    energy = BOLTZMANN * temperature * rng.gamma(1.5, size=count)
    return np.asarray(_most_share(gas) * energy * rng.random(count))


def mean_kick(gas: Gas = HYDROGEN, temperature: float = 300.0) -> float:
    """Return the mean energy that a cold ion gets from a Langevin collision, J.

    Example: in kelvin; a hundredth of an electron volt it never is.
        >>> round(mean_kick() / BOLTZMANN, 1)
        41.1
    """
    return _most_share(gas) / 2 * 1.5 * BOLTZMANN * temperature


def exchange_barrier(ions: int, axial_frequency: float, radial_frequency: float) -> float:
    """Return the energy at which the two middle ions of a string can change places.

    It is the least energy, above that of the string at rest, of an arrangement in which the two are side by
    side; the others give way along the axis.

    Args:
        ions: number of ions, 2 or more.
        axial_frequency: of one ion, Hz.
        radial_frequency: of one ion in the weaker radial direction, Hz.

    Returns:
        Energy, J; negative where a zig-zag is the lowest state anyway.

    Raises:
        ModelError: fewer than two ions.

    Example: of ten ions; a collision with hydrogen gives some 40 K.
        >>> round(exchange_barrier(10, 0.3e6, 2.4e6) / BOLTZMANN, 1)
        3.3
    """
    if ions < 2:
        raise ModelError("number of ions", ions, "2 or more", "", "one ion has no neighbour")
    # Here, as scipy is slow to import and the rest of the room does without.
    from scipy.optimize import minimize  # noqa: PLC0415

    string = equilibrium_positions(ions)
    ratio = (radial_frequency / axial_frequency) ** 2
    pair = (ions - 1) // 2
    others = np.delete(string, [pair, pair + 1])
    start = np.array([*others, string[pair : pair + 2].mean(), 0.3 * np.diff(string).min()])
    found = minimize(_crossing_energy, start, args=(ratio,), jac=True, method="BFGS", options={"gtol": 1e-7})
    scale = CALCIUM_MASS * (2 * math.pi * axial_frequency * length_scale(axial_frequency)) ** 2
    return float(found.fun - _string_energy(string)) * scale


def cooling_time(
    hot: float,
    cold: float,
    beams: Sequence[tuple[float, float]],
    cosine: float = 1.0,
    ions: int = 1,
) -> float:
    """Return how long Doppler cooling takes to bring a hot ion down (rate model, good to a factor of some).

    Args:
        hot: energy of one direction of motion at first, J.
        cold: energy at which the time ends, J; above the Doppler limit.
        beams: detuning (Hz, red below 0) and saturation parameter of each 397 nm beam, which add up as weak
            light does.
        cosine: of the beams against the direction of motion.
        ions: among which the energy is ASSUMED to be shared all the time: the more share it, the sooner each
            of them is slow enough to be in resonance.

    Returns:
        Time, s; infinite if the light does not cool at some energy on the way.

    Raises:
        ModelError: energies that do not fall.

    Example: after a collision with hydrogen, with light half a linewidth red.
        >>> 1e-4 < cooling_time(mean_kick(), 1e-4 * mean_kick(), [(-11e6, 0.5)], 0.7) < 1e-1
        True
    """
    if not 0 < cold < hot:
        raise ModelError(
            "energy to cool to", cold, f"above 0 J and below {hot:g} J", "J", "cooling goes down"
        )
    number = max(2, math.ceil(_DENSITY * math.log(hot / cold)))
    energies = np.geomspace(cold / ions, hot / ions, number)
    rates = np.array([cooling_power(energy, beams, cosine) for energy in energies.tolist()])
    if rates.min() <= 0:
        return math.inf
    times = energies / rates  # by the logarithm of the energy
    return float((times[1:] + times[:-1]) @ np.diff(np.log(energies)) / 2)


def cooling_power(energy: float, beams: Sequence[tuple[float, float]], cosine: float = 1.0) -> float:
    """Return the power (W) that light takes out of a swing with some energy (J), averaged over the swing.

    The force is hbar k times the scattering rate at the ion's Doppler shift. Heating by recoil is left out:
    it matters at the Doppler limit only.

    Source: Wesenberg et al., PRA 76, 053416 (2007), sec. II.
    """
    speed = math.sqrt(2 * energy / CALCIUM_MASS)
    velocity = speed * np.sin(2 * math.pi * (np.arange(_PHASES) + 0.5) / _PHASES)
    wavelength, width = LINE_397.wavelength, LINE_397.upper.linewidth
    shift = velocity * cosine / wavelength
    power = 0.0
    for detuning, saturation in beams:
        excess = 1 + saturation + 4 * ((detuning - shift) / width) ** 2
        scattering = math.pi * width * saturation / excess
        power -= PLANCK * cosine / wavelength * float((velocity * scattering).mean())
    return power


def _most_share(gas: Gas) -> float:
    """Largest share of its energy that a molecule can leave to an ion at rest: in a head-on collision."""
    return 4 * gas.mass * CALCIUM_MASS / (gas.mass + CALCIUM_MASS) ** 2


def _string_energy(u: Floats) -> float:
    """Energy of a string at rest, in units of m omega_z^2 l^2."""
    apart = np.abs(u[:, None] - u[None, :])[np.triu_indices(len(u), 1)]
    return float((u**2).sum() / 2 + (1 / apart).sum())


def _crossing_energy(x: Floats, ratio: float) -> tuple[float, Floats]:
    """Energy, and its gradient, with two ions side by side in the same units.

    Args:
        x: places of the others along the axis, that of the pair, and half of its width.
        ratio: squared radial over squared axial frequency.
    """
    others, middle, half = x[:-2], float(x[-2]), float(x[-1])
    energy = _string_energy(others) if len(others) else 0.0
    apart = others[:, None] - others[None, :]
    np.fill_diagonal(apart, np.inf)
    gradient = others - (np.sign(apart) / apart**2).sum(axis=1)
    along = others - middle
    distance = np.sqrt(along**2 + half**2)
    pull = 2 * along / distance**3
    energy += middle**2 + ratio * half**2 + 1 / (2 * abs(half)) + float((2 / distance).sum())
    by_middle = 2 * middle + pull.sum()
    by_half = 2 * ratio * half - np.sign(half) / (2 * half**2) - (2 * half / distance**3).sum()
    return energy, np.array([*(gradient - pull), by_middle, by_half])
