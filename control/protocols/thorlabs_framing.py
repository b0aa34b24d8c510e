"""The frames in which Thorlabs' power meters with Ethernet (PM5020, PM103E) wrap SCPI on plain TCP.

A frame is four bytes and then a part of a message: 0xCA for the first of a message and 0xCB for those that go
on with it, the number of the frame within the message, counted from zero, and a length (16 bits, the low byte
first). The first frame tells the length of the *whole* message, all others that of their own part.

Nothing here touches a line: bytes go in and come out.

Source:
    Thorlabs, Light_Analysis_Examples (published by the maker), ethernetRawSockets/pmNetFormat.py: `*IDN?` is
    ca 00 06 00 2a 49 44 4e 3f 0a.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

FIRST = 0xCA
FURTHER = 0xCB
LARGEST_PART = 1436  # bytes of a message in a frame: a segment of 1440 bytes without the header
LONGEST_MESSAGE = (1 << 15) - 1  # bytes; the maker's own program takes lengths as signed numbers

_HEADER = struct.Struct("<BBH")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class Header:
    """What the first four bytes of a frame say.

    Attributes:
        first: whether a message begins with it.
        number: of the frame within its message.
        length: bytes of the whole message in the first frame, of its own part in all others.
    """

    first: bool
    number: int
    length: int


def wrap(message: bytes) -> bytes:
    r"""Return a message in its frames.

    Args:
        message: at most 32767 bytes.

    Example:
        >>> wrap(b"*IDN?\n")
        b'\xca\x00\x06\x00*IDN?\n'
    """
    frames = _HEADER.pack(FIRST, 0, len(message)) + message[:LARGEST_PART]
    for number, start in enumerate(range(LARGEST_PART, len(message), LARGEST_PART), start=1):
        part = message[start : start + LARGEST_PART]
        frames += _HEADER.pack(FURTHER, number, len(part)) + part
    return frames


def parse_header(header: bytes) -> Header | None:
    r"""Return what a header says; None if it is none.

    Example:
        >>> parse_header(b"\xcb\x07\x02\x01")
        Header(first=False, number=7, length=258)
        >>> parse_header(b"ERR!")
    """
    start, number, length = _HEADER.unpack(header)
    return Header(start == FIRST, number, length) if start in {FIRST, FURTHER} else None
