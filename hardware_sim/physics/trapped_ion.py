"""One ion in one mode and light, with nothing left out: every sideband acts at once, at any strength.

In the frame of the light the problem does not change with time,

    H = f a^+ a - detuning |D><D| + (Omega / 2) (|D><S| exp(i eta (a + a^+)) + h.c.),

so that a pulse is one matrix exponential over the numbers that are kept. What the core plays, one line or
sideband at a time, is this for light that is weak against the frequency of the mode.

Source: D. Leibfried, R. Blatt, C. Monroe and D. Wineland, Rev. Mod. Phys. 75, 281 (2003), eq. 67 to 69.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hardware_sim.physics.sidebands import strength

Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class TrappedIon:
    """An ion, a mode, and light.

    Attributes:
        frequency: of the mode, Hz.
        eta: Lamb-Dicke parameter.
        rabi: Rabi frequency of the ion at rest, Hz.
        detuning: of the light from the carrier, Hz.
        size: numbers that are kept, well above all that matter.
    """

    frequency: float
    eta: float
    rabi: float
    detuning: float
    size: int = 60

    def propagator(self, time: float) -> Complex:
        """Return what a pulse does, (2 size, 2 size) over S and then D, in the frame of the light."""
        from scipy.linalg import expm  # noqa: PLC0415 - slow to import, and checking a setup needs none

        energy = np.arange(self.size) * self.frequency
        recoil = np.zeros((self.size, self.size), dtype=np.complex128)
        for order in range(1 - self.size, self.size):
            n = np.arange(max(0, -order), self.size - max(0, order))
            recoil[n + order, n] = 1j ** abs(order) * strength(n, order, self.eta**2)
        raising = self.rabi / 2 * recoil
        hamiltonian = np.block(
            [[np.diag(energy), raising.conj().T], [raising, np.diag(energy - self.detuning)]]
        )
        return np.asarray(expm(-2j * np.pi * hamiltonian * time))

    def excitation(self, time: float, distribution: ArrayLike) -> float:
        """Return the population of D after a pulse on an ion in S, whose number has a distribution."""
        weights = np.asarray(distribution, dtype=np.float64)
        excited = np.abs(self.propagator(time)[self.size :, : len(weights)]) ** 2
        return float(excited.sum(axis=0) @ weights)
