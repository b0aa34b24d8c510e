"""Laser cooling, optical pumping and shelving as rates.

Approximations: the ion is a two-level atom on the 397 nm line with its repumper always on (the true ion has
eight levels and dark resonances); friction is linear in velocity; modes are slower than the line is wide; all
ions see the same light. Rates are therefore right in how they scale, not to better than a factor of about 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import CALCIUM_MASS, PLANCK
from hardware_sim.physics.calcium import LINE_397, LINE_866, recoil

Floats: TypeAlias = NDArray[np.float64]

# exp(100) quanta lie beyond every bound; more would overflow.
_LARGEST_GROWTH: Final = 100.0

# An ion in S(+1/2) that absorbs a sigma-minus photon decays from P(-1/2): to S with the line's branching,
# there to S(-1/2) in 1 of 3 cases (Clebsch-Gordan), else to D3/2, from where the repumper is ASSUMED to
# return it to either spin equally often.
_PUMPED_PER_PHOTON: Final = LINE_397.branching / 3 + LINE_866.branching / 2


@dataclass(frozen=True, slots=True)
class Cooling:
    """A cooling beam and the line it drives.

    Attributes:
        detuning: light less resonance, in Hz; negative is red and cools.
        saturation: resonant saturation parameter s.
        cosine: of the angle between the beam and the modes' direction.
        wavelength: in m.
        linewidth: full natural width of the line, in Hz.
    """

    detuning: float
    saturation: float
    cosine: float
    wavelength: float = LINE_397.wavelength
    linewidth: float = LINE_397.upper.linewidth

    @property
    def scattering(self) -> float:
        """Photons scattered by an ion at rest, in 1/s."""
        return scattering_rate(self.saturation, self.detuning, self.linewidth)

    @property
    def damping(self) -> float:
        """Rate at which a mode loses its energy, in 1/s; negative for blue light, which feeds it.

        The scattering force changes with velocity by -hbar k^2 cos^2 dR/d(detuning); over the mass this is
        the rate for the energy of every mode, because all ions feel the same friction.

        Source: Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. IV.
        """
        excess = 1 + self.saturation + 4 * (self.detuning / self.linewidth) ** 2
        slope = -8 * math.pi * self.saturation * (self.detuning / self.linewidth) / excess**2
        return 2 * recoil(self.wavelength) * self.cosine**2 * slope

    def heating(self, mode_frequency: Floats) -> Floats:
        """Return the recoil heating of modes by absorption and, ASSUMED equal, by emission.

        Args:
            mode_frequency: (modes,), in Hz.

        Returns:
            Phonons per second (modes,).
        """
        return 2 * recoil(self.wavelength) * self.cosine**2 * self.scattering / mode_frequency


def scattering_rate(saturation: float, detuning: float, linewidth: float) -> float:
    """Return the rate at which a two-level ion scatters photons.

    Args:
        saturation: resonant saturation parameter s.
        detuning: light less resonance, in Hz.
        linewidth: full natural width Gamma, in Hz.

    Returns:
        pi Gamma s / (1 + s + 4 detuning^2 / Gamma^2), in 1/s.

    Source: Foot, Atomic Physics (Oxford 2005), eq. 9.3.

    Example:
        >>> round(scattering_rate(1.0, -11.2e6, 22.4e6) / 1e6, 1)
        23.5
    """
    return math.pi * linewidth * saturation / (1 + saturation + 4 * (detuning / linewidth) ** 2)


def cooled(nbar: Floats, duration: float, mode_frequency: Floats, cooling: Cooling) -> Floats:
    """Return the mean phonon numbers after a stretch of cooling light.

    dn/dt = heating - damping n: red light brings the modes exponentially to the Doppler limit, blue light
    makes them grow. Growth stops at `boiling_point`, where linear friction has lost its meaning.

    Args:
        nbar: mean phonon numbers (modes,) before.
        duration: of the light, in s.
        mode_frequency: (modes,), in Hz.
        cooling: the beam.

    Returns:
        Mean phonon numbers (modes,) after.

    Source: Stenholm, Rev. Mod. Phys. 58, 699 (1986).
    """
    exponent = min(-cooling.damping * duration, _LARGEST_GROWTH)
    gathered = duration * (math.expm1(exponent) / exponent if exponent else 1.0)
    after = nbar * math.exp(exponent) + cooling.heating(mode_frequency) * gathered
    return np.minimum(after, np.maximum(nbar, boiling_point(mode_frequency, cooling)))


def boiling_point(mode_frequency: Floats, cooling: Cooling) -> Floats:
    """Return the phonon number at which the Doppler shift of one moving ion fills the broadened line.

    Beyond it the ion leaves resonance in each swing and the linear model of `Cooling` overstates both damping
    and growth.

    Args:
        mode_frequency: (modes,), in Hz.
        cooling: the beam.

    Returns:
        Phonon numbers (modes,).
    """
    speed = cooling.wavelength * cooling.linewidth * math.sqrt(1 + cooling.saturation)
    return CALCIUM_MASS * speed**2 / (2 * PLANCK * mode_frequency)


def unpumped(wrong_spin: float, duration: float, scattering: float, wrong_light: float = 0.0) -> float:
    """Return the population left in S(+1/2) by sigma-minus pumping light.

    Two spin states exchange population, S(+1/2) to S(-1/2) by the right light and back by the wrong: an
    exponential approach to wrong_light / (1 + wrong_light).

    Args:
        wrong_spin: population of S(+1/2) before, of 1 in both spins.
        duration: of the light, in s.
        scattering: rate at which an ion in S(+1/2) scatters the light, in 1/s, from `scattering_rate`.
        wrong_light: intensity of sigma-plus light over that of sigma-minus.

    Returns:
        Population of S(+1/2) after.

    Source: Happer, Rev. Mod. Phys. 44, 169 (1972); reduced to two states here.

    Example:
        >>> round(unpumped(0.5, 1e-6, 1e7), 4)
        0.016
    """
    floor = wrong_light / (1 + wrong_light)
    rate = scattering * _PUMPED_PER_PHOTON * (1 + wrong_light)
    return floor + (wrong_spin - floor) * math.exp(-rate * duration)


def darkening_time(scattering: float, branching: float = LINE_866.branching) -> float:
    """Return the time constant at which an ion without repumping light falls into D3/2.

    Args:
        scattering: rate before it falls, in 1/s.
        branching: probability to fall per scattered photon.

    Returns:
        1 / (scattering branching), in s; infinite without light.

    Source: Ramm et al., PRL 111, 023004 (2013), for the branching.

    Example:
        >>> round(darkening_time(1e7) * 1e6, 2)
        1.56
    """
    rate = scattering * branching
    return 1 / rate if rate > 0 else math.inf


def bright_fraction(duration: float, scattering: float, branching: float = LINE_866.branching) -> float:
    """Return the probability that an ion without repumping light still scatters after a time (s)."""
    return math.exp(-duration / darkening_time(scattering, branching))
