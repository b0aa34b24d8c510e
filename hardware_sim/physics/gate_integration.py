"""The Molmer-Sorensen gate with light that is not centred on the line, or not equally strong in both tones.

Then the spin components that feel the force at different times do not commute, and there is no closed form.
What is integrated is, to first order in the Lamb-Dicke parameters and with each tone on its own sideband,

    H / hbar = pi sum_jm eta_mj (F X_m sigma_j(phi) + G P_m sigma_j(phi - 1/4))
               + 2 pi sum_j (shift_j - centre error) |D><D|,

where F is the mean and G half the difference of the tones' Rabi frequencies, X and P are the quadratures of
a mode that turn with the tones, and sigma is as in `gate`. Motion that starts in a coherent state is taken
out by displacing the mode, so that hot motion costs no levels. Each short step is the product of the three
parts, of which the force F is exact: the length of a step limits small corrections only.

Unequal tones shift the line by driving the carrier off resonance: that shift is in the model, what else the
carrier does is not.

Source: Sorensen and Molmer, Phys. Rev. A 62, 022311 (2000); Kirchmair et al., New J. Phys. 11, 023002
(2009), on unequal tones; splitting of exponentials: Strang, SIAM J. Numer. Anal. 5, 506 (1968).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.gate import Coupling, Pair, TwoTonePulse, level_bases, on_each, spin_branches

Real: TypeAlias = NDArray[np.float64]
Complex: TypeAlias = NDArray[np.complex128]

STEP: Final = 2e-6
"""Longest step, s: errors go with the square of what a detuning turns in it; 1e-5 for 1 kHz."""

FEWEST_LEVELS: Final = 12
MOST_LEVELS: Final = 80
"""Levels of a displaced mode, at first and at most."""

SPILL: Final = 1e-7
"""Population of a mode's highest level up to which there are enough of them."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A short time with constant light: middle and length, s; mean and half difference of the tones, Hz."""

    middle: float
    length: float
    mean: float
    difference: float


def integrate(pulse: TwoTonePulse, state: Complex, pairs: Sequence[Pair], coupling: Coupling) -> Complex:
    """Return the joint state of spins and displaced modes after a gate.

    Args:
        pulse: of light.
        state: (shots, levels of the first ion, ..., of the last) amplitudes, in the frame of the line.
        pairs: of each ion the two levels between which the light acts, lower one first; None for an ion
            that it leaves alone.
        coupling: to the modes near the tones: one, or two, as each multiplies the work by its levels.

    Returns:
        Amplitudes (shots, levels of the ions..., levels of the modes...). A mode's level 0 is the coherent
        state that it started in.

    Raises:
        ModelError: motion that does not fit into 80 levels: the loops are too wide for a gate.
    """
    levels = FEWEST_LEVELS
    while True:
        grown, spilt = _integrate(pulse, state, pairs, coupling, levels)
        if spilt < SPILL:
            return grown
        if levels >= MOST_LEVELS:
            raise ModelError(
                "population of the highest level of a mode",
                spilt,
                f"below {SPILL:g} with {MOST_LEVELS} levels",
                "",
                "detune the tones further from the sideband, or weaken them",
            )
        levels = min(MOST_LEVELS, levels * 8 // 5)


def draw_numbers(rng: np.random.Generator, state: Complex, modes: int) -> tuple[Complex, NDArray[np.int64]]:
    """Look at the phonon numbers of the displaced modes in every shot: averaged over shots nobody has looked.

    Args:
        rng: source of randomness.
        state: from `integrate`.
        modes: how many of its last axes are modes.

    Returns:
        Normalised amplitudes (shots, levels...) of the spins, and the numbers (shots, modes).
    """
    shape = state.shape[-modes:]
    spins = state.reshape(*state.shape[:-modes], -1)
    axes = tuple(range(1, spins.ndim - 1))
    chances = np.cumsum((np.abs(spins) ** 2).sum(axis=axes), axis=1)
    drawn = (chances < rng.random((len(state), 1)) * chances[:, -1:]).sum(axis=1)
    kept = spins[np.arange(len(state)), ..., drawn]
    norm = np.sqrt((np.abs(kept) ** 2).sum(axis=tuple(range(1, kept.ndim)), keepdims=True))
    return np.asarray(kept / norm), np.stack(np.unravel_index(drawn, shape), axis=1).astype(np.int64)


def play(
    rng: np.random.Generator, pulse: TwoTonePulse, state: Complex, pairs: Sequence[Pair], coupling: Coupling
) -> tuple[Complex, Complex]:
    """Play a gate on pure states of the spins: as `gate.play`, for any tones and for lines that are shifted.

    Args:
        rng: source of randomness.
        pulse: of light.
        state: (shots, levels of the first ion, ..., of the last) amplitudes.
        pairs: as in `integrate`.
        coupling: as in `integrate`.

    Returns:
        The states, normalised, and the motion (shots, modes): quanta beyond the coherent state that it
        started in are added with a phase that no one knows.

    Raises:
        ModelError: the loops are too wide for a gate.
    """
    joint = integrate(pulse, state, pairs, coupling)
    spins, numbers = draw_numbers(rng, joint, len(coupling.frequencies))
    unknown = np.exp(2j * np.pi * rng.random(numbers.shape))
    return spins, np.asarray(coupling.motion + np.sqrt(numbers) * unknown)


def _integrate(
    pulse: TwoTonePulse, state: Complex, pairs: Sequence[Pair], coupling: Coupling, levels: int
) -> tuple[Complex, float]:
    """Return the joint state, and how much of it has been in the highest level of a mode at any time."""
    modes, spilt = len(coupling.frequencies), 0.0
    spins = spin_branches(tuple(state.shape[1:]))
    joint = np.zeros((*state.shape, *(levels,) * modes), dtype=np.complex128)
    joint.reshape(*state.shape, -1)[..., 0] = state
    strong, weak = (_Force(pairs, coupling, spins, turn, levels) for turn in (0.0, 0.25))
    excited = [_excited(state.shape, ion, pair, modes) for ion, pair in enumerate(pairs)]
    for step in _steps(pulse):
        detuned = coupling.shifts - pulse.centre_error + _light_shift(pulse, step, coupling.factors)
        half = np.exp(-1j * np.pi * step.length * detuned)
        joint *= _on_excited(half, excited)
        if step.difference:
            joint = weak.push(joint, pulse, step, step.difference, step.length / 2)
        joint = strong.push(joint, pulse, step, step.mean, step.length)
        if step.difference:
            joint = weak.push(joint, pulse, step, step.difference, step.length / 2)
        joint *= _on_excited(half, excited)
        spilt = max(spilt, _spilt(joint, modes))
        if spilt > SPILL:
            return joint, spilt
    back = np.exp(-2j * np.pi * pulse.centre_error * pulse.duration)
    return np.asarray(joint * _on_excited(np.full((1, len(pairs)), back), excited)), spilt


def _spilt(joint: Complex, modes: int) -> float:
    """Mean population of the highest level of any of the modes, the last axes of a joint state."""
    tops = [np.take(joint, -1, axis=joint.ndim - modes + mode) for mode in range(modes)]
    return max(float((top.real**2 + top.imag**2).sum()) for top in tops) / len(joint)


class _Force:
    """One of the two forces: a quadrature of the modes that acts along a spin component.

    Attributes:
        turn: of quadrature and spin component, turns: 0 for the force of the mean, 1/4 for the difference.
    """

    def __init__(
        self, pairs: Sequence[Pair], coupling: Coupling, spins: Real, turn: float, levels: int
    ) -> None:
        self.turn = turn
        self._pairs, self._coupling = pairs, coupling
        driven = np.array([pair is not None for pair in pairs])
        push = (coupling.lamb_dicke * driven) * coupling.factors[:, None, :]
        self._push = push @ spins.T  # (shots, modes, branches)
        ladder = np.diag(np.sqrt(np.arange(1.0, levels)), 1)
        self._places, self._waves = np.linalg.eigh(ladder + ladder.T)
        self._levels = np.arange(levels)

    def push(self, joint: Complex, pulse: TwoTonePulse, step: _Step, light: float, length: float) -> Complex:
        """Return the state after the force of light (Hz) has acted for a length (s) about a step's middle."""
        sizes = joint.shape
        bases = level_bases(sizes[1:], self._pairs, pulse.phase - self.turn)
        modes = len(self._coupling.frequencies)
        joint = on_each(joint, [basis.conj().T for basis in bases])
        joint = joint.reshape(sizes[0], -1, *sizes[-modes:])
        for mode, frequency in enumerate(self._coupling.frequencies.tolist()):
            beat = pulse.offset - frequency
            angle = 2 * np.pi * (beat * step.middle + pulse.beat_phase + self.turn)
            strength = np.pi * light * length * self._push[:, mode]  # (shots, branches)
            joint = self._displace(joint, mode, angle, beat * length, strength)
        return on_each(joint.reshape(sizes), bases)

    def _displace(self, joint: Complex, mode: int, angle: float, turned: float, strength: Real) -> Complex:
        """Push one mode while the quadrature turns by `turned` turns about an `angle` (rad): exact."""
        start = self._coupling.motion[:, mode]
        classical = 2 * (start * np.exp(1j * angle)).real[:, None]
        area = 2 * np.pi * turned
        # (x - sin x) / x^2: what the push gains from itself while it turns.
        inside = area / 6 * (1 - area**2 / 20) if abs(area) < 0.1 else (area - np.sin(area)) / area**2
        mean = strength * np.sinc(turned)
        places = self._places + classical[..., None]
        phases = np.exp(-1j * (mean[..., None] * places + (strength**2 * inside)[..., None]))
        moved = np.moveaxis(joint, 2 + mode, 2)
        turn = np.exp(1j * angle * self._levels)
        shape = (*moved.shape[:3], -1)
        flat = np.moveaxis(moved.reshape(shape), 2, 3) * turn
        # One product of large matrices is many times faster than many of small ones.
        waves = (flat.reshape(-1, len(turn)) @ self._waves).reshape(flat.shape) * phases[:, :, None, :]
        flat = (waves.reshape(-1, len(turn)) @ self._waves.T).reshape(flat.shape) * turn.conj()
        return np.moveaxis(np.moveaxis(flat, 3, 2).reshape(moved.shape), 2, 2 + mode)


def _steps(pulse: TwoTonePulse) -> Iterator[_Step]:
    """Yield short steps with the mean light of each: envelopes change little in them."""
    times = np.linspace(0.0, pulse.duration, 1 + max(1, int(np.ceil(pulse.duration / STEP - 1e-9))))
    edges, lengths = pulse.edges - pulse.edges[0], np.diff(pulse.edges)
    mean, difference = (
        np.diff(np.interp(times, edges, np.append(0.0, np.cumsum(light * lengths)))) / np.diff(times)
        for light in (pulse.strength, (pulse.blue - pulse.red) / 2)
    )
    for start, stop, strong, weak in zip(times, times[1:], mean.tolist(), difference.tolist(), strict=False):
        yield _Step(float(start + stop) / 2, float(stop - start), strong, weak)


def _light_shift(pulse: TwoTonePulse, step: _Step, factors: Real) -> Real:
    """Shift of the line (shots, ions), Hz, by the carrier: down by Omega^2 / 2 delta for light above it."""
    red, blue = step.mean - step.difference, step.mean + step.difference
    return -(factors**2) * (blue**2 / pulse.blue_detuning + red**2 / pulse.red_detuning) / 2


def _excited(shape: tuple[int, ...], ion: int, pair: Pair, modes: int) -> NDArray[np.bool_]:
    """Where an ion is in the upper level, as an array that broadcasts over the joint state."""
    size = shape[ion + 1]
    up = np.zeros(size, dtype=np.bool_)
    if pair is not None:
        up[pair[1]] = True
    return up.reshape(*[1] * (ion + 1), size, *[1] * (len(shape) - ion - 2 + modes))


def _on_excited(factors: Complex, excited: Sequence[NDArray[np.bool_]]) -> Complex:
    """Product of the factors (shots, ions) of all ions that are in their upper level."""
    total = np.ones(1, dtype=np.complex128)
    for ion, up in enumerate(excited):
        factor = factors[:, ion].reshape(-1, *[1] * (up.ndim - 1))
        total = total * np.where(up, factor, 1.0)
    return total
