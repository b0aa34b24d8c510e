"""Unrolling against a floor: numpy filling fresh columns of as many events. Run with `--benchmark-enable`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sequences import Channel, Kind, Play, Program, ShotValues, Target, Timeline
from sequences.targets.stream import stream, stream_records
from sequences.targets.unrolling import unroll, unroll_records
from sequences.timeline import RECORD, Operation

EVENTS, SHOTS = 1330, 1000
LAB = Target("lab", 1e-9, tuple(Channel(f"dac{n}", Kind.DAC, n, 1e-9, latency=1e-6) for n in range(32)))


def scanned_attempt() -> Program:
    """One attempt over ten ions: one event changes from shot to shot, and the last ones hang over."""
    rng = np.random.default_rng(7)
    timeline = Timeline(
        1_000_000,
        np.sort(rng.integers(0, 1_001_000, EVENTS)),
        rng.integers(0, 32, EVENTS).astype(np.uint16),
        np.full(EVENTS, Operation.VOLTAGE, dtype=np.uint8),
        rng.random(EVENTS),
        np.zeros(EVENTS, dtype=np.uint32),
    )
    scan = ShotValues(0, np.array([700]), np.linspace(0.0, 1.0, SHOTS)[:, np.newaxis])
    return Program("scanned attempt", (Play(timeline),), (), LAB, shot_values=(scan,))


def count_streamed(program: Program) -> int:
    return sum(map(len, stream(program, SHOTS)))


def count_streamed_records(program: Program) -> int:
    return sum(map(len, stream_records(program, SHOTS)))


def count_unrolled(program: Program) -> int:
    return len(unroll(program, SHOTS))


def count_unrolled_records(program: Program) -> int:
    return len(unroll_records(program, SHOTS))


def fill_columns(events: int) -> None:
    """Do the least that can be done: reserve the memory of all events and write to it."""
    for dtype in (np.int64, np.uint16, np.uint8, np.float64, np.uint32):
        np.empty(events, dtype=dtype).fill(1)


def seconds(work: Callable[[], object], rounds: int = 7) -> float:
    """Return the best CPU time of some rounds, in seconds."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize(
    "count", [count_streamed, count_streamed_records, count_unrolled, count_unrolled_records]
)
def test_unrolling_a_million_events(benchmark: Any, count: Callable[[Program], int]) -> None:
    program = scanned_attempt()
    assert benchmark(count, program) == EVENTS * SHOTS
    if benchmark.enabled:
        best = benchmark.stats.stats.min
        benchmark.extra_info["million events a second"] = EVENTS * SHOTS / best / 1e6
        benchmark.extra_info["times the numpy floor"] = best / seconds(lambda: fill_columns(EVENTS * SHOTS))


def test_an_event_takes_at_most_24_bytes() -> None:
    program = scanned_attempt()
    assert unroll(program, 10).nbytes == 23 * EVENTS * 10
    assert unroll_records(program, 10).nbytes == RECORD.itemsize * EVENTS * 10 == 24 * EVENTS * 10


STREAM_TO_NOWHERE = r"""
import os, re
from pathlib import Path
import numpy as np
from sequences import Channel, Kind, Line, Target, compile_sequence, ns, repeat, sequence
from sequences.targets.stream import stream_records

slow = Channel("slow", Kind.DDS, 1, 1 * ns, latency=1e-6)
lab = Target("lab", 1 * ns, (Channel("line", Kind.TTL, 0, 1 * ns), slow))
blink = repeat(repeat(Line.of(lab, "line").pulse(100 * ns), 10_000), 5_000)
program = compile_sequence(sequence("blink", blink), lab)
events = 0
with Path(os.devnull).open("wb") as file:
    for records in stream_records(program):
        file.write(records)
        events += len(records)
# Of this program alone: what getrusage tells begins with the memory of the process that started it.
print(events, re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to tell its memory")
def test_a_hundred_million_events_are_streamed_in_constant_memory() -> None:
    command = [sys.executable, "-c", STREAM_TO_NOWHERE]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    events, kibibytes = map(int, done.stdout.split())
    assert events == 10**8
    assert kibibytes < 200e6 / 1024
