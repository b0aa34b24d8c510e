"""Plays a program, for all shots of a batch at once.

Loops of the program stay loops: a repeat is played by all shots that have come to it, an attempt loop by
those whose herald has not been seen yet, each way of a branch by those that take it. There is never a loop
over shots.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias, assert_never

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import Shots
from hardware_sim.core.flight import Flight
from hardware_sim.core.gate_pulse import play_gate
from hardware_sim.core.illumination import (
    PHOTOMULTIPLIER,
    count_background,
    illuminate,
    watch_empty_trap,
)
from hardware_sim.core.outputs import Outputs, Party, join_parties, shots_of
from hardware_sim.core.passages import (
    DEFLECTORS,
    Gate,
    Illumination,
    Passage,
    PhotonPulse,
    Rotation,
    read_passages,
)
from hardware_sim.core.photon_pulse import generate
from hardware_sim.core.photons import Watch
from hardware_sim.core.raman_beam import DEFLECTOR, RamanBeam
from hardware_sim.core.recorder import Mark
from hardware_sim.core.rotation import turn
from hardware_sim.core.signals import Signals, Standing, Window, play_signals
from hardware_sim.core.stage import Stage
from hardware_sim.core.triggers import Triggers
from hardware_sim.physics.errors import PhysicsError
from sequences.conditions import Condition
from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, Step, Wait
from sequences.timeline import Timeline

PACES = 400
"""Most parties in which shots sit out a wait while the endcaps settle. Where more of them wait for different
times, these are told in so many steps of what the filters remember: in one of them a tenth of what is left of
a change is forgotten."""

Score: TypeAlias = tuple[Signals, tuple[Passage, ...], tuple[Watch, ...]]
"""A timeline as the node plays it: what it puts out, what that means, and when photons are looked for."""


@dataclass(slots=True)
class Player:
    """One program on one stage.

    Attributes:
        stage: the ions and what surrounds them.
        program: to play.
        parts: channel number -> part of the node.
        triggers: that the program may wait for.
        loss: why there are no ions in the trap, or None while there are.
        lost_in: the first shot that lost them; in those before it there are ions still.
    """

    stage: Stage
    program: Program
    parts: Mapping[int, str]
    triggers: Triggers
    loss: str | None = None
    lost_in: int = 0
    _flight: Flight = field(init=False)
    _beam: RamanBeam = field(init=False)
    _signals: dict[object, Score] = field(default_factory=dict)
    _pauses: dict[int, Timeline] = field(default_factory=dict)

    def __post_init__(self) -> None:
        properties = self.stage.properties
        self._flight = Flight(properties, len(self.stage.ensemble.clock_ps))
        self._beam = RamanBeam(properties, DEFLECTOR in self.parts.values())

    def play(self, outputs: Outputs) -> Outputs:
        """Play the program once in every shot of the stage.

        Args:
            outputs: of the core when each of the shots starts.

        Returns:
            Those that the last shot leaves behind.
        """
        shots = len(self.stage.ensemble.clock_ps)
        begun = join_parties([Party(np.arange(shots), outputs)])
        ended = self._steps(self.program.steps, begun, self.stage.recorder.mark())
        last = max(ended, key=lambda party: party.shots[-1], default=Party(np.arange(0), outputs))
        return last.outputs

    def _steps(self, steps: Iterable[Step], parties: list[Party], mark: Mark) -> list[Party]:
        """Play steps one after the other; what they ask for is counted since the mark."""
        for step in steps:
            parties = self._step(step, parties, mark) if parties else []
        return parties

    def _step(self, step: Step, parties: list[Party], mark: Mark) -> list[Party]:
        match step:
            case Play(timeline):
                return join_parties([self._timeline(timeline, party) for party in parties])
            case RepeatLoop(count, body):
                for _ in range(count):
                    parties = self._steps(body, parties, self.stage.recorder.mark())
                return parties
            case AttemptLoop():
                return self._attempts(step, parties)
            case Branch():
                return self._branch(step, parties, mark)
            case Wait():
                return join_parties([ended for party in parties for ended in self._wait(step, party)])
            case _:
                assert_never(step)

    def _attempts(self, loop: AttemptLoop, parties: list[Party]) -> list[Party]:
        """Let shots try until their herald is seen; shots that have succeeded wait for nobody."""
        recorder, clock = self.stage.recorder, self.stage.ensemble.clock_ps
        began, passes = clock.copy(), 0
        finished: list[Party] = []
        while parties:
            passes += 1
            mark, trying, started = recorder.mark(), shots_of(parties), clock.copy()
            recorder.begin_attempt(trying)
            attempt = recorder.attempt[trying]
            parties = self._steps(loop.steps, parties, mark)
            heralded = self._holding(loop.herald, trying, mark)
            recorder.finish_attempt(trying, attempt, started[trying], heralded[trying])
            ended = heralded | self._too_late(loop, began)
            if passes == loop.maximum:
                ended[:] = True
            finished += [party.only(ended) for party in parties]
            parties = join_parties([party.only(~ended) for party in parties])
            if loop.every and passes % loop.every == 0:
                parties = self._steps(loop.between, parties, mark)
                late = self._too_late(loop, began)
                finished += [party.only(late) for party in parties]
                parties = join_parties([party.only(~late) for party in parties])
        return join_parties(finished)

    def _branch(self, branch: Branch, parties: list[Party], mark: Mark) -> list[Party]:
        holds = self._holding(branch.condition, shots_of(parties), mark)
        then, otherwise = ([party.only(holds == way) for party in parties] for way in (True, False))
        return join_parties(
            [
                *self._steps(branch.then, join_parties(then), mark),
                *self._steps(branch.otherwise, join_parties(otherwise), mark),
            ]
        )

    def _holding(self, condition: Condition[int], shots: Shots, mark: Mark) -> NDArray[np.bool_]:
        """Tell for all shots of the stage whether a condition holds since a mark; only some are asked."""
        recorder = self.stage.recorder
        holds = np.zeros(len(recorder.attempt), dtype=np.bool_)
        holds[shots] = condition.holds(partial(recorder.counted_since, mark, shots=shots))
        return holds

    def _too_late(self, loop: AttemptLoop, began: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for all shots of the stage whether a loop that began then must not begin another attempt."""
        elapsed = self.stage.ensemble.clock_ps - began
        if loop.timeout is None:
            return np.zeros(len(elapsed), dtype=np.bool_)
        return elapsed >= loop.timeout * self._tick

    def _wait(self, step: Wait, party: Party) -> list[Party]:
        """Let shots wait for a trigger, each for its time, up to a step of the input's grid."""
        clock, target = self.stage.ensemble.clock_ps[party.shots], self.program.target
        wait = self.triggers.wait_from(self.parts.get(step.channel), clock)
        grid = round(target.by_number[step.channel].grid / target.period)
        ticks = grid * -(-wait // (grid * self._tick))
        self.stage.recorder.miss(step.channel, step.timeout, party.shots[ticks > step.timeout])
        return self._pause(party, np.minimum(ticks, step.timeout))

    def _pause(self, party: Party, ticks: NDArray[np.int64]) -> list[Party]:
        """Play nothing for some ticks (shots,): late changes land, voltages settle, light goes on."""
        parties: list[Party] = []
        for landed, left in self._sit_out(party, ticks, self._ticks(party.outputs.standing.landing), 1):
            moving = self._ticks(landed.outputs.endcaps.restless(self.stage.endcaps.forgets))
            for settled, rest in self._sit_out(landed, left, moving, -(-moving // PACES)):
                self._stand(settled, rest)
                parties.append(settled)
        return parties

    def _sit_out(
        self, party: Party, ticks: NDArray[np.int64], longest: int, pace: int
    ) -> Iterator[tuple[Party, NDArray[np.int64]]]:
        """Play silence for as long as each shot waits, with those that wait for equally long together.

        Args:
            party: to play.
            ticks: (shots,) that each of its shots waits.
            longest: ticks after which silence changes nothing.
            pace: ticks; so many different waits that it matters are told in whole ones of these.

        Yields:
            Shots whose outputs are alike again, and the ticks (shots,) that they still have to wait.
        """
        told = np.minimum(ticks, longest)
        if len(np.unique(told)) > PACES:
            told = np.minimum(ticks, -(-longest // pace) * pace) // pace * pace
        for together in np.unique(told).tolist():
            alike = told == together
            waiting = Party(party.shots[alike], party.outputs)
            ended = self._timeline(self._silence(together), waiting) if together else waiting
            yield ended, ticks[alike] - together

    def _stand(self, party: Party, ticks: NDArray[np.int64]) -> None:
        """Let some ticks (shots,) go by, in which nothing changes.

        Light for one time and then for another is light for the sum of both: each shot is lit for the powers
        of two that make up its own time.
        """
        if not party.outputs.standing.tones:
            self.stage.ensemble.clock_ps[party.shots] += ticks * self._tick
            return
        for bit in range(int(ticks.max()).bit_length()):
            waiting = party.shots[ticks >> bit & 1 == 1]
            if len(waiting):
                self._timeline(self._silence(1 << bit), Party(waiting, party.outputs))

    def _silence(self, ticks: int) -> Timeline:
        """Return a timeline of some ticks without events, each made once."""
        return self._pauses.setdefault(ticks, _nothing(ticks))

    @property
    def _deflected(self) -> bool:
        """Whether the core drives deflectors of the light of gates."""
        return any(part in DEFLECTORS for part in self.parts.values())

    @property
    def _tick(self) -> int:
        """Machine unit of the core, ps."""
        return round(self.program.target.period * 1e12)

    def _ticks(self, duration: float) -> int:
        """Return how many ticks surely outlast a duration (s); none if there is none."""
        return int(duration * 1e12 // self._tick) + 1 if duration > 0 else 0

    def _timeline(self, timeline: Timeline, party: Party) -> Party:
        signals, passages, watches = self._read(timeline, party.outputs.standing)
        stage, shots = self.stage, party.shots
        if stage.endcaps.memory != party.outputs.endcaps:
            stage.endcaps.resume(party.outputs.endcaps)
        stage.endcaps.begin(signals)
        self._flight.watches = watches
        gates = [window for window in signals.windows if window.part == PHOTOMULTIPLIER]
        count_background(stage, shots, gates)
        for passage in passages:
            held, lost = self._hold_string(shots, passage.start)
            if len(held):
                self._perform(passage, held, gates)
            if len(lost) and isinstance(passage, Illumination):
                watch_empty_trap(stage, lost, passage.stretch)
        held, _ = self._hold_string(shots, signals.duration)
        if len(held):
            stage.stir(held, signals.duration)
        clock = stage.ensemble.clock_ps
        self._flight.land(stage.rng, shots, clock, signals.windows, signals.duration, stage.recorder)
        stage.ensemble.clock_ps[shots] += signals.duration
        return Party(shots, Outputs(signals.standing, stage.endcaps.memory))

    def _hold_string(self, shots: Shots, offset_ps: int) -> tuple[Shots, Shots]:
        """Follow the confinement to a time of the timeline; note it if that does not hold the string.

        Returns:
            The shots that have ions, and those that have none: once a shot has lost them, no later one has.
        """
        if self.loss is None or shots[0] < self.lost_in:
            try:
                self.stage.settle(offset_ps)
            except PhysicsError as error:
                self.loss, self.lost_in = f"the trap lost its ions: {error}", int(shots[0])
        if self.loss is None:
            return shots, shots[:0]
        first = int(np.searchsorted(shots, self.lost_in))
        return shots[:first], shots[first:]

    def _read(self, timeline: Timeline, before: Standing) -> Score:
        """Return what a timeline puts out and means; a loop's body is read once for each way to enter it."""
        key = (id(timeline), before)
        if key not in self._signals:
            latencies = self.stage.properties.latencies
            signals = play_signals(timeline, self.program.target, self.parts, latencies, before)
            rests = self.stage.endcaps.rests(signals)
            passages = read_passages(signals.stretches, rests)
            self._signals[key] = signals, passages, self._flight.plan(signals.windows, signals.duration)
        return self._signals[key]

    def _perform(self, passage: Passage, shots: Shots, gates: Sequence[Window]) -> None:
        match passage:
            case Illumination(stretch):
                illuminate(self.stage, shots, stretch, gates)
            case PhotonPulse():
                generate(self.stage, shots, passage, self._beam, self._flight)
            case Rotation():
                turn(self.stage, shots, passage)
            case Gate():
                play_gate(self.stage, shots, passage, deflected=self._deflected)
            case _:
                assert_never(passage)


def _nothing(duration: int) -> Timeline:
    """Return a timeline of some ticks without events."""
    return Timeline(
        duration,
        time=np.empty(0, dtype=np.int64),
        channel=np.empty(0, dtype=np.uint16),
        operation=np.empty(0, dtype=np.uint8),
        value=np.empty(0),
        source=np.empty(0, dtype=np.uint32),
    )
