"""The lanes against a dispatcher that takes one write after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine_programs import (
    AMPLITUDE,
    FREQUENCY,
    LEVEL,
    LINE,
    NS,
    OTHER_LINE,
    OTHER_TONE,
    PHASE,
    SMALL,
    SOURCES,
    TONE,
    Way,
    any_steps,
    make_program,
    make_target,
    straight_steps,
    timeline,
    ways,
)

from sequences import Dispatcher, Play, RepeatLoop
from sequences.errors import SequenceError
from sequences.faults import LaneError, RewindError
from sequences.machine import examine, prove
from sequences.program import Step

EASY = replace(SMALL, event_time=0.0, start=1.0)  # nothing comes too late


def plain_drops(steps: Sequence[Step], way: Way, dispatcher: Dispatcher) -> set[int]:
    """Put every write into its lane, one by one, and return the lines of those that find none."""
    timelines = list(make_program(make_target(), *steps).timelines())
    lanes = [-(10**9)] * dispatcher.lanes
    cycle, current, now, dropped = dispatcher.cycle / NS, 0, 0, set()
    for what, number in way:
        if what != "play":
            continue
        events = timelines[number]
        seen = set()
        for tick, channel, line in zip(
            events.time.tolist(), events.channel.tolist(), events.source.tolist(), strict=True
        ):
            if (tick, channel) in seen:
                continue
            seen.add((tick, channel))
            coarse = (now + tick) // cycle
            lane = current if coarse > lanes[current] else (current + 1) % dispatcher.lanes
            if coarse > lanes[lane]:
                lanes[lane], current = coarse, lane
            else:
                dropped.add(line)
        now += events.duration
    return dropped


def told(steps: Sequence[Step], dispatcher: Dispatcher) -> set[int]:
    problems = examine(make_program(make_target(dispatcher), *steps)).problems
    return {problem.source.line for problem in problems if isinstance(problem, LaneError | RewindError)}


@settings(max_examples=100)
@given(straight_steps(most=40), st.sampled_from([1, 2, 3, 4]), st.sampled_from([1, 2.5, 4, 8]))
def test_lanes_are_those_of_a_dispatcher(steps: tuple[Step, ...], lanes: int, cycle: float) -> None:
    dispatcher = replace(EASY, lanes=lanes, cycle=cycle * NS)
    expected = set().union(*(plain_drops(steps, way, dispatcher) for way in ways(steps)))
    assert told(steps, dispatcher) == expected


@given(any_steps(), st.sampled_from([2, 3]))
def test_no_way_drops_what_is_not_told(steps: tuple[Step, ...], lanes: int) -> None:
    dispatcher = replace(EASY, lanes=lanes)
    expected = set().union(*(plain_drops(steps, way, dispatcher) for way in ways(steps)))
    assert expected <= told(steps, dispatcher)


def test_a_crowd_names_all_its_lines() -> None:
    events = [(100, LINE, LEVEL, 1.0), (101, OTHER_LINE, LEVEL, 1.0), (102, TONE, FREQUENCY, 80e6)]
    program = make_program(make_target(EASY), Play(timeline(200, events, first_line=10)))
    with pytest.raises(LaneError) as told:
        prove(program)
    assert told.value.others == SOURCES[10:12]
    assert (told.value.events, told.value.lanes) == (3, 2)
    assert str(told.value) == (
        "lab.py:12: the event on channel 'tone' at 102 ns is one of 3 that are due in one cycle of 4 ns, and "
        "the core has 2 lanes, taken by lab.py:10, lab.py:11; insert a delay of 4 ns before it"
    )


def test_the_events_of_one_write_take_one_lane() -> None:
    tones = [(100, tone, what, 0.5) for tone in (TONE, OTHER_TONE) for what in (FREQUENCY, PHASE, AMPLITUDE)]
    prove(make_program(make_target(EASY), Play(timeline(200, tones))))


def test_whether_events_share_a_cycle_depends_on_when_their_timeline_starts() -> None:
    events = [(3, LINE, LEVEL, 1.0), (4, OTHER_LINE, LEVEL, 1.0), (5, TONE, FREQUENCY, 80e6)]
    crowd = Play(timeline(8, events))
    prove(make_program(make_target(EASY), crowd))
    prove(make_program(make_target(EASY), RepeatLoop(1000, (crowd,))))
    with pytest.raises(LaneError):
        prove(make_program(make_target(EASY), Play(timeline(1, [])), crowd))


def test_times_that_go_back_where_timelines_meet_need_a_lane() -> None:
    late = Play(timeline(100, [(120, LINE, LEVEL, 1.0), (120, OTHER_LINE, LEVEL, 1.0)], first_line=10))
    early = Play(timeline(100, [(5, TONE, FREQUENCY, 80e6)], first_line=20))
    with pytest.raises(RewindError) as told:
        prove(make_program(make_target(EASY), late, early))
    assert str(told.value) == (
        "lab.py:20: the event on channel 'tone' at 5 ns follows events of lab.py:10 that are due no earlier "
        "and fill all 2 lanes of the core; insert a delay of 20 ns before it"
    )
    assert isinstance(told.value, SequenceError)
    prove(make_program(make_target(replace(EASY, lanes=3)), late, early))


@pytest.mark.parametrize("count", [*range(1, 14), 10**6, 10**6 + 1, 10**6 + 2, 10**6 + 3])
def test_after_a_loop_the_phase_is_that_of_its_last_pass(count: int) -> None:
    """Passes of 1 tick in cycles of 4: three events from tick 3 on share a cycle after two counts in four."""
    pause = RepeatLoop(count, (Play(timeline(1, [])),))
    events = [(3, LINE, LEVEL, 1.0), (4, OTHER_LINE, LEVEL, 1.0), (5, TONE, FREQUENCY, 80e6)]
    crowded = (count + 3) % 4 in (0, 1)
    assert told((pause, Play(timeline(8, events, 10))), EASY) == ({12} if crowded else set())
