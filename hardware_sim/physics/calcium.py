"""The levels and lines of 40Ca+ that the node uses.

    393 nm   S1/2 - P3/2   Raman drive
    397 nm   S1/2 - P1/2   cooling, optical pumping, detection
    729 nm   S1/2 - D5/2   qubit
    850 nm   D3/2 - P3/2   decay only
    854 nm   D5/2 - P3/2   cavity, quenching
    866 nm   D3/2 - P1/2   repumping

Wavelengths are those in standard air, as the field quotes them; in vacuum they are 2.8e-4 longer, which moves
a recoil frequency by 0.06 % and is far below every other uncertainty of the model.

Source: wavelengths, NIST Atomic Spectra Database; lifetimes of P1/2 and P3/2, Jin and Church, PRL 70, 3213
(1993), which the node's own publications use (Meir et al., PRA 101, 012509 (2020), find 6.64(4) ns for P3/2);
lifetimes of D3/2 and D5/2, Kreuter et al., PRA 71, 032504 (2005); branching of P3/2, Gerritsma et al., EPJ D
50, 13 (2008); branching of P1/2, Ramm et al., PRL 111, 023004 (2013).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import BOHR_MAGNETON, CALCIUM_MASS, PLANCK
from hardware_sim.physics.errors import SublevelError

Field = TypeVar("Field", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class Level:
    """A fine-structure level.

    Attributes:
        name: spectroscopic name.
        momentum: total angular momentum J.
        lande: Landé factor g_J.
        lifetime: natural lifetime, in seconds; infinite for the ground level.
    """

    name: str
    momentum: float
    lande: float
    lifetime: float

    @property
    def linewidth(self) -> float:
        """Full natural width at half maximum, in Hz."""
        return 1 / (2 * math.pi * self.lifetime)

    @property
    def sublevels(self) -> tuple[float, ...]:
        """Magnetic quantum numbers m, ascending.

        Example:
            >>> P32.sublevels
            (-1.5, -0.5, 0.5, 1.5)
        """
        return tuple(step - self.momentum for step in range(round(2 * self.momentum) + 1))


@dataclass(frozen=True, slots=True)
class Line:
    """A transition between two levels.

    Attributes:
        lower: the level of lower energy.
        upper: the level of higher energy.
        wavelength: in standard air, in m.
        branching: probability that the upper level decays along this line.
    """

    lower: Level
    upper: Level
    wavelength: float
    branching: float


# Tommaseo et al., EPJ D 25, 113 (2003): 2.00225664(9).
S12: Final = Level("S1/2", 0.5, 2.00225664, math.inf)
# P1/2, P3/2 and D3/2: LS coupling with g_S = 2, good to about 1e-3.
P12: Final = Level("P1/2", 0.5, 2 / 3, 7.098e-9)
P32: Final = Level("P3/2", 1.5, 4 / 3, 6.924e-9)
D32: Final = Level("D3/2", 1.5, 4 / 5, 1.20)
# Chwalla et al., PRL 102, 023002 (2009): 1.2003340(3).
D52: Final = Level("D5/2", 2.5, 1.2003340, 1.17)

LINE_393: Final = Line(S12, P32, 393.366e-9, 0.9347)
LINE_397: Final = Line(S12, P12, 396.847e-9, 0.936)
LINE_729: Final = Line(S12, D52, 729.147e-9, 1.0)
LINE_850: Final = Line(D32, P32, 849.802e-9, 0.00661)
LINE_854: Final = Line(D52, P32, 854.209e-9, 0.0587)
LINE_866: Final = Line(D32, P12, 866.214e-9, 0.064)


def zeeman_shift(level: Level, m: float, field: Field) -> Field:
    """Return the linear Zeeman shift g m mu_B B / h of one sublevel.

    Args:
        level: the level.
        m: magnetic quantum number.
        field: magnetic field, in tesla; a number or an array of any shape.

    Returns:
        Shift, in Hz, with the shape of the field.

    Raises:
        SublevelError: the level has no such sublevel.

    Source: Foot, Atomic Physics (Oxford 2005), sec. 5.5.

    Example:
        The neighbouring sublevels of D5/2 in the node's field of 4.23 G:

        >>> splitting = zeeman_shift(D52, -1.5, 4.23e-4) - zeeman_shift(D52, -2.5, 4.23e-4)
        >>> round(splitting / 1e6, 2)
        7.11
    """
    if m not in level.sublevels:
        raise SublevelError(level.name, m, level.momentum)
    return (level.lande * m * BOHR_MAGNETON / PLANCK) * field


def recoil(wavelength: float) -> float:
    """Return the recoil frequency h / (2 m lambda^2) of one photon on 40Ca+.

    Args:
        wavelength: of the light, in m.

    Returns:
        Recoil energy over the Planck constant, in Hz.

    Source: Leibfried et al., Rev. Mod. Phys. 75, 281 (2003).

    Example:
        >>> round(recoil(LINE_393.wavelength) / 1e3, 1)
        32.3
    """
    return PLANCK / (2 * CALCIUM_MASS * wavelength**2)
