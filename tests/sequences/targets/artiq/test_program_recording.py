"""Programs as traces: what is recorded once, what again, and which phases hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sequences import (
    AttemptLoop,
    Branch,
    Dispatcher,
    Herald,
    Operation,
    Play,
    Program,
    ReadoutChannel,
    RepeatLoop,
    ShotValues,
    Source,
    Timeline,
    Wait,
)
from sequences.errors import CompileError, SequenceError
from sequences.targets.artiq import Kasli, Recording, RtioEvents, record_program
from sequences.targets.artiq.errors import IncoherentLoopError, PlayerError, ProgrammingError
from sequences.targets.artiq.recording import Gate, PlaySlot, RepeatSlots, WaitSlot

AMPLITUDE, OPEN, CLOSE = Operation.AMPLITUDE, Operation.OPEN, Operation.CLOSE
CLICK = Herald((0,))
ONE_TURN = 62_500_000.0  # Hz, an exact tuning word: 1/16 of the 1 GHz clock

Rows = Callable[..., Timeline]
ToneRows = Callable[..., tuple[Any, ...]]
Record = Callable[..., Recording]


@pytest.fixture
def record(kasli: Kasli, sources: tuple[Source, ...]) -> Record:
    """Record a program of some steps."""

    def made(*steps: Any, **more: Any) -> Recording:
        readouts = (ReadoutChannel("click", 0, 10),)
        return record_program(Program("shots", steps, readouts, kasli.target, sources, **more), kasli)

    return made


@pytest.fixture
def pulse(rows: Rows, tone: ToneRows) -> Callable[..., Play]:
    """A tone of 1 us at 4 us of a timeline."""

    def made(channel: str, frequency: float = ONE_TURN, duration: int = 8000, phase: float = 0.0) -> Play:
        return Play(rows(duration, *tone(4000, channel, frequency, phase), (5000, channel, AMPLITUDE, 0)))

    return made


def updates(events: RtioEvents) -> list[int]:
    """When IO_UPDATEs of either board rise."""
    rows = ((events.channel == 21) | (events.channel == 27)) & (events.data == 1)
    return list(events.timestamp[rows].tolist())


def test_tones_are_programmed_once_in_a_stretch(record: Record, pulse: Callable[..., Play]) -> None:
    recording = record(pulse("tracked"), pulse("tracked"))
    first, second = recording.traces
    assert (updates(first.events), updates(second.events)) == ([4000], [])
    assert recording.steps == (PlaySlot(0), PlaySlot(1))
    assert recording.slots.tolist() == [[0, 1]]


def test_equal_traces_are_recorded_once(record: Record, pulse: Callable[..., Play], rows: Rows) -> None:
    line = Play(rows(900, (50, "line", Operation.LEVEL, 1), (90, "line", Operation.LEVEL, 0)))
    recording = record(line, line, pulse("tone"), line)
    assert len(recording.traces) == 2
    assert recording.slots.tolist() == [[0, 0, 1, 0]]


def test_phases_go_on_in_a_stretch(record: Record, pulse: Callable[..., Play]) -> None:
    recording = record(pulse("tracked", 80e6), pulse("tracked", 90e6))
    ftw = round(90e6 / 1e9 * 2**32)
    events = recording.traces[1].events
    (upper,) = events.data[(events.channel == 26) & (events.address == 0)][3:4].tolist()
    assert upper & 0xFFFF == ftw * 12_000 // 2**16 % 2**16


def test_a_repeat_programs_its_tone_in_the_first_pass(record: Record, pulse: Callable[..., Play]) -> None:
    recording = record(RepeatLoop(1000, (pulse("tracked", 80e6),)), pulse("tracked", 80e6))
    (loop, after) = recording.steps
    assert isinstance(loop, RepeatSlots)
    assert (loop.count, loop.first, loop.later, after) == (1000, (PlaySlot(0),), (PlaySlot(1),), PlaySlot(2))
    assert [updates(recording.traces[trace].events) for trace in recording.slots[0]] == [[4000], [], []]


def test_the_phase_behind_a_repeat_counts_all_passes(record: Record, pulse: Callable[..., Play]) -> None:
    recording = record(RepeatLoop(1000, (pulse("tracked", 80e6),)), pulse("tracked", 90e6))
    ftw = round(90e6 / 1e9 * 2**32)
    events = recording.traces[-1].events
    (upper,) = events.data[(events.channel == 26) & (events.address == 0)][3:4].tolist()
    assert upper & 0xFFFF == ftw * 8_004_000 // 2**16 % 2**16


def two_tones(rows: Rows, tone: ToneRows, channel: str, frequency: float, duration: int = 16_000) -> Play:
    return Play(
        rows(
            duration,
            *tone(4000, channel, ONE_TURN, source=0),
            (5000, channel, AMPLITUDE, 0),
            *tone(9000, channel, frequency, source=1),
            (9500, channel, AMPLITUDE, 0),
        )
    )


def test_a_repeat_whose_phase_would_slip_is_refused(record: Record, rows: Rows, tone: ToneRows) -> None:
    with pytest.raises(IncoherentLoopError) as caught:
        record(RepeatLoop(100, (two_tones(rows, tone, "tracked", 80.01e6),)))
    assert str(caught.value) == (
        "shot.py:2: the loop of 100 passes changes the tone of 'tracked': its phase would slip by 0.16 turn "
        "from pass to pass, because the core plays the same words again; let the body last whole periods of "
        "the tone, write the passes out with a Python `for`, or give the channel phase = 'continuous' in the "
        "setup if its phase does not matter"
    )


def test_repeats_of_whole_periods_and_of_few_passes_are_fine(
    record: Record, rows: Rows, tone: ToneRows
) -> None:
    whole = record(RepeatLoop(1000, (two_tones(rows, tone, "tracked", 2 * ONE_TURN),)))
    assert [updates(trace.events) for trace in whole.traces] == [[4000, 9000]]
    # one pass is played once, and the second is recorded with its own phases
    for count in (1, 2):
        few = record(RepeatLoop(count, (two_tones(rows, tone, "tracked", 80.01e6),)))
        assert len(few.traces) == count
    assert record(RepeatLoop(100, (two_tones(rows, tone, "tone", 80.01e6),)))


def test_words_go_into_the_pass_before_if_there_is_time(record: Record, rows: Rows, tone: ToneRows) -> None:
    early = rows(
        16_000,
        *tone(200, "tone", 80e6, source=0),
        (900, "tone", AMPLITUDE, 0),
        *tone(9000, "tone", 90e6, source=1),
    )
    recording = record(RepeatLoop(10, (Play(early),)))
    assert recording.before == 1048
    assert len(recording.traces) == 1
    busy = replace(early, duration=9600)
    with pytest.raises(ProgrammingError) as caught:
        record(RepeatLoop(10, (Play(busy),)))
    assert "still occupied by shot.py:2 for another 456 ns" in str(caught.value)


def test_attempts_start_anew(record: Record, pulse: Callable[..., Play]) -> None:
    """The time of an attempt is not known: tracked tones are set in each, continuous ones only if need be."""
    steps = (pulse("tracked"), pulse("tone"))
    recording = record(pulse("tone"), AttemptLoop(9, CLICK, steps), pulse("tone"), pulse("tracked"))
    by_slot = [updates(recording.traces[trace].events) for trace in recording.slots[0]]
    assert by_slot == [[4000], [4000], [], [], [4000]]
    changing = AttemptLoop(9, CLICK, steps, every=3, between=(pulse("tone", 90e6),))
    recording = record(pulse("tone"), changing, pulse("tone"))
    by_slot = [updates(recording.traces[trace].events) for trace in recording.slots[0]]
    assert by_slot == [[4000], [4000], [4000], [4000], []]


def test_branches_merge(record: Record, pulse: Callable[..., Play]) -> None:
    same = record(Branch(CLICK, (pulse("tone"),), (pulse("tone"), pulse("second_tone"))), pulse("tone"))
    assert [updates(same.traces[trace].events) for trace in same.slots[0]] == [[4000], [4000], [4000], []]
    other = record(Branch(CLICK, (pulse("tone"),), ()), pulse("tone"))
    assert [updates(other.traces[trace].events) for trace in other.slots[0]] == [[4000], [4000]]


def test_waits_and_gates(record: Record, rows: Rows) -> None:
    gates = rows(
        5000,
        (800, "apd", OPEN, 0),
        (1600, "apd", CLOSE, 0),
        (800, "edges", OPEN, 1),
        (2400, "edges", CLOSE, 1),
        (0, "camera", OPEN, 2),
        (2500, "camera", CLOSE, 2),
    )
    recording = record(Wait(12, 50_000), Play(gates))
    assert recording.steps[0] == WaitSlot(52, 50_000)
    assert recording.traces[0].gates == (Gate(1600, 50, 0, True), Gate(2400, 51, 1, False))


def test_shots_that_differ(record: Record, rows: Rows, tone: ToneRows) -> None:
    timeline = rows(9000, *tone(4000, "tone", 80e6, 0.0), (5000, "tone", AMPLITUDE, 0))
    values = ShotValues(0, np.array([1]), np.array([[0.0], [0.25], [0.0]]))
    recording = record(Play(timeline), shot_values=(values,))
    assert recording.slots.tolist() == [[0], [1], [0]]
    phases = [trace.events.data[3] & 0xFFFF for trace in recording.traces]
    assert phases == [0, 0x4000]


def test_too_many_gates_for_the_input(record: Record, rows: Rows) -> None:
    edges = [row for n in range(65) for row in ((n * 16, "apd", OPEN, 0), (n * 16 + 8, "apd", CLOSE, 0))]
    with pytest.raises(PlayerError) as caught:
        record(Play(rows(2000, *edges)))
    assert str(caught.value) == (
        "program 'shots' cannot be played by an ARTIQ core: a timeline has 65 gates on RTIO channel 50, "
        "which keeps 64 counts until they are read; put the gates into a repeat, or into two timelines"
    )


def test_all_problems_of_a_program_are_told(record: Record, rows: Rows, tone: ToneRows) -> None:
    close = rows(20_000, *tone(4000, "tone", 80e6, source=0), *tone(5000, "tone", 90e6, source=1))
    also = rows(20_000, (5000, "endcap", Operation.VOLTAGE, 99.0, 2))
    with pytest.raises(CompileError) as caught:
        record(Play(close), AttemptLoop(5, CLICK, (Play(also),)))
    told = str(caught.value).splitlines()
    assert told[0] == "2 problems in the sequence:"
    assert [line.split(":")[1] for line in told[1:]] == ["2", "3"]


def test_a_program_for_another_target(kasli: Kasli) -> None:
    other = replace(kasli.target, dispatcher=Dispatcher(lanes=4))
    with pytest.raises(SequenceError) as caught:
        record_program(Program("shots", (), (), other), kasli)
    assert str(caught.value) == (
        "program 'shots' cannot be played by an ARTIQ core: it was compiled for 'crate' as it was then; "
        "compile it for the crate's target"
    )
