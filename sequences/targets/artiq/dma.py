"""The bytes of a DMA trace, as a Kasli keeps them in its memory.

One record an event, then a zero: the length of the record in one byte, the channel in three, the time in
eight, the address in one, and the data in words of four, all least significant byte first. Times count from
the moment at which the trace is played.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.targets.artiq.errors import TraceError
from sequences.targets.artiq.events import RtioEvents

RECORD: Final = np.dtype(
    [("length", "u1"), ("channel", "u1", 3), ("timestamp", "<u8"), ("address", "u1"), ("data", "<u4")]
)
"""One event with one word of data."""
_END: Final = b"\0"


def print_trace(events: RtioEvents, before: int | None = None) -> bytes:
    """Return the DMA trace of some events.

    Args:
        events: to record.
        before: machine units from the moment at which the trace is played to the start of the events; by
            default those that the earliest needs.

    Raises:
        TraceError: an event would lie before the trace is played.
    """
    shift = events.before if before is None else before
    if shift < events.before:
        raise TraceError(0, f"an event lies {events.before - shift} machine units before the trace is played")
    records = np.empty(len(events), dtype=RECORD)
    records["length"] = RECORD.itemsize
    records["channel"] = (
        np.ascontiguousarray(events.channel, dtype="<u4").view(np.uint8).reshape(-1, 4)[:, :3]
    )
    records["timestamp"] = events.timestamp + shift
    records["address"] = events.address
    records["data"] = events.data
    return records.tobytes() + _END


def parse_trace(trace: bytes, duration: int = 0, before: int = 0) -> RtioEvents:
    """Return the events of a DMA trace; zeros after its end do not matter.

    Args:
        trace: its bytes.
        duration: of the events, which a trace does not tell.
        before: as it was given to `print_trace`.

    Raises:
        TraceError: the bytes are no trace, or an event has more than one word of data.
    """
    count = len(trace.rstrip(_END)) // RECORD.itemsize
    # data may end in zeros, which belong to the record
    while trace[count * RECORD.itemsize : count * RECORD.itemsize + 1] not in (_END, b""):
        count += 1
    size = count * RECORD.itemsize
    records = np.frombuffer(trace[: min(size, len(trace) // RECORD.itemsize * RECORD.itemsize)], dtype=RECORD)
    wrong = np.flatnonzero(records["length"] != RECORD.itemsize)
    if len(wrong):
        length = int(records["length"][wrong[0]])
        reason = f"a record of {length} bytes; an event with one word of data has {RECORD.itemsize}"
        raise TraceError(int(wrong[0]) * RECORD.itemsize, reason)
    if len(trace) <= size:
        raise TraceError(len(trace), "the trace ends within a record, or without the zero at its end")
    if trace[size:].strip(_END):
        raise TraceError(size, "bytes follow the zero at the end")
    return RtioEvents.of(
        records["timestamp"].astype(np.int64) - before,
        _channels(records["channel"]),
        records["address"],
        records["data"],
        duration=duration,
    )


def _channels(columns: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return channels from their three bytes (events, 3)."""
    wide = columns.astype(np.uint32)
    return np.asarray(wide[:, 0] | wide[:, 1] << np.uint32(8) | wide[:, 2] << np.uint32(16))
