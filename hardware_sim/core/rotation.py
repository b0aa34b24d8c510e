"""729 nm pulses on the string: what they drive, and the carriers among them.

Light drives the line, or the sideband of a line, that it excites most (`core.drive`). A carrier keeps all
phonon numbers: every ion turns by itself, weakened by the numbers of all modes, exactly. Between S1/2(-1/2)
and the two coherent levels of D5/2 that is a unitary; of all other sublevels the ensemble has the populations
alone, and a pulse on them exchanges these with the probability that it has as a whole. Sidebands are in
`core.sideband`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.drive import Candidate, choose, level_shifts, light_field
from hardware_sim.core.ensemble import COHERENT, S, Shots
from hardware_sim.core.passages import Rotation, Segment
from hardware_sim.core.sideband import drive_sideband
from hardware_sim.core.stage import Stage
from hardware_sim.physics.motion import debye_waller
from hardware_sim.physics.qubit import rotate, rotation

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


def turn(stage: Stage, shots: Shots, pulse: Rotation) -> None:
    """Play one pulse of 729 nm light on all ions.

    A field that is not the nominal one detunes it, so does the drift of the laser; motion weakens it, and its
    phase is that of the synthesizer on the core's clock and of the laser.
    """
    if len(shots) == 0:
        return
    lit = sum(segment.duration for segment in pulse.segments)
    strongest = max(pulse.segments, key=lambda segment: segment.tone.amplitude)
    driven = choose(stage, shots, strongest.tone, lit, pulse.middle)
    if driven.drive.order:
        drive_sideband(stage, shots, pulse, driven)
    else:
        _drive_carrier(stage, shots, pulse, driven)


def _drive_carrier(stage: Stage, shots: Shots, pulse: Rotation, driven: Candidate) -> None:
    ensemble, line = stage.ensemble, driven.drive.line
    stage.stir(shots, pulse.start)
    ensemble.evolve(shots, slice(None), pulse.start)
    light = Light.on(stage, shots, pulse, driven)
    turns = reduce(lambda before, after: after @ before, light.turns(pulse))
    if line.lower < 0 and line.upper in COHERENT:
        level = COHERENT[line.upper]
        # The third level turns against these two; the phase of all three together is nobody's.
        third = light.bystanders(pulse, [other for other in COHERENT.values() if other != level])
        turns *= third[..., None].conj()
        ensemble.coherent[shots] = rotate(ensemble.coherent[shots], turns, (S, level))
        if ensemble.entangled:
            ensemble.entangled.rotate(shots, turns, (S, level))
    else:
        share = np.abs(turns[..., 1, 0]) ** 2
        ensemble.exchange(shots, line, share)
        factors = light.bystanders(pulse, [S, *COHERENT.values()])
        ensemble.coherent[shots] *= factors[..., :, None] * factors[..., None, :].conj()
        if ensemble.entangled:
            left = S if line.lower < 0 else COHERENT.get(line.upper)
            if left is not None:
                factors[..., left] *= np.sqrt(1 - share)
            ensemble.entangled.leave(shots, line, factors)


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Light on a carrier, as every ion of some shots sees it.

    Attributes:
        stage: that it is on.
        shots: (shots,) that take part.
        driven: the line, and the nominal detuning.
        field: (shots, ions) amplitude of the light, of that in the nominal centre of the beam.
        weakened: (shots, ions) the same, times what motion leaves of the coupling.
        moved: (shots,) frequency of the line less the nominal one, by the magnetic field, Hz.
    """

    stage: Stage
    shots: Shots
    driven: Candidate
    field: Floats
    weakened: Floats
    moved: Floats

    @classmethod
    def on(cls, stage: Stage, shots: Shots, pulse: Rotation, driven: Candidate) -> Light:
        """Return the light of a pulse."""
        field = light_field(stage, shots, pulse.start, pulse.spots)
        motion = debye_waller(stage.ensemble.numbers(shots), stage.string.qubit)
        moved = driven.drive.line.sensitivity * stage.ensemble.field_at(shots, pulse.middle)
        return cls(stage, shots, driven, field, field * motion, moved)

    def turns(self, pulse: Rotation) -> Iterator[Complex]:
        """Yield what each segment does to the two levels of the line, (shots, ions, 2, 2)."""
        ensemble, line = self.stage.ensemble, self.driven.drive.line
        passes = self.stage.properties.qubit_passes
        detuning = self.driven.detuning + self.stage.weather.qubit[self.shots]
        for segment in pulse.segments:
            started = (ensemble.clock_ps[self.shots] + segment.start) * 1e-12
            phase = np.mod(detuning * started + passes * segment.tone.phase, 1.0)
            phase += ensemble.laser_turns(self.shots, segment.start)
            # The state is in the frame of the nominal field, which the ions have left by this since the pulse
            # began.
            phase -= self.moved * (segment.start - pulse.start) * 1e-12
            lower, upper = self._pair_shifts(segment)
            off = (detuning - self.moved)[:, None] - (upper - lower)
            rabi = self.weakened * (line.rabi * segment.tone.amplitude)
            turned = rotation(rabi, off, segment.duration, phase[:, None])
            # Back from the frame of the shifted levels.
            turned[..., 0, :] *= np.exp(-2j * np.pi * segment.duration * lower)[..., None]
            turned[..., 1, :] *= np.exp(-2j * np.pi * segment.duration * upper)[..., None]
            yield turned

    def _pair_shifts(self, segment: Segment) -> tuple[Floats, Floats]:
        """Return the shifts (shots, ions) of the levels of the line in a segment, Hz."""
        line = self.driven.drive.line
        shifts = level_shifts(self.stage.properties, segment.tone, self.driven.drive)
        weakened = self.weakened**2
        upper = shifts.upper[line.upper] * weakened + shifts.dipole * self.field**2
        return shifts.lower[line.lower] * weakened, upper

    def bystanders(self, pulse: Rotation, levels: Sequence[int]) -> Complex:
        """Return the factors (shots, ions, levels) on coherent levels that the light does not drive."""
        gathered = np.zeros((*self.field.shape, len(levels)))
        for segment in pulse.segments:
            shifts = level_shifts(self.stage.properties, segment.tone, self.driven.drive)
            for column, level in enumerate(levels):
                gathered[..., column] += segment.duration * shifts.coherent[level] * self.weakened**2
                if level != S:
                    gathered[..., column] += segment.duration * shifts.dipole * self.field**2
        return np.asarray(np.exp(-2j * np.pi * gathered))
