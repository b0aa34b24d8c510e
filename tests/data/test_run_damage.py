"""Runs that a disk has eaten of, and files of others: never wrong data, and what is usable is told."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Final

import h5py
import numpy as np
import pytest
from records import assert_same
from short_runs import BATCHES, SHOTS, check_points, header_of, whole_point, write_journal, write_run

from data import Run, RunWriter, open_run, repair, verify
from data.entries import Head, Kind, pack
from data.errors import (
    DamagedRunError,
    DataError,
    EmptyJournalError,
    NewerJournalError,
    NewerSchemaError,
    NotHDF5Error,
    OlderSchemaError,
)
from data.journal import JournalReader, JournalWriter
from data.journal.frames import FIRST_FRAME, pack_head

POINTS: Final = 3


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return write_journal(tmp_path, POINTS)


def flip(path: Path, at: int, bit: int = 0) -> None:
    with path.open("r+b", buffering=0) as file:
        byte = os.pread(file.fileno(), 1, at)[0]
        os.pwrite(file.fileno(), bytes([byte ^ 1 << bit]), at)


def right_points(run: Run, clicks: int = 20) -> set[int]:
    """Return the points that can be read; each is as it was measured, or its first batches."""
    found = set()
    for i in range(len(run)):
        try:
            record, number = run.record(i), int(run.column("entry/scan/point", i, i + 1)[0])
        except DamagedRunError:
            continue
        assert_same(record, whole_point(number, clicks, record.shots // SHOTS))
        assert run.column("entry/scan/i", i, i + 1).tolist() == [number]
        if record.shots == SHOTS * BATCHES:
            found.add(number)
    return found


def flip_and_read(journal: Path, flips: int, seed: int) -> None:
    """Flip bits one at a time: at most the point that they are in is lost."""
    rng, size = np.random.default_rng(seed), journal.stat().st_size
    for _ in range(flips):
        at, bit = int(rng.integers(size)), int(rng.integers(8))
        flip(journal, at, bit)
        with open_run(journal) as run:
            assert run.header == header_of()
            assert len(right_points(run)) >= POINTS - 1
        flip(journal, at, bit)


def test_flipped_bits_of_a_journal(journal: Path) -> None:
    flip_and_read(journal, 40, 1)


@pytest.mark.slow
def test_many_flipped_bits_of_a_journal(journal: Path) -> None:
    flip_and_read(journal, 1500, 2)


def flip_and_repair(folder: Path, journal: Path, flips: int, seed: int) -> int:
    """Flip a bit, and repair; return how often something was lost."""
    rng, whole, salvaged = np.random.default_rng(seed), journal.read_bytes(), 0
    for _ in range(flips):
        journal.write_bytes(whole)
        flip(journal, int(rng.integers(FIRST_FRAME, len(whole))), int(rng.integers(8)))
        damaged = journal.read_bytes()
        # Where the machine is lost that wrote it, nobody can know whether the run is going on.
        [done] = repair(folder, take_over=True)
        assert done.made is not None
        assert verify(done.made).is_whole
        kept = journal.with_name(f"{journal.name}.damaged")
        with open_run(done.made) as run:
            points = right_points(run)
            assert len(run) == done.points
        if done.action == "salvaged":
            assert kept.read_bytes()[: len(damaged)] == damaged[: kept.stat().st_size]
            assert "damaged" in done.message
            assert len(points) >= POINTS - 1
            salvaged += 1
            kept.unlink()
        else:  # the last frame looks as if it had never been written as a whole
            assert done.action == "finished"
            assert len(points) >= POINTS - 1
        done.made.unlink()
    return salvaged


def test_flipped_bits_are_told_by_a_repair(tmp_path: Path, journal: Path) -> None:
    assert flip_and_repair(tmp_path, journal, 3, 3) >= 2


@pytest.mark.slow
def test_many_flipped_bits_are_told_by_a_repair(tmp_path: Path, journal: Path) -> None:
    assert flip_and_repair(tmp_path, journal, 80, 4) > 60


def test_a_lost_head_is_read_from_its_copy(tmp_path: Path, journal: Path) -> None:
    with JournalReader(journal) as reader:
        heads = [frame for frame in reader.frames() if frame.kind == Kind.HEAD]
    assert len(heads) == 2
    for head in heads:
        flip(journal, head.offset + 20)
        with open_run(journal) as run:
            assert run.header == header_of()
            assert right_points(run) == set(range(POINTS))
        flip(journal, head.offset + 20)
    for head in heads:
        flip(journal, head.offset + 20)
    told = (
        f"{journal}: the head of the run is damaged (its checksum does not match); nothing else can be "
        "understood without it; compare with another copy of the file, or check the disk"
    )
    with pytest.raises(DamagedRunError) as error:
        open_run(journal)
    assert str(error.value) == told
    [done] = repair(tmp_path)  # never taken for an empty one and removed
    assert (done.action, done.path) == ("left", journal)
    assert done.message == told.replace("its checksum does not match", "none of its two copies is whole")
    assert journal.exists()


def test_a_journal_cut_at_every_byte(tmp_path: Path) -> None:
    """From its end on: whatever was there as a whole is there, nothing else is."""
    journal = write_journal(tmp_path / "runs", points=2, clicks=2)
    with JournalReader(journal) as reader:
        frames = reader.frames()
    complete = [frame.end for frame in frames if frame.kind == Kind.POINT]
    first_head = next(frame.end for frame in frames if frame.kind == Kind.HEAD)
    sizes = [*range(0, FIRST_FRAME, 512), *range(FIRST_FRAME, journal.stat().st_size, 41)]
    sizes += [end + shift for end in complete for shift in (-1, 0, 1)]
    for size in sorted(sizes, reverse=True):
        os.truncate(journal, size)
        if size < first_head:
            with pytest.raises(EmptyJournalError):
                open_run(journal)
            continue
        with open_run(journal) as run:
            expected = sum(end <= size for end in complete)
            found = len(right_points(run, 2))
            assert expected <= found <= expected + 1  # one may have all its batches, but no row of the scan
            check_points(run, clicks=2, points=expected)
    os.truncate(journal, 0)
    assert [done.action for done in repair(tmp_path)] == ["cleared"]


def test_a_journal_of_a_newer_ionloom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.journal.frames.VERSION", 7)
    path = tmp_path / "new.journal"
    path.write_bytes(pack_head(bytes(16)))
    with pytest.raises(NewerJournalError) as told:
        open_run(path)
    assert str(told.value) == (
        f"{path} has journal format 7, but this ionloom reads formats up to 1; update ionloom, or restore "
        "the run with the one that wrote it"
    )


def test_entries_of_a_newer_ionloom(tmp_path: Path) -> None:
    """Told before anything else of them is read: they may hold what this one does not know."""
    path = tmp_path / "new.journal"
    head = dataclasses.replace(Head.of("id", header_of(), "somewhere.h5", "machine"), entries=9)
    with JournalWriter.create(path) as writer:
        writer.append(Kind.HEAD, pack(head))
    with pytest.raises(NewerSchemaError) as told:
        open_run(path)
    assert str(told.value) == (
        f"{path} has layout 9, but this ionloom reads layouts up to 1; update ionloom (plain h5py reads the "
        "file meanwhile)"
    )
    assert [(done.action, done.message) for done in repair(tmp_path)] == [("left", str(told.value))]


def test_a_file_of_an_older_ionloom(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    with h5py.File(path, "a") as file:
        file.attrs["ionloom_schema"] = 1
    with pytest.raises(OlderSchemaError) as told:
        open_run(path)
    assert str(told.value) == (
        f"{path} has layout 1, but this ionloom reads layout 2; use the ionloom that wrote it (its attribute "
        "`creator` tells which), or plain h5py"
    )
    assert str(verify(path)) == str(told.value)


def test_a_journal_that_is_called_a_file(tmp_path: Path, journal: Path) -> None:
    path = journal.rename(tmp_path / "run.h5")
    with pytest.raises(NotHDF5Error, match="is no HDF5 file"):
        open_run(path)


def test_entries_that_make_no_sense(tmp_path: Path) -> None:
    """Frames that are whole but hold something else are left out, and it is told."""
    writer = RunWriter.create(tmp_path, header_of())
    for kind in (Kind.OPEN, Kind.BATCH, Kind.POINT, Kind.READINGS, Kind.MESSAGE, Kind.END):
        assert writer._journal is not None
        writer._journal.append(kind, [b"nonsense"])
    writer.append({"i": 0}, whole_point(0), {"power": 0.0})
    with open_run(writer.journal) as run:
        assert right_points(run) == {0}
        assert run.status == "running"
    writer.close()
    [done] = repair(tmp_path)
    assert (done.action, done.points) == ("salvaged", 1)
    assert done.message.count("is damaged") == 6
    assert "entry 3 of the journal is damaged (" in done.message


def test_the_end_of_the_disk_within_a_column_is_told(journal: Path) -> None:
    """The journal is cut while a run is open for reading."""
    with open_run(journal) as run:
        run.record(POINTS - 1)  # verified
        with JournalReader(journal) as reader:
            last = next(frame for frame in reversed(reader.frames()) if frame.kind == Kind.BATCH)
        os.truncate(journal, last.offset + 200)
        with pytest.raises(DataError, match="is damaged"):
            run.record(POINTS - 1)
        assert_same(run.record(0), whole_point(0))
