"""The rows of a timeline by channel, in machine units of the RTIO core."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sequences.errors import SequenceError, Source
from sequences.target import Channel, Target
from sequences.timeline import Operation, Timeline

UNKNOWN = Source("<program>", 0)
"""Where an event was written that names no line."""


@dataclass(frozen=True, slots=True)
class Problems:
    """Collects what is wrong with a timeline, with the author's lines at hand.

    Attributes:
        sources: the program's table of sources.
        period: of the machine unit, s.
        found: grows.
    """

    sources: tuple[Source, ...]
    period: float
    found: list[SequenceError] = field(default_factory=list)

    def source(self, row: int) -> Source:
        """Return the author's line of an event."""
        return self.sources[row] if row < len(self.sources) else UNKNOWN

    def add_each(self, rows: NDArray[np.intp], make: Callable[[int], SequenceError]) -> None:
        """Add a problem for each of some rows."""
        self.found.extend(make(int(row)) for row in rows)


@dataclass(frozen=True, slots=True, eq=False)
class Writes:
    """The rows of one channel, sorted by time.

    Attributes:
        channel: of the target.
        time: (rows,) int64, machine units.
        operation: (rows,) uint8, `Operation`.
        value: (rows,) float64, in the unit of the operation.
        source: (rows,) uint32, row of the program's table of sources.
    """

    channel: Channel
    time: NDArray[np.int64]
    operation: NDArray[np.uint8]
    value: NDArray[np.float64]
    source: NDArray[np.uint32]

    def last_of_each_time(self) -> NDArray[np.intp]:
        """Return the last row of each time: what holds after all that is written at once."""
        return np.flatnonzero(np.append(self.time[1:] != self.time[:-1], np.True_))

    def latest(self, operation: Operation) -> NDArray[np.intp]:
        """Return for each row (rows,) the last row until there with this operation, or -1."""
        rows = np.where(self.operation == operation, np.arange(len(self.time)), -1)
        return np.maximum.accumulate(rows)


def split_by_channel(timeline: Timeline, target: Target, units_per_tick: int) -> list[Writes]:
    """Return the rows of each channel that a timeline uses, by number of the channel.

    Args:
        timeline: in ticks of the target.
        target: whose channels it uses.
        units_per_tick: machine units in a tick.
    """
    order = np.argsort(timeline.channel, kind="stable")
    numbers, starts = np.unique(timeline.channel[order], return_index=True)
    channels = np.split(order, starts[1:]) if len(order) else []
    return [
        Writes(
            target.by_number[number],
            timeline.time[rows] * units_per_tick,
            timeline.operation[rows],
            timeline.value[rows],
            timeline.source[rows],
        )
        for number, rows in zip(numbers.tolist(), channels, strict=True)
    ]
