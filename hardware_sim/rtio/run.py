"""One shot of a program on a core: the state of the core, and its way along a course."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

import numpy as np

from hardware_sim.rtio.course import Course, Feed, Fork, Learn, Loop, Notice
from hardware_sim.rtio.dispatcher import EventDispatcher, Margins
from hardware_sim.rtio.events import Outcome
from hardware_sim.rtio.feeding import HandOvers, feed
from hardware_sim.rtio.findings import Findings
from hardware_sim.rtio.output import Arrivals, OutputStage, rules_of
from hardware_sim.rtio.pace import PARTS, Pace
from hardware_sim.rtio.recurrence import Leap, Mark, Recurrence
from hardware_sim.rtio.score import Score
from sequences.target import Target

Witness: TypeAlias = Callable[[int, int, HandOvers], None]
"""Is told of every timeline that is handed over: its number, the tick where it begins, and what happened."""


@dataclass(slots=True)
class CoreState:
    """A core between two timelines.

    Attributes:
        dispatcher: takes the writes.
        stage: where they leave.
        base: tick at which the next timeline begins.
        closings: readout -> tick at which its gate closed last.
    """

    dispatcher: EventDispatcher
    stage: OutputStage
    base: int = 0
    closings: dict[int, int] = field(default_factory=dict)

    @property
    def lag(self) -> int:
        """Parts by which the feeding is behind the beginning of the next timeline."""
        return self.dispatcher.clock - self.base * PARTS

    def learn(self, readouts: Iterable[int]) -> None:
        """Wait until it is known what the last gates of some readouts counted."""
        closed = [self.closings[readout] for readout in readouts if readout in self.closings]
        if closed:
            self.dispatcher.wait_until(self._known(max(closed)))

    def notice(self) -> None:
        """Wait until a trigger is known of that comes at once."""
        self.dispatcher.wait_until(self._known(self.base))

    def mark(self, earliest: int) -> Mark:
        """Return where the core is; writes are due `earliest` ticks from the next timeline or later."""
        cycle = self.dispatcher.pace.cycle
        unknown = (
            (readout, close - self.base)
            for readout, close in sorted(self.closings.items())
            if self._known(close) > self.dispatcher.clock
        )
        shape = (
            self.base % cycle,
            self.dispatcher.shape(self.base // cycle),
            self.stage.shape(self.base, self.base + earliest),
            *unknown,
        )
        return Mark(shape, self.base, self.lag)

    def clearance(self) -> int:
        """Return the parts by which the feeding is past the nearest thing that is over for it.

        Where it gains on the writes, what has left its lane must not come back, nor what is known be unknown.
        """
        clock = self.dispatcher.clock
        known = [self._known(close) for close in self.closings.values()]
        return min([self.dispatcher.clearance(), *(clock - past for past in known if past <= clock)])

    def leap(self, leap: Leap) -> None:
        """Go where the core will be some passes later."""
        self.base += leap.ticks
        self.dispatcher.shift(leap.ticks // self.dispatcher.pace.cycle, leap.ticks * PARTS + leap.drift)
        self.stage.shift(leap.ticks)
        self.closings = {readout: close + leap.ticks for readout, close in self.closings.items()}

    def copy(self) -> CoreState:
        """Return a core in the same state, which goes its own way from here."""
        return CoreState(self.dispatcher.copy(), self.stage.copy(), self.base, dict(self.closings))

    def _known(self, tick: int) -> int:
        """Return the part in which the core knows what happened at a tick."""
        return tick * PARTS + self.dispatcher.pace.decision


class Run:
    """Goes along a course and gathers what it finds.

    Attributes:
        state: of the core.
        findings: so far.
    """

    def __init__(self, score: Score, pace: Pace, target: Target, witness: Witness | None = None) -> None:
        self.state = CoreState(EventDispatcher(pace), OutputStage(rules_of(target), pace.cycle))
        self.findings = Findings(len(score.time))
        self._score = score
        self._witness = witness

    def follow(self, course: Course) -> None:
        """Go along a course to the end of the shot. With a witness, every pass is gone through."""
        self._go(course, ())
        self._settle(self.state)

    def _go(self, course: Course, passes: tuple[int, ...]) -> None:
        for part in course:
            match part:
                case Feed(timeline):
                    self._feed(timeline, passes)
                case Loop():
                    self._loop(part, passes)
                case Learn(readouts):
                    self.state.learn(readouts)
                case Notice():
                    self.state.notice()
                case Fork(then, otherwise):
                    self._fork(then, otherwise, passes)
                case _:
                    assert_never(part)

    def _feed(self, timeline: int, passes: tuple[int, ...]) -> None:
        """Hand over a timeline, and let everything leave that nothing can meet any more."""
        state, score, begin = self.state, self._score, self.state.base
        writes, numbers = score.writes[timeline], score.numbers[timeline]
        if len(writes):
            times = begin + writes.time
            state.dispatcher.begin_timeline()
            told = feed(state.dispatcher, times)
            play = np.full(len(writes), self.findings.begin_play(passes))
            self.findings.note_slack(numbers, told.slack)
            self.findings.note(told.outcome, numbers, play, told.short)
            arrivals = Arrivals(
                times, writes.channel.astype(np.int64), writes.address.astype(np.int64), numbers, play
            )
            state.stage.add(arrivals.at(told.outcome == Outcome.PLAYED))
            if self._witness:
                self._witness(timeline, begin, told)
        state.closings |= {readout: begin + close for readout, close in score.closings[timeline].items()}
        state.base = begin + score.timelines[timeline].duration
        self._settle(state, state.base + score.earliest)

    def _loop(self, loop: Loop, passes: tuple[int, ...]) -> None:
        """Go through a loop: passes in groups with something after each, and those after the last group."""
        latest: CoreState | None = None

        def one(number: int) -> None:
            nonlocal latest
            self._go(loop.parts, (*passes, number))
            if loop.may_end and (latest is None or self.state.lag > latest.lag):
                latest = self.state.copy()

        def group(number: int) -> None:
            self._repeat(loop.every, lambda inner: one((number - 1) * loop.every + inner))
            self._go(loop.between, (*passes, number * loop.every))

        self._repeat(loop.pauses, group)
        grouped = loop.pauses * loop.every
        self._repeat(loop.passes - grouped, lambda number: one(grouped + number))
        if latest is not None:
            self._go_on_from(self.state, latest)

    def _repeat(self, times: int, body: Callable[[int], None]) -> None:
        """Do something with the numbers 1, 2, ...; leap over those at which nothing new happens."""
        earliest = self._score.earliest
        recurrence = Recurrence(self.state.mark(earliest))
        done = 0
        while done < times:
            base, clock, plays = self.state.base, self.state.dispatcher.clock, len(self.findings.passes)
            around, self.state.dispatcher.margins = self.state.dispatcher.margins, Margins()
            body(done + 1)
            done += 1
            dispatcher = self.state.dispatcher
            if dispatcher.clock == clock and len(self.findings.passes) == plays:  # only time goes by
                self.state.base += (times - done) * (self.state.base - base)
                done = times
            margins, dispatcher.margins = dispatcher.margins, around
            around.narrow(margins)
            if done == times or self._witness:
                continue
            margins.earlier = min(margins.earlier, self.state.clearance())
            leap = recurrence.leap(self.state.mark(earliest), margins, times - done)
            if leap:
                done += leap.passes
                self.state.leap(leap)
                recurrence = Recurrence(self.state.mark(earliest))

    def _fork(self, then: Course, otherwise: Course, passes: tuple[int, ...]) -> None:
        """Go both ways, and on from the one that leaves less time."""
        fresh = self.state.copy()
        self._go(then, passes)
        one, self.state = self.state, fresh
        self._go(otherwise, passes)
        self._go_on_from(one, self.state)

    def _go_on_from(self, one: CoreState, other: CoreState) -> None:
        """Go on from the state that leaves less time, and end the shot for the other."""
        late, early = (one, other) if one.lag >= other.lag else (other, one)
        late.dispatcher.margins.narrow(early.dispatcher.margins)
        self._settle(early)
        self.state = late

    def _settle(self, state: CoreState, until: int | None = None) -> None:
        settled = state.stage.settle(until)
        arrivals = settled.arrivals
        self.findings.note(settled.outcome, arrivals.write, arrivals.play, settled.short, settled.other)
