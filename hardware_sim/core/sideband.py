"""729 nm light on a sideband of motion: ions and a mode that exchange phonons.

Number by number the problem is finite: which ions may take part and how many phonons there are is drawn when
the light comes on. From there on the joint state of the ions and the mode is exact for up to four ions
(`core. link`, `physics.collective`), and pulse after pulse on the same sideband continues it. Whatever else
happens to the motion, or to the ions, finds it drawn where the ions are and how many phonons that leaves.

Of longer strings in light that all ions see, one ion after the other meets the whole pulse, in random order,
and each finds the phonons that those before have left. That keeps account of every phonon, and is right while
a pulse moves few of them; beyond, it is doubted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.drive import Candidate, LevelShifts, level_shifts, light_field
from hardware_sim.core.ensemble import COHERENT, S, Shots
from hardware_sim.core.link import Link, bits
from hardware_sim.core.passages import Rotation
from hardware_sim.core.stage import Stage
from hardware_sim.physics.collective import couplings, evolve
from hardware_sim.physics.motion import debye_waller
from hardware_sim.physics.sidebands import strength
from hardware_sim.physics.validity import Doubt

MOST_JOINT: Final = 4
"""Ions on one sideband whose joint state is followed: 16 amplitudes a shot."""

UNTOUCHED: Final = 1e-3
"""Turn of the Bloch vector, in radians, below which an ion counts as not driven."""

GENTLE: Final = 1.0
"""Collective turn, in radians, up to which ions one after the other come close to all at once."""

COHERENT_START: Final = 0.1
"""Coherence between levels of the line and others that may be lost without a word."""

ROUNDING: Final = 1e-9
"""Population beside the levels of the line that is as good as none."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """Light on a sideband, as every ion of some shots sees it.

    Attributes:
        rabi: (shots, ions) Rabi frequency at full amplitude, but for the motion of the sideband's own mode,
            Hz.
        field: (shots, ions) amplitude of the light, of that in the nominal centre of the beam.
        weakened: (shots, ions) the same, times what the motion of all modes leaves of it.
        detuning: (shots,) of the light from the nominal sideband, Hz.
        moved: (shots,) frequency of the line less the nominal one, by the magnetic field, Hz.
    """

    rabi: Floats
    field: Floats
    weakened: Floats
    detuning: Floats
    moved: Floats

    @classmethod
    def on(cls, stage: Stage, shots: Shots, pulse: Rotation, driven: Candidate) -> Light:
        """Return the light of a pulse."""
        ensemble, mode, line = stage.ensemble, driven.drive.mode, driven.drive.line
        field = light_field(stage, shots, pulse.start, pulse.spots)
        numbers, others = ensemble.numbers(shots), stage.string.qubit.copy()
        others[mode] = 0.0
        by_others = field * debye_waller(numbers, others)
        own = strength(numbers[:, mode, None], 0, stage.string.qubit[mode])
        detuning = driven.detuning + stage.weather.qubit[shots]
        moved = line.sensitivity * ensemble.field_at(shots, pulse.middle)
        return cls(line.rabi * by_others, field, by_others * own, detuning, moved)


def drive_sideband(stage: Stage, shots: Shots, pulse: Rotation, driven: Candidate) -> None:
    """Play one pulse on a sideband."""
    ensemble = stage.ensemble
    link = _continued(stage, shots, driven)
    if link is None:
        stage.carrier.forget(shots)
        stage.stir(shots, pulse.start)
        ensemble.evolve(shots, slice(None), pulse.start)
    light = Light.on(stage, shots, pulse, driven)
    ions = link.ions if link else _driven_ions(stage, shots, pulse, driven, light)
    if len(ions) == 0:
        return
    if len(ions) <= MOST_JOINT:
        link = link or _begin(stage, shots, pulse, driven, ions)
        _follow(stage, _play(stage, link, pulse, light))
        return
    _doubt_many(stage, shots, pulse, driven, light)
    for ion in stage.rng.permutation(ions).tolist():
        link = _begin(stage, shots, pulse, driven, np.array([ion]))
        _follow(stage, _play(stage, link, pulse, light))
        ensemble.unlink(stage.rng, shots)


def _continued(stage: Stage, shots: Shots, driven: Candidate) -> Link | None:
    """Return the link that a pulse continues, and take it from the ensemble; None if it begins one."""
    for link in stage.ensemble.links:
        same = link.drive.is_like(driven.drive) and link.string is stage.string
        if same and np.array_equal(link.shots, shots):
            stage.ensemble.links.remove(link)
            return link
    return None


def _driven_ions(
    stage: Stage, shots: Shots, pulse: Rotation, driven: Candidate, light: Light
) -> NDArray[np.int64]:
    """Return the ions whose state the pulse may change."""
    turned = _area(pulse) * _own_rabi(stage, shots, driven, light).max(axis=0)
    return np.flatnonzero(turned > UNTOUCHED)


def _own_rabi(stage: Stage, shots: Shots, driven: Candidate, light: Light) -> Floats:
    """Return the Rabi frequency (shots, ions) of each ion from wherever it is, Hz."""
    mode, order = driven.drive.mode, driven.drive.order
    numbers = stage.ensemble.numbers(shots, np.array([mode]))
    eta_squared = stage.string.qubit[mode]
    ways = (np.abs(strength(numbers + below, order, eta_squared)) for below in (0, -order))
    return np.asarray(light.rabi * np.maximum(*ways))


def _area(pulse: Rotation) -> float:
    """Return by how much (radians) a pulse turns for each hertz of the Rabi frequency."""
    return 2 * math.pi * sum(segment.tone.amplitude * segment.duration for segment in pulse.segments)


def _doubt_many(stage: Stage, shots: Shots, pulse: Rotation, driven: Candidate, light: Light) -> None:
    together = np.sqrt((_own_rabi(stage, shots, driven, light) ** 2).sum(axis=1))
    turned = _area(pulse) * float(together.mean())
    if turned > GENTLE:
        quantity = "turn by a pulse on all ions (radians)"
        reference = "physics.collective"
        stage.doubt([Doubt("many ions on a sideband", quantity, turned, GENTLE, "", reference)])


def _begin(stage: Stage, shots: Shots, pulse: Rotation, driven: Candidate, ions: NDArray[np.int64]) -> Link:
    """Draw in which level of the line each ion is, if in any, and how many phonons there are."""
    ensemble, line = stage.ensemble, driven.drive.line
    _part(stage, shots, ions)
    _doubt_coherence(stage, shots, driven, ions)
    lower, upper = ensemble.populations(shots, line)
    luck = stage.rng.random((len(shots), len(ions)))
    excited = luck < upper[:, ions]
    taking = luck < (upper + lower)[:, ions] + ROUNDING
    for column, ion in enumerate(ions.tolist()):
        ensemble.exclude(shots[~taking[:, column]], ion, line)
    numbers = ensemble.numbers(shots, np.array([driven.drive.mode]))[:, 0]
    base = numbers - driven.drive.order * excited.sum(axis=1)
    state = np.zeros((len(shots), 1 << len(ions)), dtype=np.complex128)
    state[np.arange(len(shots)), excited @ (1 << np.arange(len(ions)))] = 1.0
    until = ensemble.clock_ps[shots] + pulse.start
    return Link(driven.drive, stage.string, shots, ions, taking, base, state, until)


def _part(stage: Stage, shots: Shots, ions: NDArray[np.int64]) -> None:
    """Find out in which level entangled ions are that a sideband meets; that ends their entanglement."""
    entangled = stage.ensemble.entangled
    if entangled is None:
        return
    met = sum(entangled.part(shots, ion) for ion in ions.tolist()) / len(shots)
    if met > 0:
        quantity = "entangled ions, in a shot, that a sideband pulse meets and tells apart"
        stage.doubt([Doubt("sidebands", quantity, met, 0.0, "", "physics.trapped_ion")])


def _doubt_coherence(stage: Stage, shots: Shots, driven: Candidate, ions: NDArray[np.int64]) -> None:
    """Doubt that a sideband may find ions in superpositions, which it is taken to end."""
    line, state = driven.drive.line, stage.ensemble.coherent[np.ix_(shots, ions)]
    levels = [S] if line.lower < 0 else []
    levels += [COHERENT[line.upper]] if line.upper in COHERENT else []
    lost = [abs(state[..., a, b]).max(initial=0.0) for a in levels for b in range(3) if a != b]
    if max(lost, default=0.0) > COHERENT_START:
        quantity = "coherence of an ion when a sideband pulse begins, which ends it"
        reference = "physics.trapped_ion"
        stage.doubt([Doubt("sidebands", quantity, float(max(lost)), COHERENT_START, "", reference)])


def _play(stage: Stage, link: Link, pulse: Rotation, light: Light) -> Link:
    """Return the joint state after a pulse, exactly."""
    ensemble, passes = stage.ensemble, stage.properties.qubit_passes
    order, ions, mode = link.drive.order, link.ions, link.drive.mode
    counts = bits(len(ions)).sum(axis=1)
    rabi = np.where(link.taking, light.rabi[:, ions], 0.0)
    full = couplings(link.base, order, stage.string.qubit[mode, ions], rabi)
    state, until = link.state, link.until_ps
    for segment in pulse.segments:
        began = ensemble.clock_ps[link.shots] + segment.start
        dark = light.moved * (began - until) * 1e-12
        turns = np.mod(light.detuning * began * 1e-12 + passes * segment.tone.phase, 1.0)
        turns += ensemble.laser_turns(link.shots, segment.start)
        state = state * np.exp(2j * np.pi * (turns - dark)[:, None] * counts)
        shifts = level_shifts(stage.properties, segment.tone, link.drive)
        off = (light.detuning - light.moved)[:, None] - _line_shift(shifts, link, light)
        state = evolve(state, full * segment.tone.amplitude, off, segment.duration)
        turns += light.detuning * segment.duration
        state = state * np.exp(-2j * np.pi * turns[:, None] * counts)
        until = ensemble.clock_ps[link.shots] + segment.stop
    return replace(link, state=state, until_ps=until)


def _line_shift(shifts: LevelShifts, link: Link, light: Light) -> Floats:
    """Return by how much (shots, ions of the link) light shifts the line, Hz."""
    line, ions = link.drive.line, link.ions
    own = shifts.upper[line.upper] - shifts.lower[line.lower]
    return np.asarray(own * light.weakened[:, ions] ** 2 + shifts.dipole * light.field[:, ions] ** 2)


def _follow(stage: Stage, link: Link) -> None:
    """Keep a link, and show each ion what it has of the joint state."""
    for column, (ion, excited) in enumerate(zip(link.ions.tolist(), link.excited.T, strict=True)):
        taking = link.taking[:, column]
        stage.ensemble.put(link.shots[taking], ion, link.drive.line, excited[taking])
    stage.ensemble.links.append(link)
