"""Shortest pulses against a core that follows each channel, event by event."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from machine_programs import (
    AMPLITUDE,
    CLOSE,
    COUNTER,
    FREQUENCY,
    LEVEL,
    LINE,
    NS,
    OPEN,
    OTHER_TONE,
    PHASE,
    TONE,
    VOLTAGE,
    Way,
    any_steps,
    make_program,
    make_target,
    straight_steps,
    timeline,
    ways,
)

from sequences import Branch, Herald, Play, RepeatLoop, ShotValues
from sequences.faults import PulseError
from sequences.machine import examine, prove
from sequences.program import Step

SHORTEST = 7
TARGET = make_target(pulse=SHORTEST * NS)


def plain_pulses(steps: Sequence[Step], way: Way) -> dict[int, int]:
    """Follow every channel; return line -> ticks of its shortest pulse that is too short."""
    timelines = list(make_program(TARGET, *steps).timelines())
    since: dict[int, tuple[int, int]] = {}
    found: dict[int, int] = {}
    now = 0
    for number in (number for what, number in way if what == "play"):
        events = timelines[number]
        columns = (events.time, events.channel, events.operation, events.value, events.source)
        for tick, channel, what, value, line in zip(*(c.tolist() for c in columns), strict=True):
            if what in (FREQUENCY, PHASE, VOLTAGE) or channel == OTHER_TONE:
                continue
            if what == OPEN or (what in (LEVEL, AMPLITUDE) and value != 0):
                since.setdefault(channel, (now + tick, line))
            elif channel in since:
                start, begun = since.pop(channel)
                if now + tick - start < SHORTEST:
                    found[begun] = min(found.get(begun, SHORTEST), now + tick - start)
        now += events.duration
    return found


def least(steps: Sequence[Step]) -> dict[int, int]:
    found: dict[int, int] = {}
    for way in ways(steps):
        for line, ticks in plain_pulses(steps, way).items():
            found[line] = min(found.get(line, ticks), ticks)
    return found


def told(steps: Sequence[Step]) -> dict[int, int]:
    # The same line may stand in two timelines; what is told is sorted by line there, too.
    problems = examine(make_program(TARGET, *steps)).problems
    return {problem.source.line: round(problem.duration / NS) for problem in problems}


@settings(max_examples=100)
@given(straight_steps(most=5))
def test_pulses_are_those_of_each_channel(steps: tuple[Step, ...]) -> None:
    assert told(steps) == least(steps)


@given(any_steps())
def test_no_way_has_a_shorter_pulse_than_is_told(steps: tuple[Step, ...]) -> None:
    found = told(steps)
    assert all(found[line] <= ticks for line, ticks in least(steps).items())


def test_a_short_pulse_is_told_with_both_lengths() -> None:
    program = make_program(TARGET, Play(timeline(50, [(10, LINE, LEVEL, 1.0), (15, LINE, LEVEL, 0.0)], 3)))
    with pytest.raises(PulseError) as told:
        prove(program)
    assert str(told.value) == (
        "lab.py:3: the pulse or gate on channel 'line' lasts 5 ns; the shortest that it can play is 7 ns"
    )


def test_a_pulse_may_go_on_over_the_end_of_its_timeline() -> None:
    on, off = timeline(3, [(2, LINE, LEVEL, 1.0)]), timeline(50, [(8, LINE, LEVEL, 0.0)], 1)
    prove(make_program(TARGET, Play(on), Play(off)))
    with pytest.raises(PulseError):
        prove(make_program(TARGET, Play(on), Play(timeline(50, [(5, LINE, LEVEL, 0.0)], 1))))


def test_a_gate_is_open_for_long_enough() -> None:
    gates = [
        (10, COUNTER, OPEN, 0.0),
        (17, COUNTER, CLOSE, 0.0),
        (20, COUNTER, OPEN, 1.0),
        (26, COUNTER, CLOSE, 1.0),
    ]
    with pytest.raises(PulseError) as told:
        prove(make_program(TARGET, Play(timeline(50, gates))))
    assert told.value.source.line == 2


def test_an_envelope_is_one_pulse() -> None:
    steps = [(tick, TONE, AMPLITUDE, value) for tick, value in ((10, 0.2), (12, 0.9), (15, 0.2), (18, 0.0))]
    prove(make_program(TARGET, Play(timeline(50, [(10, TONE, FREQUENCY, 80e6), *steps]))))


def test_a_tone_that_changes_from_shot_to_shot_is_on_in_any() -> None:
    events = timeline(50, [(10, TONE, AMPLITUDE, 0.0), (12, TONE, AMPLITUDE, 0.0)])
    program = make_program(TARGET, Play(events))
    prove(program)
    import dataclasses

    import numpy as np

    changing = (ShotValues(0, np.array([0]), np.array([[0.0], [0.5]])),)
    with pytest.raises(PulseError):
        prove(dataclasses.replace(program, shot_values=changing))


def test_where_ways_meet_the_later_start_counts() -> None:
    begin = Branch(
        Herald((0,)),
        (Play(timeline(10, [(1, LINE, LEVEL, 1.0)], 1)),),
        (Play(timeline(10, [(8, LINE, LEVEL, 1.0)], 2)),),
    )
    end = Play(timeline(10, [(3, LINE, LEVEL, 0.0)], 3))
    assert told((begin, end)) == {2: 5}
    assert told((RepeatLoop(3, (begin, end)),)) == {2: 5}


@pytest.mark.parametrize("outer", [1, 2, 5])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10**6])
def test_the_passes_of_a_loop_count_for_a_pulse_around_it(count: int, outer: int) -> None:
    begin, end = Play(timeline(10, [(9, LINE, LEVEL, 1.0)])), Play(timeline(10, [(0, LINE, LEVEL, 0.0)], 1))
    other = RepeatLoop(outer, (RepeatLoop(count, (Play(timeline(1, [(0, COUNTER, FREQUENCY, 1.0)])),)),))
    lasts = 1 + count * outer
    assert told((begin, other, end)) == ({0: lasts} if lasts < SHORTEST else {})
