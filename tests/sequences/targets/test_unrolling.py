"""Unrolled events are those of all timelines one after the other, stably sorted, however they are chunked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sequences import (
    AttemptLoop,
    Channel,
    Herald,
    Kind,
    MHz,
    Operation,
    Play,
    Program,
    RepeatLoop,
    ShotValues,
    Target,
    Timeline,
    compile_sequence,
    delay,
    ns,
    parallel,
    repeat,
    sequence,
    serial,
)
from sequences.errors import DurationError
from sequences.program import Step
from sequences.targets.stream import stream, stream_records
from sequences.targets.unrolling import unroll, unroll_records
from sequences.targets.way import Way
from sequences.timeline import RECORD

Played = Callable[[tuple[Step, ...], Way], Iterator[Timeline]]
Naive = Callable[[Program, int, Way], Timeline]

COLUMNS = ("time", "channel", "operation", "value", "source")


@pytest.fixture(scope="session")
def naive(played: Played) -> Naive:
    """Put all timelines after each other, and sort."""
    return partial(concatenated, played)


def concatenated(played: Played, program: Program, shots: int, way: Way) -> Timeline:
    columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    clock = 0
    for shot in range(shots):
        for timeline in played(program.of_shot(shot).steps, way):
            for name in COLUMNS:
                columns[name].append(getattr(timeline, name))
            columns["time"][-1] = timeline.time + clock
            clock += timeline.duration
    if not columns["time"]:
        empty = np.empty(0)
        return Timeline(clock, *(empty.astype(d) for d in ("i8", "u2", "u1", "f8", "u4")))
    whole = {name: np.concatenate(parts) for name, parts in columns.items()}
    order = np.lexsort((whole["channel"], whole["time"]))  # stable
    return Timeline(clock, **{name: column[order] for name, column in whole.items()})


WAYS = st.builds(Way, st.integers(1, 8), st.booleans())


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), shots=st.integers(1, 7), way=WAYS, chunk=st.sampled_from([1, 2, 5, 16, 40, 32768]))
def test_unrolled_is_concatenated_and_stably_sorted(
    random_programs: st.SearchStrategy[Program], naive: Naive, data: Any, shots: int, way: Way, chunk: int
) -> None:
    program = data.draw(random_programs)
    expected = naive(program, shots, way)
    whole = unroll(program, shots, way=way)
    assert whole == expected
    assert whole.source.tolist() == expected.source.tolist()
    records = np.concatenate(
        [np.empty(0, RECORD), *(part.copy() for part in stream_records(program, shots, way=way, chunk=chunk))]
    )
    assert records.tobytes() == expected.records().tobytes()
    assert unroll_records(program, shots, way=way).tobytes() == records.tobytes()
    at = 0
    for part in stream(program, shots, way=way, chunk=chunk):
        assert 0 < len(part) <= chunk
        assert part.duration == expected.duration
        for name in COLUMNS:
            assert getattr(part, name).tolist() == getattr(expected, name)[at : at + len(part)].tolist()
            assert getattr(part, name).dtype == getattr(expected, name).dtype
        at += len(part)
    assert at == len(expected)


def one_line(*, duration: int, times: list[int], values: list[float]) -> Timeline:
    count = len(times)
    return Timeline(
        duration,
        np.array(times, dtype=np.int64),
        np.ones(count, dtype=np.uint16),
        np.full(count, Operation.LEVEL, dtype=np.uint8),
        np.array(values),
        np.zeros(count, dtype=np.uint32),
    )


LAB = Target("lab", 1 * ns, (Channel("line", Kind.TTL, 1, 1 * ns, latency=100 * ns),))


def program(*steps: Step, shot_values: tuple[ShotValues, ...] = ()) -> Program:
    return Program("by hand", steps, (), LAB, shot_values=shot_values)


def test_what_ends_comes_before_what_starts_at_a_seam() -> None:
    pulse = one_line(duration=10, times=[90, 100], values=[1.0, 0.0])
    whole = unroll(program(RepeatLoop(3, (Play(pulse),))))
    assert whole.time.tolist() == [90, 100, 100, 110, 110, 120]
    assert whole.value.tolist() == [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    assert whole.duration == 30


@pytest.mark.parametrize("chunk", [8, 32768])
def test_what_hangs_over_keeps_the_value_of_its_shot(chunk: int) -> None:
    pulse = one_line(duration=10, times=[2, 37], values=[1.0, 0.0])  # the second event is three shots late
    values = ShotValues(0, np.array([1]), np.array([[5.0], [6.0], [7.0]]))
    parts = stream(program(Play(pulse), shot_values=(values,)), 50, chunk=chunk)
    time, value = np.hstack([np.array((part.time, part.value)) for part in parts])
    late = time % 10 == 7
    assert value[late].tolist() == [5.0 + shot % 3 for shot in range(50)]
    assert time[late].tolist() == [10 * shot + 37 for shot in range(50)]


def test_a_timeline_longer_than_a_chunk_is_cut(naive: Naive) -> None:
    long = one_line(duration=1000, times=list(range(0, 1010, 10)), values=[0.0, 1.0] * 50 + [0.0])
    looped = program(RepeatLoop(4, (Play(long),)))
    assert max(len(part) for part in stream(looped, chunk=16)) == 16
    assert unroll(looped) == naive(looped, 1, Way())


def test_a_loop_of_loops_is_walked_and_not_written_out() -> None:
    """A day of pulses begins at once: what is worked out depends on the program and not on its loops."""
    pulse = one_line(duration=1000, times=[0, 1030], values=[1.0, 0.0])
    inner = RepeatLoop(10**6, (Play(pulse), RepeatLoop(10**5, (Play(pulse),))))
    parts = stream(program(RepeatLoop(10**3, (inner,))))
    assert next(parts).time.tolist() == [0]
    first = next(parts)
    assert first.time[:3].tolist() == [1000, 1030, 2000]
    assert first.duration == 10**3 * 10**6 * (1 + 10**5) * 1000


def test_attempts_end_at_the_maximum_and_begin_before_the_timeout() -> None:
    body = Play(one_line(duration=10, times=[0], values=[1.0]))
    pause = Play(one_line(duration=5, times=[0], values=[0.0]))

    def starts(way: Way, **limits: Any) -> list[int]:
        loop = AttemptLoop(herald=Herald((0,)), steps=(body,), **limits)
        return unroll(program(loop), way=way).time.tolist()

    assert starts(Way(), maximum=9) == [0]
    assert starts(Way(4), maximum=3) == [0, 10, 20]
    assert starts(Way(9), maximum=None, timeout=21) == [0, 10, 20]
    assert starts(Way(9), maximum=None, timeout=20) == [0, 10]
    assert starts(Way(5), maximum=None, every=2, between=(pause,)) == [0, 10, 20, 25, 35, 45, 50]


@pytest.mark.parametrize("shots", [0, -1, 1.5, None])
def test_shots_are_counted(shots: Any) -> None:
    with pytest.raises(DurationError) as caught:
        unroll(program(), shots)
    assert str(caught.value).endswith(
        f": the number of shots is {shots!r}; it must be a whole number, at least 1"
    )


def test_chunks_and_attempts_are_counted() -> None:
    with pytest.raises(
        DurationError, match="the number of events in a chunk is 0; it must be a whole number"
    ):
        next(stream(program(), chunk=0))
    with pytest.raises(
        DurationError, match="the attempt that sees its herald is 0; it must be a whole number"
    ):
        Way(attempt=0)


def test_chunks_cannot_be_written_to() -> None:
    """They are handed out again in the next pass."""
    pulse = one_line(duration=10, times=[0, 5], values=[1.0, 0.0])
    for part in stream(program(Play(pulse))):
        with pytest.raises(ValueError, match="read-only"):
            part.value[0] = 2.0
    assert pulse.value.flags.writeable


def test_golden(lab: Any, golden: Callable[[str, str], None]) -> None:
    """Two passes of a loop: at the seam the end of one and the head of the next interleave."""
    body = serial(
        parallel(lab.tone.pulse(200 * ns, 80 * MHz, 0.5), lab.shutter.pulse(200 * ns)),
        delay(200 * ns),
    )
    whole = unroll(compile_sequence(sequence("seams", repeat(body, 2)), lab.target), 2)
    names = {number: channel.name for number, channel in lab.target.by_number.items()}
    columns = (whole.time.tolist(), whole.channel.tolist(), whole.operation.tolist(), whole.value.tolist())
    lines = [
        f"{time} {names[channel]} {Operation(operation).name} {value!r}"
        for time, channel, operation, value in zip(*columns, strict=True)
    ]
    golden("unrolled_loop.txt", "\n".join([*lines, f"{whole.duration} end", ""]))
