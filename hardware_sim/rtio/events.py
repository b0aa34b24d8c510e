"""What a core is handed: writes, in the order in which they are submitted.

A write is all that one channel is told at one tick. A tone's frequency, phase and amplitude are three
events of a timeline and one write of the core.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from sequences.timeline import Timeline


class Outcome(IntEnum):
    """What became of a write."""

    PLAYED = 0
    """The channel took it."""
    REPLACED = 1
    """A later write to its channel at the very same tick took its place: no fault, nothing is missed."""
    COLLIDED = 2
    """Another write to its channel came in the same cycle: both are lost."""
    BUSY = 3
    """Its channel was still busy with the write before: lost."""
    SEQUENCE = 4
    """No queue could take it, because all held something for its cycle or later: lost."""
    UNDERFLOW = 5
    """It was handed over too late: lost."""

    @property
    def lost(self) -> bool:
        """Whether something that was asked for does not happen."""
        return self > Outcome.REPLACED


@dataclass(frozen=True, slots=True, eq=False)
class Writes:
    """Columns of writes in order of submission.

    Attributes:
        time: (writes,) int64, ticks.
        channel: (writes,) uint32, numbers of the target.
        address: (writes,) uint8, register of the channel.
        source: (writes,) uint32, row of the program's table of sources.
    """

    time: NDArray[np.int64]
    channel: NDArray[np.uint32]
    address: NDArray[np.uint8]
    source: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.time)


def gather_writes(timeline: Timeline) -> tuple[Writes, NDArray[np.int64]]:
    """Gather the events of a timeline into writes: by time, at one tick by channel number.

    Every channel of ours is one register, so that all addresses are 0. The source of a write is that of its
    last event: what ends comes before what starts.

    Args:
        timeline: of a program.

    Returns:
        The writes, and for each row of the timeline (events,) the write that it belongs to.

    Example:
        >>> columns = ([0, 0, 0, 5], [7, 7, 3, 7], [1, 3, 0, 3], [80e6, 1.0, 1.0, 0.0], [0, 0, 1, 0])
        >>> writes, write_of = gather_writes(Timeline(9, *map(np.array, columns)))
        >>> writes.time.tolist(), writes.channel.tolist(), write_of.tolist()
        ([0, 0, 5], [3, 7, 7], [1, 1, 0, 2])
    """
    order = np.lexsort((timeline.channel, timeline.time))
    time, channel = timeline.time[order], timeline.channel[order]
    ends = np.ones(len(order), dtype=bool)
    ends[:-1] = (time[1:] != time[:-1]) | (channel[1:] != channel[:-1])
    write_of = np.empty(len(order), dtype=np.int64)
    write_of[order] = np.cumsum(ends) - ends
    last = np.flatnonzero(ends)
    writes = Writes(
        time[last].astype(np.int64),
        channel[last].astype(np.uint32),
        np.zeros(len(last), dtype=np.uint8),
        timeline.source[order[last]].astype(np.uint32),
    )
    return writes, write_of
