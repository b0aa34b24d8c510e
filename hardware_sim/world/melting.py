"""What a collision with background gas does to a string, and when it is a crystal again.

Heat is told as the mean energy of a mode over Planck's constant, Hz: quanta times the frequency of the mode.
"""

from __future__ import annotations

import math
from typing import Final

from hardware_sim.constants import ELEMENTARY_CHARGE, PLANCK, VACUUM_PERMITTIVITY

COUPLING: Final = 174.0
"""Coulomb energy of neighbours over thermal energy from which on ions are a crystal.

Source: E. Pollock, J. Hansen, Phys. Rev. A 8, 3110 (1973), for bulk matter; ASSUMED to hold for a string."""


def collision_heat(kick: float, ions: int) -> float:
    """Return the heat (Hz) that a string gains from the energy (J) of one of its ions.

    All modes are ASSUMED to share it long before light has cooled them.

    Example: of hydrogen for ten ions, on average, in quanta of a mode at 1 MHz.
        >>> from hardware_sim.physics.collisions import mean_kick
        >>> round(collision_heat(mean_kick(), 10) / 1e6)
        28579
    """
    return kick / PLANCK / (3 * ions)


def melts(heat: float, ions: int, barrier: float) -> bool:
    """Return whether a string with some heat (Hz) holds the energy (J) for two ions to change places.

    That energy comes from one ion, which has all of it at first. A single ion has no place to change.
    """
    return ions > 1 and 3 * ions * heat * PLANCK >= barrier


def melting_heat(spacing: float) -> float:
    """Return the heat (Hz) at which ions with some spacing (m) melt.

    Example: for 6 um, quanta of a mode at 1 MHz.
        >>> round(melting_heat(6e-6) / 1e6)
        334
    """
    repulsion = ELEMENTARY_CHARGE**2 / (4 * math.pi * VACUUM_PERMITTIVITY * spacing)
    return repulsion / COUPLING / PLANCK
