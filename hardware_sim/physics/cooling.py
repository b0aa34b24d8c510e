"""Laser cooling and heating of trapped ions by the light that they scatter.

An ion whose motion is small against the wavelength takes quanta from a mode of frequency f at the rate
eta^2 A-(f) n, and gives them at eta^2 A+(f) (n + 1). Both follow from the fluctuations of the light's force
on an ion at rest, as the optical Bloch equations have them:

    A-+(f) = 2 Re integral_0^inf exp(+-2 pi i f t) <F(t) F(0)> dt + emission,   F in units of hbar k

For slow modes A- less A+ is the gradient of the scattering force; its value at f knows, too, how long an ion
takes to follow a change of its velocity, so that dark resonances narrower than f act as they do: they cool
on one side and heat on the other. For weak light on two levels A-+ are the Lorentzians of textbooks, and the
limit they settle at is n + 1/2 = (Gamma / 8 f) (1 + e) (1 / x + x), with x = 2 |detuning| / Gamma and e the
recoil of emission along the mode over that of absorption.

Emission from P1/2 (J = 1/2) is isotropic whatever its polarisation, so that a mode along any direction takes
1/3 of its recoil. The same is ASSUMED of P3/2.

Source: Cirac, Blatt, Zoller and Phillips, Phys. Rev. A 46, 2668 (1992), for A-+; Stenholm, Rev. Mod. Phys.
58, 699 (1986), for the limit of weak light.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import CALCIUM_MASS, PLANCK
from hardware_sim.physics.bloch import (
    LEVELS,
    LINEWIDTH,
    Beam,
    P,
    force_operators,
    liouvillian,
    population,
    steady_state,
)
from hardware_sim.physics.calcium import LINE_393, LINE_397, LINE_850, LINE_854, LINE_866, P12, recoil
from hardware_sim.physics.slow_rates import SlowRates

Floats: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

ISOTROPIC: Final = 1 / 3
"""Mean square of the cosine between an emitted photon and any direction."""

EMISSION_397: Final = ISOTROPIC * (
    LINE_397.branching * recoil(LINE_397.wavelength) + LINE_866.branching * recoil(LINE_866.wavelength)
)
"""Recoil frequency (Hz) along a mode, mean over the photons that P1/2 emits."""

EMISSION_393: Final = ISOTROPIC * sum(
    line.branching * recoil(line.wavelength) for line in (LINE_393, LINE_850, LINE_854)
)
"""The same for P3/2."""

MOST_AT_ONCE: Final = 64
"""Frequencies for which the Bloch equations are solved together: four megabytes."""


@dataclass(frozen=True, slots=True, eq=False)
class ModeRates:
    """How scattering light exchanges quanta with the modes, for an ion in each of the slow levels.

    Attributes:
        down: (3, modes) rate A- eta^2 of an ion that is in S1/2(-1/2), S1/2(+1/2), D3/2, 1/s.
        up: (3, modes) rate A+ eta^2.
    """

    down: Floats
    up: Floats


def mode_rates(
    generator: Complex,
    slow: SlowRates,
    beams: tuple[Beam, Beam],
    cosines: tuple[Floats, Floats],
    frequencies: Floats,
) -> ModeRates:
    """Return how fast light cools and heats each mode.

    All ions of a string see the same light, and a mode has one whole ion's worth of motion, so that the rates
    of a mode are those of a single ion that swings at its frequency.

    Args:
        generator: (64, 64) of `bloch.liouvillian`.
        slow: of `slow_rates`, the levels that an ion may be in.
        beams: at 397 nm and 866 nm.
        cosines: of the angle between each beam and the direction of each mode (modes,).
        frequencies: of the modes (modes,), Hz.
    """
    share = np.stack(
        [
            np.sqrt(recoil(line.wavelength) / frequencies) * cosine
            for line, cosine in zip((LINE_397, LINE_866), cosines, strict=True)
        ]
    )
    forces = force_operators(*beams)
    emission = np.outer(slow.excited / P12.lifetime, EMISSION_397 / frequencies)
    down, up = (
        2
        * np.einsum(
            "mabs,am,bm->sm", _spectrum(generator, slow.states, forces, sign * frequencies), share, share
        )
        for sign in (+1, -1)
    )
    return ModeRates(down + emission, up + emission)


def _spectrum(generator: Complex, states: Complex, forces: Complex, frequencies: Floats) -> Floats:
    """Return Re integral exp(2 pi i f t) <F_a(t) F_b(0)> dt (frequencies, 2, 2, states), by regression."""
    matrices = states.reshape(-1, LEVELS, LEVELS)
    pushed = np.einsum("bij,sjk->bsik", forces, matrices).reshape(-1, LEVELS**2).T
    read = forces.transpose(0, 2, 1).reshape(len(forces), -1)
    unit, found = np.eye(LEVELS**2), []
    for start in range(0, len(frequencies), MOST_AT_ONCE):
        some = frequencies[start : start + MOST_AT_ONCE, None, None]
        response = -np.linalg.solve(generator + 2j * math.pi * some * unit, pushed[None])
        found.append((read @ response).real.reshape(-1, len(forces), len(forces), len(matrices)))
    return np.concatenate(found)


def quench_recoil(cosines: Floats, frequencies: Floats) -> Floats:
    """Return the quanta (modes,) that one scattered 854 nm photon gives to each mode, all ions together.

    Args:
        cosines: of the angle between the beam and the direction of each mode (modes,).
        frequencies: of the modes (modes,), Hz.
    """
    return np.asarray((recoil(LINE_854.wavelength) * cosines**2 + EMISSION_393) / frequencies)


def pumping_recoil(cosines: Floats, frequencies: Floats) -> Floats:
    """Return the quanta (modes,) that one scattered 397 nm photon gives to each mode, without friction."""
    return np.asarray((recoil(LINE_397.wavelength) * cosines**2 + EMISSION_397) / frequencies)


def boiling_point(mode_frequency: Floats, cosines: Floats, saturation: float) -> Floats:
    """Return the phonon number at which the Doppler shift of one moving ion fills the broadened 397 nm line.

    Beyond it the ion leaves resonance in each swing, and growth that is linear in velocity has no meaning.

    Args:
        mode_frequency: (modes,), in Hz.
        cosines: of the angle between the beam and the direction of each mode (modes,).
        saturation: of the beam.

    Returns:
        Phonon numbers (modes,).
    """
    speed = LINE_397.wavelength * LINEWIDTH * math.sqrt(1 + saturation)
    least = 0.1  # of a beam that is all but across the mode
    return CALCIUM_MASS * (speed / np.maximum(np.abs(cosines), least)) ** 2 / (2 * PLANCK * mode_frequency)


@dataclass(frozen=True, slots=True, eq=False)
class HotCooling:
    """How much more slowly light cools ions whose Doppler shifts are not small against the line.

    Velocities along the beam are taken as Gaussian, as those of many modes are; then the rate at which energy
    is lost is the mean gradient of the force over them (Stein's lemma), of which this holds the ratio to the
    gradient at rest.

    Attributes:
        log_spread: (points,) logarithm of the mean square Doppler shift, Hz^2, ascending.
        delay: (points,) integral of the inverse ratio over `log_spread`: the time that cooling from there to
            the first point takes, in units of the damping time at rest.
    """

    log_spread: Floats
    delay: Floats

    def exponents(self, spread: Floats, cold: Floats) -> Floats:
        """Return by which exponent (...) the energy falls in the time in which it would by `cold` at rest.

        Args:
            spread: mean square Doppler shift (...) at first, Hz^2.
            cold: damping rate at rest, times the time (...).
        """
        begun = np.log(np.maximum(spread, math.exp(self.log_spread[0])))
        begun = np.minimum(begun, self.log_spread[-1])
        left = np.interp(begun, self.log_spread, self.delay) - cold
        ended = np.interp(left, self.delay, self.log_spread)
        # Below the first point cooling is as at rest.
        return np.asarray(begun - ended + np.maximum(self.delay[0] - left, 0.0))


def doppler_shift_squared(quanta: Floats, cosines: Floats, frequencies: Floats, ions: int) -> Floats:
    """Return the mean square Doppler shift (shots,) that the ions of each shot see at 397 nm, Hz^2.

    A mode of n quanta moves all ions together with a mean square of k v of 2 eta^2 n f^2.

    Args:
        quanta: (shots, modes).
        cosines: of the angle between the beam and the direction of each mode (modes,).
        frequencies: of the modes (modes,), Hz.
        ions: of the string.
    """
    return np.asarray(quanta @ (2 * recoil(LINE_397.wavelength) * cosines**2 * frequencies / ions))


HOTTEST: Final = 3e9
"""Hz of Doppler shift (rms) up to which slow cooling is worked out: 1.2 km/s."""
COLDEST: Final = 0.5e6
"""Hz of Doppler shift below which an ion counts as at rest: a tenth of the narrowest dark resonance."""
LEAST_RATIO: Final = 1e-7
"""Cooling of hot ions, over that at rest, below which it is cut; also where their light would heat them."""


def hot_cooling(cooling: Beam, repump: Beam, field: float) -> HotCooling | None:
    """Return how light cools hot ions, both beams along one direction.

    Args:
        cooling: 397 nm light.
        repump: 866 nm light.
        field: T.

    Returns:
        None where the light does not cool an ion at rest.
    """
    shifts = COLDEST * np.sinh(np.linspace(-1, 1, 129) * math.asinh(4 * HOTTEST / COLDEST))
    moved = liouvillian(_seen(cooling, shifts, 1.0), _seen(repump, shifts, _FAR), field)
    rate = population(steady_state(moved), P)
    middle = len(shifts) // 2
    at_rest = -np.gradient(rate, shifts)[middle]
    if at_rest <= 0:
        return None
    spreads = np.geomspace(COLDEST, HOTTEST, 60)
    weights = np.exp(-((shifts / spreads[:, None]) ** 2) / 2)
    steps = np.gradient(shifts)
    # <F v> / <v^2>: a Gaussian's mean of the gradient, without taking one.
    norm = (weights * steps).sum(axis=1) * spreads**2
    ratio = -(weights * shifts * rate * steps).sum(axis=1) / norm / at_rest
    inverse = 1 / np.maximum(ratio, LEAST_RATIO)
    log_spread = 2 * np.log(spreads)
    steps_of = (inverse[1:] + inverse[:-1]) / 2 * np.diff(log_spread)
    return HotCooling(log_spread, np.concatenate([[0.0], np.cumsum(steps_of)]))


_FAR: Final = LINE_397.wavelength / LINE_866.wavelength


def _seen(beam: Beam, shifts: Floats, scale: float) -> Beam:
    """Return a beam as ions see it that move along it: detuned by less than it is."""
    return Beam(
        beam.saturation, np.asarray(beam.detuning) - scale * shifts, beam.polarisation, beam.linewidth
    )
