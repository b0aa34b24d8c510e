"""Agilent's "Window" protocol of ion pump controllers: numbered windows that are read or written.

A frame is STX, the address, three digits of the window, 0 to read or 1 to write, data, ETX, and a checksum of
two hexadecimal digits: all bytes after STX up to and with ETX, combined with exclusive or. The answer to a
reading repeats window and direction before the data; a writing, or a failure, is answered by a single byte.

Source:
    Agilent 4UHV manual 87-900-137-01, pages 73 to 75.
"""

from __future__ import annotations

import functools
import operator

STX, ETX = b"\x02", b"\x03"
ADDRESS = 0x80  # plus the address on an RS-485 line, 0 to 31
CHECKSUM_SIZE = 2  # characters, after ETX

ACKNOWLEDGED = 0x06
FAILURES = {
    0x15: "the execution of the command failed",
    0x32: "unknown window",
    0x33: "wrong type of data",
    0x34: "value out of range",
    0x35: "the window cannot be written, or not now",
}
"""Answers of a single byte, beside the one that says it is done."""


def encode_read(address: int, window: int) -> bytes:
    r"""Return the frame that asks for the content of a window.

    Args:
        address: on an RS-485 line, else 0.
        window: its number.

    Example:
        >>> encode_read(0, 812)
        b'\x02\x808120\x0388'
    """
    return _frame(address, f"{window:03d}0".encode("ascii"))


def encode_write(address: int, window: int, data: str) -> bytes:
    r"""Return the frame that writes a window.

    Args:
        address: on an RS-485 line, else 0.
        window: its number.
        data: "0" or "1" for a logical window, six digits for a number, up to ten characters for a text.

    Example:
        >>> encode_write(0, 11, "0")
        b'\x02\x8001110\x03B2'
    """
    return _frame(address, f"{window:03d}1{data}".encode("ascii"))


def decode(frame: bytes, checksum: bytes, address: int) -> bytes | None:
    r"""Return what a frame says between its address and its end.

    Args:
        frame: from STX to before ETX.
        checksum: the two characters after ETX.
        address: whose answer it has to be.

    Returns:
        None if the frame is damaged or comes from another address.

    Example:
        >>> decode(b"\x02\x8081202.1E-10", b"CC", 0)
        b'81202.1E-10'
        >>> decode(b"\x02\x8081202.1E-11", b"CC", 0) is None
        True
    """
    start = STX + bytes([ADDRESS + address])
    if not frame.startswith(start) or _checksum(frame[1:] + ETX) != checksum:
        return None
    return frame[len(start) :]


def _frame(address: int, content: bytes) -> bytes:
    body = bytes([ADDRESS + address]) + content + ETX
    return STX + body + _checksum(body)


def _checksum(body: bytes) -> bytes:
    return f"{functools.reduce(operator.xor, body, 0):02X}".encode("ascii")
