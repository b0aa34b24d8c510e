"""Bring a chosen ion of a string into the cavity waist, by the two endcap electrodes.

The mean endcap voltage sets the axial confinement, the difference pushes the whole string along the trap
axis. How far to push follows from the ions' equilibrium positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sequences.errors import DeclaredValueError
from sequences.ir import Block
from sequences.language import parallel
from sequences.library.calibration import Calibration
from sequences.library.ion_string import CHARGE_TO_MASS, COULOMB, linear_limit, string_positions
from sequences.library.node import Node
from sequences.parameters import Value
from sequences.units import show


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
