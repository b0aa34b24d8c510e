"""The simulated timing core with the node behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from data.columns import Record
from hardware_sim.core.carrier import Carrier
from hardware_sim.core.electrodes import Endcaps
from hardware_sim.core.ensemble import METASTABLE_D5, S_UP, Ensemble, S, Shots, complex_normal
from hardware_sim.core.notes import LostIons, MissedTrigger
from hardware_sim.core.outputs import Outputs, left_standing
from hardware_sim.core.photons import detector_effects
from hardware_sim.core.player import Player
from hardware_sim.core.recorder import Recorder
from hardware_sim.core.signals import Standing
from hardware_sim.core.stage import REFERENCE_FREQUENCY, Stage, Tables, find_string
from hardware_sim.core.string import IonString
from hardware_sim.core.takes import Take, lay_out
from hardware_sim.core.triggers import LINE, Triggers
from hardware_sim.physics.crystal import zigzag_limit
from hardware_sim.physics.errors import PhysicsError
from hardware_sim.physics.validity import Doubt
from hardware_sim.properties import NodeProperties
from hardware_sim.rtio import Rehearsal, rehearse
from hardware_sim.surroundings import Surroundings
from hardware_sim.world.weather import Weather
from sequences.program import Program, Step, Wait, inner_steps

BATCH = 200_000
"""Ions of all shots that are played at once, at 0.9 kB each: enough for numpy, little for a laptop."""

WELL_LINEAR = 0.9
"""Axial frequency, of the zig-zag limit, up to which a string is loaded."""


class SimulatedCore:
    """Plays programs on a node, many shots at once.

    Lab time goes on from point to point; ions that are lost stay lost until the trap is loaded again.
    """

    def __init__(
        self, properties: NodeProperties, parts: Mapping[int, str], rng: np.random.Generator
    ) -> None:
        self._properties = properties
        self._parts = parts
        self._rng = rng
        self._triggers = Triggers(properties, *rng.spawn(1))
        self._endcaps = Endcaps(properties)
        self._outputs = Outputs(Standing(), self._endcaps.memory)
        self._tables = Tables()
        self._rehearsed: tuple[object, Rehearsal] | None = None
        self._doubts: dict[tuple[str, str], Doubt] = {}
        self._told = 0
        self._ions = 1
        self._loss: str | None = "the trap was never loaded"
        self._now_ps = 0

    def load(self, ions: int, surroundings: Surroundings) -> None:
        """Load a string of ions; without a working drive of the trap none stay.

        The endcaps go to where they rest, or to where so many ions still form a linear string.
        """
        self._ions = ions
        self._loss = surroundings.loss
        if self._loss is None:
            linear = WELL_LINEAR * zigzag_limit(ions, surroundings.radial_frequency)
            self._endcaps.rest_linear(self._properties.endcap_rest, linear)
            self._outputs = replace(self._outputs, endcaps=self._endcaps.memory)

    def play(self, program: Program, shots: int, surroundings: Surroundings) -> Record:
        """Play a program.

        Shots are played in batches, so that a point of a million shots takes time, not memory; shots whose
        values differ are played apart.

        Args:
            program: to play.
            shots: how often.
            surroundings: what the instruments make of the lab just now.
        """
        self._loss = self._loss or surroundings.loss
        rehearsal = self._rehearse(program)
        take_of = partial(self._take, program, rehearsal, surroundings)
        begun, alone = self._now_ps, min(self._shots_alone(program), shots)
        pitch = program.duration(heralded=True) * round(program.target.period * 1e12)
        takes: list[Take] = []
        for shot in range(alone):
            take, self._outputs = take_of(np.array([shot]), np.array([self._now_ps]))
            takes.append(take)
            pitch = int(take.length_ps[0])
            self._now_ps += pitch
        left = self._outputs
        for batch in _batches(alone, shots, program.different_shots, max(1, BATCH // self._ions)):
            # Clocks assume that shots are alike; the record has them back to back.
            take, after = take_of(batch, self._now_ps + pitch * (batch - alone))
            takes.append(take)
            left = after if shots - 1 in batch else left
        self._outputs = left
        cycle = self._triggers.cycle_ps if self._waits_for_mains(program) else 1
        record = lay_out(takes, [*self._notes(program, takes), *map(str, rehearsal.faults)], cycle)
        self._now_ps = begun + record.duration_ps
        return record

    def _rehearse(self, program: Program) -> Rehearsal:
        """Find out what the timing core loses; points that differ in values only share the answer."""
        timing = _timing(program)
        if self._rehearsed is None or self._rehearsed[0] != timing:
            self._rehearsed = timing, rehearse(program)
        return self._rehearsed[1]

    def _shots_alone(self, program: Program) -> int:
        """Return how many shots are played one by one, so that all others begin as any shot does.

        The first shot finds the beams as another program left them; the second one is the first to begin at
        the phase of the mains at which a shot ends that has waited for them.
        """
        if self._waits_for_mains(program):
            return 2
        standing = self._outputs.standing
        return int(left_standing(program, self._parts, standing) != standing)

    def _waits_for_mains(self, program: Program) -> bool:
        return any(self._parts.get(wait.channel) == LINE for wait in _waits(program.steps))

    def _take(
        self,
        program: Program,
        rehearsal: Rehearsal,
        surroundings: Surroundings,
        numbers: Shots,
        starts: NDArray[np.int64],
    ) -> tuple[Take, Outputs]:
        """Play some shots of the same values at once; return what was seen, and what the last one left."""
        played = program.of_shot(int(numbers[0])) if program.shot_values and len(numbers) else program
        played = without_lost_events(played, rehearsal)
        self._endcaps.resume(self._outputs.endcaps)
        stage = self._set_stage(played, len(numbers), surroundings)
        stage.ensemble.start(starts)
        player = Player(stage, played, self._parts, self._triggers, self._loss)
        left = player.play(self._outputs)
        self._loss = player.loss
        left = replace(left, standing=left.standing.landed)
        return stage.recorder.take(numbers, starts, stage.ensemble.clock_ps - starts), left

    def _notes(self, program: Program, takes: Sequence[Take]) -> list[str]:
        """Return what there is to say about a point, one line each."""
        missed: Counter[tuple[int, int]] = sum((take.missed for take in takes), Counter())
        notes = [str(LostIons(self._loss))] if self._loss else []
        for (number, ticks), times in missed.items():
            channel = program.target.by_number[number]
            timeout = ticks * program.target.period
            notes.append(str(MissedTrigger(channel.name, timeout, times, number in self._parts)))
        return notes + self._new_doubts()

    def _new_doubts(self) -> list[str]:
        """Return the doubts about models that were not told at an earlier point."""
        new = [str(doubt) for doubt in list(self._doubts.values())[self._told :]]
        self._told = len(self._doubts)
        return new

    def _set_stage(self, program: Program, shots: int, surroundings: Surroundings) -> Stage:
        properties, rng = self._properties, self._rng
        radial = surroundings.radial_frequency if self._loss is None else properties.radial_frequency
        string = self._string(radial)
        ensemble = Ensemble(shots, self._ions, len(string.frequencies))
        self._leave_behind(ensemble, string)
        ensemble.field[:] = properties.magnetic_noise * rng.standard_normal(shots)
        ensemble.power[:] = np.maximum(1 + properties.qubit_intensity_noise * rng.standard_normal(shots), 0.0)
        effects = detector_effects(properties, surroundings.half_angle, surroundings.quarter_angle)
        recorder = Recorder(program, shots, self._ions)
        return Stage(
            rng,
            properties,
            radial,
            string,
            ensemble,
            self._endcaps,
            Carrier(shots, self._ions),
            effects,
            recorder,
            self._tables,
            Weather.calm(shots),
            self._doubts,
        )

    def _string(self, radial_frequency: float) -> IonString:
        """Return the string as it is held at the start; if it cannot be, the ions are lost."""
        properties = self._properties
        try:
            axial = self._endcaps.settled_frequency()
            return find_string(self._tables, properties, self._ions, axial, radial_frequency)
        except PhysicsError as error:
            self._loss = self._loss or f"the trap lost its ions: {error}"
            softest = properties.radial_frequency / (10 * self._ions)
            return find_string(self._tables, properties, self._ions, softest, properties.radial_frequency)

    def _leave_behind(self, ensemble: Ensemble, string: IonString) -> None:
        """Give the ions the state in which a shot finds them: warm, and some still in D5/2."""
        dark = self._properties.initial_dark
        ensemble.other[..., METASTABLE_D5] = dark
        ensemble.other[..., S_UP] = ensemble.coherent[..., S, S] = (1 - dark) / 2
        quanta = self._properties.initial_quanta * REFERENCE_FREQUENCY / string.frequencies
        ensemble.motion[:] = complex_normal(self._rng, ensemble.motion.shape) * np.sqrt(quanta)


def _timing(program: Program) -> object:
    """Return all of a program but the values of its events, to be compared."""
    silent = [replace(timeline, value=np.zeros(len(timeline))) for timeline in program.timelines()]
    lines = tuple(timeline.source.tobytes() for timeline in silent)
    return program.with_timelines(silent), program.sources, lines


def without_lost_events(program: Program, rehearsal: Rehearsal) -> Program:
    """Return the program as far as its core plays it: what is lost on the way reaches no channel."""
    if not rehearsal.faults:
        return program
    events = ("time", "channel", "operation", "value", "source")
    return program.with_timelines(
        replace(timeline, **{name: getattr(timeline, name)[played] for name in events})
        for timeline, played in zip(program.timelines(), rehearsal.played, strict=True)
    )


def _batches(first: int, shots: int, different: int, size: int) -> Iterator[Shots]:
    """Yield the numbers of shots that are played together: alike, and not too many."""
    for start in range(first, min(first + different, shots)):
        alike = np.arange(start, shots, different)
        yield from (alike[at : at + size] for at in range(0, len(alike), size))
    if shots == 0:
        yield np.arange(0)


def _waits(steps: Iterable[Step]) -> Iterator[Wait]:
    for step in steps:
        if isinstance(step, Wait):
            yield step
        for body in inner_steps(step):
            yield from _waits(body)
