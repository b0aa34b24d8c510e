"""Entangling gates on ions that share a joint state: which model of the gate plays, and on what."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.joint import Joint, Shots
from hardware_sim.physics import gate, gate_integration
from hardware_sim.physics.gate import Coupling, TwoTonePulse

NEAR: Final = 50e3
"""Hz from its sideband up to which a mode is integrated where there is no closed form; two at most."""

PIECE: Final = 1 << 20
"""About how many amplitudes of ions and modes are integrated at once: some 100 MB with all copies."""

EVEN: Final = 1e-4
"""Turns of the line against the tones, and relative difference of these, that a closed form may ignore."""


@dataclass(frozen=True, slots=True, eq=False)
class GateLight:
    """Two tones on the ions of a joint state.

    Attributes:
        pulse: of light.
        levels: that it couples, lower one first, as in `ensemble`.
        coupling: to all ions of the joint state, in its order, and to all modes; shots are those that take
            part. Factors are zero for ions that the light does not reach.
    """

    pulse: TwoTonePulse
    levels: tuple[int, int]
    coupling: Coupling


def entangle(
    rng: np.random.Generator, joint: Joint, shots: Shots, light: GateLight
) -> NDArray[np.complex128]:
    """Play a gate on the members of a joint state.

    Equal tones on the line have a closed form for all modes. Where a field has moved the line, or the tones
    differ, the modes near the sidebands are integrated; the others are pushed so little that the closed form
    still serves them.

    Args:
        rng: source of randomness.
        joint: whose members are entangled; an ion without a spin of its own in the light stays as it is.
        shots: (shots,) that take part.
        light: that is played.

    Returns:
        The motion (shots, modes) after the gate, in the frame of each mode.

    Raises:
        ModelError: loops too wide for a gate.
    """
    pulse, lit = light.pulse, np.asarray(light.coupling.factors.any(axis=0))
    coupling = replace(light.coupling, factors=light.coupling.factors * joint.member[shots])
    pairs = [
        (joint.make_place(ion, light.levels[0]), joint.make_place(ion, light.levels[1])) if on else None
        for ion, on in zip(joint.ions, lit.tolist(), strict=True)
    ]
    state, motion = joint.amplitude[shots], coupling.motion.copy()
    near = np.zeros(len(coupling.frequencies), dtype=np.bool_)
    if not _is_even(pulse, coupling.shifts[:, lit]):
        near = near_modes(pulse, coupling.frequencies)
        size = state[:1].size * gate_integration.FEWEST_LEVELS ** int(near.sum())
        for rows in np.array_split(np.arange(len(shots)), 1 + len(shots) * size // PIECE):
            part = _of_modes(_of_shots(coupling, rows), near)
            state[rows], motion[np.ix_(rows, near)] = gate_integration.play(
                rng, pulse, state[rows], pairs, part
            )
    state, motion[:, ~near] = gate.play(rng, pulse, state, pairs, _of_modes(coupling, ~near))
    joint.amplitude[shots] = state
    return motion


def near_modes(pulse: TwoTonePulse, frequencies: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which modes (modes,) are so near to the tones that they have to be integrated.

    Example:
        >>> light = np.array([1e3])
        >>> pulse = TwoTonePulse(np.array([0.0, 1e-4]), light, light, -1.01e6, 1.01e6)
        >>> near_modes(pulse, np.array([1e6, 1.73e6, 2.4e6]))
        array([ True, False, False])
    """
    beats = np.abs(pulse.offset - frequencies)
    near = beats <= NEAR
    near &= beats <= np.sort(beats)[min(1, len(beats) - 1)]
    near[np.argmin(beats)] = True
    return near


def _is_even(pulse: TwoTonePulse, shifts: NDArray[np.float64]) -> bool:
    """Return whether the tones are alike and centred on the lines."""
    turned = np.abs(shifts - pulse.centre_error).max(initial=0.0) * pulse.duration
    different = np.abs(pulse.blue - pulse.red).max() / max(pulse.strength.max(), 1e-300)
    return bool(turned < EVEN and different < EVEN)


def _of_modes(coupling: Coupling, modes: NDArray[np.bool_]) -> Coupling:
    """Return the coupling to some of the modes."""
    return replace(
        coupling,
        frequencies=coupling.frequencies[modes],
        lamb_dicke=coupling.lamb_dicke[modes],
        motion=coupling.motion[:, modes],
    )


def _of_shots(coupling: Coupling, rows: Shots) -> Coupling:
    """Return the coupling in some of the shots."""
    return replace(
        coupling,
        factors=coupling.factors[rows],
        shifts=coupling.shifts[rows],
        motion=coupling.motion[rows],
    )
