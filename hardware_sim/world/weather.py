"""What the slow quantities of the lab are while shots are played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Weather:
    """How far the lab has moved from what its properties state, for each shot.

    Offsets of light are those of the light itself (not of a modulator), positive when it is bluer than the
    properties say; that of the cavity is positive when its resonance is.

    Attributes:
        cooling: (shots,) offset of the 397 nm light, Hz.
        repump: (shots,) of the 866 nm light, Hz.
        quench: (shots,) of the 854 nm light, Hz.
        raman: (shots,) of the 393 nm light, Hz.
        qubit: (shots,) of the 729 nm light, Hz.
        cavity: (shots,) of the cavity's resonance from the Raman resonance, Hz.
        field: (shots,) magnetic field minus its nominal value, without the noise within a shot, T.
        raman_power: (shots,) power of the 393 nm beam over its nominal value.
        qubit_power: (shots,) power of the 729 nm beam over its nominal value.
        cavity_place: (shots,) place of waist and antinode on the trap axis, minus the nominal one, m.
        fibre: (shots,) retardance that the fibre behind the cavity has gained, turns.
    """

    cooling: NDArray[np.float64]
    repump: NDArray[np.float64]
    quench: NDArray[np.float64]
    raman: NDArray[np.float64]
    qubit: NDArray[np.float64]
    cavity: NDArray[np.float64]
    field: NDArray[np.float64]
    raman_power: NDArray[np.float64]
    qubit_power: NDArray[np.float64]
    cavity_place: NDArray[np.float64]
    fibre: NDArray[np.float64]

    @classmethod
    def calm(cls, shots: int) -> Weather:
        """Return that of a lab in which nothing has moved."""
        still, full = np.zeros(shots), np.ones(shots)
        return cls(
            cooling=still,
            repump=still,
            quench=still,
            raman=still,
            qubit=still,
            cavity=still,
            field=still,
            raman_power=full,
            qubit_power=full,
            cavity_place=still,
            fibre=still,
        )

    def shifted(self, shifts: Mapping[str, float]) -> Self:
        """Return the weather with some quantities moved for all shots, by name and in their units."""
        return (
            replace(self, **{name: getattr(self, name) + by for name, by in shifts.items()})
            if shifts
            else self
        )
