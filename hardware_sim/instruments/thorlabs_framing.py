r"""The frames in which Thorlabs power and wavelength meters wrap SCPI text on their network port (TCP 2000).

A message begins with a frame ``CA 00 <length>``, whose length is that of the *whole* message, little-endian.
What does not fit goes on in frames ``CB <number> <length>``, numbered from 1, each with the length of its own
part. What is no frame is skipped; a message with a wrong number is dropped, and the client is left without
answer; so is one that another message interrupts.

Source: Thorlabs, Light_Analysis_Examples (GitHub), ``ethernetRawSockets/pmNetFormat.py`` (PM103E, PM5020).
"""

from __future__ import annotations

import math
import re
import struct

from hardware_sim.instruments.endpoint import Endpoint, Session, SessionEndedError
from hardware_sim.instruments.port import Port

FIRST, FURTHER = 0xCA, 0xCB
MESSAGE_START, FRAME_START = re.compile(b"\xca"), re.compile(b"[\xca\xcb]")
HEADER = struct.Struct("<BBH")
IDLE_LIMIT = (
    30.0  # s without communication after which the meter closes the connection (Readme of the examples)
)
LARGEST_PART = 1436  # bytes of payload in a frame: a TCP segment of 1440 less the header


def pack_frames(message: bytes) -> bytes:
    r"""Wrap one message.

    Args:
        message: Text with its line end.

    Returns:
        Its frames, one behind the other.

    Example:
        >>> pack_frames(b"*IDN?\n").hex(" ")
        'ca 00 06 00 2a 49 44 4e 3f 0a'
    """
    framed = HEADER.pack(FIRST, 0, len(message)) + message[:LARGEST_PART]
    for number, at in enumerate(range(LARGEST_PART, len(message), LARGEST_PART), start=1):
        part = message[at : at + LARGEST_PART]
        framed += HEADER.pack(FURTHER, number & 0xFF, len(part)) + part
    return framed


class FrameReader:
    """Finds messages in a stream of frames that arrives in any pieces."""

    def __init__(self) -> None:
        self._buffer = b""
        self._message = b""
        self._missing = self._number = 0

    def take(self, data: bytes) -> list[bytes]:
        """Take bytes and return the messages that they complete."""
        self._buffer += data
        complete = []
        while self._take_frame():
            if not self._missing and self._message:
                complete.append(self._message)
                self._message = b""
        return complete

    def _take_frame(self) -> bool:
        """Move one whole frame from the buffer to the message, if there is one."""
        found = (FRAME_START if self._missing else MESSAGE_START).search(self._buffer)
        self._buffer = self._buffer[found.start() :] if found else b""
        if len(self._buffer) < HEADER.size:
            return False
        start, number, length = HEADER.unpack_from(self._buffer)
        if start == FIRST:
            self._forget()
        size = min(length, LARGEST_PART)
        if number != self._number or not length or (self._missing and length > self._missing):
            self._buffer = self._buffer[HEADER.size :]
            self._forget()
            return True
        part = self._buffer[HEADER.size : HEADER.size + size]
        if len(part) < size:
            return False
        self._buffer = self._buffer[HEADER.size + size :]
        self._missing = (self._missing or length) - size
        self._message += part
        self._number = (self._number + 1) & 0xFF if self._missing else 0
        return True

    def _forget(self) -> None:
        self._message, self._missing, self._number = b"", 0, 0


class FramedEndpoint(Port[Endpoint]):
    r"""An instrument behind frames; serve it with `serve_tcp` in place of the instrument.

    Example:
        >>> from hardware_sim.instruments.smc100a import SimulatedSmc100a
        >>> line = FramedEndpoint(SimulatedSmc100a()).connect()
        >>> line.receive(pack_frames(b"FREQ?\n"), now=0.0)
        b'\xca\x00\n\x00100000000\n'
    """

    tcp_resource = "TCPIP::{host}::{port}::SOCKET"

    def __init__(self, inner: Endpoint, idle_limit: float = math.inf) -> None:
        """Wrap an instrument that speaks lines ending with LF.

        Args:
            inner: The instrument.
            idle_limit: Lab time in s without communication after which it hangs up; `IDLE_LIMIT` for the real
                meters, infinite if lab time runs too fast for that.
        """
        super().__init__(inner)
        self.idle_limit = idle_limit

    @property
    def loses_link(self) -> bool:
        """Whether the link dies with the instrument's power."""
        return self.inner.loses_link

    def connect(self) -> FramedSession:
        """Accept a client."""
        return FramedSession(self.inner.connect(), self.idle_limit)


class FramedSession:
    """One client behind frames."""

    __slots__ = ("_heard_at", "_idle_limit", "_inner", "_reader")

    def __init__(self, inner: Session, idle_limit: float) -> None:
        self._inner = inner
        self._idle_limit = idle_limit
        self._reader = FrameReader()
        self._heard_at: float | None = None

    def receive(self, data: bytes, now: float) -> bytes:
        """Take frames, hand their messages on, and wrap each line of reply in frames of its own.

        Args:
            data: Bytes from the client.
            now: Lab time in s.

        Raises:
            SessionEndedError: If nothing was said for too long.
        """
        if data or self._heard_at is None:
            self._heard_at = now
        elif now >= self._heard_at + self._idle_limit:
            raise SessionEndedError
        replies = self._inner.receive(b"".join(self._reader.take(data)), now)
        return b"".join(pack_frames(line) for line in replies.splitlines(keepends=True))

    def due(self) -> float | None:
        """Return the lab time in s of the next output, None if the instrument waits for the client."""
        times = [self._inner.due()]
        if self._heard_at is not None and math.isfinite(self._idle_limit):
            times.append(self._heard_at + self._idle_limit)
        return min((time for time in times if time is not None), default=None)

    def close(self) -> None:
        """Forget this client."""
        self._inner.close()
