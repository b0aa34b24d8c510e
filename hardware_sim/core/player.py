"""Plays a program, for all shots of a point at once.

Loops of the program stay loops: a repeat is played by all shots that have come to it, an attempt loop by
those whose herald has not been seen yet. There is never a loop over shots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np

from hardware_sim.core.ensemble import Shots
from hardware_sim.core.illumination import illuminate, watch_empty_trap
from hardware_sim.core.passages import Illumination, Passage, PhotonPulse, Rotation, read_passages
from hardware_sim.core.photon_pulse import generate
from hardware_sim.core.rotation import turn
from hardware_sim.core.signals import Signals, Tone, Window, play_signals
from hardware_sim.core.stage import Stage
from hardware_sim.physics.errors import PhysicsError
from sequences.program import AttemptLoop, Play, Program, RepeatLoop, Step
from sequences.timeline import Timeline


@dataclass(slots=True)
class Player:
    """One program on one stage.

    Attributes:
        stage: the ions and what surrounds them.
        program: to play.
        parts: channel number -> part of the node.
        darks: detector -> dark counts a second.
        loss: why there are no ions in the trap, or None while there are.
    """

    stage: Stage
    program: Program
    parts: Mapping[int, str]
    darks: Mapping[str, float]
    loss: str | None = None
    _tones: dict[str, Tone] = field(default_factory=dict)
    _signals: dict[object, tuple[Signals, tuple[Passage, ...]]] = field(default_factory=dict)

    def play(self, shots: int) -> None:
        """Play the program once in every shot."""
        self._steps(self.program.steps, np.arange(shots))

    def _steps(self, steps: tuple[Step, ...], shots: Shots) -> None:
        for step in steps if len(shots) else ():
            match step:
                case Play(timeline):
                    self._timeline(timeline, shots)
                case RepeatLoop(count, body):
                    for _ in range(count):
                        self._steps(body, shots)
                case AttemptLoop():
                    self._attempts(step, shots)
                case _:
                    assert_never(step)

    def _attempts(self, loop: AttemptLoop, shots: Shots) -> None:
        """Let shots try until their herald is seen; shots that have succeeded wait for nobody."""
        recorder, clock = self.stage.recorder, self.stage.ensemble.clock_ps
        trying = shots
        for _ in range(loop.maximum):
            mark = recorder.begin_attempt(trying)
            attempt, started = recorder.attempt[trying], clock[trying]
            self._steps(loop.steps, trying)
            heralded = recorder.clicks_since(mark, loop.readouts, trying) >= loop.at_least
            recorder.finish_attempt(trying, attempt, started, heralded)
            trying = trying[~heralded]
            if len(trying) == 0:
                return

    def _timeline(self, timeline: Timeline, shots: Shots) -> None:
        signals, passages = self._read(timeline)
        stage = self.stage
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
        self._tones = dict(signals.tones)

    def _hold_string(self, offset_ps: int) -> None:
        """Follow the confinement to a time of the timeline; note it if that does not hold the string."""
        if self.loss is None:
            try:
                self.stage.settle(offset_ps)
            except PhysicsError as error:
                self.loss = f"the trap lost its ions: {error}"

    def _read(self, timeline: Timeline) -> tuple[Signals, tuple[Passage, ...]]:
        """Return what a timeline puts out and means; a loop's body is read once for each way to enter it."""
        key = (id(timeline), tuple(sorted(self._tones.items())))
        if key not in self._signals:
            signals = play_signals(timeline, self.program.target, self.parts, self._tones)
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
            mean = self.darks[window.part] * (window.stop - window.start) * 1e-12
            who = shots[rng.integers(len(shots), size=rng.poisson(mean * len(shots)))]
            offsets = rng.integers(window.start, window.stop, size=len(who))
            self.stage.recorder.click(window, who, clock[who], offsets)
