"""The state of ions that a gate has entangled.

An ion that is entangled with others has no state of its own. A `Joint` holds, for each shot, one pure state
of all of them over the coherent levels; mixtures are in the shots, of which each draws one. As soon as an
ion's level is known, by a click, a scattered photon, a decay or a look at it, it leaves the joint state of
that shot for a state of its own, and the others go on without it. Averaged over shots this is what the
density matrix of all ions would do, at a cost that is linear in shots.

Whatever happens to an ion consists of four things, and these are all that a joint state can do: a rotation
of two of its levels, a factor on each of its levels, a jump out of a level, which tells the level, and a look
that tells levels apart.

Levels and frames are those of `ensemble`. Each ion has an axis of the amplitudes for those levels that it has
been in; a place in a shot that its ion has left stays in the first of them.

Source: Dalibard, Castin and Molmer, Phys. Rev. Lett. 68, 580 (1992), on jumps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.errors import EntangledIonsError

Complex = NDArray[np.complex128]
Shots = NDArray[np.int64]

LEVELS: Final = 3
"""Coherent levels of an ion, as in `ensemble`."""

MOST_AMPLITUDES: Final = 1 << 25
"""Amplitudes of a joint state of all shots: half a gigabyte, and a gate needs some copies."""

PURE: Final = 1e-9
"""Lack of purity up to which an ion counts as independent of the others."""


@dataclass(slots=True, eq=False)
class Joint:
    """Pure states of some ions in all shots.

    Attributes:
        ions: that belong to it, in the order of the axes.
        levels: of each axis, which coherent level each of its places is.
        amplitude: (shots, places of the first ion, ..., of the last) normalised amplitudes.
        member: (shots, ions) whether the ion is part of the joint state, or has a state of its own.
    """

    ions: tuple[int, ...]
    levels: tuple[tuple[int, ...], ...]
    amplitude: Complex
    member: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        rng: np.random.Generator,
        ions: tuple[int, ...],
        coherent: Complex,
        levels: tuple[tuple[int, ...], ...] | None = None,
    ) -> tuple[Joint, NDArray[np.bool_]]:
        """Make one of ions with states of their own, by drawing a pure state for each.

        Args:
            rng: source of randomness.
            ions: that shall belong to it.
            coherent: (shots, ions, 3, 3) density matrices over the coherent levels; what is missing of a
                trace of 1 is the probability that the ion is in another level.
            levels: that have to have a place, for each ion; those that are occupied have one anyway.

        Returns:
            The joint state, and whether (shots, ions) each ion is in another level: it is no member then, and
            has the same state as before, but for what the draw has told.

        Raises:
            EntangledIonsError: they need more memory than there is for a joint state.
        """
        pure, elsewhere = draw_pure(rng, coherent)
        needed = levels or ((),) * len(ions)
        occupied = np.abs(pure).max(axis=0) > 0
        places = tuple(
            tuple(level for level in range(LEVELS) if used[level] or level in wanted or not level)
            for used, wanted in zip(occupied, needed, strict=True)
        )
        shots = len(coherent)
        _check(ions, shots, [len(each) for each in places])
        amplitude = np.ones(shots, dtype=np.complex128)
        for column, each in enumerate(places):
            amplitude = amplitude[..., None] * _along(pure[:, column, list(each)], amplitude.ndim)
        return cls(ions, places, amplitude, ~elsewhere), elsewhere

    @property
    def shots(self) -> int:
        """How many."""
        return len(self.amplitude)

    def axis(self, ion: int) -> int:
        """Return the axis of the amplitudes for an ion."""
        return self.ions.index(ion) + 1

    def holds(self, ion: int, shots: Shots) -> NDArray[np.bool_]:
        """Return in which of some shots (shots,) an ion is a member."""
        if ion not in self.ions:
            return np.zeros(len(shots), dtype=np.bool_)
        return np.asarray(self.member[shots, self.ions.index(ion)])

    def merge(self, other: Joint) -> Joint:
        """Return the joint state of the ions of both.

        Raises:
            EntangledIonsError: it needs more memory than there is for it.
        """
        sizes = [*self.amplitude.shape[1:], *other.amplitude.shape[1:]]
        ions = (*self.ions, *other.ions)
        _check(ions, self.shots, sizes)
        flat = self.amplitude.reshape(self.shots, -1, 1) * other.amplitude.reshape(self.shots, 1, -1)
        member = np.concatenate([self.member, other.member], axis=1)
        return Joint(ions, (*self.levels, *other.levels), flat.reshape(self.shots, *sizes), member)

    def join(self, rng: np.random.Generator, shots: Shots, ion: int, coherent: Complex) -> NDArray[np.bool_]:
        """Take an ion in again in shots that it had left.

        Args:
            rng: source of randomness.
            shots: in which it is no member.
            ion: one of the ions.
            coherent: (shots, 3, 3) its own density matrices.

        Returns:
            Whether (shots,) it is in another level, and therefore no member.
        """
        pure, elsewhere = draw_pure(rng, coherent[:, None])
        for level in np.flatnonzero((np.abs(pure[:, 0]) > 0).any(axis=0)):
            self.make_place(ion, int(level))
        self._put(shots, ion, self._take(shots, ion)[:, :1] * pure[:, 0, self._places(ion), None])
        self.member[shots, self.ions.index(ion)] = ~elsewhere[:, 0]
        return np.asarray(elsewhere[:, 0])

    def make_place(self, ion: int, level: int) -> int:
        """Return the place of a level on an ion's axis, which gets one if it had none.

        Raises:
            EntangledIonsError: that needs more memory than there is for a joint state.
        """
        axis = self.axis(ion)
        places = self.levels[axis - 1]
        if level not in places:
            sizes = list(self.amplitude.shape[1:])
            sizes[axis - 1] += 1
            _check(self.ions, self.shots, sizes)
            wider = [(0, 0)] * self.amplitude.ndim
            wider[axis] = (0, 1)
            self.amplitude = np.pad(self.amplitude, wider)
            places = (*places, level)
            self.levels = (*self.levels[: axis - 1], places, *self.levels[axis:])
        return places.index(level)

    def rotate(self, shots: Shots, ion: int, unitary: Complex, levels: tuple[int, int]) -> None:
        """Rotate two levels of an ion in those of some shots in which it is a member.

        Args:
            shots: (shots,).
            ion: that is rotated.
            unitary: (shots, 2, 2) or (2, 2), in the order of the levels.
            levels: that it mixes.
        """
        held = self.holds(ion, shots)
        if not held.any():
            return
        places = [self.make_place(ion, level) for level in levels]
        mine = self._take(shots[held], ion)
        mine[:, places] = np.broadcast_to(unitary, (len(shots), 2, 2))[held] @ mine[:, places]
        self._put(shots[held], ion, mine)

    def turn(self, shots: Shots, ion: int, turns: NDArray[np.float64]) -> None:
        """Give each level of an ion a phase exp(-2 pi i turns), with turns (shots, 3)."""
        self._weight(shots, ion, np.exp(-2j * np.pi * turns))

    def populations(self, shots: Shots, ion: int) -> NDArray[np.float64]:
        """Return the populations (shots, 3) of the levels of an ion, whatever the others do.

        In shots that it has left they stand for nothing.
        """
        populations = np.zeros((len(shots), LEVELS))
        populations[:, self._places(ion)] = (np.abs(self._take(shots, ion)) ** 2).sum(axis=2)
        return populations

    def density(self, shots: Shots, ion: int) -> Complex:
        """Return the density matrix (shots, 3, 3) of one ion, whatever the others do."""
        places, mine = np.array(self._places(ion)), self._take(shots, ion)
        density = np.zeros((len(shots), LEVELS, LEVELS), dtype=np.complex128)
        density[:, places[:, None], places] = mine @ mine.conj().swapaxes(1, 2)
        return density

    def jump(self, rng: np.random.Generator, shots: Shots, ion: int, kept: Complex) -> NDArray[np.int64]:
        """Let an ion jump out of its levels, or not.

        In shots where it jumps it leaves the joint state, from a level that is known by this; the caller
        gives it what it is then. Where it does not jump, that it did not changes the state as well.

        Args:
            rng: source of randomness.
            shots: (shots,).
            ion: that may jump.
            kept: (shots, 3) or (3,) factors on the amplitudes of the levels of an ion that does not jump;
                from a level it jumps with probability 1 - |kept|^2.

        Returns:
            The levels (shots,) from which the ion has jumped, -1 where it has not or is no member.
        """
        held = self.holds(ion, shots)
        factors = np.broadcast_to(kept, (len(shots), LEVELS))
        leaving = self.populations(shots, ion) * (1 - np.abs(factors) ** 2)
        chances = np.cumsum(leaving, axis=1)
        level = (chances < rng.random((len(shots), 1))).sum(axis=1)
        # Of ions that surely jump, rounding leaves none behind.
        sure = chances[:, -1] > 1 - 1e-12
        level[sure & (level == LEVELS)] = leaving[sure & (level == LEVELS)].argmax(axis=1)
        level[~held | (level == LEVELS)] = -1
        stays = held & (level < 0)
        self._weight(shots[stays], ion, factors[stays])
        for place, source in enumerate(self._places(ion)):
            gone = shots[level == source]
            self._leave(gone, ion, self._take(gone, ion)[:, place])
        return np.asarray(level)

    def look(
        self, rng: np.random.Generator, shots: Shots, ion: int, bright: tuple[int, ...]
    ) -> NDArray[np.bool_]:
        """Tell whether an ion is in one of some levels, and project it.

        An ion that is known to be in one level leaves the joint state for it: see `settle`.

        Args:
            rng: source of randomness.
            shots: (shots,) in which it is a member.
            ion: that is looked at.
            bright: levels that are told from the others.

        Returns:
            Whether (shots,) it was found in one of them.
        """
        inside = np.isin(np.arange(LEVELS), bright)
        seen = rng.random(len(shots)) < self.populations(shots, ion)[:, inside].sum(axis=1)
        self._weight(shots, ion, np.where(seen[:, None], inside, ~inside).astype(np.complex128))
        return np.asarray(seen)

    def settle(self, shots: Shots, ion: int) -> tuple[Shots, Complex]:
        """Let an ion go where it is not entangled any more.

        Returns:
            The shots (settled,) where that is so, in which it is no member from now on, and its own states
            (settled, 3, 3) there.
        """
        mine = shots[self.holds(ion, shots)]
        own = self.density(mine, ion)
        purity = np.einsum("nij,nji->n", own, own).real
        alone = np.asarray(purity > 1 - PURE)
        settled, own = mine[alone], own[alone]
        # A column of a pure density matrix is its state; the one of the largest population is the safest.
        largest = np.einsum("nii->ni", own).real.argmax(axis=1)
        column = np.take_along_axis(own, largest[:, None, None], axis=2)[:, self._places(ion), 0]
        column = column / np.linalg.norm(column, axis=1, keepdims=True)
        self._leave(settled, ion, (column.conj()[:, None] @ self._take(settled, ion))[:, 0])
        return settled, own

    def shrink(self) -> Joint | None:
        """Return the joint state without ions that are members in no shot; None if hardly any is left."""
        kept = np.asarray(self.member.any(axis=0))
        amplitude = self.amplitude
        for axis in reversed(range(1, amplitude.ndim)):
            if not kept[axis - 1]:
                amplitude = np.take(amplitude, 0, axis=axis)
        if not kept.any():
            return None
        chosen = np.flatnonzero(kept)
        return Joint(
            tuple(self.ions[column] for column in chosen),
            tuple(self.levels[column] for column in chosen),
            np.ascontiguousarray(amplitude),
            self.member[:, kept],
        )

    def _places(self, ion: int) -> list[int]:
        """Return the level of each place of an ion."""
        return list(self.levels[self.axis(ion) - 1])

    def _take(self, shots: Shots, ion: int) -> Complex:
        """Return a copy of the amplitudes (shots, places of the ion, everything else) of some shots."""
        mine = np.moveaxis(self.amplitude[shots], self.axis(ion), 1)
        return mine.reshape(*mine.shape[:2], math.prod(mine.shape[2:]))

    def _put(self, shots: Shots, ion: int, mine: Complex) -> None:
        """Set the amplitudes (shots, places of the ion, everything else) of some shots, normalised."""
        axis = self.axis(ion)
        norm = np.sqrt((mine.real**2 + mine.imag**2).sum(axis=(1, 2), keepdims=True))
        others = np.delete(self.amplitude.shape[1:], axis - 1)
        self.amplitude[shots] = np.moveaxis((mine / norm).reshape(*mine.shape[:2], *others), 1, axis)

    def _weight(self, shots: Shots, ion: int, factors: Complex) -> None:
        """Multiply the levels of an ion by factors (shots, 3) where it is a member."""
        held = self.holds(ion, shots)
        weights = factors[held][:, self._places(ion), None]
        self._put(shots[held], ion, self._take(shots[held], ion) * weights)

    def _leave(self, shots: Shots, ion: int, rest: Complex) -> None:
        """Leave all other ions in a state (shots, everything else), and take the ion out of it."""
        alone = np.zeros((len(shots), len(self._places(ion)), rest.shape[1]), dtype=np.complex128)
        alone[:, 0] = rest
        self._put(shots, ion, alone)
        self.member[shots, self.ions.index(ion)] = False


def draw_pure(rng: np.random.Generator, coherent: Complex) -> tuple[Complex, NDArray[np.bool_]]:
    """Draw a pure state from each density matrix: on average they are the density matrix.

    Args:
        rng: source of randomness.
        coherent: (..., 3, 3); what is missing of a trace of 1 is the probability to be elsewhere.

    Returns:
        Normalised states (..., 3), and whether (...) it said elsewhere: the state is the first level then.

    Example:
        >>> state, elsewhere = draw_pure(np.random.default_rng(1), np.full((1, 3, 3), 1 / 3, dtype=complex))
        >>> abs(state[0]).round(3), elsewhere
        (array([0.577, 0.577, 0.577]), array([False]))
    """
    values, vectors = np.linalg.eigh(coherent)
    chances = np.cumsum(np.maximum(values, 0.0), axis=-1)
    drawn = (chances < rng.random((*chances.shape[:-1], 1))).sum(axis=-1)
    # Rounding leaves a trace of 1 - 1e-16, beyond which no one is elsewhere.
    complete = chances[..., -1] > 1 - 1e-12
    elsewhere = (drawn == LEVELS) & ~complete
    chosen = np.minimum(drawn, LEVELS - 1)
    state = np.take_along_axis(vectors, chosen[..., None, None], axis=-1)[..., 0].astype(np.complex128)
    state[np.abs(state) < 1e-12] = 0.0
    state[elsewhere] = np.array([1, 0, 0])
    return state, np.asarray(elsewhere)


def _along(states: Complex, leading: int) -> Complex:
    """States (shots, places) as an array (shots, 1 ... 1, places) with `leading` axes before the last."""
    return states.reshape(len(states), *[1] * (leading - 1), states.shape[-1])


def _check(ions: tuple[int, ...], shots: int, sizes: list[int]) -> None:
    """Refuse what does not fit into memory."""
    amplitudes = shots * math.prod(sizes)
    if amplitudes > MOST_AMPLITUDES:
        raise EntangledIonsError(ions, shots, amplitudes, MOST_AMPLITUDES)
