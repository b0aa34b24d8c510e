"""The entangled ions of an ensemble: how they come into joint states, what they do there, how they leave.

An ion is either independent, with a state of its own in the arrays of the ensemble, or a member of a joint
state in some of the shots. Of a member these arrays hold zeros only, so that what is done to independent ions
passes over it; the same is then done to members here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.joint import LEVELS, Complex, Joint, Shots
from hardware_sim.physics.quadrupole import Line

if TYPE_CHECKING:
    from hardware_sim.core.ensemble import Ensemble


class Entangled:
    """Joint states of ions, of which each ion belongs to one at most.

    Attributes:
        joints: the joint states, each about all shots.
    """

    def __init__(self, ensemble: Ensemble, rng: np.random.Generator) -> None:
        """Begin without entangled ions.

        Args:
            ensemble: that the ions are of.
            rng: source of randomness; only members draw from it.
        """
        self.joints: list[Joint] = []
        self._ensemble = ensemble
        self._rng = rng

    def gather(self, shots: Shots, ions: Sequence[int]) -> Joint:
        """Return one joint state of some ions, and of all that they are entangled with already.

        Ions outside of the coherent levels stay independent: it is drawn whether they are there.

        Raises:
            EntangledIonsError: it does not fit into memory.
        """
        own, parts = self._ensemble, [joint for joint in self.joints if set(joint.ions) & set(ions)]
        for ion in ions:
            self._normalise(shots, ion)
        for joint in parts:
            for ion in set(joint.ions) & set(ions):
                coming = shots[~joint.holds(ion, shots)]
                self._take_over(coming, ion, joint.join(self._rng, coming, ion, own.coherent[coming, ion]))
        new = tuple(ion for ion in ions if self._of(ion) is None)
        if new:
            states = np.zeros((len(own.clock_ps), len(new), LEVELS, LEVELS), dtype=np.complex128)
            states[shots] = own.coherent[shots[:, None], list(new)]
            joint, elsewhere = Joint.of(self._rng, new, states)
            for column, ion in enumerate(new):
                self._take_over(shots, ion, elsewhere[shots, column])
            parts.append(joint)
        others = [joint for joint in self.joints if joint not in parts]
        self.joints = [*others, reduce(Joint.merge, parts)]
        return self.joints[-1]

    def held(self, shots: Shots) -> NDArray[np.bool_]:
        """Return which ions (shots, ions) are members."""
        held = np.zeros((len(shots), self._ensemble.ions), dtype=np.bool_)
        for joint, ion in self._places():
            held[:, ion] = joint.holds(ion, shots)
        return held

    def populations(self, shots: Shots) -> NDArray[np.float64]:
        """Return the populations (shots, ions, 3) of members; zeros for all others."""
        found = np.zeros((len(shots), self._ensemble.ions, LEVELS))
        for joint, ion in self._places():
            held = joint.holds(ion, shots)
            found[held, ion] = joint.populations(shots[held], ion)
        return found

    def rotate(self, shots: Shots, unitaries: Complex, levels: tuple[int, int]) -> None:
        """Rotate two levels of every member by unitaries (shots, ions, 2, 2)."""
        for joint, ion in self._places():
            joint.rotate(shots, ion, unitaries[:, ion], levels)

    def leave(self, shots: Shots, line: Line, kept: Complex) -> None:
        """Let members go to that level of a line which is no coherent one, or not.

        Args:
            shots: (shots,).
            line: with one coherent level at most.
            kept: (shots, ions, 3) factors on the amplitudes of those that do not.
        """
        own, left = self._ensemble, np.zeros(len(shots), dtype=np.bool_)
        for ion in range(own.ions):
            jumped = self.jump(shots, ion, kept[:, ion]) >= 0
            own.put(shots[jumped], ion, line, np.full(int(jumped.sum()), float(line.lower < 0)))
            left |= jumped
        self.settle(shots[left])

    def jump(self, shots: Shots, ion: int, kept: Complex) -> NDArray[np.int64]:
        """Let an ion jump out of its levels, or not: see `Joint.jump`.

        Whoever asks gives an ion that jumped its state, and then lets others settle.

        Args:
            shots: (shots,).
            ion: that may jump.
            kept: (shots, 3) or (3,) factors on the amplitudes of the levels of an ion that does not.

        Returns:
            The levels (shots,) from which it has jumped, -1 where it has not or is no member.
        """
        joint = self._of(ion)
        if joint is None:
            return np.full(len(shots), -1, dtype=np.int64)
        return joint.jump(self._rng, shots, ion, kept)

    def decay(self, shots: Shots, ions: Sequence[int], kept: Complex) -> None:
        """Let members among some ions decay from D5/2, to the spin of S1/2 that their sublevel leads to.

        Args:
            shots: (shots,).
            ions: (ions,) that may decay.
            kept: (shots, ions, 3) factors on the amplitudes of those that do not.
        """
        own, left = self._ensemble, np.zeros(len(shots), dtype=np.bool_)
        for column, ion in enumerate(ions):
            level = self.jump(shots, ion, kept[:, column])
            jumped = level >= 0
            own.put_in_ground(shots[jumped], ion, level[jumped])
            left |= jumped
        self.settle(shots[left])

    def look(self, shots: Shots, ion: int, bright: tuple[int, ...]) -> NDArray[np.bool_]:
        """Tell where an ion is in one of some levels (shots,), and project it; False for those no member."""
        seen, joint = np.zeros(len(shots), dtype=np.bool_), self._of(ion)
        if joint is not None:
            held = joint.holds(ion, shots)
            seen[held] = joint.look(self._rng, shots[held], ion, bright)
        return seen

    def part(self, shots: Shots, ion: int) -> int:
        """Make an ion independent by finding out in which level it is; return how many shots that took."""
        level = self.jump(shots, ion, np.zeros(LEVELS, dtype=np.complex128))
        found = level >= 0
        self._ensemble.coherent[shots[found], ion, level[found], level[found]] = 1.0
        self.settle(shots[found])
        return int(found.sum())

    def settle(self, shots: Shots) -> None:
        """Make all ions independent that are not entangled any more."""
        if len(shots) == 0:
            return
        for joint, ion in self._places():
            settled, states = joint.settle(shots, ion)
            self._ensemble.coherent[settled, ion] = states
        self.joints = [left for joint in self.joints if (left := joint.shrink()) is not None]

    def _places(self) -> Iterator[tuple[Joint, int]]:
        """Yield every ion of every joint state."""
        for joint in self.joints:
            for ion in joint.ions:
                yield joint, ion

    def _of(self, ion: int) -> Joint | None:
        """Return the joint state that an ion belongs to."""
        return next((joint for joint in self.joints if ion in joint.ions), None)

    def _normalise(self, shots: Shots, ion: int) -> None:
        """Take the rounding off the states of independent ions, so that they surely are somewhere."""
        own = self._ensemble
        total = np.einsum("nii->n", own.coherent[shots, ion]).real + own.other[shots, ion].sum(axis=1)
        total[total == 0.0] = 1.0
        own.coherent[shots, ion] /= total[:, None, None]
        own.other[shots, ion] /= total[:, None]

    def _take_over(self, shots: Shots, ion: int, elsewhere: NDArray[np.bool_]) -> None:
        """Empty the states of ions that are members now; those elsewhere (shots,) keep what they have."""
        own, away = self._ensemble, shots[elsewhere]
        own.coherent[shots, ion] = 0.0
        own.other[shots[~elsewhere], ion] = 0.0
        own.other[away, ion] /= own.other[away, ion].sum(axis=1, keepdims=True)
