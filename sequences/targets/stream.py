"""The events of a program in chunks that fit the processor's cache, however many there are.

The chunks share their memory, so that 10^8 events take no more of it than a few thousand.

Example:
    >>> from sequences import Channel, Kind, Line, Target, compile_sequence, ns, repeat, sequence
    >>> lab = Target("lab", 1 * ns, (Channel("shutter", Kind.TTL, 0, grid=1 * ns),))
    >>> blink = sequence("blink", repeat(Line.of(lab, "shutter").pulse(10 * ns), 100_000))
    >>> sum(len(chunk) for chunk in stream(compile_sequence(blink, lab)))
    200000
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.program import Program
from sequences.targets.plan import plan
from sequences.targets.strand import Strand
from sequences.targets.way import HERALDED_AT_ONCE, Way
from sequences.timeline import RECORD, Timeline

CHUNK: Final = 32_768
"""Events: 0.75 MB in columns, which the second cache of a processor core holds."""


def stream(
    program: Program, shots: int = 1, *, way: Way = HERALDED_AT_ONCE, chunk: int = CHUNK
) -> Iterator[Timeline]:
    """Yield the events of `unroll` in order, a chunk at a time.

    Args:
        program: to unroll; its `shot_values` are filled in.
        shots: one after the other.
        way: taken through attempts and branches; heralded at once, conditions hold.
        chunk: events in a chunk, at most.

    Yields:
        Timelines whose times count from the start of the first shot, each with the duration of all shots and
        without labels. The next chunk overwrites a chunk's arrays: use them at once or copy them.

    Raises:
        DurationError: `shots` or `chunk` is no whole number from 1 on.
    """
    planned = plan(program, shots, way, chunk)
    duration = planned.duration
    times, values = np.empty(chunk, dtype=np.int64), np.empty(chunk, dtype=np.float64)
    filled: Strand | None = None
    for strand, start, shot in planned.pieces():
        _, channel, operation, value, source = strand.columns
        time = np.add(strand.columns.time, start, out=times[: len(strand)])
        if strand.changes:
            # A strand that comes again has left its other values there.
            if strand is not filled:
                values[: len(strand)] = value
                filled = strand
            value = values[: len(strand)]
            strand.fill_in(shot, value)
        yield Timeline(duration, time, channel, operation, value, source)


def stream_records(
    program: Program, shots: int = 1, *, way: Way = HERALDED_AT_ONCE, chunk: int = CHUNK
) -> Iterator[NDArray[np.void]]:
    """Yield the events of `unroll` in order, a chunk (events,) of packed `RECORD`s at a time.

    Args, Yields and Raises: as for `stream`.
    """
    records = np.zeros(chunk, dtype=RECORD)
    filled: Strand | None = None
    for strand, start, shot in plan(program, shots, way, chunk).pieces():
        ready = records[: len(strand)]
        if strand is not filled:
            for name, column in strand.columns._asdict().items():
                ready[name] = column
            filled = strand
        np.add(strand.columns.time, start, out=ready["time"])
        strand.fill_in(shot, ready["value"])
        yield ready
