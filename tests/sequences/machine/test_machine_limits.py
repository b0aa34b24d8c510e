"""Sizes, tables of limits, and reports."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from machine_programs import (
    CLOSE,
    COUNTER,
    FREQUENCY,
    LEVEL,
    LINE,
    NS,
    OPEN,
    OUTPUT,
    SMALL,
    SOURCES,
    TONE,
    VOLTAGE,
    make_program,
    make_target,
    timeline,
)

from sequences import AttemptLoop, Branch, Channel, Dispatcher, Herald, Kind, Play, RepeatLoop, Target, Wait
from sequences.errors import CompileError, Source
from sequences.faults import MachineError, NestingError, PulseError, ShotLengthError, SlewError, StorageError
from sequences.machine import examine, prove, writes
from sequences.machine.limits import Machine, machine_of
from sequences.machine.rates import busiest
from sequences.machine.writes import Sheet, writes_in

ROOMY = replace(SMALL, lanes=8, depth=128, start=1.0)


def edges(ticks: list[int], first_line: int = 0) -> Play:
    events = [(tick, LINE, LEVEL, float(row % 2 == 0)) for row, tick in enumerate(ticks)]
    return Play(timeline(max(ticks) + 10, events, first_line))


def test_a_program_larger_than_memory_tells_who_fills_it() -> None:
    many = edges(list(range(100, 160, 10)))
    many.timeline.source[:] = [7, 8, 8, 8, 9, 9]
    with pytest.raises(StorageError) as told:
        prove(make_program(make_target(replace(ROOMY, memory=5)), many))
    assert str(told.value) == (
        "lab.py:8: the program holds 6 events, 3 of them made here, and the core has room for 5; repeat with "
        "loops of the hardware, or sample more coarsely"
    )
    prove(make_program(make_target(replace(ROOMY, memory=6)), RepeatLoop(1000, (many,))))


def test_a_shot_longer_than_the_core_can_count() -> None:
    target = make_target(replace(ROOMY, longest=1e-3))
    steps = (edges([100], 1), RepeatLoop(10_000, (edges([100], 2),)), edges([100], 3))
    with pytest.raises(ShotLengthError) as told:
        prove(make_program(target, *steps))
    assert str(told.value) == (
        "lab.py:2: a shot can last 1.10022 ms, most of it here, and the core plays 1 ms at most; use fewer "
        "passes or a shorter time-out"
    )
    prove(make_program(target, steps[0], RepeatLoop(9_000, (edges([100]),))))


def test_loops_deeper_than_the_core_can_follow() -> None:
    target = make_target(replace(ROOMY, nesting=2))
    gate = [(10, COUNTER, OPEN, 0.0), (20, COUNTER, CLOSE, 0.0)]
    attempt = AttemptLoop(3, Herald((0,)), (Play(timeline(100, gate, 5)),))
    deep = RepeatLoop(2, (Play(timeline(10, [])), RepeatLoop(2, (attempt,))))
    with pytest.raises(NestingError) as told:
        prove(make_program(target, deep))
    assert str(told.value) == (
        "lab.py:5: 3 loops stand in each other here, and the core can follow 2; join two of them into one"
    )
    prove(make_program(target, RepeatLoop(2, (attempt, attempt))))


def test_a_branch_is_no_loop() -> None:
    branch = Branch(Herald((0,)), (edges([100]),), (edges([100]),))
    for _ in range(5):
        branch = Branch(Herald((0,)), (branch,), ())
    prove(make_program(make_target(replace(ROOMY, nesting=1)), RepeatLoop(2, (branch,))))


def test_all_problems_are_told_together() -> None:
    target = make_target(replace(ROOMY, memory=2), pulse=7 * NS, slew=0.1 / NS)
    events = [
        (10, LINE, LEVEL, 1.0),
        (12, LINE, LEVEL, 0.0),
        (10, OUTPUT, VOLTAGE, 0.0),
        (20, OUTPUT, VOLTAGE, 5.0),
    ]
    with pytest.raises(CompileError) as told:
        prove(make_program(target, Play(timeline(50, events))))
    assert {type(problem) for problem in told.value.problems} == {StorageError, PulseError, SlewError}
    assert all(isinstance(problem, MachineError) for problem in told.value.problems)


def test_a_target_without_limits_plays_everything() -> None:
    program = make_program(make_target(), RepeatLoop(10**9, (edges([0, 1, 2]),)), Wait(8, 5))
    assert prove(program) is program
    report = examine(program)
    assert (report.problems, report.traces, report.worst, report.queue) == ((), (), np.inf, 0)


def test_programs_without_sources_are_proved_too() -> None:
    program = make_program(make_target(pulse=7 * NS), edges([10, 12]))
    with pytest.raises(PulseError, match=r"^<unknown>:0: the pulse"):
        prove(replace(program, sources=()))


def test_times_are_told_as_the_author_wrote_them() -> None:
    quick, slow = (
        Channel("quick", Kind.TTL, 1, NS, pulse=50 * NS),
        Channel("slow", Kind.TTL, 2, NS, latency=600 * NS),
    )
    machine = machine_of(Target("two", NS, (quick, slow)))
    assert machine.written(1, 1600) == pytest.approx(1000 * NS)
    assert machine.written(2, 1000) == pytest.approx(1000 * NS)


def test_channels_of_one_rule_are_neighbours() -> None:
    channels = (
        Channel("dac", Kind.DAC, 1, NS, slew=1e6, bus="a", programming=NS),
        Channel("plain dac", Kind.DAC, 2, NS, slew=1e6),
        Channel("bare", Kind.DDS, 3, NS),
        Channel("line", Kind.TTL, 4, NS, pulse=NS),
        Channel("tone", Kind.DDS, 5, NS, pulse=NS, bus="b", programming=NS),
        Channel("free tone", Kind.DDS, 6, NS, bus="a", programming=2 * NS),
        Channel("bus dac", Kind.DAC, 7, NS, bus="b", programming=NS, pulse=NS),
        Channel("alone", Kind.DDS, 8, NS, programming=NS),
    )
    machine = Machine.of(Target("mixed", NS, channels))

    def names(group: object) -> set[str]:
        return {channel.name for channel in group.channels}  # type: ignore[attr-defined]

    assert names(machine.pulses) == {"line", "tone"}
    assert names(machine.programmed) == {"tone", "free tone", "bus dac", "dac"}
    assert names(machine.slews) == {"dac", "plain dac"}
    for group in (machine.pulses, machine.programmed, machine.slews):
        places = [int(machine.place[channel.number]) for channel in group.channels]
        assert places == list(range(group.first, group.first + len(group)))


def test_hundreds_of_channels_have_room() -> None:
    channels = tuple(Channel(f"line {n}", Kind.TTL, n, NS, pulse=7 * NS) for n in range(700))
    target = Target("large", NS, channels)
    events = [(10, 650, LEVEL, 1.0), (12, 650, LEVEL, 0.0), (10, 651, LEVEL, 1.0), (30, 651, LEVEL, 0.0)]
    with pytest.raises(PulseError, match="'line 650'"):
        prove(replace(make_program(target, Play(timeline(50, events)))))


def test_long_timelines_are_looked_at_in_blocks_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens across the border of two blocks is what happens within one."""
    block = 64  # blocks of the usual length have the same borders
    monkeypatch.setattr(writes, "BLOCK", block)
    target = make_target(
        replace(ROOMY, event_time=0.0, lanes=2), pulse=7 * NS, slew=1 / NS, programming=5 * NS
    )
    for border in range(block - 4, block + 4):
        filling = [(20 + 2 * row, 2, LEVEL, 0.0) for row in range(border)]
        at = 20 + 2 * border + 100
        own = [
            (at, LINE, LEVEL, 1.0),
            (at + 3, LINE, LEVEL, 0.0),
            (at + 40, OUTPUT, VOLTAGE, 0.0),
            (at + 50, OUTPUT, VOLTAGE, 20.0),
            (at + 60, TONE, FREQUENCY, 1e6),
            (at + 62, TONE, FREQUENCY, 2e6),
        ]
        crowd = [(at + 84, channel, LEVEL, 0.0) for channel in (1, 2)] + [(at + 85, TONE, FREQUENCY, 2e6)]
        program = make_program(target, Play(timeline(at + 200, [*filling, *own, *crowd])))
        program = replace(program, sources=tuple(Source("lab.py", line) for line in range(border + 20)))
        found = {
            (type(problem).__name__, problem.source.line - border) for problem in examine(program).problems
        }
        assert found == {("PulseError", 0), ("SlewError", 3), ("BusError", 5), ("LaneError", 8)}, border


def test_a_write_is_not_split_by_a_block() -> None:
    events = [(10, LINE, LEVEL, 1.0), (20, TONE, FREQUENCY, 1e6), (20, TONE, 2, 0.0), (20, TONE, 3, 0.5)]
    whole = timeline(50, events)
    for border in range(1, 4):
        first, second = (writes_in(whole, slice(*rows)) for rows in ((0, border), (border, 4)))
        assert [*first.rows, *second.rows] == [0, 1]
        assert [*first.time, *second.time] == [10, 20]


@pytest.mark.parametrize(("window", "most"), [(1, 1), (11, 2), (30, 3), (41, 5), (100, 10)])
def test_the_busiest_stretch_may_lie_across_the_passes_of_a_loop(window: int, most: int) -> None:
    target = make_target()
    loop = RepeatLoop(
        10**6, (Play(timeline(30, [(5, LINE, LEVEL, 1.0), (15, LINE, LEVEL, 0.0), (25, 2, LEVEL, 1.0)])),)
    )
    program = make_program(target, edges([0]), loop)
    sheets = [Sheet(each, machine_of(target)) for each in program.timelines()]
    plain = sorted(10 + 30 * n + t for n in range(40) for t in (5, 15, 25))
    assert most == max(sum(start <= t < start + window for t in plain) for start in plain)
    assert busiest(program.steps, sheets, window) == most


def test_a_report_tells_figures() -> None:
    target = make_target(replace(ROOMY, start=1e-6), programming=5 * NS)
    tone = [(100, TONE, FREQUENCY, 1e6), (100, TONE, 2, 0.0), (100, TONE, 3, 0.5)]
    program = make_program(target, RepeatLoop(3, (Play(timeline(200, [(50, LINE, LEVEL, 1.0), *tone])),)))
    report = examine(program)
    assert (report.events, report.writes, report.problems) == (4, 2, ())
    assert report.occupied == {"spi": pytest.approx(5 / 200)}
    (trace,) = report.traces
    # Handed over 1000 ns before the start, after 5 ns, 3 ns each; every pass is handed over far sooner.
    assert trace.slack / NS == pytest.approx([50 + 1000 - 8, 100 + 1000 - 11])
    assert (trace.row.tolist(), trace.where, trace.passes) == ([0, 1], 0, (1,))
    assert report.worst == trace.worst == pytest.approx(1042 * NS)
    assert report.queue == 6
    assert report.rate == 6 / 1e-3


def test_an_empty_timeline_has_no_slack() -> None:
    report = examine(make_program(make_target(Dispatcher()), Play(timeline(100, []))))
    (trace,) = report.traces
    assert (trace.worst, trace.where, report.worst) == (np.inf, None, np.inf)
    assert SOURCES
