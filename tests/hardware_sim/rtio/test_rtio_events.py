"""Writes from events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware_sim.rtio.errors import CoreError, CycleError, NoDispatcherError
from hardware_sim.rtio.events import gather_writes
from hardware_sim.rtio.pace import Pace, pace_of
from sequences import Dispatcher, Target
from sequences.timeline import Operation, Timeline


def test_a_tones_settings_at_one_tick_are_one_write(desk: Any) -> None:
    tone = [
        (8, 16, Operation.FREQUENCY, 80e6),
        (8, 16, Operation.PHASE, 0.0),
        (8, 16, Operation.AMPLITUDE, 1.0),
    ]
    timeline = desk.timeline(100, [(0, 3, Operation.LEVEL, 1.0), *tone, (8, 17, Operation.AMPLITUDE, 0.0)])
    writes, write_of = gather_writes(timeline)
    assert writes.time.tolist() == [0, 8, 8]
    assert writes.channel.tolist() == [3, 16, 17]
    assert writes.source.tolist() == [0, 3, 4]
    assert write_of.tolist() == [0, 1, 1, 1, 2]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=30))
def test_every_event_is_in_the_write_of_its_tick_and_channel(events: list[tuple[int, int]]) -> None:
    time, channel = np.array(events, dtype=np.int64).reshape(-1, 2).T
    order = np.argsort(time, kind="stable")
    zeros = np.zeros(len(time))
    rows = np.arange(len(time), dtype=np.uint32)
    timeline = Timeline(9, time[order], channel[order].astype(np.uint16), zeros.astype(np.uint8), zeros, rows)
    writes, write_of = gather_writes(timeline)
    np.testing.assert_array_equal(writes.time[write_of], timeline.time)
    np.testing.assert_array_equal(writes.channel[write_of], timeline.channel)
    pairs = list(zip(writes.time.tolist(), writes.channel.tolist(), strict=True))
    assert pairs == sorted(set(events))
    for number in range(len(writes)):
        assert writes.source[number] == rows[write_of == number].max()


def test_a_pace_is_in_whole_numbers() -> None:
    target = Target("lab", 1e-9, (), Dispatcher())
    assert pace_of(target) == Pace(8, 128, 8, 13, 65_000, 4_000_000, 125_000_000, 1_000_000)
    slower = Target("lab", 1.25e-9, (), Dispatcher(cycle=10e-9, margin=100e-9))
    assert pace_of(slower) == Pace(8, 128, 8, 10, 52_000, 3_200_000, 100_000_000, 800_000)
    assert pace_of(Target("lab", 1e-9, ())) is None


def test_a_cycle_that_does_not_fit_the_clock_is_told() -> None:
    with pytest.raises(CycleError) as told:
        pace_of(Target("lab", 3e-9, (), Dispatcher()))
    assert str(told.value) == (
        "target 'lab': the dispatcher's cycle of 8 ns is no whole multiple of the core's period, 3 ns; "
        "give one that is"
    )
    assert isinstance(told.value, CoreError)


def test_a_core_without_a_dispatcher_is_told() -> None:
    assert str(NoDispatcherError("lab")) == (
        "target 'lab' has no dispatcher, so that nobody knows when its core is handed what; give the setup's "
        "core the numbers of one"
    )
