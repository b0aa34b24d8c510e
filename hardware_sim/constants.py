"""Constants of nature in SI units.

Each constant carries its unit; those that the SI defines are exact, for the others the last digits'
uncertainty stands in brackets.

Source: CODATA 2022 recommended values (NIST SP 961, 2024); mass of 40Ca: Wang et al., "The AME 2020 atomic
mass evaluation (II)", Chinese Physics C 45, 030003 (2021).
"""

from __future__ import annotations

import math
from typing import Final

LIGHT_SPEED: Final = 299_792_458.0  # m/s, exact
PLANCK: Final = 6.62607015e-34  # J s, exact
HBAR: Final = PLANCK / (2 * math.pi)  # J s, exact
BOLTZMANN: Final = 1.380649e-23  # J/K, exact
ELEMENTARY_CHARGE: Final = 1.602176634e-19  # C, exact
VACUUM_PERMITTIVITY: Final = 8.8541878188e-12  # F/m, (14)
BOHR_MAGNETON: Final = 9.2740100657e-24  # J/T, (29)
ATOMIC_MASS: Final = 1.66053906892e-27  # kg, (52)

# The ion is the atom less one electron. The 6.1 eV that bound it weigh 7e-9 u, below every use here.
_CALCIUM_ATOM: Final = 39.96259085  # u, (2) AME 2020
_ELECTRON: Final = 5.485799090441e-4  # u, (97)
CALCIUM_MASS: Final = (_CALCIUM_ATOM - _ELECTRON) * ATOMIC_MASS  # kg, one 40Ca+ ion
