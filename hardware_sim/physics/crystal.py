"""A string of ions in a linear trap: where the ions sit and how they swing.

Lengths are in units of `length_scale`, squared mode frequencies mu in units of the squared axial frequency,
so that both depend on the number of ions alone. Ions are ordered along the axis, modes by rising mu. The
radial modes have the same vectors as the axial ones.

Source: James, "Quantum dynamics of cold trapped ions", Appl. Phys. B 66, 181 (1998).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.constants import CALCIUM_MASS, ELEMENTARY_CHARGE, VACUUM_PERMITTIVITY
from hardware_sim.physics.errors import IonCountError, ZigzagError

Floats: TypeAlias = NDArray[np.float64]

# Newton's error after a step is about the square of that step: below 1e-9 only rounding is left.
_LAST_STEP: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class AxialModes:
    """The normal modes of a string along the axis.

    Attributes:
        positions: equilibrium positions (ions,), dimensionless, ascending.
        mu: squared mode frequencies (modes,) over the squared axial frequency, ascending from 1.
        vectors: orthonormal mode vectors (modes, ions); of the upper half of the ions, the one that moves
            most moves upwards.
    """

    positions: Floats
    mu: Floats
    vectors: Floats


def equilibrium_positions(ions: int) -> Floats:
    """Return where the ions sit when trap and repulsion balance.

    Newton's method with the analytic Jacobian. The energy of an ordered string is convex, so that Newton
    steps which never close a gap by more than half always arrive; from the start used here they are short.

    Args:
        ions: number of ions.

    Returns:
        Positions (ions,), dimensionless, ascending, symmetric about zero to the last bit.

    Raises:
        IonCountError: fewer than one ion.

    Source: James 1998, sec. 1.

    Example:
        >>> equilibrium_positions(3).round(4)
        array([-1.0772,  0.    ,  1.0772])
    """
    if ions < 1:
        raise IonCountError(ions)
    positions = _smooth_string(ions)
    largest = math.inf
    while largest > _LAST_STEP:
        step = np.linalg.solve(_stiffness(positions), -_imbalance(positions))
        closing = float(np.max(-np.diff(step) / np.diff(positions), initial=0.0))
        step /= max(1.0, 2 * closing)
        positions = positions + step
        largest = float(np.max(np.abs(step)))
    return (positions - positions[::-1]) / 2


def modes(ions: int) -> AxialModes:
    """Return equilibrium positions and axial normal modes of a string.

    Args:
        ions: number of ions.

    Returns:
        Positions, squared frequencies and vectors.

    Raises:
        IonCountError: fewer than one ion.

    Source: James 1998, sec. 2.

    Example:
        >>> modes(3).mu.round(6)
        array([1. , 3. , 5.8])
    """
    positions = equilibrium_positions(ions)
    mu, columns = np.linalg.eigh(_stiffness(positions))
    vectors = columns.T
    upper = vectors[:, ions // 2 :]
    leading = np.take_along_axis(upper, np.argmax(np.abs(upper), axis=1)[:, None], axis=1)
    return AxialModes(positions, mu, vectors * np.sign(leading))


def length_scale(axial_frequency: float) -> float:
    """Return the length at which the repulsion of two ions balances the trap.

    Args:
        axial_frequency: of one ion, in Hz.

    Returns:
        (e^2 / (4 pi epsilon0 m omega^2))^(1/3), in m.

    Source: James 1998, sec. 1.
    """
    stiffness = CALCIUM_MASS * (2 * math.pi * axial_frequency) ** 2
    return math.cbrt(ELEMENTARY_CHARGE**2 / (4 * math.pi * VACUUM_PERMITTIVITY * stiffness))


def mode_frequencies(mu: Floats, axial_frequency: float) -> Floats:
    """Return the axial mode frequencies.

    Args:
        mu: squared frequencies (modes,) from `modes`.
        axial_frequency: of one ion, in Hz.

    Returns:
        Frequencies (modes,), in Hz, in the order of mu.
    """
    return axial_frequency * np.sqrt(mu)


def radial_frequencies(mu: Floats, axial_frequency: float, radial_frequency: float) -> Floats:
    """Return the mode frequencies along one radial direction.

    Across the string the repulsion pushes ions apart, with half the strength it has along the string:
    omega_m^2 = omega_r^2 - (mu_m - 1) omega_z^2 / 2.

    Args:
        mu: squared axial frequencies (modes,) from `modes`.
        axial_frequency: of one ion, in Hz.
        radial_frequency: of one ion in the complete trap, in Hz; the centre-of-mass mode has it too.

    Returns:
        Frequencies (modes,), in Hz, in the order of mu: descending.

    Raises:
        ZigzagError: the axial confinement is beyond the zig-zag limit.

    Source: Enzer et al., PRL 85, 2466 (2000).
    """
    squared = radial_frequency**2 - (mu - 1) / 2 * axial_frequency**2
    if squared.min() <= 0:
        limit = _linear_limit(float(mu.max()), radial_frequency)
        raise ZigzagError(len(mu), axial_frequency, limit, radial_frequency)
    return np.sqrt(squared)


def zigzag_limit(ions: int, radial_frequency: float) -> float:
    """Return the axial frequency at which the linear string buckles into a zig-zag.

    Args:
        ions: number of ions.
        radial_frequency: of one ion in the weaker radial direction, in Hz.

    Returns:
        Highest axial frequency of a linear string, in Hz; infinite for one ion.

    Raises:
        IonCountError: fewer than one ion.

    Example:
        >>> round(zigzag_limit(10, 2.4e6) / 1e6, 3)
        0.522
    """
    highest = float(np.linalg.eigvalsh(_stiffness(equilibrium_positions(ions)))[-1])
    return math.inf if ions == 1 else _linear_limit(highest, radial_frequency)


def _linear_limit(highest_mu: float, radial_frequency: float) -> float:
    """Axial frequency (Hz) at which the lowest radial mode reaches zero."""
    return radial_frequency / math.sqrt((highest_mu - 1) / 2)


def _smooth_string(ions: int) -> Floats:
    """Guess positions from a smooth charge density n (1 - u^2 / L^2).

    The closest spacing follows 2.018 N^-0.559 (James 1998, sec. 1); the density at the centre is its inverse
    and fixes L. Inverting the integral of the parabola gives each ion's place in closed form.
    """
    half_length = 0.75 * ions * 2.018 * math.pow(ions, -0.559)
    below = (np.arange(ions) + 0.5) / ions
    positions: Floats = 2 * half_length * np.sin(np.arcsin(2 * below - 1) / 3)
    return positions


def _separations(positions: Floats) -> Floats:
    """Signed distances u_i - u_j (ions, ions), infinite on the diagonal."""
    distances = positions[:, None] - positions[None, :]
    np.fill_diagonal(distances, np.inf)
    return distances


def _imbalance(positions: Floats) -> Floats:
    """Gradient of the energy (ions,): trap force less repulsion."""
    distances = _separations(positions)
    gradient: Floats = positions - (np.sign(distances) / distances**2).sum(axis=1)
    return gradient


def _stiffness(positions: Floats) -> Floats:
    """Second derivatives of the energy (ions, ions)."""
    coupling = 2 / np.abs(_separations(positions)) ** 3
    return np.diag(1 + coupling.sum(axis=1)) - coupling
