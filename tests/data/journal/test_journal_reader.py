"""Reading whole, torn, cut, flipped and overwritten journals: what is wrong is told, never returned."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.errors import (
    DamagedRunError,
    ForeignJournalError,
    NewerJournalError,
    RunClosedError,
    UnreadableFileError,
)
from data.journal import JournalReader, JournalWriter
from data.journal.frames import FIRST_FRAME, SECOND_HEAD, pack_head
from data.journal.reader import _BLOCK

Journal = Any
"""The SmallJournal of conftest.py."""

MakeJournal = Callable[..., Journal]


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def spans(path: Path) -> list[tuple[int, int]]:
    """Return where the frames lie, the journal's own first."""
    with JournalReader(path) as reader:
        frames = reader.frames()
        return [(FIRST_FRAME, frames[0].begin)] + [(frame.begin, frame.end) for frame in frames]


def test_everything_comes_back(small: Journal) -> None:
    with JournalReader(small.path) as reader:
        frames = reader.poll()
        assert [(frame.kind, frame.sequence) for frame in frames] == [(n, n) for n in small.payloads]
        assert [bytes(reader.payload(frame)) for frame in frames] == list(small.payloads.values())
        assert all(reader.payload(frame).readonly for frame in frames)
        assert (reader.torn, reader.gaps, reader.poll()) == (0, [], [])
        assert reader.frames() == frames
        assert reader.identity is not None
        assert len(reader.identity) == 16


def test_columns_can_be_used_where_they_lie(tmp_path: Path) -> None:
    column = np.arange(1000) * 0.1
    with JournalWriter.create(tmp_path / "j") as writer:
        writer.append(1, [b"odd"])
        writer.append(2, [column])
    with JournalReader(tmp_path / "j") as reader:
        back = np.frombuffer(reader.payload(reader.frames()[1]))
    assert back.flags.aligned
    assert np.array_equal(back, column)


@pytest.mark.parametrize("verify", ["tail", "all"])
def test_cut_at_every_byte(small: Journal, verify: str) -> None:
    whole, ends = small.path.read_bytes(), [end for _, end in spans(small.path)]
    for size in reversed(range(len(whole) + 1)):
        os.truncate(small.path, size)
        with JournalReader(small.path, verify=verify) as reader:  # type: ignore[arg-type]
            got = {frame.sequence: bytes(reader.payload(frame)) for frame in reader.poll()}
            assert got == {n: payload for n, payload in small.payloads.items() if ends[n] <= size}
            last = max((end for end in ends if end <= size), default=FIRST_FRAME if size >= 64 else 0)
            assert reader.torn == max(0, size - last)
            assert reader.gaps == []


@pytest.mark.parametrize("verify", ["tail", "all"])
def test_a_journal_that_grows_byte_by_byte(small: Journal, verify: str) -> None:
    whole = small.path.read_bytes()
    small.path.write_bytes(b"")
    got: dict[int, bytes] = {}
    with JournalReader(small.path, verify=verify) as reader, small.path.open("ab", buffering=0) as file:  # type: ignore[arg-type]
        for at in range(0, FIRST_FRAME, 64):
            file.write(whole[at : min(at + 64, FIRST_FRAME)])
            assert reader.poll() == []
        for at in range(FIRST_FRAME, len(whole)):
            file.write(whole[at : at + 1])
            for frame in reader.poll():
                assert frame.sequence not in got
                got[frame.sequence] = bytes(reader.payload(frame))
        assert (reader.torn, reader.gaps) == (0, [])
    assert list(got.items()) == list(small.payloads.items())


def flip_and_read(
    path: Path, bits: Iterable[tuple[int, int]], payloads: dict[int, bytes], verify: str
) -> None:
    """Flip bits one at a time, and see each detected; in the last frame it looks as if it were torn."""
    with path.open("r+b", buffering=0) as file:
        for at, bit in bits:
            original = os.pread(file.fileno(), 1, at)
            os.pwrite(file.fileno(), bytes([original[0] ^ 1 << bit]), at)
            with JournalReader(path, verify=verify) as reader:  # type: ignore[arg-type]
                whole, refused = {}, set()
                for frame in reader.poll():
                    try:
                        whole[frame.sequence] = bytes(reader.payload(frame))
                    except DamagedRunError:
                        refused.add(frame.sequence)
                missing = {number for gap in reader.gaps for number in gap.missing}
                lost = (set(payloads) - set(whole)) - refused - missing
                assert whole.items() <= payloads.items()
                assert len(lost | refused | missing) <= 1
                assert not lost or (lost == {max(payloads)} and reader.torn)
                assert verify == "tail" or not refused
            os.pwrite(file.fileno(), original, at)


@pytest.mark.parametrize("verify", ["tail", "all"])
def test_every_single_flipped_bit_of_frames(make_journal: MakeJournal, verify: str) -> None:
    small = make_journal(5, 0, 24)
    places = range(FIRST_FRAME, small.path.stat().st_size)
    bits = [(at, bit) for at in places for bit in range(8)]
    flip_and_read(small.path, bits, small.payloads, verify)
    assert small.read() == small.payloads


def test_single_flipped_bits_of_the_heads_lose_nothing(small: Journal) -> None:
    with small.path.open("r+b", buffering=0) as file:
        for at in (*range(64), 64, 2000, *range(SECOND_HEAD - 1, FIRST_FRAME)):
            original = os.pread(file.fileno(), 1, at)
            for bit in range(8):
                os.pwrite(file.fileno(), bytes([original[0] ^ 1 << bit]), at)
                assert small.read() == small.payloads
            os.pwrite(file.fileno(), original, at)


@pytest.mark.slow
def test_every_single_flipped_bit_of_a_journal(small: Journal) -> None:
    bits = [(at, bit) for at in range(small.path.stat().st_size) for bit in range(8)]
    flip_and_read(small.path, bits, small.payloads, "all")


def test_the_head_survives_the_loss_of_its_block(small: Journal) -> None:
    overwrite(small.path, 0, np.random.default_rng(3).bytes(SECOND_HEAD))
    assert small.read() == small.payloads


def test_both_heads_lost(small: Journal) -> None:
    for at in (20, SECOND_HEAD + 20):
        overwrite(small.path, at, b"????")
    with pytest.raises(DamagedRunError) as told:
        JournalReader(small.path)
    assert str(told.value) == (
        f"{small.path}: the head of the journal is damaged (its checksum does not match); no frame can be "
        "found; compare with another copy of the file, or check the disk"
    )


@pytest.mark.parametrize("damaged", [0, 1, 2, 3, 4])
def test_a_damaged_frame_is_stepped_over_and_told(small: Journal, damaged: int) -> None:
    begin, end = spans(small.path)[damaged]
    overwrite(small.path, begin, bytes(end - begin))
    rest = {number: payload for number, payload in small.payloads.items() if number != damaged}
    assert small.read(verify="all") == rest
    with JournalReader(small.path) as reader:
        assert [frame.sequence for frame in reader.poll()] == list(rest)
        gaps = [(gap.offset, gap.length, list(gap.missing)) for gap in reader.gaps]
        # At the end it cannot be told from one that never was finished.
        assert (gaps, reader.torn) == (
            ([(begin, end - begin, [damaged])], 0) if damaged < 4 else ([], end - begin)
        )


def test_a_hole_over_several_frames_and_many_blocks(make_journal: MakeJournal) -> None:
    journal = make_journal(10, _BLOCK + 3, 2 * _BLOCK, 17, 40)
    places = spans(journal.path)
    hole = range(places[1][0] + 8, places[4][0] + 8)
    overwrite(journal.path, hole.start, bytes(len(hole)))
    with JournalReader(journal.path) as reader:
        assert [frame.sequence for frame in reader.frames()] == [5]
        (gap,) = reader.gaps
        assert (gap.offset, gap.length) == (places[1][0], places[5][0] - places[1][0])
        assert gap.missing == range(1, 5)


@pytest.mark.parametrize("distance", range(_BLOCK - 8, _BLOCK + 24, 8))
def test_frames_at_the_edge_of_what_is_searched_at_once_are_found(
    make_journal: MakeJournal, distance: int
) -> None:
    journal = make_journal(8, distance - 40, 16)
    places = spans(journal.path)
    overwrite(journal.path, places[2][0], b"\0\0\0\0")
    assert places[3][0] - places[2][0] == distance
    assert journal.read() == {1: journal.payloads[1], 3: journal.payloads[3]}


def test_a_damaged_payload_is_refused(small: Journal) -> None:
    with JournalReader(small.path) as reader:
        frame = reader.frames()[2]
        overwrite(small.path, frame.offset + 3, b"\xa5\x5a")
        with pytest.raises(DamagedRunError) as told:
            reader.payload(frame)
    assert str(told.value) == (
        f"{small.path}: frame 3 of the journal (bytes {frame.begin}..{frame.end}) is damaged (its checksum "
        "does not match); all other frames can be read; compare with another copy of the file, or check the "
        "disk"
    )


def test_the_payload_of_a_frame_that_was_cut_off_is_refused(small: Journal) -> None:
    with JournalReader(small.path) as reader:
        frame = reader.frames()[-1]
        os.truncate(small.path, frame.offset + 1)
        with pytest.raises(DamagedRunError):
            reader.payload(frame)
        assert reader.poll() == reader.frames()
        assert reader.torn == 0


@pytest.mark.parametrize("length", [1, 7, 8, 39, 40, 41, 4096])
def test_garbage_behind_the_end(small: Journal, length: int) -> None:
    with small.path.open("ab") as file:
        file.write(np.random.default_rng(length).bytes(length))
    assert small.read(verify="all") == small.payloads
    with JournalReader(small.path) as reader:
        reader.poll()
        assert (reader.torn, reader.gaps) == (length, [])


def test_frames_of_another_journal_are_garbage(make_journal: MakeJournal) -> None:
    one, other = make_journal(30, 30), make_journal(30, 30, 30, name="other.journal")
    with one.path.open("ab") as file:
        file.write(other.path.read_bytes()[FIRST_FRAME:])
    assert one.read() == one.payloads


def test_frames_that_come_back_from_the_past_are_garbage(small: Journal) -> None:
    (begin, end), *_ = spans(small.path)[2:]
    with small.path.open("ab") as file:
        file.write(small.path.read_bytes()[begin:end])
    assert small.read() == small.payloads


def test_a_journal_as_a_payload_is_not_mistaken(small: Journal, tmp_path: Path) -> None:
    inner = small.path.read_bytes()
    with JournalWriter.create(tmp_path / "outer") as writer:
        writer.append(1, [inner])
        writer.append(2, [b"behind"])
    with JournalReader(tmp_path / "outer") as reader:
        first = reader.frames()[0]
    overwrite(tmp_path / "outer", first.begin + 9, b"??")
    with JournalReader(tmp_path / "outer") as reader:
        assert [(frame.kind, frame.sequence) for frame in reader.frames()] == [(2, 2)]


def test_damage_far_back_is_found_by_all_and_at_reading_by_tail(tmp_path: Path) -> None:
    with JournalWriter.create(tmp_path / "j") as writer:
        for number in range(1, 4):
            writer.append(number, [bytes(100)])
            writer.sync()
    with JournalReader(tmp_path / "j") as reader:
        first = reader.frames()[0]
    overwrite(tmp_path / "j", first.offset, b"?")
    with JournalReader(tmp_path / "j", verify="all") as reader:
        assert [frame.sequence for frame in reader.frames()] == [2, 3]
        assert [gap.missing for gap in reader.gaps] == [range(1, 2)]
    with JournalReader(tmp_path / "j", verify="tail") as reader:
        assert [frame.sequence for frame in reader.frames()] == [1, 2, 3]
        with pytest.raises(DamagedRunError):
            reader.payload(first)


def test_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a journal")
    with pytest.raises(ForeignJournalError) as told:
        JournalReader(path)
    assert str(told.value) == (
        f"{path} is no journal of ionloom (13 bytes that begin otherwise), so no run can be restored from "
        "it; give the .journal file of a run"
    )


@pytest.mark.parametrize(
    "content", [bytes(8193), b"\x89HDF\r\n\x1a\n" + bytes(9000), bytes(8) + b"x", b"\x89IL?"]
)
def test_files_that_only_seem_to_be_journals(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(ForeignJournalError):
        JournalReader(tmp_path / "j")


def test_a_journal_of_a_later_ionloom(small: Journal) -> None:
    head = struct.pack("<8sII16s28x", b"\x89ILJ\r\n\x1a\n", 2, 4160, bytes(16))
    overwrite(small.path, 0, head + struct.pack("<I", zlib.crc32(head)))
    with pytest.raises(NewerJournalError) as told:
        JournalReader(small.path)
    assert str(told.value) == (
        f"{small.path} has journal format 2, but this ionloom reads formats up to 1; update ionloom, or "
        "restore the run with the one that wrote it"
    )


def test_a_missing_journal(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"cannot read .*none: No such file or directory"):
        JournalReader(tmp_path / "none")


@pytest.mark.parametrize("content", [b"", pack_head(bytes(16))[:9], bytes(4160)])
def test_a_journal_whose_head_is_not_there_yet(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j").write_bytes(content)
    with JournalReader(tmp_path / "j") as reader:
        assert (reader.identity, reader.frames(), reader.torn) == (None, [], len(content))
        assert reader.has_writer() is None


def test_a_closed_reader(small: Journal) -> None:
    reader = JournalReader(small.path)
    reader.close()
    reader.close()
    with pytest.raises(RunClosedError, match=r"cannot read .*small.journal: it is closed already"):
        reader.poll()
