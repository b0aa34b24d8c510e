"""What an ion in S1/2 and an empty cavity can become: eighteen states, their Hamiltonian and their decay.

A photon enters the mode only while the ion goes from P3/2 to D5/2, and no light leads back from there. So the
number of photons minus that of ions in D5/2 starts at zero and never rises: there are 2 states of S1/2 and 4
of P3/2 without a photon, and 6 of D5/2 with one in V or H. All else is final: the ion in D3/2 or D5/2 without
a photon in the cavity, from where no coherence returns. Fock states beyond one photon, P1/2 and D3/2 change
nothing, and leaving them out is exact.

Frequencies are counted from S1/2(-1/2) and from a V tone on its Raman resonance without light shift.

Geometry: the field along z, the cavity along y. H is linear along the field, V across it (along x). σ+ and
σ- light of equal strength is linear along the cavity. Dipole elements keep the signs of `atom.dipole`, but
for D5/2(-3/2), whose phase is turned by one half, as in the reduced model.

Source: Schupp, PhD thesis (Innsbruck 2021), sections 2.3 and 5.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi, sin, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.atom import POLARISATIONS, dipole
from hardware_sim.physics.calcium import D32, D52, LINE_393, LINE_850, LINE_854, P32, S12, zeeman_shift
from hardware_sim.physics.elimination import RamanModel

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]

MODES: Final = 2  # V, H
GROUND: Final = slice(0, 2)
EXCITED: Final = slice(2, 6)
EMITTED: Final = slice(6, 18)
SIZE: Final = 18
FINAL: Final = len(D32.sublevels) + len(D52.sublevels)

# 1 for states that turn with the light, which all do that are not S1/2.
TURNING: Final = np.repeat([0.0, 1.0], [2, 16])

# Mode (V, H) that sees a dipole with q = m' - m from across the field, and how much of it. The mode V is
# e_x = (e_-1 - e_+1)/√2, up to a sign that nothing depends on.
SEEN: Final = {-1: (0, -sqrt(1 / 2)), 0: (1, 1.0), 1: (0, sqrt(1 / 2))}


@dataclass(frozen=True, slots=True, eq=False)
class Sector:
    """The master equation in the frame of the light.

    Attributes:
        still: Effective Hamiltonian without light; its negative imaginary part is the decay of amplitudes,
            rad/s, shape (18, 18).
        light: What light of a Rabi frequency of 1 Hz adds, the part that absorbs, rad/s, shape (18, 18).
        returns: From the density matrix of P3/2, row after row, to the rate at which that of S1/2 is filled
            by decay, 1/s, shape (4, 16).
        leaves: The same to the populations of D3/2 and D5/2 without a photon, 1/s, shape (10, 16).
        dephasing: Rate at which lock jitter destroys coherence between ions with and without a photon, 1/s,
            twice: `still` has it for amplitudes, so that it must be given back to states with a photon.
        leak: Rate at which photons leave the mode, 1/s.
        shifts: Zeeman shifts of the states with a photon, Hz, shape (12,).
    """

    still: Complex
    light: Complex
    returns: Real
    leaves: Real
    dephasing: float
    leak: float
    shifts: Real

    def turned(self, detuning: float) -> Complex:
        """Return `still` in the frame of light that is detuned by `detuning` Hz."""
        return np.asarray(self.still - 2 * pi * detuning * np.diag(TURNING))


def make_sector(model: RamanModel, scale: float) -> Sector:
    """Return the sector of an ion whose coupling to the cavity is reduced by a factor `scale`."""
    cavity, field = model.cavity, model.magnetic_field
    emitted = np.array([zeeman_shift(D52, m, field) for m in D52.sublevels])
    shifts = np.repeat(emitted - emitted[0], MODES)
    return Sector(
        still=2 * pi * (_energies(model, shifts) + _couple(model, scale) + _birefringence(model)),
        light=2 * pi * _absorb(model),
        returns=_returns(model),
        leaves=_leaves(model),
        dephasing=2 * pi * cavity.jitter,
        leak=4 * pi * cavity.decay,
        shifts=shifts,
    )


def place(m: float, mode: int) -> int:
    """Return where in the sector D5/2(m) with a photon in V (0) or H (1) stands."""
    return EMITTED.start + MODES * D52.sublevels.index(m) + mode


def _energies(model: RamanModel, shifts: Real) -> Complex:
    """Energies and decay of amplitudes, Hz."""
    field, cavity = model.magnetic_field, model.cavity
    ground = [zeeman_shift(S12, m, field) - zeeman_shift(S12, -1 / 2, field) for m in S12.sublevels]
    excited = [zeeman_shift(P32, m, field) - zeeman_shift(P32, -3 / 2, field) for m in P32.sublevels]
    energies = np.concatenate([ground, np.array(excited) - model.detuning, shifts])
    damping = np.repeat([0.0, model.decay, cavity.decay + cavity.jitter / 2], [2, 4, 12])
    return np.diag(energies - 1j * damping)


def _couple(model: RamanModel, scale: float) -> Complex:
    """Coupling of P3/2 to D5/2 with a photon, Hz."""
    matrix = np.zeros((SIZE, SIZE), dtype=np.complex128)
    for upper, upper_m in enumerate(P32.sublevels, EXCITED.start):
        for m in D52.sublevels:
            q = round(upper_m - m)
            if q in SEEN:
                mode, seen = SEEN[q]
                sign = -1 if m == -3 / 2 else 1
                strength = sign * seen * scale * model.cavity.coupling * dipole(LINE_854, m, upper_m)
                matrix[upper, place(m, mode)] = matrix[place(m, mode), upper] = strength
    return matrix


def _birefringence(model: RamanModel) -> Complex:
    """Splitting of the modes, Hz, on an axis turned from V towards H."""
    twice = 4 * pi * model.cavity.birefringence_axis
    split = model.cavity.birefringence / 2 * np.array([[cos(twice), sin(twice)], [sin(twice), -cos(twice)]])
    matrix = np.zeros((SIZE, SIZE), dtype=np.complex128)
    matrix[EMITTED, EMITTED] = np.kron(np.eye(len(D52.sublevels)), split)
    return matrix


def _absorb(model: RamanModel) -> Complex:
    """Half the Rabi frequency of every line of S1/2-P3/2, for a σ- Rabi frequency of 1."""
    matrix = np.zeros((SIZE, SIZE), dtype=np.complex128)
    for q, amplitude in zip(POLARISATIONS, (1.0, model.pi, model.sigma_plus), strict=True):
        for lower, m in enumerate(S12.sublevels):
            if m + q in P32.sublevels:
                upper = EXCITED.start + P32.sublevels.index(m + q)
                matrix[upper, lower] = amplitude * dipole(LINE_393, m, m + q) / 2
    return matrix


def _returns(model: RamanModel) -> Real:
    """Decay to S1/2, with the coherence of sublevels that emit the same polarisation."""
    rate = 4 * pi * model.decay * model.branching_s
    maps = np.zeros((4, 16))
    for q in POLARISATIONS:
        lower = [
            [dipole(LINE_393, m, upper) if upper - m == q else 0.0 for upper in P32.sublevels]
            for m in S12.sublevels
        ]
        maps += rate * np.kron(lower, lower)
    return maps


def _leaves(model: RamanModel) -> Real:
    """Decay to the sublevels of D3/2 and D5/2, of which only populations are asked for."""
    rate = 4 * pi * model.decay * (1 - model.branching_s)
    together = LINE_850.branching + LINE_854.branching
    maps = np.zeros((FINAL, 16))
    rows = [(line, m) for line in (LINE_850, LINE_854) for m in line.lower.sublevels]
    for row, (line, m) in enumerate(rows):
        for column, upper_m in enumerate(P32.sublevels):
            share = line.branching / together * dipole(line, m, upper_m) ** 2
            maps[row, column * (len(P32.sublevels) + 1)] = rate * share
    return maps
