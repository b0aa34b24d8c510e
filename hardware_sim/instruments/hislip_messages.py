r"""The messages of HiSLIP: a header of 16 bytes and a payload, found in a stream of bytes.

Example:
    >>> reader = MessageReader()
    >>> reader.feed(Message(MessageType.DATA_END, 0, 0xFFFFFF00, b"*IDN?\n").encode()[:20])
    []
    >>> reader.feed(b"?\n")
    [Message(kind=7, control=0, parameter=4294967040, payload=b'*IDN?\n', excess=False)]

Source: IVI-6.1 (HiSLIP), revision 1.1, section 2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

HEADER = struct.Struct("!2sBBIQ")
PROLOGUE = b"HS"
LARGEST_MESSAGE = 1 << 20  # bytes of payload that the server accepts; free choice


class MessageType(IntEnum):
    """Types of messages of protocol version 1 (IVI-6.1, table 4)."""

    INITIALIZE = 0
    INITIALIZE_RESPONSE = 1
    FATAL_ERROR = 2
    ERROR = 3
    ASYNC_LOCK = 4
    ASYNC_LOCK_RESPONSE = 5
    DATA = 6
    DATA_END = 7
    DEVICE_CLEAR_COMPLETE = 8
    DEVICE_CLEAR_ACKNOWLEDGE = 9
    ASYNC_REMOTE_LOCAL_CONTROL = 10
    ASYNC_REMOTE_LOCAL_RESPONSE = 11
    TRIGGER = 12
    INTERRUPTED = 13
    ASYNC_INTERRUPTED = 14
    ASYNC_MAX_MESSAGE_SIZE = 15
    ASYNC_MAX_MESSAGE_SIZE_RESPONSE = 16
    ASYNC_INITIALIZE = 17
    ASYNC_INITIALIZE_RESPONSE = 18
    ASYNC_DEVICE_CLEAR = 19
    ASYNC_SERVICE_REQUEST = 20
    ASYNC_STATUS_QUERY = 21
    ASYNC_STATUS_RESPONSE = 22
    ASYNC_DEVICE_CLEAR_ACKNOWLEDGE = 23
    ASYNC_LOCK_INFO = 24
    ASYNC_LOCK_INFO_RESPONSE = 25


class FatalCode(IntEnum):
    """Why a connection ends (IVI-6.1, table 10)."""

    UNIDENTIFIED = 0
    BAD_HEADER = 1
    CHANNELS_MISSING = 2
    BAD_INITIALIZATION = 3


class ErrorCode(IntEnum):
    """What was wrong with a message that is ignored (IVI-6.1, table 12)."""

    UNRECOGNIZED_TYPE = 1
    UNRECOGNIZED_CONTROL = 2
    MESSAGE_TOO_LARGE = 4


class HeaderError(Exception):
    """The stream does not hold a header where one must be: the channel has lost its step."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        kind: Its type, one of `MessageType` or a number that version 1 does not know.
        control: Control code.
        parameter: Message parameter, 32 bits.
        payload: Payload; empty where it was too large to be kept.
        excess: Whether the payload was too large.
    """

    kind: int
    control: int = 0
    parameter: int = 0
    payload: bytes = b""
    excess: bool = False

    def encode(self) -> bytes:
        """Return the bytes on the wire."""
        header = HEADER.pack(PROLOGUE, self.kind, self.control, self.parameter, len(self.payload))
        return header + self.payload


class MessageReader:
    """Finds the messages in one channel's stream."""

    def __init__(self) -> None:
        self._buffer = b""
        self._skipping = 0

    def feed(self, data: bytes) -> list[Message]:
        """Take bytes and return the messages that they complete.

        Args:
            data: Bytes as they came, cut anywhere.

        Raises:
            HeaderError: If a header is malformed; nothing after it can be read.
        """
        self._buffer += data
        messages: list[Message] = []
        while True:
            skipped = min(self._skipping, len(self._buffer))
            self._buffer, self._skipping = self._buffer[skipped:], self._skipping - skipped
            message = None if self._skipping else self._next()
            if message is None:
                return messages
            messages.append(message)

    def _next(self) -> Message | None:
        if not PROLOGUE.startswith(self._buffer[:2]):
            raise HeaderError(self._buffer[:2])
        if len(self._buffer) < HEADER.size:
            return None
        _, kind, control, parameter, length = HEADER.unpack_from(self._buffer)
        if length > LARGEST_MESSAGE:
            self._buffer, self._skipping = self._buffer[HEADER.size :], length
            return Message(kind, control, parameter, excess=True)
        end = HEADER.size + length
        if len(self._buffer) < end:
            return None
        payload, self._buffer = self._buffer[HEADER.size : end], self._buffer[end:]
        return Message(kind, control, parameter, payload)
