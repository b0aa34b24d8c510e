"""Whole programs on the simulated core: what is lost, and how it is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware_sim.rtio import Outcome, rehearse
from hardware_sim.rtio.findings import UNPLAYED
from sequences import Dispatcher
from sequences.conditions import Herald
from sequences.program import AttemptLoop, Branch, RepeatLoop, Wait
from sequences.timeline import Operation
from sequences.units import show

KASLI = Dispatcher()
PHOTON = Herald((0,))


def test_without_a_dispatcher_everything_is_played(desk: Any) -> None:
    program = desk.program(desk.target(None), desk.edges(8, *[(0, n) for n in range(16)]))
    told = rehearse(program)
    assert [mask.all() for mask in told.played] == [True]
    assert (told.faults, told.worst_slack) == ((), None)


def test_slack_is_the_time_that_was_left(desk: Any) -> None:
    """125 us to begin with, less 4 us for the timeline, 65 ns for each write, and 104 ns of margin."""
    program = desk.program(desk.target(KASLI), desk.edges(1000, (0, 0), (8, 1), (500, 0)))
    told = rehearse(program)
    assert told.slack[0].tolist() == [120_832, 120_776, 121_200]
    assert told.worst_slack == 120_776
    assert told.played[0].all()


def test_nine_at_once_lose_the_ninth(desk: Any) -> None:
    program = desk.program(desk.target(KASLI), desk.edges(1000, *[(100, n) for n in range(9)]))
    told = rehearse(program)
    assert told.played[0].tolist() == [True] * 8 + [False]
    (fault,) = told.faults
    assert str(fault) == (
        "seq.py:8: channel 'line8' at 100 ns of its timeline: the next of the core's 8 lanes holds an event "
        "of its 8 ns cycle or later already, and it is lost; play it at least 8 ns later, or fewer channels "
        "at once"
    )


def test_a_burst_that_is_faster_than_the_feeding_underflows(desk: Any) -> None:
    """A write every 40 ns falls behind by 25 ns a write; the first 120 us of slack last for 4800."""
    edges = [(40 * n, n % 2) for n in range(6000)]
    program = desk.program(desk.target(KASLI), desk.edges(250_000, *edges))
    told = rehearse(program)
    lost = np.flatnonzero(~told.played[0])
    assert lost[0] == np.argmax(told.slack[0] < 0)
    assert (told.slack[0][lost] < 0).all()
    assert {fault.kind for fault in told.faults} == {Outcome.UNDERFLOW}


def test_an_underflow_says_by_how_much_and_what_would_mend_it(desk: Any) -> None:
    wait = Wait(32, 10**6)
    program = desk.program(desk.target(KASLI), wait, desk.edges(10_000, (0, 0), (6000, 1)))
    told = rehearse(program)
    assert told.played[0].tolist() == [False, True]
    (fault,) = told.faults
    assert fault.short == pytest.approx(5168e-9)
    assert str(fault) == (
        "seq.py:0: channel 'line0' at 0 s of its timeline: it reaches the core 5.168 us too late and is "
        "lost; insert a delay of at least 5.168 us before it, or play fewer events before it"
    )
    mended = desk.program(desk.target(KASLI), wait, desk.edges(10_000, (5168, 0), (6000, 1)))
    assert rehearse(mended).faults == ()
    too_little = desk.program(desk.target(KASLI), wait, desk.edges(10_000, (5167, 0), (6000, 1)))
    assert len(rehearse(too_little).faults) == 1


def test_a_collision_names_both_lines(desk: Any) -> None:
    program = desk.program(desk.target(KASLI), desk.edges(1000, (16, 0), (20, 0), (40, 0)))
    told = rehearse(program)
    assert told.played[0].tolist() == [False, False, True]
    assert [str(fault) for fault in told.faults] == [
        "seq.py:0: channel 'line0' at 16 ns of its timeline: it collides with the write of seq.py:1 in the "
        "same cycle of 8 ns, and both are lost; play them in different cycles: at least 8 ns apart",
        "seq.py:1: channel 'line0' at 20 ns of its timeline: it collides with the write of seq.py:0 in the "
        "same cycle of 8 ns, and both are lost; play them in different cycles: at least 8 ns apart",
    ]


def test_a_busy_channel_is_told(desk: Any) -> None:
    events = [(0, 24, Operation.VOLTAGE, 1.0), (800, 24, Operation.VOLTAGE, 2.0)]
    events += [(1600, 24, Operation.VOLTAGE, 3.0)]
    program = desk.program(desk.target(KASLI), desk.play(2000, events))
    told = rehearse(program)
    assert told.played[0].tolist() == [True, False, True]
    (fault,) = told.faults
    assert str(fault) == (
        "seq.py:1: channel 'dac' at 800 ns of its timeline: the channel is still busy with the write of "
        "seq.py:0 for another 200 ns, and it is lost; play it at least 200 ns later"
    )


def test_times_are_told_as_the_author_wrote_them(desk: Any) -> None:
    """The tones need 400 ns to make light, so that lines wait as long."""
    program = desk.program(desk.target(KASLI, 400e-9), desk.edges(2000, (504, 0), (508, 0)))
    times = [fault.time for fault in rehearse(program).faults]
    assert times == [pytest.approx(104e-9), pytest.approx(108e-9)]


def test_writes_of_one_line_are_one_fault(desk: Any) -> None:
    burst = desk.edges(90_000, *[(64 * n, 0) for n in range(50)])
    burst = replace(burst, timeline=replace(burst.timeline, source=np.zeros(50, dtype=np.uint32)))
    (fault,) = (told := rehearse(desk.program(desk.target(KASLI), Wait(32, 8), burst))).faults
    assert fault.writes == 50
    assert "at 0 s of its timeline (and 49 more of this line): it reaches" in str(fault)
    assert not told.played[0].any()


def test_ends_and_starts_at_a_seam_do_not_disturb_each_other(desk: Any) -> None:
    """A line that goes low as the next pass raises it stays high, which is what was asked for."""
    body = desk.edges(1000, (0, 0), (1000, 0))
    told = rehearse(desk.program(desk.target(KASLI), RepeatLoop(5, (body,))))
    assert told.faults == ()
    assert told.played[0].all()


def test_gates_that_touch_at_a_seam_are_both_lost(desk: Any) -> None:
    body = desk.gate(100_000, 0, 100_000)
    told = rehearse(desk.program(desk.target(KASLI), RepeatLoop(3, (body,))))
    assert told.played[0].tolist() == [False, False]
    assert [fault.kind for fault in told.faults] == [Outcome.COLLIDED] * 2
    assert "seq.py:0: channel 'counter32' at 0 s of its timeline, first in pass 2 of the loop: it" in str(
        told.faults[0]
    )
    assert told.faults[1].passes == (1,)


def test_a_loop_tells_in_which_pass_it_falls_behind(desk: Any) -> None:
    """Two writes and the timeline take 4130 ns, the body 4129 ns: a nanosecond is lost each time."""
    body = desk.edges(4129, (0, 0), (2000, 1))
    told = rehearse(desk.program(desk.target(KASLI), RepeatLoop(1_000_000, (body,))))
    first, second = told.faults
    # 125 us less 4065 ns for the first write, and less than a cycle beyond the margin of 104 ns.
    assert first.passes[0] == pytest.approx(125_000 - 4_065 - 104, abs=8)
    assert second.passes[0] == pytest.approx(125_000 - 4_130 - 104 + 2000, abs=8)
    assert str(first) == (
        f"seq.py:0: channel 'line0' at 0 s of its timeline, first in pass {first.passes[0]} of the loop: it "
        f"reaches the core 8 ns too late and is lost, and {show(first.short, 's', 12)} too late in the worst "
        "pass; make each pass longer, or play fewer events in it"
    )
    assert first.short == pytest.approx(1e-9 * (1_000_000 - first.passes[0]), abs=16e-9)
    assert not told.played[0].any()


def test_nested_passes_are_told_from_the_inside(desk: Any) -> None:
    inner = RepeatLoop(100, (desk.edges(4129, (0, 0), (2000, 1)),))
    told = rehearse(desk.program(desk.target(KASLI), RepeatLoop(10_000, (inner,))))
    outer, within = told.faults[0].passes
    assert (outer - 1) * 100 + within == pytest.approx(125_000 - 4_065 - 104, abs=8)
    assert f"first in pass {within} of pass {outer} of the loops" in str(told.faults[0])


def test_an_attempt_needs_time_to_decide(desk: Any) -> None:
    """From the close of the gate: 1 us to know, 4 us for the timeline, 65 ns for the write, 104 ns margin."""
    needed = 1000 + 4000 + 65 + 104

    def attempts(tail: int) -> Any:
        body = desk.gate(1000 + tail, 0, 1000)
        return rehearse(desk.program(desk.target(KASLI), AttemptLoop(1000, PHOTON, (body,))))

    assert attempts(needed + 8).faults == ()
    faults = attempts(needed - 8).faults
    assert [(fault.kind, fault.passes, fault.time) for fault in faults] == [(Outcome.UNDERFLOW, (2,), 0.0)]


def test_what_follows_the_attempts_waits_for_the_last_one(desk: Any) -> None:
    loop = AttemptLoop(10, PHOTON, (desk.gate(20_000, 0, 19_000),))
    after = desk.edges(100, (0, 0))
    told = rehearse(desk.program(desk.target(KASLI), loop, after))
    assert {(fault.channel, fault.passes) for fault in told.faults} == {("counter32", (2,)), ("line0", ())}


def test_between_attempts_is_counted_by_attempts(desk: Any) -> None:
    attempt, between = desk.gate(20_000, 0, 10_000), desk.edges(1000, (0, 0), (4, 0))
    loop = AttemptLoop(1_000_000, PHOTON, (attempt,), every=50, between=(between,))
    told = rehearse(desk.program(desk.target(KASLI), loop))
    assert [fault.passes for fault in told.faults] == [(50,), (50,)]
    assert {fault.kind for fault in told.faults} == {Outcome.COLLIDED}


def test_between_is_not_played_after_the_last_attempt(desk: Any) -> None:
    attempt, between = desk.gate(20_000, 0, 10_000), desk.edges(1000, (0, 0))
    loop = AttemptLoop(50, PHOTON, (attempt,), every=50, between=(between,))
    assert rehearse(desk.program(desk.target(KASLI), loop)).slack[1].tolist() == [UNPLAYED]
    assert rehearse(desk.program(desk.target(KASLI), replace(loop, maximum=51))).slack[1][0] < UNPLAYED


@pytest.mark.parametrize(("timeout", "reached"), [(60_000, 1), (60_001, 2), (None, 2)])
def test_no_attempt_begins_after_the_time_out(desk: Any, timeout: int | None, reached: int) -> None:
    """Three attempts of 20 us are over after 60 us; a fourth would bring the second pause."""
    attempt, between = desk.gate(20_000, 0, 10_000), desk.edges(0, (12, 0))
    loop = AttemptLoop(5, PHOTON, (attempt,), timeout, every=1, between=(between,))
    told = rehearse(desk.program(desk.target(KASLI), replace(loop, every=2)))
    assert told.slack[1][0] < UNPLAYED
    three = rehearse(desk.program(desk.target(KASLI), replace(loop, every=3)))
    assert (three.slack[1][0] < UNPLAYED) == (reached == 2)


def test_attempts_without_an_end_are_as_many_as_it_takes(desk: Any) -> None:
    """Each takes a nanosecond longer to feed than it lasts, which nobody notices in the first 100 000."""
    attempt = desk.edges(4129, (0, 0), (2000, 1))
    told = rehearse(desk.program(desk.target(KASLI), AttemptLoop(None, PHOTON, (attempt,))))
    assert [fault.passes[0] > 100_000 for fault in told.faults] == [True, True]


def test_a_branch_waits_for_its_gates_and_goes_both_ways(desk: Any) -> None:
    gate = desk.gate(10_000, 0, 4000)
    short, long = desk.edges(1000, (0, 0)), desk.edges(1000, (9, 1), (10, 1))
    branch = Branch(PHOTON, (short,), (long,))
    told = rehearse(desk.program(desk.target(KASLI), gate, branch))
    assert told.slack[1].tolist() == [10_000 - 4000 - 1000 - 4000 - 65 - 104 + 1]
    assert [fault.kind for fault in told.faults] == [Outcome.COLLIDED] * 2
    assert {fault.timeline for fault in told.faults} == {2}


def test_after_a_branch_the_way_that_took_longer_to_feed_counts(desk: Any) -> None:
    gate = desk.gate(10_000, 0, 4000)
    many = desk.edges(10_000, *[(100 * n, n % 2) for n in range(100)])
    none, after = desk.edges(10_000), desk.edges(1000, (0, 0))
    target = desk.target(KASLI)

    def slack(*ways: Any) -> int:
        told = rehearse(desk.program(target, gate, Branch(PHOTON, (ways[0],), (ways[1],)), after))
        return int(told.slack[-1][0])

    assert slack(many, none) == slack(none, many) == slack(many, many) < slack(none, none)


def test_loops_that_are_never_entered_do_nothing(desk: Any) -> None:
    told = rehearse(desk.program(desk.target(KASLI), RepeatLoop(0, (desk.edges(10, (0, 0), (1, 0)),))))
    assert told.faults == ()
    assert told.worst_slack is None
