"""APT, the binary language of Thorlabs motion controllers: messages of six bytes, or six bytes and data.

A message begins with its number. Short ones carry two parameters in the six bytes, long ones the length of
the data that follow; the highest bit of the destination tells which it is. All numbers are little-endian. The
controller sends messages whenever it likes, so an answer is known by its number alone, and a lost byte is
only noticed because what comes next makes no sense: `decode_head` is strict for that reason.

Source:
    Thorlabs APT Communications Protocol, issue 25; message tables of pylablib and QMI.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

HOST = 0x01
UNIT = 0x50  # "generic USB unit": a controller with one motor
LONG = 0x80  # in the destination: data follow

HEAD_SIZE = 6
LONGEST_DATA = 1024  # bytes; the longest message of the protocol has 90

_SHORT = struct.Struct("<HBBBB")  # number, two parameters, destination, source
_LONG = struct.Struct("<HHBB")  # number, length of the data, destination, source


class Code(enum.IntEnum):
    """Numbers of messages."""

    HW_DISCONNECT = 0x0002
    HW_REQ_INFO = 0x0005
    HW_GET_INFO = 0x0006
    HW_STOP_UPDATE = 0x0012
    HW_RESPONSE = 0x0080
    HW_RICH_RESPONSE = 0x0081
    SET_ENABLED = 0x0210
    IDENTIFY = 0x0223
    REQ_POSITION = 0x0411
    GET_POSITION = 0x0412
    SET_VELOCITY = 0x0413
    REQ_VELOCITY = 0x0414
    GET_VELOCITY = 0x0415
    REQ_STATUS_BITS = 0x0429
    GET_STATUS_BITS = 0x042A
    MOVE_HOME = 0x0443
    MOVE_HOMED = 0x0444
    MOVE_ABSOLUTE = 0x0453
    MOVE_COMPLETED = 0x0464
    MOVE_STOP = 0x0465
    MOVE_STOPPED = 0x0466


class Status(enum.IntFlag):
    """Bits of a motor's status."""

    FORWARD_LIMIT = 1 << 0
    REVERSE_LIMIT = 1 << 1
    MOVING_FORWARD = 1 << 4
    MOVING_REVERSE = 1 << 5
    JOGGING_FORWARD = 1 << 6
    JOGGING_REVERSE = 1 << 7
    HOMING = 1 << 9
    HOMED = 1 << 10
    TRACKING = 1 << 12
    SETTLED = 1 << 13
    MOTION_ERROR = 1 << 14
    OVERLOAD = 1 << 24
    CURRENT_LIMIT = 1 << 26
    ENABLED = 1 << 31


MOVING = (
    Status.MOVING_FORWARD
    | Status.MOVING_REVERSE
    | Status.JOGGING_FORWARD
    | Status.JOGGING_REVERSE
    | Status.HOMING
)


@dataclass(frozen=True, slots=True)
class Head:
    """What the first six bytes of a message say.

    Attributes:
        code: number of the message.
        length: bytes of data that follow.
    """

    code: int
    length: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message from the controller.

    Attributes:
        code: number of the message.
        data: what follows its first six bytes.
    """

    code: int
    data: bytes = b""


def encode_short(code: int, first: int = 0, second: int = 0) -> bytes:
    """Return a message without data.

    Example:
        >>> encode_short(Code.HW_REQ_INFO).hex(" ")
        '05 00 00 00 50 01'
    """
    return _SHORT.pack(code, first, second, UNIT, HOST)


def encode_long(code: int, data: bytes) -> bytes:
    """Return a message with data.

    Example:
        >>> encode_long(Code.MOVE_ABSOLUTE, struct.pack("<Hi", 1, 6144000)).hex(" ")
        '53 04 06 00 d0 01 01 00 00 c0 5d 00'
    """
    return _LONG.pack(code, len(data), UNIT | LONG, HOST) + data


def decode_head(head: bytes) -> Head | None:
    """Return what the first six bytes of a message say.

    Args:
        head: six bytes.

    Returns:
        None if no controller would send that to us: a byte was lost or changed.

    Example:
        >>> decode_head(bytes.fromhex("44 04 01 00 01 50"))
        Head(code=1092, length=0)
        >>> decode_head(bytes.fromhex("04 01 00 01 50 44")) is None
        True
    """
    code, length, destination, source = _LONG.unpack(head)
    if source != UNIT or destination & ~LONG != HOST:
        return None
    if not destination & LONG:
        return Head(code, 0)
    return Head(code, length) if length <= LONGEST_DATA else None
