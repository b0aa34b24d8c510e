"""Ions and one mode of motion that a sideband has made a joint state of, until something tells them apart.

Light on a sideband couples |S, n> with |D, n + s>. What stays constant is the number that the mode would have
with all of these ions in S; so the joint state of P ions and the mode is one amplitude for each of the 2^P
ways to spread the ions over S and D, and the number of each follows from the count of ions in D.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.quadrupole import Line


@dataclass(frozen=True, slots=True, eq=False)
class Sideband:
    """What a 729 nm tone drives.

    Attributes:
        line: the Zeeman line.
        order: phonons that an ion gains when it goes to D5/2; 0 for the carrier.
        mode: row of the string's modes; of no meaning for a carrier.
    """

    line: Line
    order: int
    mode: int

    def is_like(self, other: Sideband) -> bool:
        """Return whether both couple the same levels and numbers."""
        same = (self.line.lower, self.line.upper) == (other.line.lower, other.line.upper)
        return same and (self.order, self.mode) == (other.order, other.mode)


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """The joint state of some ions and a mode in some shots.

    Bit j of an index of the state tells whether ion j of `ions` is in D.

    Attributes:
        drive: that has made it.
        string: that moves; another one has other modes.
        shots: (shots,) that it is about.
        ions: (P,) that the light may drive.
        taking: (shots, P) which of them were found in one of the levels of the line.
        base: (shots,) number of phonons with none of them in D; it may be negative where none is not an
            option.
        state: (shots, 2^P) amplitudes, in the interaction picture of the nominal levels and modes.
        until_ps: (shots,) lab time up to which the field has turned it.
    """

    drive: Sideband
    string: object
    shots: NDArray[np.int64]
    ions: NDArray[np.int64]
    taking: NDArray[np.bool_]
    base: NDArray[np.int64]
    state: NDArray[np.complex128]
    until_ps: NDArray[np.int64]

    @property
    def excited(self) -> NDArray[np.float64]:
        """Probability (shots, P) of each ion to be in D."""
        return np.asarray(np.abs(self.state) ** 2 @ bits(len(self.ions)).astype(np.float64))

    def only(self, chosen: NDArray[np.bool_]) -> Link:
        """Return the same of some of its shots (shots,)."""
        rows = {
            name: getattr(self, name)[chosen] for name in ("shots", "taking", "base", "state", "until_ps")
        }
        return replace(self, **rows)

    def draw(self, rng: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Draw which ions are in D (shots, P), and how many phonons (shots,) that leaves."""
        chances = (np.abs(self.state) ** 2).cumsum(axis=1)
        luck = rng.random((len(chances), 1)) * chances[:, -1:]
        excited = bits(len(self.ions))[(chances <= luck).sum(axis=1)]
        return excited, self.base + self.drive.order * excited.sum(axis=1)


def bits(ions: int) -> NDArray[np.bool_]:
    """Return which ions are in D in each state: (2^ions, ions).

    Example:
        >>> bits(2).astype(int).tolist()
        [[0, 0], [1, 0], [0, 1], [1, 1]]
    """
    return np.asarray(np.arange(1 << ions)[:, None] >> np.arange(ions) & 1, dtype=np.bool_)
