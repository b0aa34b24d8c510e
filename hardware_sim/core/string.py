"""The string of ions as the trap holds it: where the ions are, how they move, what the beams feel of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.calcium import LINE_393, LINE_729, LINE_854
from hardware_sim.physics.crystal import length_scale, mode_frequencies, modes, radial_frequencies
from hardware_sim.physics.motion import lamb_dicke_squared
from hardware_sim.properties import NodeProperties


@dataclass(frozen=True, slots=True, eq=False)
class IonString:
    """A linear string at one confinement.

    Modes are stacked: all axial ones, then those of the two radial directions, each in the order of
    `crystal.modes` (the centre-of-mass mode first).

    Attributes:
        ions: how many.
        axial_frequency: Hz.
        positions: (ions,) about the string's centre along the trap axis, m.
        frequencies: (3 ions,) of the modes, Hz.
        cosines: (3 ions,) fraction of each mode's direction along the trap axis: 1 axial, 0 radial.
        raman: (3 ions, ions) squared Lamb-Dicke parameters of photon generation.
        qubit: (3 ions, ions) squared Lamb-Dicke parameters of the 729 nm beam.
        swing: (3 ions, ions) Lamb-Dicke parameters of the 729 nm beam, with the signs of the mode vectors.
    """

    ions: int
    axial_frequency: float
    positions: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    cosines: NDArray[np.float64]
    raman: NDArray[np.float64]
    qubit: NDArray[np.float64]
    swing: NDArray[np.float64]

    @property
    def centre_of_mass(self) -> tuple[int, int, int]:
        """Indices of the three modes in which all ions move alike."""
        return 0, self.ions, 2 * self.ions


def make_string(
    properties: NodeProperties, ions: int, axial_frequency: float, radial_frequency: float
) -> IonString:
    """Work out a string.

    Args:
        properties: of the node.
        ions: how many.
        axial_frequency: of one ion, Hz.
        radial_frequency: lower one of one ion, Hz.

    Raises:
        PhysicsError: the string is not linear at this confinement.

    The photon takes a recoil from the 393 nm beam and gives one to the standing wave of the cavity, half of
    it each way, so that the two add in square.
    """
    crystal = modes(ions)
    upper = radial_frequency + properties.radial_splitting
    directions = (
        mode_frequencies(crystal.mu, axial_frequency),
        radial_frequencies(crystal.mu, axial_frequency, radial_frequency),
        radial_frequencies(crystal.mu, axial_frequency, upper),
    )
    along = float(np.cos(2 * np.pi * properties.cavity_angle))

    def kick(wavelength: float, axial_cosine: float) -> NDArray[np.float64]:
        across = np.sqrt((1 - axial_cosine**2) / 2)
        cosines = (axial_cosine, across, across)
        stacked = [
            lamb_dicke_squared(wavelength, float(cosine), frequencies, crystal.vectors)
            for cosine, frequencies in zip(cosines, directions, strict=True)
        ]
        return np.concatenate(stacked)

    qubit = kick(LINE_729.wavelength, properties.qubit_axial_cosine)
    return IonString(
        ions,
        axial_frequency,
        length_scale(axial_frequency) * crystal.positions,
        np.concatenate(directions),
        np.repeat([1.0, 0.0, 0.0], ions),
        kick(LINE_393.wavelength, properties.raman_axial_cosine) + kick(LINE_854.wavelength, along),
        qubit,
        np.copysign(np.sqrt(qubit), np.tile(crystal.vectors, (3, 1))),
    )
