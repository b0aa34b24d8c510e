"""Dumps of the RTIO analyzer: what a core submitted and received, byte for byte.

Messages are columns here. Their bytes are big-endian; the header before them is of the core's byte order.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sequences.targets.artiq.errors import DumpError
from sequences.targets.artiq.events import RtioEvents

MESSAGE: Final = np.dtype(
    [("data", ">u8"), ("address", ">u4"), ("counter", ">u8"), ("timestamp", ">u8"), ("tag", ">u4")]
)
"""One message; `tag` is the channel and, in its lowest two bits, the kind."""
_HEADER: Final = "IQBBB"
"""Bytes that follow, bytes ever written, overflow, log channel, one-hot DDS select."""
_ORDERS: Final = {b"e": "<", b"E": ">"}


class MessageKind(IntEnum):
    """What a message tells."""

    OUTPUT = 0
    INPUT = 1
    EXCEPTION = 2
    """Its address is the kind of the exception."""
    STOPPED = 3


class ExceptionKind(IntEnum):
    """What went wrong."""

    OUTPUT_UNDERFLOW = 0x14
    INPUT_OVERFLOW = 0x21


@dataclass(frozen=True, slots=True, eq=False)
class Messages:
    """Columns of messages, the oldest first.

    Attributes:
        kind: (messages,) uint8, `MessageKind`.
        channel: (messages,) uint32.
        address: (messages,) uint32; of an exception its `ExceptionKind`.
        data: (messages,) uint64, the lowest 64 bits.
        timestamp: (messages,) int64, machine units.
        counter: (messages,) int64, RTIO counter when the message was made, machine units.
    """

    kind: NDArray[np.uint8]
    channel: NDArray[np.uint32]
    address: NDArray[np.uint32]
    data: NDArray[np.uint64]
    timestamp: NDArray[np.int64]
    counter: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def slack(self) -> NDArray[np.int64]:
        """Machine units (messages,) between a message and its timestamp."""
        return self.timestamp - self.counter

    @property
    def outputs(self) -> RtioEvents:
        """The outputs as events."""
        rows = self.kind == MessageKind.OUTPUT
        columns = (column[rows] for column in (self.timestamp, self.channel, self.address, self.data))
        return RtioEvents.of(*columns)


@dataclass(frozen=True, slots=True)
class Dump:
    """A dump.

    Attributes:
        messages: that are left.
        total: bytes of messages ever written; more than there are when the oldest were overwritten.
        overflow: whether messages were lost because they came too fast.
        log_channel: whose outputs are characters of log messages.
        onehot: whether DDS channels are selected by one bit each.
    """

    messages: Messages
    total: int
    overflow: bool = False
    log_channel: int = 0
    onehot: bool = True


def outputs_of(events: RtioEvents, counter: ArrayLike, start: int = 0) -> Messages:
    """Return the messages of events that were submitted.

    Args:
        events: in order of submission.
        counter: (events,) RTIO counter when each was, machine units.
        start: machine units at which the events start.
    """
    counters = np.broadcast_to(np.asarray(counter, dtype=np.int64), events.timestamp.shape)
    return Messages(
        np.full(len(events), MessageKind.OUTPUT, dtype=np.uint8),
        events.channel,
        events.address.astype(np.uint32),
        events.data.astype(np.uint64),
        events.timestamp + start,
        counters,
    )


def print_dump(
    messages: Messages,
    *,
    total: int | None = None,
    overflow: bool = False,
    log_channel: int = 0,
    onehot: bool = True,
    big_endian: bool = False,
) -> bytes:
    """Return the bytes of a dump.

    Args:
        messages: the oldest first.
        total: bytes of messages ever written, by default those of `messages`.
        overflow: whether messages were lost.
        log_channel: whose outputs are log messages, 0 to 255.
        onehot: whether DDS channels are selected by one bit each.
        big_endian: byte order of the core.
    """
    records = np.empty(len(messages), dtype=MESSAGE)
    for name in ("data", "address", "counter", "timestamp"):
        records[name] = getattr(messages, name)
    records["tag"] = messages.channel << np.uint32(2) | messages.kind
    mark = b"E" if big_endian else b"e"
    size = records.nbytes
    fields = size, size if total is None else total, overflow, log_channel, onehot
    return mark + struct.pack(_ORDERS[mark] + _HEADER, *fields) + records.tobytes()


def parse_dump(dump: bytes) -> Dump:
    """Return the messages of a dump.

    Raises:
        DumpError: the bytes are no dump.
    """
    order = _ORDERS.get(dump[:1])
    if order is None:
        raise DumpError(len(dump), f"it starts with {dump[:1]!r}; expected b'e' or b'E', its byte order")
    header = struct.Struct(order + _HEADER)
    if len(dump) < 1 + header.size:
        raise DumpError(len(dump), f"it ends within its header of {1 + header.size} bytes")
    size, total, overflow, log_channel, onehot = header.unpack_from(dump, 1)
    body = dump[1 + header.size :]
    if len(body) != size or size % MESSAGE.itemsize:
        raise DumpError(
            len(dump), f"it announces {size} bytes of messages, {MESSAGE.itemsize} each, and has {len(body)}"
        )
    records = np.frombuffer(body, dtype=MESSAGE)
    kind = (records["tag"] & 3).astype(np.uint8)
    address = records["address"].astype(np.uint32)
    messages = Messages(
        kind,
        (records["tag"] >> 2).astype(np.uint32),
        # of an exception, only the last byte of this field is its kind
        np.where(kind == MessageKind.EXCEPTION, address & 0xFF, address),
        records["data"].astype(np.uint64),
        records["timestamp"].astype(np.int64),
        records["counter"].astype(np.int64),
    )
    return Dump(messages, total, bool(overflow), log_channel, bool(onehot))
