"""A timeline: what happens on which channel at which tick, as columns.

One event a row, sorted by time; 23 bytes an event. Times are integers in the target's machine unit, counted
from the start of the timeline. A timeline has no loops: a `Program` joins timelines.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

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
    """

    duration: int
    time: NDArray[np.int64]
    channel: NDArray[np.uint16]
    operation: NDArray[np.uint8]
    value: NDArray[np.float64]
    source: NDArray[np.uint32]

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
