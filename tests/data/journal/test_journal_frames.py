"""The bytes of a journal, held against what its description says."""

from __future__ import annotations

import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from data.journal.frames import (
    FIRST_FRAME,
    checksum,
    pack_head,
    pack_header,
    seed_of,
    unpack_head,
    unpack_header,
)

IDENTITY = bytes(range(16))
U64 = st.integers(0, 2**64 - 1)


def test_the_head_is_there_twice() -> None:
    head = struct.pack("<8sII16s28x", b"\x89ILJ\r\n\x1a\n", 1, 4160, IDENTITY)
    head += struct.pack("<I", zlib.crc32(head))
    assert pack_head(IDENTITY) == head + bytes(4096 - 64) + head
    assert unpack_head(head) == (1, IDENTITY)


def test_the_bytes_of_a_header() -> None:
    header = pack_header(7, 3, 1000, 500, 0xDEADBEEF, seed_of(IDENTITY))
    told = struct.pack("<4sB3xQQQI", b"\xf5ILf", 7, 3, 1000, 500, 0xDEADBEEF)
    assert header == told + struct.pack("<I", zlib.crc32(IDENTITY + told))


@given(kind=st.integers(0, 255), sequence=U64, length=U64, synced=U64, payload=st.integers(0, 2**32 - 1))
def test_a_header_comes_back(kind: int, sequence: int, length: int, synced: int, payload: int) -> None:
    header = unpack_header(pack_header(kind, sequence, length, synced, payload, 5), FIRST_FRAME, 5)
    assert header is not None
    frame = header.frame
    assert (frame.kind, frame.sequence, frame.length) == (kind, sequence, length)
    assert (frame.offset, frame.begin) == (FIRST_FRAME + 40, FIRST_FRAME)
    assert frame.offset % 8 == 0
    assert header.end % 8 == 0
    assert 0 <= header.end - frame.offset - length < 8
    assert (header.synced, header.checksum) == (synced, payload)


@given(seed=st.integers(0, 2**32 - 1), other=st.integers(0, 2**32 - 1))
def test_a_header_of_another_journal_is_none(seed: int, other: int) -> None:
    found = unpack_header(pack_header(1, 2, 3, 4, 5, seed), FIRST_FRAME, other)
    assert (found is not None) == (seed == other)


def test_a_short_header_is_none() -> None:
    header = pack_header(1, 2, 3, 4, 5, 6)
    assert all(unpack_header(header[:length], FIRST_FRAME, 6) is None for length in range(40))


@given(st.lists(st.binary()), st.integers(0, 2**32 - 1))
def test_the_checksum_of_parts_is_that_of_the_whole(parts: list[bytes], seed: int) -> None:
    assert checksum(parts, seed) == zlib.crc32(b"".join(parts), seed)
