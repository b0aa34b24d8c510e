"""Laser cooling as rates.

Approximations: the ion is a two-level atom on the 397 nm line with its repumper always on (the true ion has
eight levels and dark resonances); friction is linear in velocity; modes are slower than the line is wide; all
ions see the same light. Rates are therefore right in how they scale, not to better than a factor of about 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import CALCIUM_MASS, PLANCK
from hardware_sim.physics.calcium import LINE_397, recoil

Floats: TypeAlias = NDArray[np.float64]


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
