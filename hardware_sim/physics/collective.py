"""Several ions on the same sideband of the same mode: exact, as long as they are few.

Ions that take phonons from one mode, or give some to it, do not do so independently: two ions in S that share
one phonon on the red sideband flop sqrt(2) times as fast as one, and only one of them can have it. The joint
state is one amplitude for each way to spread the ions over S and D, because the number follows from it.

Source: M. Tavis and F. Cummings, Phys. Rev. 170, 379 (1968), for sidebands of any order and ions that see
different light.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.sidebands import strength

Floats = NDArray[np.float64]


def couplings(base: NDArray[np.int64], order: int, eta_squared: Floats, rabi: Floats) -> Floats:
    """Return how strongly each ion is driven, by how many others are in D.

    Args:
        base: phonons (shots,) with no ion in D.
        order: phonons that an ion gains when it goes to D.
        eta_squared: squared Lamb-Dicke parameters (ions,).
        rabi: Rabi frequencies (shots, ions) of the carrier, but for the motion of this mode, Hz.

    Returns:
        Rabi frequencies (ions, shots, ions), Hz: the first index counts the others that are in D.
    """
    counts = range(rabi.shape[1])
    return np.stack([rabi * strength((base + order * n)[:, None], order, eta_squared) for n in counts])


def evolve(
    state: NDArray[np.complex128], driven: Floats, detuning: Floats, time: float
) -> NDArray[np.complex128]:
    """Return the joint state after some time of light.

    Args:
        state: amplitudes (shots, 2^ions) in the frame of the light, in which a phase is that against the
            light; bit j of the index tells whether ion j is in D.
        driven: Rabi frequencies (ions, shots, ions) of `couplings`, Hz.
        detuning: of the light (shots, ions) from the sideband of each ion, Hz.
        time: s.

    Returns:
        Amplitudes in the same frame. The norm is kept to rounding.
    """
    ions = driven.shape[2]
    hamiltonian = np.zeros((len(state), 1 << ions, 1 << ions))
    for ion in range(ions):
        bit = 1 << ion
        for way in range(1 << ions):
            if way & bit:
                hamiltonian[:, way, way] -= detuning[:, ion]
            else:
                half = driven[way.bit_count(), :, ion] / 2
                hamiltonian[:, way | bit, way] = hamiltonian[:, way, way | bit] = half
    energies, vectors = np.linalg.eigh(hamiltonian)
    in_them = (vectors.swapaxes(-1, -2) @ state[..., None])[..., 0] * np.exp(-2j * np.pi * energies * time)
    return np.asarray((vectors @ in_them[..., None])[..., 0])
