"""The lab's own idea of its string of ions: where they sit, how they move, how strongly light sees them move.

All follows from the calibrated confinement alone; the simulated lab has formulas of its own.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

CHARGE_TO_MASS: Final = 2.414424e6
"""e/m of 40Ca+, C/kg: 1.602176634e-19 C / (39.96259 u x 1.66053907e-27 kg/u - one electron)."""

COULOMB: Final = 3.476686e-3
"""e^2 / (4 pi epsilon_0 m) of 40Ca+, m^3/s^2: the strength of the repulsion between two ions."""

HBAR_TO_MASS: Final = 1.589203e-9
"""h / (2 pi m) of 40Ca+, m^2/s: 1.054571817e-34 J s / (39.96204 u x 1.66053907e-27 kg/u)."""

QUBIT_WAVELENGTH: Final = 729.147e-9
"""Of S1/2 to D5/2 in 40Ca+, m. Source: NIST Atomic Spectra Database."""


def linear_limit(ions: int, radial_frequency: float) -> float:
    """Return the axial frequency (Hz) above which a string buckles into a zig-zag.

    Source: the softest radial mode has omega_r^2 + omega_z^2/2 - mu omega_z^2/2 with the largest axial mu;
    D. James, Appl. Phys. B 66, 181 (1998).
    """
    if ions == 1:
        return radial_frequency
    largest = float(np.linalg.eigvalsh(_stiffness(string_positions(ions)))[-1])
    return radial_frequency / float(np.sqrt((largest - 1) / 2))


@lru_cache(maxsize=32)
def string_positions(ions: int) -> NDArray[np.float64]:
    """Return the equilibrium positions (ions,) of a string in units of its length scale; read-only.

    Newton's method on the balance of trap and repulsion, damped so that neighbours never pass each other. It
    starts from the parabolic density of a long string.

    Source: D. Dubin, Phys. Rev. Lett. 71, 2753 (1993), for the density.

    Example:
        >>> string_positions(3).round(4).tolist()
        [-1.0772, 0.0, 1.0772]
    """
    half_length = np.cbrt(3 * ions * np.log(6 * ions) / 1.6)
    u = 2 * half_length * np.sin(np.arcsin((2 * np.arange(ions) + 1) / ions - 1) / 3)
    for _ in range(200):
        force = u - _repulsion(u)
        step = np.linalg.solve(_stiffness(u), -force)
        closest = np.diff(u).min() if ions > 1 else 1.0
        u = u + step * min(1.0, 0.3 * closest / max(float(np.abs(step).max()), 1e-300))
        if np.abs(step).max() < 1e-12 * max(1.0, float(np.abs(u).max())):
            break
    symmetric = np.asarray((u - u[::-1]) / 2)
    symmetric.flags.writeable = False
    return symmetric


def axial_modes(ions: int, axial_frequency: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the modes of a string along the trap axis, from the slowest (all ions together) to the fastest.

    Args:
        ions: in the string.
        axial_frequency: of one ion, Hz.

    Returns:
        Frequencies (modes,) in Hz, and how much each ion takes part (modes, ions): rows of length 1.

    Source: D. James, Appl. Phys. B 66, 181 (1998).

    Example:
        >>> frequencies, vectors = axial_modes(2, 1e6)
        >>> frequencies.round(-3).tolist(), abs(vectors).round(4).tolist()
        ([1000000.0, 1732000.0], [[0.7071, 0.7071], [0.7071, 0.7071]])
    """
    squared, vectors = np.linalg.eigh(_stiffness(string_positions(ions)))
    return axial_frequency * np.sqrt(squared), np.asarray(vectors.T)


def lamb_dicke(mode_frequency: float, cosine: float = 1.0, participation: float = 1.0) -> float:
    """Return the Lamb-Dicke parameter of an ion in 729 nm light.

    Args:
        mode_frequency: Hz.
        cosine: of the angle between the light and the motion.
        participation: of the ion in the mode, an element of `axial_modes`; 1 for a single ion.

    Source: D. Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. II: eta = k cos(theta) x_0.

    Example:
        >>> round(lamb_dicke(0.92e6, cosine=0.7071), 4)
        0.0714
    """
    extent = math.sqrt(HBAR_TO_MASS / (4 * math.pi * mode_frequency))
    return 2 * math.pi / QUBIT_WAVELENGTH * cosine * participation * extent


def _repulsion(u: NDArray[np.float64]) -> NDArray[np.float64]:
    apart = u[:, None] - u[None, :]
    np.fill_diagonal(apart, np.inf)
    return np.asarray((np.sign(apart) / apart**2).sum(axis=1))


def _stiffness(u: NDArray[np.float64]) -> NDArray[np.float64]:
    apart = np.abs(u[:, None] - u[None, :])
    np.fill_diagonal(apart, np.inf)
    coupling = 2 / apart**3
    return np.asarray(np.diag(1 + coupling.sum(axis=1)) - coupling)
