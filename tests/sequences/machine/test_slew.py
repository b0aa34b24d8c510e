"""Slew rates against a core that compares each sample with the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from machine_programs import (
    NS,
    OTHER_OUTPUT,
    OUTPUT,
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
from sequences.faults import SlewError
from sequences.machine import examine, prove
from sequences.program import Step

SLEW = 0.2  # volts a tick
TARGET = make_target(slew=SLEW / NS)


def plain_excess(steps: Sequence[Step], way: Way) -> dict[int, float]:
    """Compare every sample with the one before; return line -> volts by which it goes too far."""
    timelines = list(make_program(TARGET, *steps).timelines())
    last: dict[int, tuple[int, float]] = {}
    found: dict[int, float] = {}
    now = 0
    for number in (number for what, number in way if what == "play"):
        events = timelines[number]
        columns = (events.time, events.channel, events.value, events.source)
        for tick, channel, volts, line in zip(*(c.tolist() for c in columns), strict=True):
            if channel not in (OUTPUT, OTHER_OUTPUT):
                continue
            if channel in last:
                time, before = last[channel]
                allowed = (now + tick - time) * SLEW * (1 if channel == OUTPUT else 2)
                if abs(volts - before) > allowed + 1e-7:
                    found[line] = max(found.get(line, 0.0), abs(volts - before) - allowed)
            last[channel] = (now + tick, volts)
        now += events.duration
    return found


def most(steps: Sequence[Step]) -> dict[int, float]:
    found: dict[int, float] = {}
    for way in ways(steps):
        for line, excess in plain_excess(steps, way).items():
            found[line] = max(found.get(line, 0.0), excess)
    return found


def told(steps: Sequence[Step]) -> dict[int, float]:
    problems = examine(make_program(TARGET, *steps)).problems
    return {
        problem.source.line: abs(problem.step) - problem.slew * problem.gap
        for problem in problems
        if isinstance(problem, SlewError)
    }


@settings(max_examples=100)
@given(straight_steps(most=5))
def test_slew_is_that_of_neighbouring_samples(steps: tuple[Step, ...]) -> None:
    assert told(steps) == pytest.approx(most(steps), abs=1e-6)


@given(any_steps())
def test_no_way_has_a_faster_change_than_is_told(steps: tuple[Step, ...]) -> None:
    found = told(steps)
    assert all(found[line] >= excess - 1e-6 for line, excess in most(steps).items())


def test_a_fast_change_is_told_with_what_it_needs() -> None:
    events = [(10, OUTPUT, VOLTAGE, 0.0), (20, OUTPUT, VOLTAGE, 5.0)]
    with pytest.raises(SlewError) as told:
        prove(make_program(TARGET, Play(timeline(50, events, 3))))
    assert str(told.value) == (
        "lab.py:4: channel 'output' is to change by 5 V within 10 ns of the voltage at lab.py:3, but changes "
        "by 2e+08 V/s at most; give it 25 ns"
    )


def test_a_ramp_of_just_the_allowed_steepness_passes() -> None:
    ramp = [(10 * step, OUTPUT, VOLTAGE, step * (10 * SLEW)) for step in range(30)]
    prove(make_program(TARGET, Play(timeline(400, ramp))))


def test_the_end_of_a_loop_meets_its_start() -> None:
    body = Play(timeline(20, [(0, OUTPUT, VOLTAGE, 0.0), (18, OUTPUT, VOLTAGE, 3.0)]))
    prove(make_program(TARGET, body))
    with pytest.raises(SlewError):
        prove(make_program(TARGET, RepeatLoop(2, (body,))))


def test_both_ways_of_a_branch_count() -> None:
    low, high = (Play(timeline(5, [(0, OUTPUT, VOLTAGE, volts)], at)) for at, volts in ((1, 0.0), (2, 4.0)))
    for then in ((0, 4.0), (0, 0.0)):
        after = Play(timeline(5, [(then[0], OUTPUT, VOLTAGE, then[1])], 3))
        with pytest.raises(SlewError):
            prove(make_program(TARGET, Branch(Herald((0,)), (low,), (high,)), after))


def test_voltages_of_every_shot_count() -> None:
    events = timeline(50, [(10, OUTPUT, VOLTAGE, 0.0), (20, OUTPUT, VOLTAGE, 0.0)])
    values = np.array([[0.0, 1.0], [5.0, 6.0], [0.0, 5.0]])
    steady = (ShotValues(0, np.array([0, 1]), values[:2]),)
    prove(replace(make_program(TARGET, Play(events)), shot_values=steady))
    jumping = (ShotValues(0, np.array([0, 1]), values),)
    with pytest.raises(SlewError):
        prove(replace(make_program(TARGET, Play(events)), shot_values=jumping))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 24, 25, 10**6])
def test_the_passes_of_a_loop_count_as_time(count: int) -> None:
    """Five volts need 25 ticks."""
    low, high = (
        Play(timeline(1, [(0, OUTPUT, VOLTAGE, volts)], line)) for line, volts in ((1, 0.0), (2, 5.0))
    )
    found = told((low, RepeatLoop(count, (Play(timeline(1, [(0, 1, 0, 1.0)])),)), high))
    assert found == (pytest.approx({2: 5 - (1 + count) * SLEW}) if count < 24 else {})
