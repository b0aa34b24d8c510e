"""Bring a chosen ion of a string into the cavity waist, by the two endcap electrodes.

The mean endcap voltage sets the axial confinement, the difference pushes the whole string along the trap
axis. How far to push follows from the ions' equilibrium positions, which are worked out here from the
calibrated confinement alone: this is the lab's own idea of its string, not the simulated lab's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.errors import DeclaredValueError
from sequences.ir import Block
from sequences.language import parallel
from sequences.library.calibration import Calibration
from sequences.library.node import Node
from sequences.parameters import Value
from sequences.units import show

CHARGE_TO_MASS: Final = 2.414424e6
"""e/m of 40Ca+, C/kg: 1.602176634e-19 C / (39.96259 u x 1.66053907e-27 kg/u - one electron)."""

COULOMB: Final = 3.476686e-3
"""e^2 / (4 pi epsilon_0 m) of 40Ca+, m^3/s^2: the strength of the repulsion between two ions."""


@dataclass(frozen=True, slots=True)
class Transport:
    """Endcap voltages that bring each ion of a string into the waist.

    Attributes:
        axial_frequency: of the confinement, Hz.
        positions: (ions,) of the string about its centre, m, ascending.
        upper: (ions,) voltage of the upper endcap for each ion in the waist, V.
        lower: (ions,) voltage of the lower endcap, V.
    """

    axial_frequency: float
    positions: NDArray[np.float64]
    upper: NDArray[np.float64]
    lower: NDArray[np.float64]


def plan_transport(calibration: Calibration, ions: int, axial_frequency: float | None = None) -> Transport:
    """Work out the endcap voltages that bring each ion in turn into the cavity waist.

    Args:
        calibration: trap frequencies, field per volt and position of the waist.
        ions: in the string.
        axial_frequency: Hz; by default `default_axial_frequency`.

    Raises:
        DeclaredValueError: the string would not be linear at that confinement.
    """
    limit = linear_limit(ions, calibration.radial_frequency)
    frequency = default_axial_frequency(calibration, ions) if axial_frequency is None else axial_frequency
    if frequency >= limit:
        raise DeclaredValueError(
            "axial_frequency",
            f"{show(frequency, 'Hz', 4)} makes {ions} ions a zig-zag: with "
            f"{show(calibration.radial_frequency, 'Hz', 4)} radial confinement it must stay below "
            f"{show(limit, 'Hz', 4)}",
        )
    omega = 2 * np.pi * frequency
    positions = string_positions(ions) * np.cbrt(COULOMB / omega**2)
    mean = (frequency / calibration.axial_frequency_at_1_volt) ** 2
    push = omega**2 * (calibration.waist_position - positions) / CHARGE_TO_MASS / calibration.field_per_volt
    return Transport(frequency, positions, mean + push / 2, mean - push / 2)


def default_axial_frequency(calibration: Calibration, ions: int) -> float:
    """Return 60 % of the zig-zag limit, at most 0.92 MHz: well linear, and stiff enough to cool well."""
    return min(0.6 * linear_limit(ions, calibration.radial_frequency), 0.92e6)


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


def _repulsion(u: NDArray[np.float64]) -> NDArray[np.float64]:
    apart = u[:, None] - u[None, :]
    np.fill_diagonal(apart, np.inf)
    return np.asarray((np.sign(apart) / apart**2).sum(axis=1))


def _stiffness(u: NDArray[np.float64]) -> NDArray[np.float64]:
    apart = np.abs(u[:, None] - u[None, :])
    np.fill_diagonal(apart, np.inf)
    coupling = 2 / apart**3
    return np.asarray(np.diag(1 + coupling.sum(axis=1)) - coupling)


def hold(node: Node, transport: Transport, ion: int) -> Block:
    """Set both endcaps at once to the voltages that hold an ion in the waist; before the string is cold."""
    return parallel(
        node.endcap_upper.set(float(transport.upper[ion])), node.endcap_lower.set(float(transport.lower[ion]))
    )


def shuttle(node: Node, transport: Transport, start: int, stop: int, duration: Value) -> Block:
    """Move the string so that ion `stop` takes the place of ion `start` in the waist.

    Both endcaps follow a minimum-jerk ramp, with opposite signs: the confinement stays, the string moves.

    Args:
        node: to play on.
        transport: the voltages.
        start: ion that is in the waist now.
        stop: ion that is to be there.
        duration: of the ramp, s; some axial periods, or the string will slosh.
    """
    upper, lower = transport.upper, transport.lower
    return parallel(
        node.endcap_upper.ramp(float(upper[start]), float(upper[stop]), duration),
        node.endcap_lower.ramp(float(lower[start]), float(lower[stop]), duration),
    )
