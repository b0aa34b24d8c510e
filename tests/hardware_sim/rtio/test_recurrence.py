"""Loops that are leapt over end as if every pass had been gone through."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_sim.rtio import Outcome, rehearse
from hardware_sim.rtio.course import worst_course
from hardware_sim.rtio.dispatcher import EventDispatcher
from hardware_sim.rtio.events import gather_writes
from hardware_sim.rtio.findings import UNPLAYED
from hardware_sim.rtio.output import rules_of
from hardware_sim.rtio.pace import PARTS, pace_of
from hardware_sim.rtio.run import Run
from hardware_sim.rtio.score import Score
from sequences import Dispatcher, Target
from sequences.conditions import Herald
from sequences.program import AttemptLoop, Branch, Play, Program, RepeatLoop, Step, Wait
from sequences.timeline import Operation, Timeline

MILLION = 1_000_000

State = tuple[EventDispatcher, int, dict[int, int]]
Lost = dict[tuple[int, int, Outcome], tuple[int, ...]]


@dataclass
class Plainly:
    """A second core, for the test alone: every pass, every write one by one, and then the channels.

    What meets at the channels is unclear once it has gone more than one way.
    """

    program: Program
    base: int = 0
    closed: dict[int, int] = field(default_factory=dict)
    slack: dict[tuple[int, int], int] = field(default_factory=dict)
    lost: Lost = field(default_factory=dict)
    unclear: bool = False
    taken: list[tuple[int, int, tuple[int, int], tuple[int, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        pace = pace_of(self.program.target)
        assert pace is not None
        self.pace, self.dispatcher = pace, EventDispatcher(pace)
        self.steps(self.program.steps, 0, ())
        self.channels()

    def steps(self, steps: tuple[Step, ...], number: int, passes: tuple[int, ...]) -> int:
        """Play steps whose first timeline has a number; return that of the next."""
        for step in steps:
            match step:
                case Play():
                    self.play(step, number, passes)
                    number += 1
                case RepeatLoop(count, body):
                    first = number
                    for one in range(count):
                        self.steps(body, first, (*passes, one + 1))
                    number = first + plays(body)
                case AttemptLoop():
                    first, ends = number, []
                    for one in range(step.maximum or 0):
                        if one and step.every and one % step.every == 0:
                            self.steps(step.between, first + plays(step.steps), (*passes, one))
                        self.steps(step.steps, first, (*passes, one + 1))
                        self.learn({row for each in within(step.steps) for row, _ in closings(each)})
                        ends.append(self.state())
                    self.go_on(ends)
                    number = first + plays(step.steps) + plays(step.between)
                case Branch():
                    self.learn({row for herald in step.condition.heralds() for row in herald.readouts})
                    self.fork(step, number, passes)
                    number += plays(step.then) + plays(step.otherwise)
                case Wait():
                    self.dispatcher.wait_until(self.base * PARTS + self.pace.decision)
        return number

    def play(self, step: Play, number: int, passes: tuple[int, ...]) -> None:
        writes, _ = gather_writes(step.timeline)
        if len(writes):
            self.dispatcher.begin_timeline()
        for row, (tick, channel) in enumerate(
            zip(writes.time.tolist(), writes.channel.tolist(), strict=True)
        ):
            told = self.dispatcher.write(self.base + tick)
            write = number, row
            self.slack[write] = min(self.slack.get(write, told.slack), told.slack)
            if told.outcome is Outcome.PLAYED:
                self.taken.append((self.base + tick, channel, write, passes))
            else:
                self.lost.setdefault((*write, told.outcome), passes)
        self.closed |= {row: self.base + tick for row, tick in closings(step.timeline)}
        self.base += step.timeline.duration

    def learn(self, readouts: set[int]) -> None:
        known = [self.closed[row] * PARTS + self.pace.decision for row in readouts & self.closed.keys()]
        self.dispatcher.wait_until(max(known, default=self.dispatcher.clock))

    def fork(self, branch: Branch, number: int, passes: tuple[int, ...]) -> None:
        fresh = self.state()
        self.steps(branch.otherwise, number + plays(branch.then), passes)
        otherwise = self.state()
        self.dispatcher, self.base, self.closed = fresh
        self.steps(branch.then, number, passes)
        self.unclear = True
        self.go_on([otherwise, self.state()])

    def state(self) -> State:
        return self.dispatcher.copy(), self.base, dict(self.closed)

    def go_on(self, states: list[State]) -> None:
        """Go on from the state that lags behind most: the last one if it does, or else the first such."""
        lags = [dispatcher.clock - base * PARTS for dispatcher, base, _ in states]
        if lags:
            worst = -1 if lags[-1] == max(lags) else lags.index(max(lags))
            self.dispatcher, self.base, self.closed = states[worst]
            self.unclear |= worst >= 0

    def channels(self) -> None:
        rules, cycle = rules_of(self.program.target), self.pace.cycle
        meetings: dict[tuple[int, int], list[tuple[int, int, tuple[int, int], tuple[int, ...]]]] = {}
        for each in self.taken:
            meetings.setdefault((each[0] // cycle, each[1]), []).append(each)
        free: dict[int, int] = {}
        for (_, channel), meeting in sorted(meetings.items()):
            tick, _, write, passes = meeting[-1]
            replaced = rules[channel].replacing and all(each[0] == tick for each in meeting)
            if len(meeting) > 1 and not replaced:
                for _, _, other, when in meeting:
                    self.lost.setdefault((*other, Outcome.COLLIDED), when)
            elif tick < free.get(channel, tick):
                self.lost.setdefault((*write, Outcome.BUSY), passes)
            else:
                free[channel] = tick + rules[channel].busy


def within(steps: tuple[Step, ...]) -> list[Timeline]:
    return list(Program("", steps, (), Target("", 1.0, ())).timelines())


def closings(timeline: Timeline) -> list[tuple[int, int]]:
    rows = timeline.operation == Operation.CLOSE
    return list(zip(timeline.value[rows].astype(int).tolist(), timeline.time[rows].tolist(), strict=True))


def plays(steps: tuple[Step, ...]) -> int:
    return len(within(steps))


def found(program: Program) -> tuple[dict[tuple[int, int], int], Lost]:
    """What the core under test finds: the worst slack of writes, and the first passes of what is lost."""
    score = Score.of(program)
    pace = pace_of(program.target)
    assert pace is not None
    run = Run(score, pace, program.target)
    run.follow(worst_course(program))
    begins = [int(numbers[0]) if len(numbers) else 0 for numbers in score.numbers]

    def place(number: int) -> tuple[int, int]:
        timeline = int(score.timeline[number])
        return timeline, number - begins[timeline]

    findings = run.findings
    slack = {place(n): s for n, s in enumerate(findings.slack.tolist()) if s != UNPLAYED}
    lost = {
        (*place(number), kind): findings.passes[play]
        for kind, first in findings.first.items()
        for number, play in enumerate(first.tolist())
        if play >= 0
    }
    return slack, lost


DISPATCHERS = st.builds(
    Dispatcher,
    lanes=st.integers(1, 4),
    depth=st.integers(1, 6),
    event_time=st.sampled_from([10e-9, 30e-9, 30.5e-9, 65e-9]),
    margin=st.just(16e-9),
    start=st.sampled_from([200e-9, 1e-6]),
    playback=st.sampled_from([0.0, 40e-9]),
    decision=st.just(50e-9),
)


@st.composite
def timelines(draw: st.DrawFn, desk: Any) -> Play:
    count = draw(st.integers(0, 6))
    span = draw(st.integers(8, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    channels = rng.choice([0, 1, 2, 16, 24], size=count)
    events = [(int(rng.integers(0, span * max(1, count))), int(c), Operation.LEVEL, 1.0) for c in channels]
    duration = span * max(1, count) + draw(st.integers(-6, 6))
    if draw(st.booleans()):
        readout = draw(st.integers(0, 1))
        events += [(0, 32, Operation.OPEN, readout)]
        events += [(max(1, duration - draw(st.integers(1, 120))), 32, Operation.CLOSE, readout)]
    return desk.play(duration, events)


@st.composite
def programs(draw: st.DrawFn, desk: Any, *, branching: bool) -> Program:
    def some() -> tuple[Step, ...]:
        return tuple(draw(timelines(desk)) for _ in range(draw(st.integers(1, 2))))

    def body() -> tuple[Step, ...]:
        branch = branching and draw(st.booleans())
        return (*some(), Branch(Herald((draw(st.integers(0, 1)),)), some(), some())) if branch else some()

    def loop(inside: tuple[Step, ...], most: int) -> Step:
        count = draw(st.integers(0, most))
        if draw(st.booleans()):
            return RepeatLoop(count, inside)
        every = draw(st.integers(0, 5))
        return AttemptLoop(count, Herald((0,)), inside, every=every, between=some() if every else ())

    steps = [*body(), loop(body(), 150)]
    if draw(st.booleans()):
        steps.append(loop((*body(), loop(body(), 12), *draw(st.sampled_from([(), (Wait(33, 9),)]))), 20))
    return desk.program(desk.target(draw(DISPATCHERS)), *steps, *body())


@settings(max_examples=75)
@given(data=st.data())
@pytest.mark.slow
def test_loops_end_as_if_every_pass_had_been_gone_through(data: st.DataObject, new_desk: Any) -> None:
    compare(data.draw(programs(new_desk(), branching=data.draw(st.booleans()))))


def compare(program: Program) -> None:
    plain = Plainly(program)
    slack, lost = found(program)
    assert slack == plain.slack
    known = [Outcome.UNDERFLOW, Outcome.SEQUENCE]
    known += [] if plain.unclear else [Outcome.COLLIDED, Outcome.BUSY]
    assert {where: when for where, when in lost.items() if where[-1] in known} == {
        where: when for where, when in plain.lost.items() if where[-1] in known
    }


def test_a_pass_that_only_lets_time_go_by_on_one_way_is_not_over(desk: Any) -> None:
    """The way that leaves the least time hands nothing over; the other one does, and later in each pass."""
    core = Dispatcher(
        lanes=1, depth=1, event_time=10e-9, margin=16e-9, start=200e-9, playback=0.0, decision=50e-9
    )
    ways = Branch(Herald((0,)), (desk.edges(8),), (desk.gate(34, 0, 33),))
    compare(desk.program(desk.target(core), AttemptLoop(6, Herald((0,)), (desk.edges(8), ways))))


@pytest.mark.parametrize("maximum", [1, 2, 50])
def test_what_follows_has_to_live_with_any_attempt(desk: Any, maximum: int) -> None:
    """A long train leaves the core behind; it catches up while attempts fail, but the first may succeed."""
    core = Dispatcher(playback=0.0, start=1e-6)
    train = desk.edges(60_000, *[(60 * n, n % 2) for n in range(1000)])
    attempt = AttemptLoop(maximum, Herald((0,)), (desk.gate(9000, 0, 500),))
    program = desk.program(desk.target(core), train, attempt, desk.edges(100, (0, 0)))
    compare(program)
    alone = desk.program(desk.target(core), train, replace(attempt, maximum=1), desk.edges(100, (0, 0)))
    assert rehearse(program).slack[2].tolist() == rehearse(alone).slack[2].tolist()


@pytest.mark.parametrize("passes", [3, 100, 400, 700, 1000, 3000])
@pytest.mark.parametrize("event_time", [990e-9, 999e-9, 999.5e-9, 1000.5e-9, 1001e-9, 1010e-9])
def test_feeding_that_slowly_gains_or_falls_behind(desk: Any, passes: int, event_time: float) -> None:
    """It ends in stalls, or in underflows; what follows the loop tells where it ended."""
    core = Dispatcher(lanes=1, depth=4, event_time=event_time, playback=0.0, start=2e-6)
    before = desk.edges(3000, *[(50 * n, n % 2) for n in range(12)])
    body, after = desk.edges(1000, (500, 0)), desk.edges(5000, *[(1000 * n, 1) for n in range(5)])
    compare(desk.program(desk.target(core), before, RepeatLoop(passes, (body,)), after))


@pytest.mark.parametrize("passes", [1, 5, 40, 400])
@pytest.mark.parametrize("decision", [1e-6, 30e-6, 3e-3])
def test_a_gate_before_a_loop_is_known_after_it(desk: Any, passes: int, decision: float) -> None:
    """Passes that are leapt over must not make an old gate young again."""
    core = Dispatcher(decision=decision, playback=0.0, event_time=900e-9, start=4e-6)
    gate = desk.gate(20_000, 0, 10_000)
    loop = RepeatLoop(passes, (desk.edges(1000, (500, 0)),))
    ways = Branch(Herald((0,)), (desk.edges(9000, (8000, 1)),), (desk.edges(9000, (8000, 2)),))
    compare(desk.program(desk.target(core), gate, loop, ways))


def test_loops_of_nothing_but_time_are_over_at_once(desk: Any) -> None:
    events, wait = desk.edges(100, (0, 0)), RepeatLoop(MILLION, (RepeatLoop(1000, (desk.edges(10_000),)),))
    program = desk.program(desk.target(Dispatcher()), events, wait, desk.edges(100, (0, 0)))
    assert plays_gone_through(program) == 2
    due, handed = 10**13 + 100, -125_000 + 2 * (4000 + 65)
    assert rehearse(program).slack[2].tolist() == [(due // 8 - handed // 8 - 13) * 8]


def plays_gone_through(program: Program) -> int:
    """How many times a timeline is handed over until the end of the shot is known."""
    score = Score.of(program)
    pace = pace_of(program.target)
    assert pace is not None
    run = Run(score, pace, program.target)
    run.follow(worst_course(program))
    return len(run.findings.passes)


def test_a_million_passes_that_keep_up_cost_a_few(desk: Any) -> None:
    """Many writes a pass: the lanes fill within one, and their filling repeats after some."""
    body = desk.edges(200_000, *[(1000 + 100 * n, n % 2) for n in range(1280)])
    assert plays_gone_through(desk.program(desk.target(Dispatcher()), RepeatLoop(MILLION, (body,)))) < 10


def test_a_million_passes_that_fall_behind_cost_a_few_for_each_loss(desk: Any) -> None:
    body = desk.edges(4129, (0, 0), (2000, 1))
    assert plays_gone_through(desk.program(desk.target(Dispatcher()), RepeatLoop(MILLION, (body,)))) < 100


def test_a_million_attempts_cost_a_few(desk: Any) -> None:
    attempt, between = desk.gate(20_000, 0, 10_000), desk.edges(100_001, (0, 0))
    loop = AttemptLoop(MILLION, Herald((0,)), (attempt,), every=100, between=(between,))
    assert plays_gone_through(desk.program(desk.target(Dispatcher()), loop)) < 100


def test_a_million_tiny_passes_cost_the_filling_of_the_lanes(desk: Any) -> None:
    body = desk.edges(10_001, (0, 0), (0, 1))
    assert plays_gone_through(desk.program(desk.target(Dispatcher()), RepeatLoop(MILLION, (body,)))) < 3000


def test_loops_in_loops_multiply_nothing(desk: Any) -> None:
    """A million attempts, each with a thousand cooling cycles."""
    cool = RepeatLoop(1000, (desk.edges(10_000, (0, 0), (2000, 1)),))
    attempt = AttemptLoop(
        MILLION, Herald((0,)), (desk.edges(20_000, (0, 2)), cool, desk.gate(20_000, 0, 9000))
    )
    program = desk.program(desk.target(Dispatcher()), attempt)
    assert plays_gone_through(program) < 1500
    assert rehearse(program).faults == ()
