"""The Molmer-Sorensen gate as a force that depends on the spins.

Two tones, one near the blue sideband of a common mode and one as far near its red one, push each ion up or
down by which eigenstate of a spin component it is in. The motion runs through loops in phase space and the
spins gain phases from the areas; both are worked out here in closed form, for all modes at once, for pulses
of any stepped shape, and for motion that starts anywhere.

Conventions. The light of a tone is exp(-2 pi i (detuning t + phase)) on |D><S|, as in `qubit.rotation`. Time
and phases count from the start of the pulse. To first order in the Lamb-Dicke parameters eta the two tones
together are, with mu half of their difference and phi half of the sum of their phases,

    H / hbar = 2 pi f(t) cos(2 pi (mu t + psi)) sum_jm eta_mj (a_m exp(-2 pi i nu_m t) + h.c.) sigma_j,
    sigma_j = i exp(-2 pi i phi) |D><S| + h.c.,    psi = (blue phase - red phase) / 2.

All sigma_j commute, so that this is solved exactly, without rotating waves: a branch in which ion j is in
the eigenstate s_j displaces mode m by g_m sum_j s_j eta_mj and gains the phase A_m (sum_j s_j eta_mj)^2.

Left out: the carrier, which the tones drive far off resonance; orders of eta beyond the first, but for
what a caller takes from the Rabi frequencies as Debye-Waller factors; tones of unequal strength and tones
whose middle is off the line, for which `gate_integration` has no closed form either and integrates.

Source: Sorensen and Molmer, Phys. Rev. A 62, 022311 (2000); Roos, New J. Phys. 10, 013002 (2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.validity import Doubt

Real: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]
Pair: TypeAlias = tuple[int, int] | None

# Angle (rad) by which a rotating push turns within a segment, at least: what is slower counts as that fast.
# It moves a loop by half of this and keeps nine digits of the differences that it is divided by.
_SLOWEST_TURN: Final = 1e-7

MOST_CARRIER: Final = 1e-3
"""Population that an edge may leave off the carrier: as large are the errors of the gate."""

MOST_SECOND_ORDER: Final = 0.05
"""Eta^2 (2 n + 1) up to which the first order in eta serves: relative error of the force."""

MOST_ASYMMETRY: Final = 0.01
"""Relative difference of the tones, and turns that the middle of the tones may gain on the line."""


@dataclass(frozen=True, slots=True, eq=False)
class TwoTonePulse:
    """Light of two tones that is constant from edge to edge.

    Attributes:
        edges: (segments + 1,) times, s, ascending from 0.
        red: (segments,) Rabi frequency of the carrier in the lower tone, Hz, for an ion with a factor of 1.
        blue: (segments,) the same of the upper tone.
        red_detuning: of the lower tone from the line, Hz; negative.
        blue_detuning: of the upper tone, Hz.
        red_phase: at the start of the pulse, turns.
        blue_phase: the same of the upper tone.
    """

    edges: Real
    red: Real
    blue: Real
    red_detuning: float
    blue_detuning: float
    red_phase: float = 0.0
    blue_phase: float = 0.0

    def __post_init__(self) -> None:
        if self.blue_detuning <= self.red_detuning:
            raise ModelError(
                "detuning of the blue tone",
                self.blue_detuning,
                f"above that of the red tone, {self.red_detuning:g} Hz",
                "Hz",
                "exchange the tones",
            )

    @property
    def duration(self) -> float:
        """From the first to the last edge, s."""
        return float(self.edges[-1] - self.edges[0])

    @property
    def offset(self) -> float:
        """Half of the tones' difference, Hz: a gate has it near the frequency of a mode."""
        return (self.blue_detuning - self.red_detuning) / 2

    @property
    def centre_error(self) -> float:
        """How far the middle of the tones is from the line, Hz."""
        return (self.blue_detuning + self.red_detuning) / 2

    @property
    def phase(self) -> float:
        """Mean phase of the tones, turns: it sets the spin component that feels the force."""
        return (self.blue_phase + self.red_phase) / 2

    @property
    def beat_phase(self) -> float:
        """Half of the difference of the tones' phases, turns: it sets the direction of the force."""
        return (self.blue_phase - self.red_phase) / 2

    @property
    def strength(self) -> Real:
        """Mean Rabi frequency of the two tones (segments,), Hz."""
        return np.asarray((self.red + self.blue) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Coupling:
    """How the light acts on the ions and modes of every shot.

    Attributes:
        frequencies: (modes,) Hz.
        lamb_dicke: (modes, ions) with the signs of the mode vectors.
        factors: (shots, ions) on the Rabi frequency: addressing, power, Debye-Waller.
        shifts: (shots, ions) of the line, Hz: field, light shifts from elsewhere.
        motion: (shots, modes) amplitudes at the start of the pulse, in the frame of each mode.
    """

    frequencies: Real
    lamb_dicke: Real
    factors: Real
    shifts: Real
    motion: Complex


@dataclass(frozen=True, slots=True, eq=False)
class Loops:
    """What a pulse does to modes on which it pushes with a strength of 1.

    Attributes:
        displacement: (modes,) at the end, in the frame of each mode; dimensionless.
        area: (modes,) phase that is gained on the way, rad.
    """

    displacement: Complex
    area: Real


@dataclass(frozen=True, slots=True, eq=False)
class Branches:
    """What a pulse does to each joint eigenstate of the spins.

    Attributes:
        displacement: (..., modes, branches).
        phase: (..., branches), rad.
    """

    displacement: Complex
    phase: Real


def trace_loops(pulse: TwoTonePulse, frequencies: Real) -> Loops:
    """Return the loops of modes under a pulse: exact integrals over all segments.

    Args:
        pulse: its tones are taken as equally strong and centred on the line, see `doubts`.
        frequencies: (modes,) of the modes, Hz.

    Returns:
        Displacements g = -2 pi i int f cos(2 pi (mu t + psi)) exp(2 pi i nu t) dt, and areas Im int g* dg.

    Example:
        Light 5 kHz above a mode at 1 MHz closes a loop every 200 us:

        >>> light = np.array([80e3])
        >>> pulse = TwoTonePulse(np.array([0.0, 200e-6]), light, light, -1.005e6, 1.005e6)
        >>> bool(abs(trace_loops(pulse, np.array([1e6])).displacement[0]) < 1e-9)
        True
    """
    lengths, starts = np.diff(pulse.edges), pulse.edges[:-1]
    sides = 2 * np.pi * np.array([pulse.offset, -pulse.offset])
    turning = (
        2 * np.pi * frequencies[:, None] + sides
    )  # (modes, 2): what is left after beating with the light
    phases = np.exp(2j * np.pi * np.array([pulse.beat_phase, -pulse.beat_phase]))
    light = -1j * np.pi * pulse.strength  # half of the cosine to each side
    push = light * phases[:, None] * np.exp(1j * turning[..., None] * starts)
    angle = _at_least(turning[..., None] * lengths)
    moved = (push * lengths * _mean_turn(angle)).sum(axis=1)  # (modes, segments)
    place = np.cumsum(moved, axis=1) - moved
    within = np.zeros_like(moved)
    for (first, a), (second, b) in product(
        zip(push.swapaxes(0, 1), angle.swapaxes(0, 1), strict=True), repeat=2
    ):
        # int_0^h dt exp(i a t / h) int_0^t dt' exp(-i b t' / h), with either side of the cosine for either.
        inner = (_mean_turn(a) - _mean_turn(a - b)) / (1j * b)
        within += first * second.conj() * lengths**2 * inner
    area = (moved * place.conj() + within).imag.sum(axis=1)
    return Loops(place[:, -1] + moved[:, -1], np.asarray(area))


def _mean_turn(angle: Real) -> Complex:
    """Mean of exp(i x) for x from 0 to an angle."""
    return np.asarray(np.exp(0.5j * angle) * np.sinc(angle / (2 * np.pi)))


def _at_least(angle: Real) -> Real:
    """Angles kept from zero, by which is divided."""
    return np.where(np.abs(angle) < _SLOWEST_TURN, np.copysign(_SLOWEST_TURN, angle), angle)


def spin_branches(sizes: tuple[int, ...]) -> Real:
    """Return the eigenvalues (branches, ions) of the spin components in every branch, the last ion fastest.

    Args:
        sizes: levels of each ion; the first two are the eigenstates +1 and -1, light leaves the others alone.

    Example:
        >>> spin_branches((2, 3))
        array([[ 1.,  1.],
               [ 1., -1.],
               [ 1.,  0.],
               [-1.,  1.],
               [-1., -1.],
               [-1.,  0.]])
    """
    values = [(1.0, -1.0, *[0.0] * (size - 2)) for size in sizes]
    return np.array(list(product(*values)))


def branch(loops: Loops, lamb_dicke: Real, spins: Real, factors: Real | float = 1.0) -> Branches:
    """Return what a pulse does to each branch.

    Args:
        loops: of the pulse.
        lamb_dicke: (modes, ions) with the signs of the mode vectors.
        spins: (branches, ions) or (shots, branches, ions), -1, 0 or 1.
        factors: (shots, ions) or a number, on the Rabi frequency: addressing, power, Debye-Waller.

    Returns:
        Displacements ([shots,] modes, branches) and phases ([shots,] branches).
    """
    weights = lamb_dicke * np.asarray(factors)[..., None, :] if np.ndim(factors) else lamb_dicke * factors
    push = weights @ spins.swapaxes(-1, -2)
    displacement = push * loops.displacement[:, None]
    return Branches(displacement, np.asarray((push**2 * loops.area[:, None]).sum(axis=-2)))


def coherences(branches: Branches, quanta: Real) -> Complex:
    """Return the factors (..., branches, branches) that a gate leaves on a density matrix of the spins.

    Motion that has not come back tells the branches apart: with modes in thermal states the coherence between
    two of them keeps exp(-|difference of displacements|^2 (n + 1/2)) of each mode.

    Args:
        branches: of the gate; all branches move a mode along one line, so that no other phase arises.
        quanta: (modes,) mean phonon numbers before the gate.

    Source: Roos, New J. Phys. 10, 013002 (2008), sec. 2.
    """
    apart = np.abs(branches.displacement[..., :, None] - branches.displacement[..., None, :]) ** 2
    lost = np.einsum("m,...mjk->...jk", quanta + 0.5, apart)
    return np.asarray(np.exp(1j * (branches.phase[..., :, None] - branches.phase[..., None, :]) - lost))


def spin_basis(phase: float) -> Complex:
    """Return the eigenstates +1 and -1 of i exp(-2 pi i phase) |D><S| + h.c. as columns over S, D.

    Args:
        phase: turns.
    """
    toward = 1j * np.exp(-2j * np.pi * phase)
    return np.asarray(np.array([[1, 1], [toward, -toward]]) / np.sqrt(2), dtype=np.complex128)


def level_bases(sizes: Sequence[int], pairs: Sequence[Pair], phase: float) -> list[Complex]:
    """Return of each ion the eigenstates +1, -1 of its spin component and its other levels, as columns.

    Args:
        sizes: levels of each ion.
        pairs: the two levels of each that make the spin, lower one first; None for an ion without a spin.
        phase: of the component, turns, as in `spin_basis`.
    """
    pair_basis = spin_basis(phase)
    bases = []
    for size, pair in zip(sizes, pairs, strict=False):
        basis = np.eye(size, dtype=np.complex128)
        if pair is not None:
            others = [level for level in range(size) if level not in pair]
            basis = np.zeros((size, size), dtype=np.complex128)
            basis[np.ix_(pair, (0, 1))] = pair_basis
            basis[others, range(2, size)] = 1.0
        bases.append(basis)
    return bases


def on_each(state: Complex, matrices: Sequence[Complex]) -> Complex:
    """Apply one matrix to each axis of a state (shots, levels of the first ion, ..., anything)."""
    for axis, matrix in enumerate(matrices, start=1):
        state = np.moveaxis(np.tensordot(matrix, state, axes=(1, axis)), 0, axis)
    return state


def entangle(
    density: Complex,
    pulse: TwoTonePulse,
    frequencies: Real,
    lamb_dicke: Real,
    quanta: Real,
    factors: Real | float = 1.0,
) -> Complex:
    """Return the density matrix of qubits after a gate on motion that starts in thermal states.

    Args:
        density: (2^ions, 2^ions) over S and D of each ion, the last ion fastest.
        pulse: equally strong tones, centred on the line.
        frequencies: (modes,) Hz.
        lamb_dicke: (modes, ions) signed.
        quanta: (modes,) mean phonon numbers.
        factors: (ions,) or a number, on the Rabi frequencies.

    Returns:
        Density matrix like the one given, the motion traced out.

    Example:
        >>> light = np.array([50e3])
        >>> pulse = TwoTonePulse(np.array([0.0, 200e-6]), light, light, -1.005e6, 1.005e6)
        >>> ground = np.zeros((4, 4), dtype=complex)
        >>> ground[0, 0] = 1
        >>> bell = entangle(ground, pulse, np.array([1e6]), np.array([[0.05, 0.05]]), np.array([10.0]))
        >>> abs(bell.diagonal()).round(3), bool(abs(bell[3, 0] - 0.5j) < 0.005)
        (array([0.502, 0.   , 0.   , 0.498]), True)
    """
    ions = lamb_dicke.shape[1]
    basis = reduce(
        lambda before, one: np.kron(before, one).astype(np.complex128), [spin_basis(pulse.phase)] * ions
    )
    loops = trace_loops(pulse, frequencies)
    kept = coherences(branch(loops, lamb_dicke * factors, spin_branches((2,) * ions)), quanta)
    return np.asarray(basis @ (kept * (basis.conj().T @ density @ basis)) @ basis.conj().T)


def unravel(
    rng: np.random.Generator, weights: Real, branches: Branches, motion: Complex
) -> tuple[Complex, Complex]:
    """Draw for each shot what becomes of a pure state of the spins whose motion starts in coherent states.

    After the gate the motion knows the branch as far as loops have not closed. A measurement that projects
    it on coherent states tells as much to each shot; averaged over shots nobody has looked.

    Args:
        rng: source of randomness.
        weights: (shots, branches) probability of each branch.
        branches: of the gate, with or without a shot axis.
        motion: (shots, modes) amplitudes when the pulse starts, in the frame of each mode.

    Returns:
        Factors (shots, branches) on the amplitudes of the branches, which normalise them again, and the
        motion (shots, modes) after the gate.
    """
    shots, modes = motion.shape
    moved = np.broadcast_to(branches.displacement, (shots, modes, weights.shape[1]))
    chosen = (np.cumsum(weights, axis=1) < rng.random((shots, 1)) * weights.sum(axis=1, keepdims=True)).sum(
        axis=1
    )
    mine = np.take_along_axis(moved, chosen[:, None, None], axis=2)[..., 0]
    blur = (rng.standard_normal((shots, modes, 2)) @ np.array([1, 1j])) / np.sqrt(2)
    # <beta|D(alpha) motion> of every branch, with beta the place of the chosen one, blurred.
    seen = (motion + mine + blur)[..., None]
    start = motion[..., None]
    overlap = -(np.abs(seen - start - moved) ** 2) / 2 + 1j * (
        (seen.conj() * (start + moved)).imag + (moved * start.conj()).imag
    )
    exponent = overlap.sum(axis=1) + 1j * branches.phase
    factors = np.exp(exponent - exponent.real.max(axis=1, keepdims=True))
    factors /= np.sqrt((weights * np.abs(factors) ** 2).sum(axis=1, keepdims=True))
    return np.asarray(factors), np.asarray(motion + mine)


def play(
    rng: np.random.Generator, pulse: TwoTonePulse, state: Complex, pairs: Sequence[Pair], coupling: Coupling
) -> tuple[Complex, Complex]:
    """Play a gate of equally strong tones, centred on the line, on pure states of the spins.

    Args:
        rng: source of randomness.
        pulse: of light.
        state: (shots, levels of the first ion, ..., of the last) amplitudes.
        pairs: of each ion the two levels between which the light acts; None for one that it leaves alone.
        coupling: to any number of modes; its shifts are not looked at.

    Returns:
        The states, normalised, and the motion (shots, modes) after the gate, in the frame of each mode.
    """
    bases = level_bases(state.shape[1:], pairs, pulse.phase)
    turned = on_each(state, [basis.conj().T for basis in bases])
    driven = np.array([pair is not None for pair in pairs])
    spins = spin_branches(tuple(state.shape[1:])) * driven
    branches = branch(trace_loops(pulse, coupling.frequencies), coupling.lamb_dicke, spins, coupling.factors)
    weights = np.abs(turned.reshape(len(state), -1)) ** 2
    factors, motion = unravel(rng, weights, branches, coupling.motion)
    return on_each(turned * factors.reshape(turned.shape), bases), motion


def doubts(pulse: TwoTonePulse, lamb_dicke: Real, quanta: Real) -> list[Doubt]:
    """Return where a gate is outside of what the spin-dependent force describes.

    Args:
        pulse: of light.
        lamb_dicke: (modes, ions).
        quanta: (modes,) phonon numbers.
    """
    light = np.concatenate([[0.0], pulse.strength, [0.0]])
    carrier = float(np.abs(np.diff(light)).max() / pulse.offset) ** 2
    second = float((lamb_dicke**2 * (2 * quanta + 1)[:, None]).max())
    unequal = float(np.abs(pulse.blue - pulse.red).max() / max(pulse.strength.max(), 1e-300))
    off_centre = abs(pulse.centre_error) * pulse.duration
    found = [
        ("population of the carrier after an edge", carrier, MOST_CARRIER, "the full Hamiltonian"),
        ("eta^2 (2 n + 1)", second, MOST_SECOND_ORDER, "the full Hamiltonian"),
        ("difference of the tones", unequal, MOST_ASYMMETRY, "gate_integration.integrate"),
        (
            "turns of the tones' middle against the line",
            off_centre,
            MOST_ASYMMETRY,
            "gate_integration.integrate",
        ),
    ]
    return [
        Doubt("spin-dependent force", quantity, value, limit, "", reference)
        for quantity, value, limit, reference in found
        if value > limit
    ]
