"""Shared buses against a scheduler that goes back from change to change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machine_programs import (
    AMPLITUDE,
    FREQUENCY,
    NS,
    OTHER_TONE,
    OUTPUT,
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
from sequences.faults import BusError
from sequences.machine import examine, prove, slots
from sequences.program import Step

NEEDED = 5
TARGET = make_target(programming=NEEDED * NS)
ON_BUS = (TONE, OTHER_TONE, OUTPUT)


def plain_clashes(steps: Sequence[Step], way: Way) -> dict[int, int]:
    """Follow what every channel holds; return line -> ticks that its changes miss."""
    timelines = list(make_program(TARGET, *steps).timelines())
    held: dict[tuple[int, int], float] = {}
    since: dict[int, int] = {}
    found: dict[int, int] = {}
    now, busy = 0, 0
    for number in (number for what, number in way if what == "play"):
        events = timelines[number]
        changes: list[tuple[int, int, int, int]] = []
        columns = (events.time, events.channel, events.operation, events.value, events.source)
        for tick, channel, what, value, line in zip(*(c.tolist() for c in columns), strict=True):
            off = what == AMPLITUDE and value == 0
            if channel in ON_BUS and not off and held.get((channel, what)) != value:
                held[channel, what] = value
                if (channel, now + tick) not in [(c, t) for t, _, c, _ in changes]:
                    changes.append((now + tick, since.get(channel, -(10**9)), channel, line))
                    since[channel] = now + tick
        end = 10**9
        floor = max(now, busy)
        for time, before, _, line in sorted(changes, reverse=True):
            end = min(end, time) - NEEDED
            if end < max(floor, before):
                found[line] = max(found.get(line, 0), max(floor, before) - end)
        busy = max((change[0] for change in changes), default=busy)
        now += events.duration
    return found


def most(steps: Sequence[Step]) -> dict[int, int]:
    found: dict[int, int] = {}
    for way in ways(steps):
        for line, missing in plain_clashes(steps, way).items():
            found[line] = max(found.get(line, 0), missing)
    return found


def told(steps: Sequence[Step]) -> dict[int, int]:
    found: dict[int, int] = {}
    for problem in examine(make_program(TARGET, *steps)).problems:
        assert isinstance(problem, BusError)
        line = problem.source.line
        found[line] = max(found.get(line, 0), round(problem.missing / NS))
    return found


@settings(max_examples=100)
@given(straight_steps(most=5))
def test_slots_are_those_of_a_scheduler(steps: tuple[Step, ...]) -> None:
    found, expected = told(steps), most(steps)
    assert max(found.values(), default=0) == max(expected.values(), default=0)
    assert all(found[line] <= expected[line] for line in found)


@given(any_steps())
def test_no_way_misses_more_than_is_told(steps: tuple[Step, ...]) -> None:
    assert max(told(steps).values(), default=0) >= max(most(steps).values(), default=0)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(1, 20)), min_size=1, max_size=30))
def test_slots_end_when_they_must(changes: list[tuple[int, int]]) -> None:
    changes.sort()
    times, needed = np.array(changes).T
    begin = slots(times, needed)
    end = 10**9
    for time, ticks, got in zip(
        times[::-1].tolist(), needed[::-1].tolist(), begin[::-1].tolist(), strict=True
    ):
        end = min(end, time) - ticks
        assert got == end


def tone(
    tick: int, channel: int, frequency: float, amplitude: float = 0.5
) -> list[tuple[int, int, int, float]]:
    facts = ((FREQUENCY, frequency), (PHASE, 0.0), (AMPLITUDE, amplitude))
    return [(tick, channel, what, value) for what, value in facts]


def test_changes_of_two_channels_wait_for_each_other() -> None:
    events = [*tone(10, TONE, 80e6), *tone(12, OTHER_TONE, 90e6), (13, OUTPUT, VOLTAGE, 1.0)]
    with pytest.raises(BusError) as told:
        prove(make_program(TARGET, Play(timeline(50, events, 10))))
    assert str(told.value) == (
        "lab.py:10: channel 'tone' is to change at 10 ns, but the 5 ns of its programming over bus 'spi', "
        "which must then be free for lab.py:13, do not fit after the start; insert a delay of 2 ns before it"
    )


def test_a_channel_is_not_programmed_while_its_last_change_is_due() -> None:
    events = [*tone(20, TONE, 80e6), *tone(23, TONE, 90e6)]
    with pytest.raises(BusError) as told:
        prove(make_program(TARGET, Play(timeline(50, events, 10))))
    assert str(told.value) == (
        "lab.py:13: channel 'tone' is to change at 23 ns, but the 5 ns of its programming over bus 'spi' do "
        "not fit after the change at lab.py:10; insert a delay of 2 ns before it"
    )


def test_switching_is_free() -> None:
    pulses = [(tick, TONE, AMPLITUDE, 0.5 * (tick % 2 == 0)) for tick in range(21, 30)]
    prove(make_program(TARGET, Play(timeline(50, [*tone(20, TONE, 80e6), *pulses]))))


def test_a_loop_that_leaves_a_tone_as_it_was_programs_nothing() -> None:
    setting, using = Play(timeline(20, tone(10, TONE, 80e6))), Play(timeline(2, tone(1, TONE, 80e6)))
    prove(make_program(TARGET, setting, RepeatLoop(1000, (using,))))
    with pytest.raises(BusError):
        prove(make_program(TARGET, RepeatLoop(1000, (using,))))


def test_what_a_branch_may_have_changed_has_to_be_programmed() -> None:
    setting = Play(timeline(20, tone(10, TONE, 80e6)))
    other = Play(timeline(20, tone(10, TONE, 90e6)))
    using = Play(timeline(2, tone(1, TONE, 80e6)))
    prove(make_program(TARGET, setting, Branch(Herald((0,)), (), ()), using))
    with pytest.raises(BusError):
        prove(make_program(TARGET, setting, Branch(Herald((0,)), (other,), ()), using))


def test_what_changes_from_shot_to_shot_has_to_be_programmed() -> None:
    events = timeline(50, [*tone(20, TONE, 80e6), (22, TONE, PHASE, 0.0)])
    program = make_program(TARGET, Play(events))
    prove(program)
    changing = (ShotValues(0, np.array([3]), np.array([[0.0], [0.5]])),)
    with pytest.raises(BusError):
        prove(replace(program, shot_values=changing))


def test_voltages_share_the_bus() -> None:
    events = [(6, OUTPUT, VOLTAGE, 1.0), *tone(8, TONE, 80e6)]
    with pytest.raises(BusError):
        prove(make_program(TARGET, Play(timeline(50, events))))
    report = examine(
        make_program(TARGET, Play(timeline(50, [(16, OUTPUT, VOLTAGE, 1.0), *tone(28, TONE, 80e6)])))
    )
    assert report.occupied == {"spi": pytest.approx(0.2)}
