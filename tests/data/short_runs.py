"""Short runs whose points are known, and programs that are killed while they work on them."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from records import assert_same

from data import (
    Attempts,
    Axis,
    Channel,
    Provenance,
    Readout,
    Record,
    Run,
    RunHeader,
    RunWriter,
    TimeTags,
    join_records,
)

SHOTS: Final = 6
BATCHES: Final = 3
"""That each point has."""

Say: TypeAlias = Callable[[bytes], object]
"""Tells the parent what has been done."""


def header_of(experiment: str = "short") -> RunHeader:
    return RunHeader(
        experiment,
        Provenance(datetime(2025, 3, 14, 9, 26, 53, tzinfo=UTC)),
        axes=(Axis("i"),),
        readouts=(Readout("pmt", 2),),
        channels=(Channel("power", "W"),),
        program="program short",
    )


def batch(point: int, number: int, clicks: int = 20) -> Record:
    """Return the batch of a point, always the same."""
    rng = np.random.default_rng([point, number])
    shot = np.sort(rng.integers(0, SHOTS, clicks))
    window_ps = rng.integers(0, 10**6, clicks)
    n = np.arange(SHOTS, dtype=np.int64)
    return Record(
        shots=SHOTS,
        start_ps=n * 10**9,
        duration_ps=SHOTS * 10**9,
        counts={"pmt": rng.poisson(9, (SHOTS, 2)).astype(np.int32)},
        attempts=Attempts(n, np.zeros(SHOTS, np.uint32), n * 10**8, rng.random(SHOTS) < 0.5),
        tags=TimeTags(
            t_ps=np.sort(rng.integers(0, 10**12, clicks)),
            channel=rng.integers(0, 4, clicks).astype(np.uint16),
            shot=shot,
            attempt=np.zeros(clicks, np.uint32),
            readout=np.zeros(clicks, np.uint16),
            window_ps=window_ps,
        ),
        notes=(f"batch {number} of point {point}",),
    )


def whole_point(point: int, clicks: int = 20, batches: int = BATCHES) -> Record:
    return join_records([batch(point, number, clicks) for number in range(batches)])


def record_points(writer: RunWriter, points: int, clicks: int = 20, say: Say = len) -> None:
    """Record points, one in two batch by batch, and tell each piece that is safe."""
    for i in range(points):
        if i % 2:
            with writer.point({"i": i}) as point:
                for number in range(BATCHES):
                    point.add(batch(i, number, clicks))
                    say(b"b")
                point.channels = {"power": float(i)}
        else:
            writer.append({"i": i}, whole_point(i, clicks), {"power": float(i)})
            say(b"b" * BATCHES)
        say(b"p")


def write_run(folder: Path, points: int = 3, clicks: int = 20, **options: Any) -> Path:
    """Write a finished run and return its file."""
    writer = RunWriter.create(folder, header_of(), **options)
    record_points(writer, points, clicks)
    return writer.finish({"fidelity": 0.9})


def write_journal(folder: Path, points: int = 3, clicks: int = 20, **options: Any) -> Path:
    """Write a run that was cut off and return its journal."""
    writer = RunWriter.create(folder, header_of(), **options)
    record_points(writer, points, clicks)
    writer.close()
    return writer.journal


def check_points(run: Run, clicks: int = 20, points: int = 0, batches: int = 0) -> int:
    """See that all that was announced is there as it was measured; only the last point may lack batches.

    Returns:
        Batches of the run.
    """
    assert len(run) >= points
    found = 0
    for i, record in enumerate(run.records()):
        has = record.shots // SHOTS
        assert has == BATCHES or i == len(run) - 1
        assert_same(record, whole_point(i, clicks, has))
        assert run.points[i] == {"i": i}
        found += has
    assert found >= batches
    return found


@dataclass(frozen=True)
class Outcome:
    """What became of a program.

    Attributes:
        said: all that it told.
        was_killed: before its end.
    """

    said: bytes
    was_killed: bool


def run_and_kill(work: Callable[[Say], None], after: int = 0, delay: float | None = None) -> Outcome:
    """Let a process of its own do some work, and kill it there and then.

    Args:
        work: to do.
        after: wait until it has said so many bytes.
        delay: seconds from then to the kill; None lets it end.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reading)
            work(lambda said: os.write(writing, said))
            code = 0
        except BaseException:  # nothing of the test may go on in this process
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        said = b""
        while len(said) < after and (more := pipe.read(after - len(said))):
            said += more
        if delay is not None:
            moment = time.perf_counter() + delay
            while time.perf_counter() < moment:
                pass
            os.kill(child, signal.SIGKILL)
        said += pipe.readall()
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0, "the program failed by itself"
    return Outcome(said, os.WIFSIGNALED(status))
