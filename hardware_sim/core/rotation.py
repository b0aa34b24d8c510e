"""729 nm pulses on the string: rotations of the qubit levels, as exact as the ions are cold."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import D3, D5, SHIFTS, S, Shots
from hardware_sim.core.passages import Rotation
from hardware_sim.core.signals import Tone
from hardware_sim.core.stage import Stage
from hardware_sim.physics.calcium import D52, zeeman_shift
from hardware_sim.physics.motion import debye_waller
from hardware_sim.physics.qubit import rotate, rotation
from hardware_sim.properties import NodeProperties


def turn(stage: Stage, shots: Shots, pulse: Rotation) -> None:
    """Play one pulse of 729 nm light on all ions: the product of the rotations of its segments.

    The beam drives the transition it is closest to; the others are megahertz away. A field that is not the
    mean one detunes it, motion weakens it, and its phase is that of the synthesizer on the core's clock.
    """
    ensemble = stage.ensemble
    stage.stir(shots, pulse.start)
    ensemble.evolve(shots, slice(None), pulse.start)
    level, _, _ = nearest_transition(stage.properties, pulse.segments[0].tone)
    unitary = reduce(lambda before, after: after @ before, _turns(stage, shots, pulse))
    ensemble.coherent[shots] = rotate(ensemble.coherent[shots], unitary, (S, level))


def _turns(stage: Stage, shots: Shots, pulse: Rotation) -> Iterator[NDArray[np.complex128]]:
    """Yield the rotation (shots, ions, 2, 2) of each segment."""
    ensemble, passes = stage.ensemble, stage.properties.qubit_passes
    level, detuning, rabi = nearest_transition(stage.properties, pulse.segments[0].tone)
    weakened = debye_waller(ensemble.quanta(shots), stage.string.qubit)
    full = rabi * np.sqrt(ensemble.power[shots])[:, None] * weakened
    shift = (SHIFTS[level] - SHIFTS[S]) * ensemble.field[shots]
    for segment in pulse.segments:
        started = (ensemble.clock_ps[shots] + segment.start) * 1e-12
        phase = np.mod(detuning * started + passes * segment.tone.phase, 1.0)
        # The state is in the frame of the mean field, which the ions have left by this since the pulse began.
        phase -= shift * (segment.start - pulse.start) * 1e-12
        duration = (segment.stop - segment.start) * 1e-12
        yield rotation(full * segment.tone.amplitude, (detuning - shift)[:, None], duration, phase[:, None])


def nearest_transition(properties: NodeProperties, tone: Tone) -> tuple[int, float, float]:
    """Return the level that a 729 nm tone drives, its detuning (Hz) and its full Rabi frequency (Hz)."""
    to_d3 = properties.qubit_passes * (tone.frequency - properties.qubit_resonance)
    field = properties.magnetic_field
    to_d5 = to_d3 + zeeman_shift(D52, -3 / 2, field) - zeeman_shift(D52, -5 / 2, field)
    if abs(to_d5) < abs(to_d3):
        return D5, to_d5, properties.qubit_rabi_mapping
    return D3, to_d3, properties.qubit_rabi_analysis
