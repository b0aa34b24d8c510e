r"""Frames of Agilent's window protocol: STX, address, window, command, data, ETX, checksum.

Example:
    >>> reader = WindowReader()
    >>> reader.feed(b"\x02\x808120\x0388")
    [WindowRequest(address=0, window=812, write=False, data='', sound=True)]
    >>> answer(0, "812", "0", "2.1E-10")
    b'\x02\x8081202.1E-10\x03CC'

Source: Agilent 4UHV ion pump controller manual 87-900-137, pp. 73 to 75.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import reduce
from operator import xor

START, END = b"\x02", b"\x03"
FIRST_ADDRESS = 0x80
LONGEST_FRAME = 64  # bytes; more is no frame of this protocol; free choice
BODY = re.compile(rb"([\x80-\x9f])([0-9]{3})([01])([\x20-\x7e]*)")


@dataclass(frozen=True, slots=True)
class WindowRequest:
    """One frame of a client.

    Attributes:
        address: Which controller on an RS-485 bus is meant, 0 to 31.
        window: Number of the window.
        write: Whether it is to be written.
        data: What to write.
        sound: Whether the checksum is right.
    """

    address: int
    window: int
    write: bool
    data: str
    sound: bool


class WindowReader:
    """Finds the frames in a stream; what is between them does not count."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[WindowRequest]:
        """Take bytes and return the requests that they complete.

        Args:
            data: Bytes as they came, cut anywhere.
        """
        self._buffer += data
        requests: list[WindowRequest] = []
        while True:
            self._buffer = self._buffer[self._buffer.find(START) :] if START in self._buffer else b""
            end = self._buffer.find(END)
            if end < 0 or len(self._buffer) < end + 3:
                if len(self._buffer) > LONGEST_FRAME:
                    self._buffer = self._buffer[1:]  # not the start of a frame
                    continue
                return requests
            # A frame that was cut off is followed by the start of the next one.
            begin = self._buffer.rfind(START, 0, end) + 1
            body, sent = self._buffer[begin:end], self._buffer[end + 1 : end + 3]
            self._buffer = self._buffer[end + 3 :]
            match = BODY.fullmatch(body)
            if match is not None:
                address, window, command, content = match.groups()
                requests.append(
                    WindowRequest(
                        address[0] - FIRST_ADDRESS,
                        int(window),
                        command == b"1",
                        content.decode("ascii"),
                        sent == checksum(body + END),
                    )
                )

    def restart(self) -> None:
        """Forget an incomplete frame."""
        self._buffer = b""


def checksum(body: bytes) -> bytes:
    r"""Return two hex digits: the bytes after STX up to and with ETX, combined by exclusive or.

    Example:
        >>> checksum(b"\x8001110\x03")
        b'B2'
    """
    return f"{reduce(xor, body, 0):02X}".encode("ascii")


def answer(address: int, *parts: str) -> bytes:
    """Return the frame with some content.

    Args:
        address: Of the controller that answers, 0 to 31.
        parts: What it says: window, command and data, or a single code.
    """
    body = bytes([FIRST_ADDRESS + address]) + "".join(parts).encode("latin-1") + END
    return START + body + checksum(body)
