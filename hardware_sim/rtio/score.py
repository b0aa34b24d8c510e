"""All writes of a program in columns, timeline after timeline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware_sim.rtio.events import Writes, gather_writes
from sequences.program import Program
from sequences.timeline import Operation, Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """The writes of a program, numbered through all its timelines.

    Attributes:
        timelines: of the program.
        writes: of each timeline.
        numbers: for each timeline (writes,) int64, the numbers of its writes.
        write_of: for each timeline (events,) int64, the number of the write that each event belongs to.
        closings: for each timeline the ticks at which the gates of readouts close.
        time: (all writes,) int64, ticks in their timeline.
        channel: (all writes,) int64.
        source: (all writes,) int64.
        timeline: (all writes,) int64, which timeline they are in.
        earliest: ticks from the beginning of a timeline, at most 0; no write is due before.
    """

    timelines: tuple[Timeline, ...]
    writes: tuple[Writes, ...]
    numbers: tuple[NDArray[np.int64], ...]
    write_of: tuple[NDArray[np.int64], ...]
    closings: tuple[dict[int, int], ...]
    time: NDArray[np.int64]
    channel: NDArray[np.int64]
    source: NDArray[np.int64]
    timeline: NDArray[np.int64]
    earliest: int

    @classmethod
    def of(cls, program: Program) -> Score:
        """Gather the writes of a program."""
        timelines = tuple(program.timelines())
        gathered = [gather_writes(timeline) for timeline in timelines]
        writes = tuple(writes for writes, _ in gathered)
        lengths = np.array([len(each) for each in writes], dtype=np.int64)
        begins = np.cumsum(lengths) - lengths
        none = np.empty(0, dtype=np.int64)
        time = np.concatenate([none, *(each.time for each in writes)])
        return cls(
            timelines,
            writes,
            tuple(begin + np.arange(length) for begin, length in zip(begins, lengths, strict=True)),
            tuple(begin + write_of for begin, (_, write_of) in zip(begins, gathered, strict=True)),
            tuple(map(_closings, timelines)),
            time,
            np.concatenate([none, *(each.channel.astype(np.int64) for each in writes)]),
            np.concatenate([none, *(each.source.astype(np.int64) for each in writes)]),
            np.repeat(np.arange(len(timelines)), lengths),
            int(time.min(initial=0)),
        )


def _closings(timeline: Timeline) -> dict[int, int]:
    """Return the ticks at which the gates of readouts close."""
    rows = np.flatnonzero(timeline.operation == Operation.CLOSE)
    readouts = timeline.value[rows].astype(np.int64)
    return dict(zip(readouts.tolist(), timeline.time[rows].tolist(), strict=True))
