"""The bytes of a journal: a head, then frames one behind the other.

All numbers are little endian. The **head** is 64 bytes at offset 0, and once more at offset 4096 in case the
first block of the file goes bad::

    magic 8 · version u4 · offset of the first frame u4 · identity 16 · zeros 28 · CRC-32 of these 60 bytes u4

The identity is drawn at random when a journal is created, and every later checksum begins with it, so that
neither a frame of another journal nor a stale block of the disk is ever taken for one of this journal.
The first **frame** begins at 4160; each is a header of 40 bytes, its payload, and zeros up to a multiple
of 8 bytes::

    magic 4 · kind u1 · zeros 3 · sequence u8 · length of the payload u8
    · bytes of the file that were surely on the disk when the frame was written u8
    · CRC-32 of the payload u4 · CRC-32 of these 36 bytes u4

Frames are numbered from 0 without a hole. Kind 0 is the journal's own: it tells who writes from here on.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

VERSION: Final = 1
"""Of the format; a reader refuses journals of a later one."""

HEAD_MAGIC: Final = b"\x89ILJ\r\n\x1a\n"
"""As PNG's: the high bit and both kinds of line ends show what a transfer as text would do to the file."""

FRAME_MAGIC: Final = b"\xf5ILf"
"""No UTF-8 text holds the byte F5, so that text within payloads is never searched in vain."""

OWNER: Final = 0
"""Kind of the frame with which a writer takes the journal over."""

_HEAD: Final = struct.Struct("<8sII16s28x")
_HEADER: Final = struct.Struct("<4sB3xQQQI")
_CHECKSUM: Final = struct.Struct("<I")

HEAD_BYTES: Final = _HEAD.size + _CHECKSUM.size
HEADER_BYTES: Final = _HEADER.size + _CHECKSUM.size
ALIGNMENT: Final = 8
"""Of headers and payloads, so that columns of 8-byte numbers can be used where they lie."""

SECOND_HEAD: Final = 4096
"""One block of a disk later: the unit in which disks lose data."""

FIRST_FRAME: Final = SECOND_HEAD + HEAD_BYTES


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a journal: where its payload lies.

    Attributes:
        kind: What it is, 1..255, as its writer said.
        sequence: Its number in the journal.
        offset: Of the payload in the file, a multiple of 8 bytes.
        length: Of the payload in bytes.
    """

    kind: int
    sequence: int
    offset: int
    length: int

    @property
    def begin(self) -> int:
        """Offset of its header."""
        return self.offset - HEADER_BYTES

    @property
    def end(self) -> int:
        """Offset of the next frame."""
        return self.offset + padded(self.length)


class Header(NamedTuple):
    """What the header of a frame says, and where the next one is."""

    frame: Frame
    end: int
    synced: int
    checksum: int


def padded(length: int) -> int:
    """Return a length rounded up to the alignment of frames."""
    return -(-length // ALIGNMENT) * ALIGNMENT


def seed_of(identity: bytes) -> int:
    """Return the checksum with which every checksum of a journal begins."""
    return zlib.crc32(identity)


def checksum(parts: Iterable[bytes | memoryview], seed: int) -> int:
    """Return the CRC-32 of parts as if they were joined, without joining them."""
    for part in parts:
        seed = zlib.crc32(part, seed)
    return seed


def pack_head(identity: bytes) -> bytes:
    """Return all bytes before the first frame."""
    head = _HEAD.pack(HEAD_MAGIC, VERSION, FIRST_FRAME, identity)
    head += _CHECKSUM.pack(zlib.crc32(head))
    return head.ljust(SECOND_HEAD, b"\0") + head


def unpack_head(copy: bytes) -> tuple[int, bytes] | None:
    """Return version and identity, or None if the copy of the head is damaged or not all there."""
    if len(copy) < HEAD_BYTES or zlib.crc32(copy[: _HEAD.size]) != _CHECKSUM.unpack_from(copy, _HEAD.size)[0]:
        return None
    magic, version, _, identity = _HEAD.unpack_from(copy)
    return (version, identity) if magic == HEAD_MAGIC else None


def pack_header(
    kind: int, sequence: int, length: int, synced: int, payload_checksum: int, seed: int
) -> bytes:
    """Return the header of a frame."""
    header = _HEADER.pack(FRAME_MAGIC, kind, sequence, length, synced, payload_checksum)
    return header + _CHECKSUM.pack(zlib.crc32(header, seed))


def unpack_header(header: bytes | memoryview, begin: int, seed: int) -> Header | None:
    """Return what a header says, or None if it is none of this journal.

    Args:
        header: at least its 40 bytes.
        begin: its offset in the file.
        seed: of the journal.
    """
    if len(header) < HEADER_BYTES or header[:4] != FRAME_MAGIC:
        return None
    if zlib.crc32(header[: _HEADER.size], seed) != _CHECKSUM.unpack_from(header, _HEADER.size)[0]:
        return None
    _, kind, sequence, length, synced, payload_checksum = _HEADER.unpack_from(header)
    frame = Frame(kind, sequence, begin + HEADER_BYTES, length)
    return Header(frame, frame.end, synced, payload_checksum)
