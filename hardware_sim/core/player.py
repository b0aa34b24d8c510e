"""Plays a program, for all shots of a batch at once.

Loops of the program stay loops: a repeat is played by all shots that have come to it, an attempt loop by
those whose herald has not been seen yet, each way of a branch by those that take it. There is never a loop
over shots.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import Shots
from hardware_sim.core.illumination import illuminate, watch_empty_trap
from hardware_sim.core.outputs import Outputs, Party, join_parties, shots_of
from hardware_sim.core.passages import Illumination, Passage, PhotonPulse, Rotation, read_passages
from hardware_sim.core.photon_pulse import generate
from hardware_sim.core.recorder import Mark
from hardware_sim.core.rotation import turn
from hardware_sim.core.signals import Signals, Standing, Window, play_signals
from hardware_sim.core.stage import Stage
from hardware_sim.core.triggers import Triggers
from hardware_sim.physics.errors import PhysicsError
from sequences.conditions import Condition
from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, Step, Wait
from sequences.timeline import Timeline


@dataclass(slots=True)
class Player:
    """One program on one stage.

    Attributes:
        stage: the ions and what surrounds them.
        program: to play.
        parts: channel number -> part of the node.
        triggers: that the program may wait for.
        loss: why there are no ions in the trap, or None while there are.
    """

    stage: Stage
    program: Program
    parts: Mapping[int, str]
    triggers: Triggers
    loss: str | None = None
    _signals: dict[object, tuple[Signals, tuple[Passage, ...]]] = field(default_factory=dict)
    _pauses: dict[int, Timeline] = field(default_factory=dict)

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
                return join_parties([self._wait(step, party) for party in parties])
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

    def _wait(self, step: Wait, party: Party) -> Party:
        """Let shots wait for a trigger, each for its time, up to a step of the input's grid."""
        clock, target = self.stage.ensemble.clock_ps[party.shots], self.program.target
        wait = self.triggers.wait_from(self.parts.get(step.channel), clock)
        grid = round(target.by_number[step.channel].grid / target.period)
        ticks = grid * -(-wait // (grid * self._tick))
        missed = int(np.count_nonzero(ticks > step.timeout))
        if missed:
            self.stage.recorder.missed[step.channel, step.timeout] += missed
        return self._pause(party, np.minimum(ticks, step.timeout))

    def _pause(self, party: Party, ticks: NDArray[np.int64]) -> Party:
        """Play nothing for some ticks (shots,). Voltages settle, and light that was left on goes on.

        Light for one time and then for another is light for the sum of both: each shot is lit for the powers
        of two that make up its own time.
        """
        settled = party.outputs.settled
        if settled.standing.tones:
            for bit in range(int(ticks.max()).bit_length()):
                pause = self._pauses.setdefault(bit, _nothing(1 << bit))
                waiting = party.shots[ticks >> bit & 1 == 1]
                if len(waiting):
                    self._timeline(pause, Party(waiting, settled))
        else:
            self.stage.ensemble.clock_ps[party.shots] += ticks * self._tick
        return Party(party.shots, settled)

    @property
    def _tick(self) -> int:
        """Machine unit of the core, ps."""
        return round(self.program.target.period * 1e12)

    def _timeline(self, timeline: Timeline, party: Party) -> Party:
        signals, passages = self._read(timeline, party.outputs.standing)
        stage, shots = self.stage, party.shots
        if stage.endcaps.memory != party.outputs.endcaps:
            stage.endcaps.resume(party.outputs.endcaps)
        stage.endcaps.begin(signals)
        self._count_darks(shots, signals.windows)
        for passage in passages:
            self._hold_string(passage.start)
            if self.loss is None:
                self._perform(passage, shots, signals.windows)
            elif isinstance(passage, Illumination):
                watch_empty_trap(stage, shots, passage.stretch)
        self._hold_string(signals.duration)
        if self.loss is None:
            stage.stir(shots, signals.duration)
        stage.ensemble.clock_ps[shots] += signals.duration
        return Party(shots, Outputs(signals.standing, stage.endcaps.memory))

    def _hold_string(self, offset_ps: int) -> None:
        """Follow the confinement to a time of the timeline; note it if that does not hold the string."""
        if self.loss is None:
            try:
                self.stage.settle(offset_ps)
            except PhysicsError as error:
                self.loss = f"the trap lost its ions: {error}"

    def _read(self, timeline: Timeline, before: Standing) -> tuple[Signals, tuple[Passage, ...]]:
        """Return what a timeline puts out and means; a loop's body is read once for each way to enter it."""
        key = (id(timeline), before)
        if key not in self._signals:
            latencies = self.stage.properties.latencies
            signals = play_signals(timeline, self.program.target, self.parts, latencies, before)
            rests = self.stage.endcaps.rests(signals)
            self._signals[key] = signals, read_passages(signals.stretches, rests)
        return self._signals[key]

    def _perform(self, passage: Passage, shots: Shots, windows: tuple[Window, ...]) -> None:
        match passage:
            case Illumination(stretch):
                illuminate(self.stage, shots, stretch)
            case PhotonPulse():
                generate(self.stage, shots, passage, windows)
            case Rotation():
                turn(self.stage, shots, passage)
            case _:
                assert_never(passage)

    def _count_darks(self, shots: Shots, windows: tuple[Window, ...]) -> None:
        """Draw the dark counts of every gate, at any time within it."""
        rng, clock = self.stage.rng, self.stage.ensemble.clock_ps
        for window in windows:
            rate = self.stage.properties.dark_rates[window.part]
            mean = rate * (window.stop - window.start) * 1e-12
            who = shots[rng.integers(len(shots), size=rng.poisson(mean * len(shots)))]
            offsets = rng.integers(window.start, window.stop, size=len(who))
            self.stage.recorder.click(window, who, clock[who], offsets)


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
