"""The ions of many shots at once: populations, coherences, motion and clocks as arrays over the shots.

Ions are independent of each other, so that each (shot, ion) has a state of its own: a density matrix over
the three levels between which coherence matters, and populations of the others. Ions that a gate has
entangled have a joint state instead, until they are known to be independent again. Light on a sideband links
ions and a mode; when anything else happens to the motion, it is drawn what they are.

The motion of a mode in a shot is a displaced number state. Thermal and coherent motion is a displacement
alone, random or not; light on a sideband leaves a number. The phonons that carriers see are drawn from it by
the luck of the shot, so that all ions and pulses of a shot see the same.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.entangled import Entangled
from hardware_sim.core.link import Link
from hardware_sim.physics.calcium import D32, D52, S12, zeeman_shift
from hardware_sim.physics.noise import Lines, WanderingPhase
from hardware_sim.physics.numbers import displaced_quantile, poisson_quantile
from hardware_sim.physics.quadrupole import Line, clebsch_gordan

S, D5, D3 = range(3)
"""Coherent levels: S1/2(m=-1/2), D5/2(m=-5/2), D5/2(m=-3/2)."""

COHERENCES: Final = ((S, D5), (S, D3), (D5, D3))
"""Pairs of levels between which an ion can be in a superposition."""

S_UP, METASTABLE_D3, METASTABLE_D5 = range(3)
"""Other levels: S1/2(m=+1/2), D3/2, and the other sublevels of D5/2."""

SHELVES: Final = (-1 / 2, 1 / 2, 3 / 2, 5 / 2)
"""m of the other sublevels of D5/2."""

COHERENT: Final = {-5 / 2: D5, -3 / 2: D3}
"""m of D5/2 -> coherent level."""

DECAYING_UP: Final = np.array([clebsch_gordan(1 / 2, m) ** 2 for m in D52.sublevels])
"""(6,) share of the decays of each sublevel of D5/2, from m = -5/2 on, that end in S1/2(+1/2); the others end
in S1/2(-1/2). The photon is a quadrupole one, as those of the lines at 729 nm are."""

_COHERENT_UP = np.array([0.0, *(DECAYING_UP[D52.sublevels.index(m)] for m in COHERENT)])
"""(3,) the same by coherent level; S1/2 does not decay."""

_SHELVED_UP = np.array([DECAYING_UP[D52.sublevels.index(m)] for m in SHELVES])
"""(4,) the same of the other sublevels."""

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
        motion: (shots, modes) complex displacements in the frame of each mode.
        fock: (shots, modes) numbers that are displaced: 0 but for what sidebands have made.
        luck: (shots, modes) 0 to 1, by which numbers are drawn.
        links: ions and modes that light on a sideband has linked.
        entangled: joint states of ions, whose own are empty then; None until the first gate.
        shelf: (shots, ions, 4) share of each sublevel in METASTABLE_D5, from m = -1/2 to 5/2.
        clock_ps: (shots,) int64, time of the lab at the start of the present timeline.
        field: (shots,) what is constant in a shot of the magnetic field minus its nominal value, T: slow
            drifts as well as noise.
        lines: what changes of it within a shot, from the shot's start on, T.
        laser: phase of the 729 nm laser from the shot's start on; None for a perfect one.
        power: (shots,) power of the 729 nm beam over its mean.
    """

    def __init__(self, shots: int, ions: int, modes: int) -> None:
        self.coherent = np.zeros((shots, ions, 3, 3), dtype=np.complex128)
        self.other = np.zeros((shots, ions, 3))
        self.motion = np.zeros((shots, modes), dtype=np.complex128)
        self.fock = np.zeros((shots, modes), dtype=np.int32)
        self.luck = np.full((shots, modes), 0.5)
        self.shelf = np.full((shots, ions, len(SHELVES)), 1 / len(SHELVES))
        self.links: list[Link] = []
        self.entangled: Entangled | None = None
        self.clock_ps = np.zeros(shots, dtype=np.int64)
        self.field = np.zeros(shots)
        self.lines: tuple[Lines, ...] = ()
        self.laser: WanderingPhase | None = None
        self.power = np.ones(shots)
        self._start_ps = np.zeros(shots, dtype=np.int64)
        self._evolved_ps = np.zeros((shots, ions), dtype=np.int64)
        self._heated_ps = np.zeros(shots, dtype=np.int64)

    @property
    def ions(self) -> int:
        """How many ions each shot has."""
        return self.coherent.shape[1]

    def start(self, clock_ps: NDArray[np.int64]) -> None:
        """Set the lab time (shots,) at which each shot starts."""
        self.clock_ps[:] = self._start_ps[:] = clock_ps
        self._evolved_ps[:] = clock_ps[:, None]
        self._heated_ps[:] = clock_ps

    def evolve(
        self,
        shots: Shots,
        ions: slice,
        offset_ps: int,
        lifetime: float = D52.lifetime,
        *,
        phases: bool = True,
    ) -> None:
        """Let ions be until `offset_ps` after the start of the timeline: field shifts and natural decay.

        Called just before something happens to those ions; what happens to no one costs nothing. Each
        sublevel of D5/2 decays to the spins as it must. Of D3/2 the sublevels are not followed: it decays
        as an even mixture of them does, to either spin as often.

        Args:
            shots: that take part.
            ions: of each of them.
            offset_ps: time of the timeline.
            lifetime: of D5/2, s; infinite for a time of which it is known already who decayed.
            phases: whether those of coherences matter to anybody: before light that ends them they do not.
        """
        until = self.clock_ps[shots] + offset_ps
        since = self._evolved_ps[shots, ions]
        elapsed = (until[:, None] - since) * 1e-12
        self._evolved_ps[shots, ions] = until[:, None]
        state, rest = self.coherent[shots, ions], self.other[shots, ions]
        kept = np.exp(-elapsed / lifetime)
        if any(state[..., one, other].any() for one, other in COHERENCES):
            felt = np.zeros(())
            if phases:
                felt = elapsed * self.field[shots, None] + self._lines_felt(shots, since, until)
            for one, other in COHERENCES:  # level by level, as short inner axes are slow
                left = state[..., one, other] * np.exp(2j * np.pi * (SHIFTS[other] - SHIFTS[one]) * felt)
                left *= kept if one != S else np.sqrt(kept)
                state[..., one, other], state[..., other, one] = left, left.conj()
        _fall(state, rest, self.shelf[shots, ions], kept, np.exp(-elapsed / D32.lifetime))
        self.coherent[shots, ions], self.other[shots, ions] = state, rest
        if self.entangled:
            felt = elapsed * self.field[shots, None] + self._lines_felt(shots, since, until)
            stays = np.stack([np.ones_like(kept), np.sqrt(kept), np.sqrt(kept)], axis=-1)
            members = range(self.ions)[ions]
            self.entangled.decay(shots, members, stays * np.exp(-2j * np.pi * felt[..., None] * SHIFTS))

    def _lines_felt(
        self, shots: Shots, since: NDArray[np.int64], until: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return the integral (shots, ions) of the lines from a time of each ion to one of its shot, T s."""
        # Most of the time all ions were looked at together last.
        columns = since.T[:1] if (since == since[:, :1]).all() else since.T
        felt = np.zeros((len(shots), len(columns)))
        end = self._since_start(shots, until)
        for lines in self.lines:
            felt += lines.integral(shots, end)[:, None]
            for column, time in enumerate(columns):
                felt[:, column] -= lines.integral(shots, self._since_start(shots, time))
        return felt

    def heat(
        self,
        rng: np.random.Generator,
        shots: Shots,
        modes: tuple[int, ...],
        rates: NDArray[np.float64],
        offset_ps: int,
    ) -> None:
        """Heat some modes at `rates` (modes,) quanta a second since the last time; links end."""
        self.unlink(rng, shots)
        elapsed = (self.clock_ps[shots] + offset_ps - self._heated_ps[shots]) * 1e-12
        self.skip_heating(shots, offset_ps)
        kicks = complex_normal(rng, (len(shots), len(modes)))
        self.motion[shots[:, None], list(modes)] += kicks * np.sqrt(rates * elapsed[:, None])

    def skip_heating(self, shots: Shots, offset_ps: int) -> None:
        """Note that all heating until `offset_ps` after the start of the timeline is accounted for."""
        self._heated_ps[shots] = self.clock_ps[shots] + offset_ps

    def field_at(self, shots: Shots, offset_ps: int) -> NDArray[np.float64]:
        """Return the magnetic field minus its nominal value (shots,), T, at a time of the present timeline.

        That is all of it, what `evolve` turns the ions by: the slow drift of the weather is in it.
        """
        time = self._since_start(shots, self.clock_ps[shots] + offset_ps)
        return np.asarray(self.field[shots] + sum(lines.at(shots, time) for lines in self.lines))

    def laser_turns(self, shots: Shots, offset_ps: int) -> NDArray[np.float64]:
        """Return how far (shots,) the phase of the 729 nm laser has wandered since the shot began, turns.

        That is its line width only: a drift of its frequency is in the weather.
        """
        if self.laser is None:
            return np.zeros(len(shots))
        return self.laser.at(shots, self._since_start(shots, self.clock_ps[shots] + offset_ps))

    def _since_start(self, shots: Shots, clock_ps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the time (shots,) from the start of each shot to some lab time (shots,), s."""
        return np.asarray((clock_ps - self._start_ps[shots]) * 1e-12, dtype=np.float64)

    def quanta(self, shots: Shots, modes: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Return the mean quanta (shots, modes) in some modes, or in all."""
        rows = shots if modes is None else (shots[:, None], modes)
        amplitude = self.motion[rows]
        return np.asarray(amplitude.real**2 + amplitude.imag**2 + self.fock[rows])

    def numbers(self, shots: Shots, modes: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
        """Return the phonons (shots, modes) in some modes, or in all, as each shot draws them.

        On average over the luck they are distributed as those of the state. They follow slow changes of it
        slowly.
        """
        rows = shots if modes is None else (shots[:, None], modes)
        amplitude, fock, luck = self.motion[rows], self.fock[rows], self.luck[rows]
        displaced = amplitude.real**2 + amplitude.imag**2
        if not fock.any():
            return poisson_quantile(displaced, luck)
        found, known = np.zeros(fock.shape, dtype=np.int64), fock > 0
        found[~known] = poisson_quantile(displaced[~known], luck[~known])
        found[known] = displaced_quantile(fock[known].astype(np.int64), displaced[known], luck[known])
        return found

    def scramble(self, rng: np.random.Generator, shots: Shots) -> None:
        """Make the motion of all modes classical, of the same energy, and draw the luck anew.

        For light that scatters so often that it leaves nothing of a number state but its energy.
        """
        self.unlink(rng, shots)
        self.luck[shots] = rng.random((len(shots), self.luck.shape[1]))
        rows, modes = np.nonzero(self.fock[shots])
        if len(rows):
            rows = shots[rows]
            phase = np.exp(2j * np.pi * rng.random(len(rows)))
            self.motion[rows, modes] += np.sqrt(self.fock[rows, modes]) * phase
            self.fock[rows, modes] = 0

    def unlink(self, rng: np.random.Generator, shots: Shots) -> None:
        """Decide in some shots where linked ions are, and how many phonons their mode has."""
        links, self.links = self.links, []
        for link in links:
            ending = np.isin(link.shots, shots)
            if not ending.all():
                self.links.append(link.only(~ending))
            self._end(rng, link.only(ending))

    def _end(self, rng: np.random.Generator, link: Link) -> None:
        excited, numbers = link.draw(rng)
        line, mode = link.drive.line, link.drive.mode
        for column, ion in enumerate(link.ions.tolist()):
            taking = link.taking[:, column]
            in_d = excited[taking, column].astype(np.float64)
            self.put(link.shots[taking], ion, line, in_d)
        touched = link.taking.any(axis=1)
        shots = link.shots[touched]
        self.motion[shots, mode] = 0.0
        self.fock[shots, mode] = numbers[touched]
        self.luck[shots, mode] = rng.random(len(shots))

    def in_ground(self, shots: Shots) -> NDArray[np.float64]:
        """Return the population (shots, ions) of S1/2."""
        return np.asarray(self.coherent[shots, :, S, S].real + self.other[shots, :, S_UP])

    def in_d52(self, shots: Shots) -> NDArray[np.float64]:
        """Return the populations (shots, ions, 6) of the sublevels of D5/2, from m = -5/2 on; all ions."""
        state = self.coherent[shots]
        shelved = self.other[shots][..., METASTABLE_D5, None] * self.shelf[shots]
        coherent = np.stack([state[..., D5, D5].real, state[..., D3, D3].real], axis=-1)
        if self.entangled:
            coherent += self.entangled.populations(shots)[..., D5:]
        return np.concatenate([coherent, shelved], axis=-1)

    def populations(self, shots: Shots, line: Line) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the populations (shots, ions) of the lower and of the upper level of a Zeeman line.

        Of ions that are entangled: `entangled.populations`; here they have none.
        """
        lower = self.coherent[shots, :, S, S].real if line.lower < 0 else self.other[shots, :, S_UP]
        if line.upper in COHERENT:
            level = COHERENT[line.upper]
            return lower, self.coherent[shots, :, level, level].real
        return lower, self.other[shots, :, METASTABLE_D5] * self.shelf[shots, :, SHELVES.index(line.upper)]

    def exchange(self, shots: Shots, line: Line, share: NDArray[np.float64]) -> None:
        """Let some share (shots, ions) of either level of a line go to the other; coherences pay for it."""
        lower, upper = self.populations(shots, line)
        gain = share * (upper - lower)
        self._keep(shots, slice(None), line, np.sqrt(1 - share), lower + gain, upper - gain)

    def put_in_ground(self, shots: Shots, ion: int, levels: NDArray[np.int64]) -> None:
        """Put an ion into S1/2, with the spins that it has after it decayed from coherent levels (shots,)."""
        self.coherent[shots, ion] = 0.0
        self.other[shots, ion] = 0.0
        self.other[shots, ion, S_UP] = upwards = _COHERENT_UP[levels]
        self.coherent[shots, ion, S, S] = 1 - upwards

    def put_mixture(self, shots: Shots, ion: int, populations: NDArray[np.float64]) -> None:
        """Put an ion into a mixture (shots, 9) of S1/2(-1/2), S1/2(+1/2), D3/2, and D5/2 from m = -5/2 on."""
        self.coherent[shots, ion] = 0.0
        for level, column in ((S, 0), (D5, 3), (D3, 4)):
            self.coherent[shots, ion, level, level] = populations[:, column]
        shelved = populations[:, 5:].sum(axis=1)
        self.other[shots, ion] = np.column_stack([populations[:, 1], populations[:, 2], shelved])
        even = np.full((len(shots), len(SHELVES)), 1 / len(SHELVES))
        shares = np.divide(populations[:, 5:], shelved[:, None], out=even, where=shelved[:, None] > 0)
        self.shelf[shots, ion] = shares

    def put(self, shots: Shots, ion: int, line: Line, excited: NDArray[np.float64]) -> None:
        """Put an ion into the levels of a line, with the probability (shots,) to be in the upper one."""
        self.coherent[shots, ion] = 0.0
        self.other[shots, ion] = 0.0
        self._keep(shots, ion, line, np.zeros(len(shots)), 1 - excited, excited)

    def exclude(self, shots: Shots, ion: int, line: Line) -> None:
        """Note that an ion was found in neither level of a line."""
        nothing = np.zeros(len(shots))
        self._keep(shots, ion, line, nothing, nothing, nothing)
        left = np.trace(self.coherent[shots, ion], axis1=-2, axis2=-1).real + self.other[shots, ion].sum(
            axis=-1
        )
        self.coherent[shots, ion] /= left[:, None, None]
        self.other[shots, ion] /= left[:, None]

    def _keep(
        self,
        shots: Shots,
        ions: slice | int,
        line: Line,
        rest: NDArray[np.float64],
        lower: NDArray[np.float64],
        upper: NDArray[np.float64],
    ) -> None:
        """Set the populations of both levels, and leave a `rest` of the amplitude to their coherences."""
        state, other, shelf = self.coherent[shots, ions], self.other[shots, ions], self.shelf[shots, ions]
        levels = {S: lower} if line.lower < 0 else {}
        if line.upper in COHERENT:
            levels[COHERENT[line.upper]] = upper
        for level in levels:
            state[..., level, :] *= rest[..., None]
            state[..., :, level] *= rest[..., None]
        for level, population in levels.items():
            state[..., level, level] = population
        if line.lower > 0:
            other[..., S_UP] = lower
        if line.upper not in COHERENT:
            shelved = other[..., METASTABLE_D5, None] * shelf
            shelved[..., SHELVES.index(line.upper)] = upper
            total = shelved.sum(axis=-1)
            other[..., METASTABLE_D5] = total
            np.divide(shelved, total[..., None], out=shelf, where=total[..., None] > 0)
        self.coherent[shots, ions], self.other[shots, ions], self.shelf[shots, ions] = state, other, shelf


def _fall(
    state: NDArray[np.complex128],
    rest: NDArray[np.float64],
    shelf: NDArray[np.float64],
    kept: NDArray[np.float64],
    kept_in_d32: NDArray[np.float64],
) -> None:
    """Let populations decay to S1/2.

    Args:
        state: (shots, ions, 3, 3) whose populations change; its coherences do not.
        rest: (shots, ions, 3), changed likewise.
        shelf: (shots, ions, 4).
        kept: (shots, ions) share of D5/2 that stays.
        kept_in_d32: (shots, ions) share of D3/2 that does.
    """
    falling = (1 - kept) * (state[..., D5, D5] + state[..., D3, D3]).real
    upwards = (1 - kept) * state[..., D3, D3].real * _COHERENT_UP[D3]  # there is no way up from D5
    for level in (D5, D3):
        state[..., level, level] *= kept
    if rest[..., METASTABLE_D5].any():
        gone = (1 - kept) * rest[..., METASTABLE_D5]
        falling, upwards = falling + gone, upwards + gone * (shelf @ _SHELVED_UP)
        rest[..., METASTABLE_D5] -= gone
    if rest[..., METASTABLE_D3].any():
        gone = (1 - kept_in_d32) * rest[..., METASTABLE_D3]
        falling, upwards = falling + gone, upwards + gone / 2
        rest[..., METASTABLE_D3] -= gone
    state[..., S, S] += falling - upwards
    rest[..., S_UP] += upwards


def complex_normal(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.complex128]:
    """Draw complex Gaussian amplitudes whose square has the mean 1."""
    parts = rng.standard_normal((*shape, 2))
    parts *= np.sqrt(0.5)
    return parts.view(np.complex128)[..., 0]
