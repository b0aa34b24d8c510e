"""The simulated timing core with the node behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.columns import Record
from hardware_sim.core.carrier import Carrier
from hardware_sim.core.electrodes import Endcaps
from hardware_sim.core.ensemble import METASTABLE_D5, S_UP, Ensemble, S, Shots, complex_normal
from hardware_sim.core.notes import LostIons, LoweredEndcaps, MissedTrigger
from hardware_sim.core.outputs import Outputs, left_set, left_standing
from hardware_sim.core.photons import detector_effects
from hardware_sim.core.player import Player
from hardware_sim.core.recorder import Recorder
from hardware_sim.core.signals import Standing
from hardware_sim.core.stage import REFERENCE_FREQUENCY, Regions, Stage, Tables, find_string
from hardware_sim.core.string import IonString
from hardware_sim.core.takes import Take, lay_out, shifts
from hardware_sim.core.triggers import LINE, Triggers
from hardware_sim.physics.calcium import LINE_397
from hardware_sim.physics.crystal import zigzag_limit
from hardware_sim.physics.errors import PhysicsError
from hardware_sim.physics.noise import Lines, WanderingPhase, flicker_lines, mains_lines
from hardware_sim.physics.validity import Doubt
from hardware_sim.properties import NodeProperties
from hardware_sim.rtio import Rehearsal, rehearse
from hardware_sim.surroundings import Surroundings
from hardware_sim.world.melting import melting_heat
from hardware_sim.world.world import World
from sequences.program import Program, Step, Wait, inner_steps

BATCH = 200_000
"""Ions of all shots that are played at once, at 0.9 kB each: enough for numpy, little for a laptop."""

PROBE = 100
"""Shots after which it is looked again how long they take, when the lab is about to change."""

ALIKE = 0.02
"""Share of its heat that a molten string may lose while shots are played that begin equally hot."""

WELL_LINEAR = 0.9
"""Axial frequency, of the zig-zag limit, up to which a string is loaded."""


TakeOf: TypeAlias = Callable[[Shots, NDArray[np.int64]], tuple[list[Take], Outputs]]
"""Plays some shots, at some lab times, in as few takes as possible."""


class SimulatedCore:
    """Plays programs on a node, many shots at once.

    Lab time goes on from point to point; ions that are lost stay lost until the trap is loaded again.
    """

    def __init__(
        self,
        properties: NodeProperties,
        parts: Mapping[int, str],
        rng: np.random.Generator,
        world: World | None = None,
    ) -> None:
        """Make a core.

        Args:
            properties: of the node.
            parts: channel number -> part of the node.
            rng: source of all randomness of what is played.
            world: in which it stands; None for one in which nothing drifts or happens.
        """
        self._properties = properties
        self._parts = parts
        self._rng = rng
        for_triggers, self._noise = rng.spawn(2)
        self._triggers = Triggers(properties, for_triggers)
        self.world = world or World.still(properties)
        self._endcaps = Endcaps(properties)
        self._outputs = Outputs(Standing(), self._endcaps.memory)
        self._tables, self._tabulated = Tables(), properties
        self._rehearsed: tuple[object, Rehearsal] | None = None
        self._doubts: dict[tuple[str, str], Doubt] = {}
        self._told = 0
        self._loaded = 1
        self._regions = Regions(1)
        self._alike = 1
        self._loss: str | None = "the trap was never loaded"
        self._lowered: LoweredEndcaps | None = None
        self.now_ps = 0

    def load(self, ions: int, surroundings: Surroundings, taking: float = 0.0) -> None:
        """Load a string of ions; without a working drive of the trap none stay.

        The endcaps go to where they rest, or to where so many ions still form a linear string. A run begins:
        the camera's regions are drawn anew, and doubts about models are told again.

        Args:
            ions: how many.
            surroundings: what the instruments make of the lab just now.
            taking: lab time that it takes, s.
        """
        self._loaded, self._regions = ions, Regions(ions)
        self._doubts.clear()
        self._told = 0
        self.now_ps += round(taking * 1e12)
        self._loss, self._lowered = surroundings.loss, None
        self._endcaps.bias = surroundings.bias
        if self._loss is None:
            self._rest(ions, surroundings.radial_frequency)
            held = self._endcaps.settled_frequency(), surroundings.radial_frequency
            self.world.load(ions, self.now_ps, held)
        else:
            self.world.load(0, self.now_ps)

    def _rest(self, ions: int, radial_frequency: float) -> None:
        """Let the endcaps go to where they rest with so many ions."""
        stated = self._properties.endcap_rest
        linear = WELL_LINEAR * zigzag_limit(ions, radial_frequency)
        self._endcaps.rest_linear(stated, linear)
        self._outputs = replace(self._outputs, endcaps=self._endcaps.memory)
        voltage = self._endcaps.memory.upper[1][-1]
        if voltage < stated:
            self._lowered = LoweredEndcaps(voltage, stated, ions)

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
        self._endcaps.bias = surroundings.bias
        self._alike = 1
        rehearsal = self._rehearse(program)
        take_of = partial(self._take, program, rehearsal, surroundings)
        begun, alone = self.now_ps, min(self._shots_alone(program), shots)
        pitch = program.duration(heralded=True) * round(program.target.period * 1e12)
        takes: list[Take] = []
        for shot in range(alone):
            self.world.advance(self.now_ps, self.now_ps + pitch)
            (take,), self._outputs = take_of(np.array([shot]), np.array([self.now_ps]))
            takes.append(take)
            pitch = int(take.length_ps[0])
            self.now_ps += pitch
        takes += self._spells(program, take_of, alone, shots, pitch)
        record = lay_out(takes, [], self._cycle_ps(program))
        self.now_ps = begun + record.duration_ps
        return replace(record, notes=(*self._notes(program, takes), *map(str, rehearsal.faults)))

    def _spells(
        self, program: Program, take_of: TakeOf, first: int, shots: int, pitch: int
    ) -> Iterator[Take]:
        """Play all shots from the first one on, spell by spell: within one, nothing happens to the lab.

        Clocks assume that the shots of a spell are alike, `pitch` (ps) apart; the record has them back to
        back.
        """
        longest = program.duration(heralded=False) * round(program.target.period * 1e12)
        left = self._outputs
        while first < shots or first == shots == 0:
            last = first + self._spell(shots - first, pitch, max(longest, pitch))
            spell: list[Take] = []
            for batch in _batches(first, last, program.different_shots, max(1, BATCH // self._loaded)):
                played, after = take_of(batch, self.now_ps + pitch * (batch - first))
                spell += played
                left = after if last - 1 in batch else left
            self._outputs = left
            yield from spell
            if last == shots:
                return
            length = _span(spell, first, self._cycle_ps(program))
            self.now_ps += length
            pitch, first = max(1, length // (last - first)), last

    def _spell(self, left: int, pitch: int, longest: int) -> int:
        """Return how many of the shots that are left are played before the lab may have changed.

        How long shots with attempts take is known only when they have been played: in view of a change, a few
        of them are played at a time.

        Args:
            left: shots.
            pitch: about how long each takes, ps.
            longest: how long it takes at most, ps.
        """
        world = self.world
        world.advance(self.now_ps, self.now_ps + pitch)
        if world.heat is not None:
            left = min(left, self._alike)
        left = min(left, world.steady_shots(max(pitch, 1)))
        surely = world.shots_before_change(self.now_ps, max(longest, 1))
        perhaps = world.shots_before_change(self.now_ps, max(pitch, 1))
        return min(left, max(surely, min(PROBE, perhaps)))

    def _rehearse(self, program: Program) -> Rehearsal:
        """Find out what the timing core loses; points that differ in values only share the answer."""
        timing = _timing(program)
        if self._rehearsed is None or self._rehearsed[0] != timing:
            self._rehearsed = timing, rehearse(program)
        return self._rehearsed[1]

    def _shots_alone(self, program: Program) -> int:
        """Return how many shots are played one by one, so that all others begin as any shot does.

        The first shot finds beams and endcaps as another program left them; the second one is the first to
        begin at the phase of the mains at which a shot ends that has waited for them.
        """
        if self._waits_for_mains(program):
            return 2
        standing, endcaps = self._outputs.standing, self._outputs.endcaps.settled
        found = left_standing(program, self._parts, standing), left_set(program, self._parts, endcaps)
        return int(found != (standing, endcaps))

    def _cycle_ps(self, program: Program) -> int:
        """Return of which time all moves of shots are multiples, ps."""
        return self._triggers.cycle_ps if self._waits_for_mains(program) else 1

    def _waits_for_mains(self, program: Program) -> bool:
        return any(self._parts.get(wait.channel) == LINE for wait in _waits(program.steps))

    def _take(
        self,
        program: Program,
        rehearsal: Rehearsal,
        surroundings: Surroundings,
        numbers: Shots,
        starts: NDArray[np.int64],
    ) -> tuple[list[Take], Outputs]:
        """Play some shots of the same values at once; return what was seen, and what the last one left.

        When one of them loses the ions, those after it are played again, in an empty trap.
        """
        played = program.of_shot(int(numbers[0])) if program.shot_values and len(numbers) else program
        played = without_lost_events(played, rehearsal)
        self._endcaps.resume(self._outputs.endcaps)
        stage = self._set_stage(played, starts, surroundings)
        player = Player(stage, played, surroundings.lit(self._parts), self._triggers, self._loss)
        left = player.play(self._outputs)
        had_ions, self._loss = self._loss is None, player.loss
        self._cool_down(stage)
        left = replace(left, standing=left.standing.landed)
        lost = had_ions and self._loss is not None
        seen = min(player.lost_in + 1, len(numbers)) if lost else len(numbers)
        lengths = stage.ensemble.clock_ps - starts
        take = stage.recorder.take(numbers[:seen], starts[:seen], lengths[:seen])
        if seen == len(numbers):
            return [take], left
        rest, left = self._take(program, rehearsal, surroundings, numbers[seen:], starts[seen:])
        return [take, *rest], left

    def _notes(self, program: Program, takes: Sequence[Take]) -> list[str]:
        """Return what there is to say about a point, one line each."""
        missed: Counter[tuple[int, int]] = sum((take.missed for take in takes), Counter())
        notes = self.world.notes(self.now_ps)
        notes += [str(LostIons(self._loss))] if self._loss else []
        notes += [str(self._lowered)] if self._lowered else []
        self._lowered = None  # it is told once
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

    def _set_stage(self, program: Program, starts: NDArray[np.int64], surroundings: Surroundings) -> Stage:
        """Return what a take is played on; its shots start at some lab times (shots,)."""
        properties, rng, shots = self._detecting(surroundings), self._rng, len(starts)
        if self.world.ions == 0:
            self._loss = self._loss or "the last ion was lost"
        radial = surroundings.radial_frequency if self._loss is None else properties.radial_frequency
        string = self._string(radial)
        weather = self.world.weather(starts).shifted(surroundings.shifts)
        ensemble = Ensemble(shots, string.ions, len(string.frequencies))
        ensemble.start(starts)
        self._leave_behind(ensemble, string)
        ensemble.field[:] = weather.field + properties.magnetic_noise * rng.standard_normal(shots)
        ensemble.power[:] = np.maximum(1 + properties.qubit_intensity_noise * rng.standard_normal(shots), 0.0)
        ensemble.lines = self._field_lines(starts)
        ensemble.laser = WanderingPhase(self._noise, properties.qubit_linewidth, shots)
        effects = detector_effects(properties, surroundings.half_angle, surroundings.quarter_angle)
        recorder = Recorder(program, shots, self._loaded)
        return Stage(
            rng,
            properties,
            radial,
            string,
            ensemble,
            self._endcaps,
            Carrier(shots, string.ions),
            effects,
            recorder,
            self._tables,
            weather,
            self._doubts,
            self._regions,
        )

    def _detecting(self, surroundings: Surroundings) -> NodeProperties:
        """Return the properties with the detectors as they are now; tables made for others are forgotten."""
        properties = surroundings.detected(self._properties)
        if properties != self._tabulated:
            self._tables, self._tabulated = Tables(), properties
        return properties

    def _field_lines(self, starts: NDArray[np.int64]) -> tuple[Lines, ...]:
        """Return what of the magnetic field changes within shots that start at some lab times (shots,)."""
        own, triggers = self._properties, self._triggers
        crossed = np.asarray((starts - triggers.crossing_ps) % triggers.cycle_ps, dtype=np.float64) * 1e-12
        harmonics = {
            1: own.mains_field,
            3: own.mains_field * own.mains_third,
            5: own.mains_field * own.mains_fifth,
        }
        both = (
            mains_lines(harmonics, own.mains_frequency, crossed),
            flicker_lines(
                self._noise,
                len(starts),
                own.magnetic_flicker,
                own.magnetic_flicker_low,
                own.magnetic_flicker_high,
            ),
        )
        return tuple(lines for lines in both if len(lines))

    def _string(self, radial_frequency: float) -> IonString:
        """Return the string as it is held at the start; if it cannot be, the ions are lost.

        Without ions, it is the one that was loaded.
        """
        properties, ions = self._properties, self.world.ions or self._loaded
        try:
            axial = self._endcaps.settled_frequency()
            return find_string(self._tables, properties, ions, axial, radial_frequency)
        except PhysicsError as error:
            self._loss = self._loss or f"the trap lost its ions: {error}"
            softest = properties.radial_frequency / (10 * ions)
            return find_string(self._tables, properties, ions, softest, properties.radial_frequency)

    def _leave_behind(self, ensemble: Ensemble, string: IonString) -> None:
        """Give the ions the state in which a shot finds them: warm, and some still in D5/2."""
        dark = self._properties.initial_dark
        ensemble.other[..., METASTABLE_D5] = dark
        ensemble.other[..., S_UP] = ensemble.coherent[..., S, S] = (1 - dark) / 2
        warm = self._properties.initial_quanta * REFERENCE_FREQUENCY / string.frequencies
        ensemble.motion[:] = complex_normal(self._rng, ensemble.motion.shape) * np.sqrt(warm)
        if self.world.heat is not None:
            # From shot to shot it is handed over how hot the string is: that must not be drawn again.
            ensemble.motion[:] = np.exp(2j * np.pi * self._rng.random(ensemble.motion.shape))
            ensemble.motion *= np.sqrt(self.world.heat / string.frequencies)
        ensemble.luck[:] = self._rng.random(ensemble.luck.shape)

    def _cool_down(self, stage: Stage) -> None:
        """Take over how hot a heated string is after some shots; a cold one always begins as warm as any.

        All of them began equally hot, and what one of them cooled the others would have cooled after it.
        """
        world, string, clock = self.world, stage.string, stage.ensemble.clock_ps
        if world.heat is None or len(clock) == 0:
            return
        heats = stage.ensemble.quanta(np.arange(len(clock))) @ string.frequencies
        kept = min(float(heats.mean()) / len(string.frequencies) / world.heat, 1.0)
        world.heat *= kept ** len(clock)
        self._alike = max(1, int(ALIKE / max(1 - kept, 1e-12)))
        limit = 2 * max(self._properties.initial_quanta * REFERENCE_FREQUENCY, LINE_397.upper.linewidth / 2)
        if string.ions > 1:
            limit = max(limit, melting_heat(float(np.diff(string.positions).min())))
        if world.heat < limit:
            world.freeze(int(clock[-1]))


def _span(takes: Sequence[Take], first: int, cycle_ps: int) -> int:
    """Return how long some takes are, back to back, ps; `first` is their first shot."""
    shots = sum(len(take.shots) for take in takes)
    played, lengths = np.empty(shots, dtype=np.int64), np.empty(shots, dtype=np.int64)
    for take in takes:
        played[take.shots - first], lengths[take.shots - first] = take.start_ps, take.length_ps
    moved = played + shifts(played, lengths, cycle_ps)
    return int(moved[-1] + lengths[-1] - moved[0])


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
