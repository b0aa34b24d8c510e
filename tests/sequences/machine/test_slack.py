"""The feed against a core that hands over one write after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from machine_programs import (
    CLOSE,
    COUNTER,
    LEVEL,
    LINE,
    NS,
    OPEN,
    OUTPUT,
    SMALL,
    TRIGGER,
    VOLTAGE,
    Way,
    any_steps,
    make_program,
    make_target,
    straight_steps,
    timeline,
    ways,
)

from sequences import AttemptLoop, Branch, Dispatcher, Herald, Play, RepeatLoop, Timeline, Wait
from sequences.faults import DecisionError, UnderflowError
from sequences.machine import examine, prove
from sequences.program import Step

TARGET = make_target(SMALL)
CAPACITY = SMALL.capacity


def plain_slacks(steps: Sequence[Step], way: Way, dispatcher: Dispatcher = SMALL) -> list[list[float]]:
    """Hand every write over, one by one; return the worst slack (ticks) of each timeline in each pass."""
    timelines = list(make_program(TARGET, *steps).timelines())
    event_time, playback, decision = (
        getattr(dispatcher, name) / NS for name in ("event_time", "playback", "decision")
    )
    now, free, due, closed = 0, -dispatcher.start / NS, [], {}
    worst: list[list[float]] = [[] for _ in timelines]
    for what, which in way:
        if what == "wait":
            free = max(free, now + decision)
        elif what == "decide":
            free = max([free, *(closed[row] + decision for row in which if row in closed)])
        else:
            events = timelines[which]
            writes = sorted(
                {(t, c) for t, c in zip(events.time.tolist(), events.channel.tolist(), strict=True)}
            )
            slacks = []
            free += playback if writes else 0
            for tick, _ in writes:
                waits_for = due[-CAPACITY] if len(due) >= CAPACITY else -math.inf
                free = max(free + event_time, waits_for)
                due.append(now + tick)
                slacks.append(now + tick - free)
            worst[which].append(min(slacks, default=math.inf))
            for row in np.flatnonzero(events.operation == CLOSE):
                closed[int(events.value[row])] = now + int(events.time[row])
            now += events.duration
    return worst


def least(steps: Sequence[Step]) -> list[float]:
    """Return the worst slack of each timeline, by all ways."""
    by_way = [[min(seen, default=math.inf) for seen in plain_slacks(steps, way)] for way in ways(steps)]
    return [min(column) for column in zip(*by_way, strict=True)]


def seen(steps: Sequence[Step]) -> list[float]:
    return [trace.worst / NS for trace in examine(make_program(TARGET, *steps)).traces]


@settings(max_examples=75)
@given(straight_steps(most=60))
@pytest.mark.slow
def test_slack_of_loops_is_that_of_handing_over_write_by_write(steps: tuple[Step, ...]) -> None:
    assert seen(steps) == pytest.approx(least(steps), abs=1e-3)


@settings(max_examples=75)
@given(any_steps())
def test_no_way_through_a_program_has_less_slack_than_is_told(steps: tuple[Step, ...]) -> None:
    assert all(told <= found + 1e-3 for told, found in zip(seen(steps), least(steps), strict=True))


@given(any_steps())
def test_what_is_told_of_attempts_does_happen(steps: tuple[Step, ...]) -> None:
    if any(isinstance(step, Branch) for step in steps):
        return  # where two ways meet, the later of all times counts, though no single way may have them all
    assert seen(steps) == pytest.approx(least(steps), abs=1e-3)


@settings(max_examples=100)
@given(straight_steps(most=60))
def test_the_first_pass_that_falls_short_is_the_first(steps: tuple[Step, ...]) -> None:
    if len(steps) != 1 or not isinstance(steps[0], RepeatLoop) or len(steps[0].steps) != 1:
        return
    if not isinstance(steps[0].steps[0], Play):
        return
    (slacks,) = plain_slacks(steps, next(ways(steps)))
    late = [pass_ for pass_, slack in enumerate(slacks, 1) if slack < SMALL.margin / NS - 1e-6]
    told = examine(make_program(TARGET, *steps)).problems
    assert [problem.passes[0] for problem in told if isinstance(problem, UnderflowError)] == late[:1]


# ---- long loops, in closed form ----


def burst(duration: int, writes: int, gap: int = 1, first_line: int = 0) -> Play:
    events = [(5 + gap * row, LINE, LEVEL, float(row % 2)) for row in range(writes)]
    return Play(timeline(duration, events, first_line))


@pytest.mark.parametrize("duration", range(10, 16))
@pytest.mark.parametrize("start", [20, 21, 60, 333])
def test_a_loop_that_falls_behind_tells_its_first_late_pass(duration: int, start: int) -> None:
    """Three writes take 14 ticks to hand over: passes of 14 ticks and more go on for ever."""
    dispatcher = replace(SMALL, start=start * NS)
    loop = RepeatLoop(400, (burst(duration, 3, gap=3),))
    (slacks,) = plain_slacks((loop,), next(ways((loop,))), dispatcher)
    report = examine(make_program(make_target(dispatcher), loop))
    late = [pass_ for pass_, slack in enumerate(slacks, 1) if slack < SMALL.margin / NS]
    assert bool(late) == (duration < 14)
    assert [problem.passes for problem in report.problems] == [(pass_,) for pass_ in late[:1]]
    assert report.worst / NS == pytest.approx(min(slacks))
    if late:
        assert report.problems[0].lag / NS == pytest.approx(14 - duration)


@pytest.mark.parametrize("passes", [10, 1000, 10**6, 10**9])
def test_the_slack_of_the_last_pass_is_one_multiplication(passes: int) -> None:
    loop = RepeatLoop(passes, (burst(13, 3, gap=3),))
    report = examine(make_program(TARGET, loop))
    # The second pass waits for room, until the first write is played at 5: its last one, due at 24, is handed
    # over at 5 + 2 * 3. Each later pass is 1 tick later.
    assert report.worst / NS == pytest.approx(24 - 11 - (passes - 2))
    assert report.traces[0].passes == (passes,)


def test_a_loop_far_ahead_settles_at_a_full_queue() -> None:
    for passes in (10, 100, 10**7):
        loop = RepeatLoop(passes, (burst(1000, 3, gap=3), burst(500, 4, gap=2)))
        report = examine(make_program(TARGET, loop))
        if passes == 10:
            assert seen((loop,)) == pytest.approx(least((loop,)))
        assert report.queue == CAPACITY
        assert report.problems == ()


def test_loops_in_loops_fall_behind_together() -> None:
    inner = RepeatLoop(7, (burst(13, 3, gap=3),))
    for passes in (2, 5, 40):
        loop = RepeatLoop(passes, (inner, burst(10, 1)))
        assert seen((loop,)) == pytest.approx(least((loop,)))
    (problem, _) = examine(make_program(TARGET, RepeatLoop(10**6, (inner, burst(10, 1))))).problems
    assert problem.passes[0] <= 3
    assert len(problem.passes) == 2


def test_a_loop_of_waiting_costs_nothing() -> None:
    idle = RepeatLoop(10**9, (Play(timeline(1000, [])), RepeatLoop(10**6, (Play(timeline(7, [])),))))
    report = examine(make_program(TARGET, idle, burst(100, 3, gap=9)))
    assert report.problems == ()
    assert report.worst / NS > 10**12


# ---- decisions ----


def attempt(after: int, first_line: int = 0) -> Play:
    """Open a gate from tick 30 to 40, and end so many ticks after that."""
    events = [(10, OUTPUT, VOLTAGE, 1.0), (30, COUNTER, OPEN, 0.0), (40, COUNTER, CLOSE, 0.0)]
    return Play(timeline(40 + after, events, first_line))


def test_an_attempt_needs_time_to_be_decided() -> None:
    """Decision 4, playback 5, a write 3, margin 2: from the gate's end 14 ticks to the next event at 10."""
    enough, short = (AttemptLoop(1000, Herald((0,)), (attempt(after, 20),)) for after in (4, 3))
    prove(make_program(TARGET, enough))
    with pytest.raises(DecisionError) as told:
        prove(make_program(TARGET, short))
    assert told.value.missing / NS == pytest.approx(1)
    assert str(told.value) == (
        "lab.py:20: the event on channel 'output' at 10 ns (pass 2) comes too soon after the gate on channel "
        "'counter' at lab.py:22: the core has not decided yet what to play; insert a delay of 1 ns after the "
        "gate"
    )


def test_what_follows_an_attempt_and_what_lies_between_wait_for_the_decision() -> None:
    soon = Play(timeline(30, [(2, LINE, LEVEL, 1.0)], 50))
    for steps in (
        (AttemptLoop(5, Herald((0,)), (attempt(4),)), soon),
        (AttemptLoop(5, Herald((0,)), (attempt(4),), None, 2, (soon,)),),
        (attempt(4), Branch(Herald((0,)), (soon,), ())),
        (attempt(4), Branch(Herald((0,)), (), ()), soon),
    ):
        with pytest.raises(DecisionError) as told:
            prove(make_program(TARGET, *steps))
        assert told.value.source.line == 50
        assert told.value.missing / NS == pytest.approx(8)
    prove(make_program(TARGET, AttemptLoop(2, Herald((0,)), (attempt(4),), None, 2, (soon,))))


def test_a_branch_waits_for_its_own_gates_only() -> None:
    gates = [
        (10, COUNTER, OPEN, 0.0),
        (20, COUNTER, CLOSE, 0.0),
        (90, COUNTER, OPEN, 1.0),
        (100, COUNTER, CLOSE, 1.0),
    ]
    soon = Play(timeline(30, [(2, LINE, LEVEL, 1.0)]))
    prove(make_program(TARGET, Play(timeline(101, gates)), Branch(Herald((0,)), (soon,), ())))
    with pytest.raises(DecisionError):
        prove(
            make_program(TARGET, Play(timeline(101, gates)), Branch(Herald((0,)) & Herald((1,)), (soon,), ()))
        )


def test_a_trigger_leaves_time_to_react() -> None:
    late, soon = (Play(timeline(50, [(tick, LINE, LEVEL, 1.0)], 7)) for tick in (14, 13))
    prove(make_program(TARGET, Play(timeline(100, [])), Wait(TRIGGER, 1000), late))
    with pytest.raises(DecisionError) as told:
        prove(make_program(TARGET, Play(timeline(100, [])), Wait(TRIGGER, 1000), soon))
    assert str(told.value) == (
        "lab.py:7: the event on channel 'line' at 13 ns comes too soon after the trigger on channel "
        "'trigger': the core has not decided yet what to play; insert a delay of 1 ns after the trigger"
    )


@pytest.mark.parametrize(("timeout", "late"), [(1, False), (40, False), (10**6, True)])
def test_a_time_out_bounds_the_attempts(timeout: int, late: bool) -> None:
    """Each attempt of 25 ticks takes 5 + 7 * 3 to hand over: later by 1 tick each, from 20 ticks ahead."""
    crowd = [(tick, LINE, LEVEL, float(tick % 2)) for tick in range(16, 21)]
    body = Play(timeline(25, [*crowd, (0, COUNTER, OPEN, 0.0), (1, COUNTER, CLOSE, 0.0)]))
    dispatcher = replace(SMALL, start=60 * NS, depth=100)
    for maximum in (None, 10**6):
        loop = AttemptLoop(maximum, Herald((0,)), (body,), timeout)
        problems = examine(make_program(make_target(dispatcher), loop)).problems
        assert any(isinstance(problem, UnderflowError) for problem in problems) == late


def test_attempts_without_end_fall_behind_without_end() -> None:
    crowd = [(tick, LINE, LEVEL, float(tick % 2)) for tick in range(16, 21)]
    body = Play(timeline(25, [*crowd, (0, COUNTER, OPEN, 0.0), (1, COUNTER, CLOSE, 0.0)]))
    report = examine(make_program(TARGET, AttemptLoop(None, Herald((0,)), (body,))))
    assert report.worst < -1e-3
    (problem,) = (problem for problem in report.problems if isinstance(problem, UnderflowError))
    assert problem.lag / NS == pytest.approx(1)


# ---- messages ----


def test_an_underflow_tells_what_would_mend_it() -> None:
    crowded = make_program(
        make_target(replace(SMALL, lanes=8, start=10 * NS)), burst(100, 6, gap=1, first_line=3)
    )
    with pytest.raises(UnderflowError) as told:
        prove(crowded)
    # Handed over at -2, 1, 4, 7, 10, 13; due from 5 to 10: the third has a slack of 3, the fourth of 1.
    assert str(told.value) == (
        "lab.py:6: from the event on channel 'line' at 8 ns on, events are handed over as late as 3 ns after "
        "they are due, and the core needs 2 ns; insert a delay of 5 ns before it, or play fewer events"
    )
    mended = burst(100, 6, gap=1, first_line=3)
    mended.timeline.time[3:] += 5
    prove(replace(crowded, steps=(mended,)))


def test_an_event_may_be_early_and_still_too_late() -> None:
    close = Play(timeline(50, [(9, LINE, LEVEL, 1.0)], 3))
    with pytest.raises(UnderflowError) as told:
        prove(make_program(make_target(replace(SMALL, start=0.0)), close))
    assert str(told.value) == (
        "lab.py:3: from the event on channel 'line' at 9 ns on, events are handed over as late as 1 ns "
        "before they are due, and the core needs 2 ns; insert a delay of 1 ns before it, or play fewer events"
    )


def test_a_loop_that_falls_behind_tells_by_how_much() -> None:
    with pytest.raises(UnderflowError) as told:
        prove(make_program(TARGET, RepeatLoop(10**6, (burst(13, 3, gap=3, first_line=3),))))
    assert str(told.value) == (
        "lab.py:3: the event on channel 'line' at 5 ns (pass 14) is handed over too late: the core needs 1 "
        "ns more to hand over a pass of the loop than to play it; insert a delay of 1 ns into the loop, or "
        "play fewer events in it"
    )


def test_timelines_of_many_blocks_are_handed_over_as_one() -> None:
    from sequences.machine.limits import BLOCK

    rng = np.random.default_rng(5)
    gaps = rng.integers(1, 6, 2 * BLOCK + 100)
    ticks = np.cumsum(gaps)
    n = len(ticks)
    level = np.zeros(n, np.uint8)
    long = Timeline(
        int(ticks[-1]) + 1, ticks, np.full(n, LINE, np.uint16), level, np.zeros(n), np.zeros(n, np.uint32)
    )
    (slacks,) = plain_slacks((Play(long),), (("play", 0),))
    assert examine(make_program(TARGET, Play(long))).worst / NS == pytest.approx(slacks[0])
