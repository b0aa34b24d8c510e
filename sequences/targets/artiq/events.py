"""Events of an RTIO core, as columns: what is handed to the gateware, in order of submission."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

_COLUMNS: Final = ("timestamp", "channel", "address", "data", "source")


@dataclass(frozen=True, slots=True, eq=False)
class RtioEvents:
    """Columns of output events.

    Attributes:
        duration: machine units by which the cursor advances.
        timestamp: (events,) int64, machine units from the start; negative for what has to be programmed
            before the start.
        channel: (events,) uint32, RTIO channels.
        address: (events,) uint8, registers of the channel.
        data: (events,) uint32.
        source: (events,) uint32, row of the program's table of sources; not part of equality.
    """

    duration: int
    timestamp: NDArray[np.int64]
    channel: NDArray[np.uint32]
    address: NDArray[np.uint8]
    data: NDArray[np.uint32]
    source: NDArray[np.uint32]

    @classmethod
    def of(
        cls,
        timestamp: ArrayLike,
        channel: ArrayLike,
        address: ArrayLike,
        data: ArrayLike,
        source: ArrayLike = 0,
        duration: int = 0,
    ) -> RtioEvents:
        """Make events of columns, or of single numbers that hold for all of them."""
        times = np.asarray(timestamp, dtype=np.int64).reshape(-1)
        columns = (
            np.broadcast_to(np.asarray(column).astype(kind), times.shape)
            for column, kind in (
                (channel, np.uint32),
                (address, np.uint8),
                (data, np.uint32),
                (source, np.uint32),
            )
        )
        return cls(duration, times, *columns)

    @classmethod
    def joined(cls, duration: int, parts: Iterable[RtioEvents]) -> RtioEvents:
        """Return all events of some parts sorted by time; at one time in the order of the parts."""
        given = [*parts, cls.of([], 0, 0, 0)]
        columns = [np.concatenate([getattr(part, name) for part in given]) for name in _COLUMNS]
        order = np.argsort(columns[0], kind="stable")
        return cls(duration, *(column[order] for column in columns))

    def __len__(self) -> int:
        return len(self.timestamp)

    def __eq__(self, other: object) -> bool:
        """Compare what is played; the sources do not count."""
        if not isinstance(other, RtioEvents):
            return NotImplemented
        return self.duration == other.duration and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in _COLUMNS[:-1]
        )

    def __hash__(self) -> int:
        return hash((self.duration, *(getattr(self, name).tobytes() for name in _COLUMNS[:-1])))

    @property
    def before(self) -> int:
        """Machine units before the start at which the first event lies; 0 if none does."""
        return max(0, -int(self.timestamp.min(initial=0)))

    @property
    def targets(self) -> NDArray[np.uint32]:
        """Channel and address (events,) as a kernel hands them to ``rtio_output``."""
        return self.channel << np.uint32(8) | self.address
