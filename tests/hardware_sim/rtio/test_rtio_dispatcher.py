"""The dispatcher, write by write, against the rules of the gateware."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware_sim.rtio.dispatcher import EventDispatcher
from hardware_sim.rtio.events import Outcome
from hardware_sim.rtio.feeding import HandOvers, feed, feed_each
from hardware_sim.rtio.pace import PARTS, Pace

KASLI = Pace(8, 128, 8, 13, 65_000, 4_000_000, 125_000_000, 1_000_000)
TINY = Pace(3, 4, 8, 2, 20_000, 100_000, 500_000, 50_000)


def outcomes(told: HandOvers) -> list[Outcome]:
    return [Outcome(each) for each in told.outcome]


def lanes(dispatcher: EventDispatcher, *times: int) -> list[int]:
    return [dispatcher.write(time).lane for time in times]


def test_later_cycles_stay_in_the_lane_and_all_others_move_on() -> None:
    assert lanes(EventDispatcher(KASLI), 0, 8, 15, 16, 17, 8000, 8008) == [0, 0, 1, 1, 2, 2, 2]


def test_going_back_fails_where_the_next_lane_holds_something_later() -> None:
    """Eight lanes hold eight writes of one cycle; the ninth finds the first lane taken."""
    dispatcher = EventDispatcher(KASLI)
    told = [dispatcher.write(time) for time in [0] * 9]
    assert [each.lane for each in told] == [*range(8), -1]
    assert told[-1].outcome is Outcome.SEQUENCE
    assert told[-1].short == 8
    assert dispatcher.write(24).lane == 7, "what was refused leaves no trace"
    assert dispatcher.write(8).lane == 0


def test_a_lane_remembers_its_last_cycle_after_it_has_run_empty() -> None:
    dispatcher = EventDispatcher(replace(KASLI, lanes=2, margin=-(10**6)))
    assert lanes(dispatcher, 80, 80, 88) == [0, 1, 1]
    dispatcher.wait_until(10**6 * PARTS)
    assert dispatcher.write(80).outcome is Outcome.SEQUENCE


def test_underflow_is_decided_in_whole_cycles() -> None:
    """A write has to be handed over thirteen cycles before its own: 97 to 104 ns of 8 ns."""
    pace = replace(KASLI, event=0, start=0)
    for now, accepted in ((103, True), (104, True), (111, True), (112, False)):
        dispatcher = EventDispatcher(pace, clock=0, lanes=EventDispatcher(pace).lanes)
        dispatcher.wait_until(now * PARTS)
        told = dispatcher.write(8 * 26 + 7)
        assert (told.outcome is Outcome.PLAYED) == accepted
        assert told.slack == (26 - now // 8 - 13) * 8
        assert told.short == (0 if accepted else 8)


def test_an_underflow_leaves_no_trace_but_its_time() -> None:
    dispatcher = EventDispatcher(KASLI)
    dispatcher.wait_until(0)
    before = dispatcher.copy()
    assert dispatcher.write(0).outcome is Outcome.UNDERFLOW
    before.clock += KASLI.event
    assert dispatcher.shape(0) == before.shape(0)
    assert dispatcher.clock == before.clock


def test_a_full_lane_stalls_the_feeding_until_its_oldest_write_leaves() -> None:
    dispatcher = EventDispatcher(replace(KASLI, depth=3))
    told = [dispatcher.write(8000 * (number + 1)) for number in range(5)]
    assert [each.lane for each in told] == [0, 0, 0, 1, 1], "then the next lane is used"
    assert told[2].counter == -125_000 + 3 * 65 // 8 * 8
    assert told[3].counter == 8000
    assert told[4].counter == (8000 + 65) // 8 * 8


def test_feeding_takes_the_time_of_the_timeline_and_of_its_writes() -> None:
    dispatcher = EventDispatcher(KASLI)
    dispatcher.begin_timeline()
    told = feed_each(dispatcher, np.array([0, 8, 16]))
    assert told.counter.tolist() == [-120_936, -120_872, -120_808]
    assert told.slack.tolist() == [120_936 - 104, 120_872 + 8 - 104, 120_808 + 16 - 104]


PACES = st.builds(
    Pace,
    lanes=st.integers(1, 5),
    depth=st.integers(1, 9),
    cycle=st.sampled_from([1, 4, 8]),
    margin=st.integers(0, 5),
    event=st.integers(0, 40).map(lambda ticks: ticks * PARTS // 2),
    playback=st.just(0),
    start=st.integers(0, 400).map(lambda ticks: ticks * PARTS),
    decision=st.just(0),
)


@st.composite
def submitted(draw: st.DrawFn) -> np.ndarray:
    """Times that mostly rise, by small steps, with some at once and some going back."""
    seed, count = draw(st.integers(0, 2**32)), draw(st.integers(1, 200))
    step, back = draw(st.integers(1, 60)), draw(st.integers(0, 60))
    rng = np.random.default_rng(seed)
    steps = rng.integers(0, step, size=count) * (rng.random(count) < 0.8)
    steps -= (rng.random(count) < draw(st.sampled_from([0, 0.02, 0.2]))) * back
    return np.cumsum(steps)


@settings(max_examples=100)
@given(PACES, st.lists(submitted(), min_size=1, max_size=4))
def test_columns_give_the_same_as_write_by_write(pace: Pace, timelines: list[np.ndarray]) -> None:
    one, other = EventDispatcher(pace), EventDispatcher(pace)
    for times in timelines:
        expected, told = feed_each(one, times), feed(other, times)
        for column in ("lane", "counter", "slack", "outcome", "short"):
            np.testing.assert_array_equal(getattr(told, column), getattr(expected, column), column)
        assert other == one, "so is the state that it leaves, and its margins"


@pytest.mark.parametrize("step", [3, 8, 40, 66, 200])
def test_long_columns_give_the_same_as_write_by_write(step: int) -> None:
    """At 40 ns a write the feeding falls behind after some thousands; at 200 ns it stalls all the time."""
    times = np.cumsum(np.random.default_rng(step).integers(0, 2 * step, size=20_000))
    one, other = EventDispatcher(KASLI), EventDispatcher(KASLI)
    expected, told = feed_each(one, times), feed(other, times)
    assert outcomes(told) == outcomes(expected)
    np.testing.assert_array_equal(told.slack, expected.slack)
    np.testing.assert_array_equal(told.lane, expected.lane)
    assert one == other


def test_a_saturated_core_is_ahead_by_one_lane_at_least_and_by_two_at_most() -> None:
    """Evenly spaced writes never fill all lanes: each holds the feeding until its own oldest write leaves."""
    told = feed(EventDispatcher(KASLI), 200 * np.arange(1, 4000))
    ahead = (told.slack[1000:] + 104) / 200
    assert 127 <= ahead.min() <= 129
    assert 200 <= ahead.max() <= 256


@given(PACES, submitted(), st.integers(-50, 50))
def test_margins_tell_how_far_the_feeding_can_shift(pace: Pace, times: np.ndarray, share: int) -> None:
    """Shifted by less than its margins, a feeding that never stalled has the same outcome."""
    first = EventDispatcher(pace)
    expected = feed(first, times)
    margins = first.margins
    if margins.stalled:
        return
    shift = (
        min(margins.later, 10**6) * share // 50 if share > 0 else min(margins.earlier, 10**6) * share // 50
    )
    second = EventDispatcher(pace)
    second.clock += shift
    told = feed(second, times)
    np.testing.assert_array_equal(told.outcome, expected.outcome)
    np.testing.assert_array_equal(told.lane, expected.lane)
    assert not second.margins.stalled
    assert second.clock == first.clock + shift
