r"""Messages of Thorlabs' APT protocol: a header of six bytes, and data if its fifth byte has the top bit.

Example:
    >>> AptMessage(0x0443, first=1).encode(destination=0x50, source=0x01).hex(" ")
    '43 04 01 00 50 01'
    >>> AptMessage(0x0412, data=bytes.fromhex("01 00 00 c0 5d 00")).encode(0x01, 0x50).hex(" ")
    '12 04 06 00 81 50 01 00 00 c0 5d 00'

Source: Thorlabs APT Controllers Host-Controller Communications Protocol, issue 25, "Introduction".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER = struct.Struct("<HBBBB")
HEADER_WITH_DATA = struct.Struct("<HHBB")
DATA_FOLLOWS = 0x80  # in the destination
LONGEST_DATA = 255  # bytes; more is a header out of step; free choice


@dataclass(frozen=True, slots=True)
class AptMessage:
    """One message.

    Attributes:
        identifier: What it is about.
        first: First parameter of a message without data, mostly the channel.
        second: Second parameter of a message without data.
        data: Data, None if the message has parameters instead.
        destination: Who it is for.
        source: Who sent it.
    """

    identifier: int
    first: int = 0
    second: int = 0
    data: bytes | None = None
    destination: int = 0
    source: int = 0

    def encode(self, destination: int, source: int) -> bytes:
        """Return the bytes on the wire.

        Args:
            destination: Who it is for, e.g. 0x01 for the computer.
            source: Who sends it, e.g. 0x50 for a USB unit.
        """
        if self.data is None:
            return HEADER.pack(self.identifier, self.first, self.second, destination, source)
        head = HEADER_WITH_DATA.pack(self.identifier, len(self.data), destination | DATA_FOLLOWS, source)
        return head + self.data


class AptReader:
    """Finds the messages in a stream; nothing in it tells where one begins but where the last one ended.

    A lost byte therefore garbles everything behind it, until a silence makes the reader start anew.
    """

    def __init__(self, silence: float) -> None:
        """Start in step.

        Args:
            silence: Time without bytes after which an incomplete message is dropped, in s.
        """
        self._silence = silence
        self._buffer = b""
        self._heard_at = 0.0
        self._lost = False

    def feed(self, data: bytes, now: float) -> list[AptMessage]:
        """Take bytes and return the messages that they complete.

        Args:
            data: Bytes as they came.
            now: Lab time in s.
        """
        if not data:
            return []
        if now - self._heard_at > self._silence:
            self.restart()
        self._heard_at = now
        self._buffer += data
        messages: list[AptMessage] = []
        while not self._lost and (message := self._next()) is not None:
            messages.append(message)
        return messages

    def restart(self) -> None:
        """Drop what came and begin with the next byte."""
        self._buffer, self._lost = b"", False

    def _next(self) -> AptMessage | None:
        if len(self._buffer) < HEADER.size:
            return None
        identifier, first, second, destination, source = HEADER.unpack_from(self._buffer)
        if not destination & DATA_FOLLOWS:
            self._buffer = self._buffer[HEADER.size :]
            return AptMessage(identifier, first, second, None, destination, source)
        length = first | second << 8
        if length > LONGEST_DATA:
            self._lost = True
            return None
        end = HEADER.size + length
        if len(self._buffer) < end:
            return None
        data, self._buffer = self._buffer[HEADER.size : end], self._buffer[end:]
        return AptMessage(identifier, 0, 0, data, destination & ~DATA_FOLLOWS, source)
