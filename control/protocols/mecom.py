"""MeCom, the language of Meerstetter's temperature controllers: numbered parameters in frames of text.

A frame is text: "#" for a question or "!" for an answer, address (2 digits), sequence number (4), payload,
checksum (4), CR; all digits in capitals. A parameter has a number and an instance (the channel, from 1), and
its value is 32 bits, an integer or a float. That a value was set is acknowledged by the checksum of the
question, with nothing before it. Who gets a frame with a wrong checksum says nothing at all.

Nothing here touches a line: texts go in and come out.

Source:
    Meerstetter MeCom protocol specifications 5117 and 5136, as spoken by mecompyapi and pyMeCom.
"""

from __future__ import annotations

import binascii
import math
import re
import struct
from dataclasses import dataclass

END = b"\r"
SEQUENCES = 1 << 16  # numbers there are; a late answer bears the number of its own question

ERRORS = {
    1: "command not available",
    2: "device is busy",
    3: "communication error",
    4: "format error",
    5: "parameter not available",
    6: "parameter can be read only",
    7: "value out of range",
    8: "instance not available",
    9: "general error",
}

_FRAME = re.compile(rb"!([0-9A-F]{2})([0-9A-F]{4})(.*)([0-9A-F]{4})", re.DOTALL)
_ERROR = re.compile(rb"\+([0-9A-F]{2})")


@dataclass(frozen=True, slots=True)
class Answer:
    """One frame from a controller.

    Attributes:
        address: who sent it.
        sequence: number of the question that it answers.
        payload: what it says; empty for an acknowledgement.
        checksum: as it was sent. In an acknowledgement it is that of the question.
        intact: whether the checksum is that of this very frame.
    """

    address: int
    sequence: int
    payload: bytes
    checksum: int
    intact: bool

    @property
    def error(self) -> int:
        """The number of the error that it reports; 0 for none."""
        found = _ERROR.fullmatch(self.payload)
        return int(found[1], 16) if found else 0


def checksum(data: bytes) -> int:
    """Return the CRC-16 of XMODEM: polynomial 0x1021, starting at 0.

    Example:
        >>> f"{checksum(b'123456789'):04X}"
        '31C3'
    """
    return binascii.crc_hqx(data, 0)


def frame(address: int, sequence: int, payload: str) -> bytes:
    r"""Return a question as it is sent.

    Args:
        address: of the controller; 0 reaches the only one on a line.
        sequence: number of the question, 16 bits.
        payload: what is asked.

    Example:
        >>> frame(2, 0x15AB, "?VR03E801")
        b'#0215AB?VR03E80134D8\r'
    """
    body = f"#{address:02X}{sequence:04X}{payload}".encode("ascii")
    return body + f"{checksum(body):04X}".encode("ascii") + END


def get(parameter: int, instance: int) -> str:
    """Return the payload that asks for a parameter."""
    return f"?VR{parameter:04X}{instance:02X}"


def put(parameter: int, instance: int, value: float) -> str:
    """Return the payload that sets a parameter: a float as 32 bits of IEEE 754, an `int` as an integer.

    Example:
        >>> put(3000, 1, 27.5), put(2010, 1, 1)
        ('VS0BB80141DC0000', 'VS07DA0100000001')
    """
    bits = struct.pack(">i" if isinstance(value, int) else ">f", value)
    return f"VS{parameter:04X}{instance:02X}{bits.hex().upper()}"


def parse(line: bytes) -> Answer | None:
    """Return the answer in a line without its CR; None if it has not the form of one."""
    fields = _FRAME.fullmatch(line)
    if fields is None:
        return None
    sent = int(fields[4], 16)
    intact = sent == checksum(line[:-4])
    return Answer(int(fields[1], 16), int(fields[2], 16), fields[3], sent, intact)


def integer(payload: bytes) -> int | None:
    """Return the integer that an answer holds; None if it holds none.

    Example:
        >>> integer(b"FFFFFFFE"), integer(b"0000000")
        (-2, None)
    """
    bits = _bits(payload)
    return None if bits is None else int(struct.unpack(">i", bits)[0])


def real(payload: bytes) -> float | None:
    """Return the float that an answer holds, which may be "not a number"; None if it holds none.

    Example:
        >>> real(b"41C80000")
        25.0
    """
    bits = _bits(payload)
    if bits is None:
        return None
    value: float = struct.unpack(">f", bits)[0]
    return value if math.isfinite(value) else math.nan


def _bits(payload: bytes) -> bytes | None:
    return bytes.fromhex(payload.decode()) if re.fullmatch(rb"[0-9A-F]{8}", payload) else None
