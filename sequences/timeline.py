"""A timeline: what happens on which channel at which tick, as columns.

One event a row, sorted by time; 23 bytes an event. Times are integers in the target's machine unit, counted
from the start of the timeline. A timeline has no loops: a `Program` joins timelines.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray


class Operation(IntEnum):
    """What an event does; its `value` is in the unit that is named here."""

    LEVEL = 0
    """TTL: 0 low, 1 high."""
    FREQUENCY = 1
    """DDS: hertz."""
    PHASE = 2
    """DDS: turns, relative to the core's clock."""
    AMPLITUDE = 3
    """DDS: 0 to 1 of full scale; 0 is off."""
    VOLTAGE = 4
    """DAC: volts."""
    OPEN = 5
    """Counter, camera: start to record into the program's readout of this number."""
    CLOSE = 6
    """Counter, camera: stop to record into the program's readout of this number."""


RECORD: Final = np.dtype(
    [
        ("time", "<i8"),
        ("value", "<f8"),
        ("source", "<u4"),
        ("channel", "<u2"),
        ("operation", "u1"),
        ("_", "u1"),
    ]
)
"""One event of a timeline in 24 bytes, for programs that are handed on as packed records."""


@dataclass(frozen=True, slots=True)
class Label:
    """A name for an instant or a stretch of a timeline: a mark, or a subsequence.

    Attributes:
        name: for people.
        start: ticks, as the author wrote them: the time of light, without the target's lead.
        stop: ticks; a mark stops when it starts.
    """

    name: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Sorted columns of events.

    Attributes:
        duration: ticks until the next timeline starts. Events may lie later by the target's lead at most:
            latencies are compensated alike in every timeline, so that the next one's events come later still.
        time: (events,) int64, ticks from the start.
        channel: (events,) uint16, channel numbers of the target.
        operation: (events,) uint8, `Operation`.
        value: (events,) float64, in the unit of the operation.
        source: (events,) uint32, row of the program's table of sources.
        labels: of instants and stretches, for people; they do not count when timelines are compared.
    """

    duration: int
    time: NDArray[np.int64]
    channel: NDArray[np.uint16]
    operation: NDArray[np.uint8]
    value: NDArray[np.float64]
    source: NDArray[np.uint32]
    labels: tuple[Label, ...] = ()

    def __len__(self) -> int:
        return len(self.time)

    def __eq__(self, other: object) -> bool:
        """Compare what is played; the sources do not count."""
        if not isinstance(other, Timeline):
            return NotImplemented
        return self.duration == other.duration and all(
            np.array_equal(getattr(self, column), getattr(other, column))
            for column in ("time", "channel", "operation", "value")
        )

    def __hash__(self) -> int:
        """Hash what equality compares, but for the values: 0.0 and -0.0 are equal and differ in bytes."""
        return hash((self.duration, *(c.tobytes() for c in (self.time, self.channel, self.operation))))

    @property
    def nbytes(self) -> int:
        """Memory of the columns, in bytes."""
        columns = (self.time, self.channel, self.operation, self.value, self.source)
        return sum(column.nbytes for column in columns)

    def records(self) -> NDArray[np.void]:
        """Return the events (events,) as packed `RECORD`s."""
        records = np.zeros(len(self), dtype=RECORD)
        for name in ("time", "channel", "operation", "value", "source"):
            records[name] = getattr(self, name)
        return records
