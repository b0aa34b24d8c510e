"""The ions of many shots at once: populations, coherences, motion and clocks as arrays over the shots.

Ions are independent of each other, so that each (shot, ion) has a state of its own: a density matrix over
the three levels between which coherence matters, and populations of the others.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.calcium import D52, S12, zeeman_shift

S, D5, D3 = range(3)
"""Coherent levels: S1/2(m=-1/2), D5/2(m=-5/2), D5/2(m=-3/2)."""

S_UP, METASTABLE_D3, METASTABLE_D5 = range(3)
"""Other levels: S1/2(m=+1/2), D3/2, and the other sublevels of D5/2."""

SHIFTS: Final = np.array(
    [zeeman_shift(S12, -1 / 2, 1.0), zeeman_shift(D52, -5 / 2, 1.0), zeeman_shift(D52, -3 / 2, 1.0)]
)
"""(3,) shift of the coherent levels by a magnetic field, Hz/T."""

Shots = NDArray[np.int64]
"""Indices of the shots that take part."""


class Ensemble:
    """State of (shots, ions), and of the motion of (shots, modes).

    Attributes:
        coherent: (shots, ions, 3, 3) complex, density matrix over S, D5, D3 in the interaction picture of the
            nominal levels.
        other: (shots, ions, 3) populations of S_UP, METASTABLE_D3, METASTABLE_D5.
        motion: (shots, modes) complex amplitudes in the frame of each mode; the square is its quanta.
        clock_ps: (shots,) int64, time of the lab at the start of the present timeline.
        field: (shots,) magnetic field minus its mean, T.
        power: (shots,) power of the 729 nm beam over its mean.
    """

    def __init__(self, shots: int, ions: int, modes: int) -> None:
        self.coherent = np.zeros((shots, ions, 3, 3), dtype=np.complex128)
        self.other = np.zeros((shots, ions, 3))
        self.motion = np.zeros((shots, modes), dtype=np.complex128)
        self.clock_ps = np.zeros(shots, dtype=np.int64)
        self.field = np.zeros(shots)
        self.power = np.ones(shots)
        self._evolved_ps = np.zeros((shots, ions), dtype=np.int64)
        self._heated_ps = np.zeros(shots, dtype=np.int64)

    @property
    def ions(self) -> int:
        """How many ions each shot has."""
        return self.coherent.shape[1]

    def start(self, clock_ps: NDArray[np.int64]) -> None:
        """Set the lab time (shots,) at which each shot starts."""
        self.clock_ps[:] = clock_ps
        self._evolved_ps[:] = clock_ps[:, None]
        self._heated_ps[:] = clock_ps

    def evolve(self, shots: Shots, ions: slice, offset_ps: int, lifetime: float = D52.lifetime) -> None:
        """Let ions be until `offset_ps` after the start of the timeline: field shifts and decay of D5/2.

        Called just before something happens to those ions; what happens to no one costs nothing. An infinite
        `lifetime` (s) is for a time of which it is known already who decayed.
        """
        until = self.clock_ps[shots] + offset_ps
        elapsed = (until[:, None] - self._evolved_ps[shots, ions]) * 1e-12
        self._evolved_ps[shots, ions] = until[:, None]
        state = self.coherent[shots, ions]
        phase = np.exp(-2j * np.pi * elapsed[..., None] * self.field[shots, None, None] * SHIFTS)
        kept = np.exp(-elapsed / lifetime)
        amplitude = phase * np.stack([np.ones_like(kept), np.sqrt(kept), np.sqrt(kept)], axis=-1)
        decayed = (1 - kept) * (state[..., D5, D5] + state[..., D3, D3]).real
        state = state * (amplitude[..., :, None] * amplitude[..., None, :].conj())
        rest = self.other[shots, ions]
        decayed = decayed + (1 - kept) * rest[..., METASTABLE_D5]
        rest[..., METASTABLE_D5] *= kept
        # Where a decaying ion ends among the two Zeeman levels of the ground state is of no consequence here.
        state[..., S, S] += decayed / 2
        rest[..., S_UP] += decayed / 2
        self.coherent[shots, ions] = state
        self.other[shots, ions] = rest

    def heat(
        self,
        rng: np.random.Generator,
        shots: Shots,
        modes: tuple[int, ...],
        rates: NDArray[np.float64],
        offset_ps: int,
    ) -> None:
        """Heat some modes at `rates` (modes,) quanta a second since the last time."""
        elapsed = (self.clock_ps[shots] + offset_ps - self._heated_ps[shots]) * 1e-12
        self.skip_heating(shots, offset_ps)
        kicks = complex_normal(rng, (len(shots), len(modes)))
        self.motion[shots[:, None], list(modes)] += kicks * np.sqrt(rates * elapsed[:, None])

    def skip_heating(self, shots: Shots, offset_ps: int) -> None:
        """Note that all heating until `offset_ps` after the start of the timeline is accounted for."""
        self._heated_ps[shots] = self.clock_ps[shots] + offset_ps

    def field_at(self, shots: Shots, offset_ps: int) -> NDArray[np.float64]:
        """Return the magnetic field minus its mean (shots,), T, at a time of the present timeline."""
        del offset_ps  # the field does not change within a shot
        return self.field[shots]

    def laser_turns(self, shots: Shots, offset_ps: int) -> NDArray[np.float64]:
        """Return how far (shots,) the phase of the 729 nm laser has wandered, turns."""
        del offset_ps
        return np.zeros(len(shots))

    def quanta(self, shots: Shots, modes: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Return the quanta (shots, modes) in some modes, or in all."""
        amplitude = self.motion[shots] if modes is None else self.motion[shots[:, None], modes]
        return np.asarray(amplitude.real**2 + amplitude.imag**2)

    def in_ground(self, shots: Shots) -> NDArray[np.float64]:
        """Return the population (shots, ions) of S1/2."""
        return np.asarray(self.coherent[shots, :, S, S].real + self.other[shots, :, S_UP])


def complex_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """Draw complex Gaussian amplitudes whose square has the mean 1."""
    return np.asarray((rng.standard_normal((*shape, 2)) @ np.array([1, 1j])) / np.sqrt(2))
