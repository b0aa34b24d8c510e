"""Light of two tones at 729 nm on the string: an entangling gate, played on the ions that it reaches.

The light comes through a modulator of its own, of one pass, and along the way of the 729 nm beam, or through
two deflectors that each make a spot on the string. One tone alone is a rotation like any other.

The two tones, one on either side of a line, drive the common modes of the ions near their sidebands
(`physics.gate`). The phases are those of both synthesizers on the core's clock, of the laser, and of the
motion; the line is moved by the field, the drift of the laser, and light shifts by the other Zeeman lines.
Field and laser phase are taken as in the middle of the pulse, light shifts as their mean. What the pulse
leaves of the motion is kept by the shot; whatever the motion knows of the ions then is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.drive import LevelShifts, level_shifts, light_field, line_detuning, lines_of
from hardware_sim.core.ensemble import COHERENT, S, Shots
from hardware_sim.core.entangled import Entangled
from hardware_sim.core.entangling import EVEN, GateLight, entangle
from hardware_sim.core.joint import LEVELS, Joint
from hardware_sim.core.link import Sideband
from hardware_sim.core.passages import DEFLECTORS, GATE, Gate, Rotation, Segment, running_tones
from hardware_sim.core.rotation import turn
from hardware_sim.core.signals import Tone
from hardware_sim.core.stage import Stage
from hardware_sim.physics.errors import ModelError
from hardware_sim.physics.gate import Coupling, TwoTonePulse, doubts
from hardware_sim.physics.motion import debye_waller
from hardware_sim.physics.quadrupole import Line
from hardware_sim.physics.validity import Doubt
from hardware_sim.properties import NodeProperties

FAINT: Final = 1e-3
"""Field at an ion, of the largest, that leaves it alone: it would take a thousandth of the gate's part."""

LEAST_BEAT: Final = 1e3
"""Hz between the tones below which they are no gate, but light of one colour twice."""

Floats = NDArray[np.float64]


def play_gate(stage: Stage, shots: Shots, gate: Gate, *, deflected: bool) -> None:
    """Play light of the two tones.

    Args:
        stage: with the ions.
        shots: (shots,) that take part.
        gate: the light.
        deflected: whether it goes through deflectors; else it lights the whole string.

    Raises:
        EntangledIonsError: so many ions are entangled that their joint state does not fit into memory.
    """
    if len(shots) == 0:
        return
    spots = tuple(gate.stretches[0].tones.get(part, Tone()) for part in DEFLECTORS) if deflected else None
    tones = _read_tones(stage, gate)
    if tones is None:
        for part in running_tones(gate.stretches, GATE):
            turn(stage, shots, _rotation(stage.properties, gate, part, spots))
        return
    ensemble = stage.ensemble
    stage.stir(shots, gate.start)
    ensemble.evolve(shots, slice(None), gate.start)
    field = light_field(stage, shots, gate.start, spots)
    lit = np.flatnonzero(field.max(axis=0) > FAINT * max(float(field.max()), FAINT))
    if len(lit) == 0:
        return
    if ensemble.entangled is None:
        ensemble.entangled = Entangled(ensemble, stage.rng)
    joint = ensemble.entangled.gather(shots, lit.tolist())
    _push(stage, joint, _Light.on(stage, shots, gate, tones, field, lit))
    ensemble.entangled.settle(shots)
    stage.carrier.forget(shots)


@dataclass(frozen=True, slots=True)
class _Tones:
    """The two tones of a gate, the lower one first.

    Attributes:
        line: that they have in their middle.
        pulse: their light on it at full field; the phases are in `turns`.
        turns: phases of the synthesizers.
        mean: tones that shift levels as much as the pulse does on average, as of the 729 nm beam.
    """

    line: Line
    pulse: TwoTonePulse
    turns: tuple[float, float]
    mean: tuple[Tone, Tone]


def _read_tones(stage: Stage, gate: Gate) -> _Tones | None:
    """Return the tones, or None where they make no gate on a line of the qubit."""
    own, running = stage.properties, running_tones(gate.stretches, GATE)
    if len(running) < len(GATE):
        return None
    parts = sorted(running, key=lambda part: running[part].frequency)
    tones = [_as_qubit_light(own, running[part]) for part in parts]
    lines = [line for line in lines_of(own) if line.lower < 0 and line.upper in COHERENT]
    offsets = [[line_detuning(own, tone, line) for tone in tones] for line in lines]
    (red, blue), line = min(zip(offsets, lines, strict=True), key=lambda pair: abs(sum(pair[0])))
    beat = (blue - red) / 2
    if beat < LEAST_BEAT / 2 or abs(red + blue) / 2 >= beat:
        stage.doubt([_not_a_gate(abs(red + blue) / 2, beat)])
        return None
    edges = np.array([gate.start, *(stretch.stop for stretch in gate.stretches)])
    played = [[stretch.tones.get(part, Tone()) for stretch in gate.stretches] for part in parts]
    sizes = np.array([[_as_qubit_light(own, tone).amplitude for tone in each] for each in played])
    # An envelope is written in many steps, most of them alike.
    begins = np.append(True, (np.diff(sizes, axis=1) != 0).any(axis=0))
    sizes, edges = sizes[:, begins], edges[np.append(begins, True)]
    pulse = TwoTonePulse((edges - edges[0]) * 1e-12, line.rabi * sizes[0], line.rabi * sizes[1], red, blue)
    size = np.sqrt(sizes**2 @ np.diff(pulse.edges) / pulse.duration).tolist()
    mean = [replace(tone, amplitude=each) for tone, each in zip(tones, size, strict=True)]
    return _Tones(line, pulse, (running[parts[0]].phase, running[parts[1]].phase), (mean[0], mean[1]))


def _not_a_gate(away: float, beat: float) -> Doubt:
    what = "distance of the middle of two tones from the qubit's line"
    return Doubt("two tones, one after the other", what, away, beat, "Hz", "physics.trapped_ion")


def _as_qubit_light(properties: NodeProperties, tone: Tone) -> Tone:
    """Return what the 729 nm beam would have to play to make the same light as the gate's modulator."""
    passes, rabi = properties.qubit_passes, properties.qubit_rabi_analysis
    frequency = properties.qubit_resonance + (tone.frequency - properties.gate_resonance) / passes
    return Tone(frequency, tone.phase / passes, tone.amplitude * properties.gate_rabi / rabi if rabi else 0.0)


def _rotation(properties: NodeProperties, gate: Gate, part: str, spots: tuple[Tone, ...] | None) -> Rotation:
    """Return what one of the tones is alone."""
    lit = [stretch for stretch in gate.stretches if part in stretch.tones]
    segments = (
        Segment(stretch.start, stretch.stop, _as_qubit_light(properties, stretch.tones[part]))
        for stretch in lit
    )
    return Rotation(tuple(segments), spots)


@dataclass(frozen=True, slots=True, eq=False)
class _Light:
    """Light of a gate, as every ion of some shots sees it.

    Attributes:
        shots: (shots,) that take part.
        tones: of the light.
        lit: (lit,) ions that it reaches.
        weakened: (shots, lit) field at them, of the nominal one, times what motion leaves of the coupling.
        phase: (shots,) of both tones in the middle, when the pulse starts, turns.
        beat: (shots,) half of the difference of their phases then, turns.
        drift: (shots,) of the laser, Hz.
        moved: (shots,) shift of the line by the magnetic field, Hz.
        levels: (shots, lit, 3) light shifts of the coherent levels, Hz.
        started: (shots,) when, s of the lab.
    """

    shots: Shots
    tones: _Tones
    lit: NDArray[np.int64]
    weakened: Floats
    phase: Floats
    beat: Floats
    drift: Floats
    moved: Floats
    levels: Floats
    started: Floats

    @classmethod
    def on(
        cls, stage: Stage, shots: Shots, gate: Gate, tones: _Tones, field: Floats, lit: NDArray[np.int64]
    ) -> _Light:
        """Return the light of a gate of some field (shots, ions)."""
        ensemble, pulse = stage.ensemble, tones.pulse
        started = np.asarray((ensemble.clock_ps[shots] + gate.start) * 1e-12, dtype=np.float64)
        drift = stage.weather.qubit[shots]
        red, blue = (
            np.mod((detuning + drift) * started + turns, 1.0)
            for detuning, turns in zip((pulse.red_detuning, pulse.blue_detuning), tones.turns, strict=True)
        )
        motion = debye_waller(ensemble.numbers(shots), stage.string.qubit[:, lit])
        return cls(
            shots,
            tones,
            lit,
            field[:, lit] * motion,
            (red + blue) / 2 + ensemble.laser_turns(shots, gate.middle),
            (blue - red) / 2,
            drift,
            tones.line.sensitivity * ensemble.field_at(shots, gate.middle),
            _level_shifts(stage.properties, tones, field[:, lit], field[:, lit] * motion),
            started,
        )

    @property
    def level(self) -> int:
        """The upper level of the line."""
        return COHERENT[self.tones.line.upper]

    @property
    def shifts(self) -> Floats:
        """By how much (shots, lit) the line has moved against the laser, Hz."""
        by_light = self.levels[..., self.level] - self.levels[..., S]
        return np.asarray((self.moved - self.drift)[:, None] + by_light)

    @property
    def before(self) -> Floats:
        """Turns (shots, lit, 3) of the levels into the frame of the light."""
        turns = np.zeros((*self.weakened.shape, LEVELS))
        turns[..., self.level] = -self.phase[:, None]
        return turns

    @property
    def after(self) -> Floats:
        """Turns (shots, lit, 3) of the levels back, and what light shifts leave when the pulse is over.

        The turns by the field are left to `Ensemble.evolve`.
        """
        duration = self.tones.pulse.duration
        turns = duration * self.levels
        turns[..., self.level] = duration * self.levels[..., S] - self.before[..., self.level]
        turns[..., self.level] += duration * (self.drift - self.moved)[:, None]
        return turns


def _level_shifts(properties: NodeProperties, tones: _Tones, field: Floats, weakened: Floats) -> Floats:
    """Return the mean light shifts (shots, lit, 3) of the coherent levels by all lines but the gate's, Hz."""
    total = np.zeros((*field.shape, LEVELS))
    for tone in tones.mean:
        shifts: LevelShifts = level_shifts(properties, tone, Sideband(tones.line, 0, 0))
        total += weakened[..., None] ** 2 * np.array(shifts.coherent)
        total[..., 1:] += shifts.dipole * field[..., None] ** 2
    return total


def _push(stage: Stage, joint: Joint, light: _Light) -> None:
    """Let the light act on the members of a joint state and on the motion."""
    ensemble, string, shots = stage.ensemble, stage.string, light.shots
    columns = [joint.ions.index(ion) for ion in light.lit.tolist()]
    factors, shifts = np.zeros((2, len(shots), len(joint.ions)))
    factors[:, columns], shifts[:, columns] = light.weakened, light.shifts
    # The force has the phase of the beat; a number state is as good as an amplitude of any phase.
    turned = np.mod(light.started[:, None] * string.frequencies, 1.0)
    frame = np.exp(2j * np.pi * (light.beat[:, None] - turned))
    unknown = np.exp(2j * np.pi * stage.rng.random(frame.shape))
    start = frame * (ensemble.motion[shots] + np.sqrt(ensemble.fock[shots]) * unknown)
    coupling = Coupling(string.frequencies, string.swing[:, joint.ions], factors, shifts, start)
    stage.doubt(doubts(_centred(light.tones.pulse), string.swing[:, light.lit], _quanta(stage, shots)))
    for column, ion in enumerate(light.lit.tolist()):
        joint.turn(shots, ion, light.before[:, column])
    levels = (S, light.level)
    try:
        end = entangle(stage.rng, joint, shots, GateLight(light.tones.pulse, levels, coupling))
    except ModelError:
        # The loops are too wide to be integrated: in closed form, without what moved the line.
        turned = abs(light.shifts - light.tones.pulse.centre_error).max() * light.tones.pulse.duration
        quantity = "turns of the line against the light, in loops of many phonons"
        reference = "physics.gate_integration with more levels"
        stage.doubt([Doubt("entangling gate", quantity, float(turned), EVEN, "", reference)])
        calm = replace(coupling, shifts=np.zeros_like(shifts))
        end = entangle(stage.rng, joint, shots, GateLight(_centred(light.tones.pulse), levels, calm))
    for column, ion in enumerate(light.lit.tolist()):
        joint.turn(shots, ion, light.after[:, column])
    ensemble.motion[shots] += (end - start) * frame.conj()


def _centred(pulse: TwoTonePulse) -> TwoTonePulse:
    """Return a pulse with its tones made alike, and their middle on the line."""
    return TwoTonePulse(pulse.edges, pulse.strength, pulse.strength, -pulse.offset, pulse.offset)


def _quanta(stage: Stage, shots: Shots) -> Floats:
    """Return the mean quanta (modes,) over some shots."""
    return np.asarray(stage.ensemble.quanta(shots).mean(axis=0))
