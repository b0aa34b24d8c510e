r"""Remote procedure calls of ONC RPC on a stream: record marking, call headers, replies.

Example:
    >>> call = struct.pack("!10I", 7, 0, 2, 0x0607AF, 1, 12, 0, 0, 0, 0) + b"args"
    >>> (record,) = RecordReader().feed(mark(call))
    >>> Call.parse(record)
    Call(number=7, program=395183, version=1, procedure=12, arguments=b'args')

Source: RFC 5531 (ONC RPC version 2), sections 9 and 11; RFC 4506 (XDR).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

RPC_VERSION = 2
LAST_FRAGMENT = 1 << 31
LARGEST_RECORD = 1 << 24  # bytes; more is a stream that has lost its step; free choice
CALL, REPLY = 0, 1


class Acceptance(IntEnum):
    """What becomes of a call (RFC 5531, section 9)."""

    SUCCESS = 0
    PROGRAM_UNAVAILABLE = 1
    PROGRAM_MISMATCH = 2
    PROCEDURE_UNAVAILABLE = 3
    GARBAGE_ARGUMENTS = 4


class RecordError(Exception):
    """The stream holds no records any more."""


class RecordReader:
    """Finds the records in a stream, whose fragments each have a length of four bytes ahead."""

    def __init__(self) -> None:
        self._buffer = b""
        self._record = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes and return the records that they complete.

        Args:
            data: Bytes as they came, cut anywhere.

        Raises:
            RecordError: If a record is longer than any call can be.
        """
        self._buffer += data
        records: list[bytes] = []
        while len(self._buffer) >= 4:
            mark = int.from_bytes(self._buffer[:4], "big")
            length = mark & ~LAST_FRAGMENT
            if len(self._record) + length > LARGEST_RECORD:
                raise RecordError(length)
            if len(self._buffer) < 4 + length:
                break
            self._record += self._buffer[4 : 4 + length]
            self._buffer = self._buffer[4 + length :]
            if mark & LAST_FRAGMENT:
                records.append(self._record)
                self._record = b""
        return records


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        number: Transaction number, which the reply repeats.
        program: Program that is called.
        version: Its version.
        procedure: Number of the procedure.
        arguments: Arguments in XDR.
    """

    number: int
    program: int
    version: int
    procedure: int
    arguments: bytes

    @staticmethod
    def parse(record: bytes) -> Call | None:
        """Read a record, None if it is no call of RPC version 2."""
        try:
            number, kind, rpc, program, version, procedure = struct.unpack_from("!6I", record)
            rest = record[24:]
            for _ in range(2):  # credentials and verifier: anybody may call
                (length,) = struct.unpack_from("!4xI", rest)
                rest = rest[8 + length + -length % 4 :]
        except struct.error:
            return None
        if kind != CALL or rpc != RPC_VERSION:
            return None
        return Call(number, program, version, procedure, rest)

    def reply(self, results: bytes) -> bytes:
        """Return the record that gives the results, in XDR."""
        return self._accept(Acceptance.SUCCESS, results)

    def refuse(self, why: Acceptance) -> bytes:
        """Return the record that tells that the call was not carried out."""
        versions = (
            struct.pack("!2I", self.version, self.version) if why is Acceptance.PROGRAM_MISMATCH else b""
        )
        return self._accept(why, versions)

    def _accept(self, acceptance: Acceptance, body: bytes) -> bytes:
        return mark(struct.pack("!6I", self.number, REPLY, 0, 0, 0, acceptance) + body)


def mark(record: bytes) -> bytes:
    """Return a record as a single fragment."""
    return struct.pack("!I", LAST_FRAGMENT | len(record)) + record


def pack_opaque(data: bytes) -> bytes:
    r"""Return bytes in XDR: length, bytes, zeros to a multiple of four.

    Example:
        >>> pack_opaque(b"12345")
        b'\x00\x00\x00\x0512345\x00\x00\x00'
    """
    return struct.pack("!I", len(data)) + data + bytes(-len(data) % 4)


def unpack_opaque(data: bytes) -> bytes:
    """Return the bytes at the start of XDR data.

    Raises:
        struct.error: If they are cut short.
    """
    (length,) = struct.unpack_from("!I", data)
    (content,) = struct.unpack_from(f"!4x{length}s", data)
    return bytes(content)
