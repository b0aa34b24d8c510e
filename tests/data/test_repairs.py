"""What crashes leave, and what is done about it."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import assert_same
from short_runs import BATCHES, SHOTS, batch, check_points, header_of, record_points, write_journal, write_run

from data import Record, Repair, RunHeader, RunWriter, join_records, open_run, repair, verify, write_results
from data.errors import (
    DamagedRunError,
    EmptyJournalError,
    NoFileYetError,
    NoSpaceError,
    RunClosedError,
    RunNotFoundError,
    UnreadableFileError,
    WriteFailedError,
)
from data.journal import JournalReader, JournalWriter

MakeRecord = Callable[..., Record]

LEFT_ALONE = (
    "it was written on another machine, or on a drive without locks: nobody can know here whether the run is "
    "going on; if you are sure that it is not, repair it with --take-over"
)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let what is written from now on seem to be written on another machine; called once more, on this."""
    machines = iter([f"{'a' * 16}-{'b' * 16}"])

    def change() -> None:
        for machine in machines:
            monkeypatch.setattr("data.journal.writer.this_machine", lambda machine=machine: machine)
            return
        monkeypatch.undo()

    return change


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def add_point(writer: RunWriter, index: int) -> None:
    with writer.point({"i": index}) as point:
        for number in range(BATCHES):
            point.add(batch(index, number))


def leave_within_a_point(writer: RunWriter, index: int, batches: int) -> None:
    """Let go of the run as a program that is gone does, in the midst of a point."""
    with suppress(RunClosedError), writer.point({"i": index}) as point:
        for number in range(batches):
            point.add(batch(index, number))
        writer.close()


def test_a_run_that_was_cut_off(tmp_path: Path) -> None:
    journal = write_journal(tmp_path)
    os.utime(journal, (1_700_000_000, 1_700_000_000))
    path = journal.with_suffix(".h5")
    with open_run(journal) as run:
        assert (run.status, run.message, run.ended) == ("unfinished", "cut off while it was running", None)
        check_points(run, points=3)
        with pytest.raises(NoFileYetError) as told:
            _ = run.file
    assert str(told.value) == (
        f"{journal} is a journal, there is no HDF5 file yet; it is made when the run ends, or by "
        "`ionloom repair` if the run was cut off; columns, records and photons can be read now"
    )
    assert [*repair(tmp_path)] == [Repair(journal, "finished", "3 points", path, 3)]
    assert files_of(tmp_path) == [path.name]
    with open_run(path) as run:
        assert (run.status, run.message) == ("interrupted", "cut off while it was running")
        assert run.ended == datetime.fromtimestamp(1_700_000_000, UTC)  # not when it was repaired
        check_points(run, points=3)
    assert [*repair(tmp_path)] == []


def test_a_single_journal_may_be_repaired(tmp_path: Path) -> None:
    journals = [write_journal(tmp_path) for _ in range(2)]
    [done] = repair(journals[0])
    assert done.action == "finished"
    assert journals[1].exists()


def test_a_point_within_its_batches(tmp_path: Path) -> None:
    """Its whole batches are kept, and the run says so; a channel that was not set yet is unknown."""
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 1)
    leave_within_a_point(writer, 1, 2)
    message = "cut off while it was running; point 1 may lack shots"
    with open_run(writer.journal) as run:
        assert (run.status, run.message, len(run)) == ("unfinished", message, 2)
        assert check_points(run) == BATCHES + 2
        assert run.column("entry/scan/power").tolist()[0] == 0.0
        assert str(run.column("entry/scan/power")[1]) == "nan"
    [done] = repair(tmp_path)
    assert (done.action, done.points) == ("finished", 2)
    with open_run(writer.path) as run:
        assert (run.status, run.message) == ("interrupted", message)
        assert check_points(run) == BATCHES + 2


def test_a_point_that_lost_a_batch_in_its_midst_ends_before_it(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    leave_within_a_point(writer, 0, 3)
    with JournalReader(writer.journal) as reader:
        second = [frame for frame in reader.frames() if frame.kind == 3][1]
    overwrite(writer.journal, second.offset + 200, b"?")
    for done in repair(tmp_path):
        assert (done.action, done.points) == ("salvaged", 1)
    with open_run(writer.path) as run:
        assert run.record(0).shots == SHOTS
        check_points(run)


def test_a_run_that_was_killed_between_its_file_and_the_end_of_its_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 2)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        path = writer.finish({"fidelity": 0.9})
    assert files_of(tmp_path) == [path.name, writer.journal.name]
    before = path.stat()
    for which in (path, writer.journal, writer.id):
        with open_run(which, tmp_path) as run:
            assert (run.status, run.results) == ("complete", {"fidelity": 0.9})
            check_points(run, points=2)
    assert [*repair(tmp_path)] == [
        Repair(writer.journal, "finished", f"{path} is whole and has all of it", path, 2)
    ]
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert files_of(tmp_path) == [path.name]


def test_analyses_that_came_between_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        path = writer.finish()
    write_results(path, {"again": 1.0})
    [_] = repair(tmp_path)
    with open_run(path) as run:
        assert run.results == {"again": 1.0}


def test_a_file_that_is_not_whole_is_made_again_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 2)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: None)
        path = writer.finish()
    os.truncate(path, 5000)
    [done] = repair(tmp_path)
    assert (done.action, done.message) == ("finished", "2 points")
    assert verify(path).is_whole
    assert files_of(tmp_path) == [path.name, path.name + ".damaged"]


def test_a_run_that_is_going_on_is_left_alone(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 1)
    for take_over in (False, True):
        assert [*repair(tmp_path, take_over=take_over)] == [
            Repair(writer.journal, "left", "the run is going on")
        ]
    record_points(writer, 0)
    writer.finish()
    assert [*repair(tmp_path)] == []


def test_a_repair_that_is_going_on_is_left_alone(tmp_path: Path) -> None:
    journal = write_journal(tmp_path)
    with JournalWriter.reopen(journal):
        assert [*repair(tmp_path)] == [Repair(journal, "left", "the run is going on")]
    [done] = repair(tmp_path)
    assert done.action == "finished"


def test_two_repairs_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one finishes the run after the first has looked at its journal."""
    write_journal(tmp_path)
    first: list[Repair] = []
    reopen = JournalWriter.reopen.__func__  # type: ignore[attr-defined]

    def late(cls: type[JournalWriter], path: Path, **options: Any) -> JournalWriter:
        monkeypatch.undo()
        first.extend(repair(tmp_path))
        return reopen(cls, path, **options)

    monkeypatch.setattr(JournalWriter, "reopen", classmethod(late))
    [done] = repair(tmp_path)
    assert [each.action for each in first] == ["finished"]
    assert done.action == "left"
    assert "No such file or directory" in done.message
    assert len(files_of(tmp_path)) == 1


def test_the_journal_of_another_machine(tmp_path: Path, elsewhere: Callable[[], None]) -> None:
    elsewhere()
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 1)
    leave_within_a_point(writer, 1, 1)
    elsewhere()
    with open_run(writer.journal) as run:
        assert (run.status, run.message) == (
            "unfinished",
            "on another machine: whether a program still writes it cannot be known from here",
        )
        assert check_points(run) == BATCHES  # the second point may be going on
    assert [*repair(tmp_path)] == [Repair(writer.journal, "left", LEFT_ALONE)]
    [done] = repair(tmp_path, take_over=True)
    assert (done.action, done.points) == ("finished", 2)
    with open_run(writer.path) as run:
        assert run.message == "cut off while it was running; point 1 may lack shots"
        assert check_points(run) == BATCHES + 1


def test_a_run_of_another_machine_is_never_mixed_up(tmp_path: Path, elsewhere: Callable[[], None]) -> None:
    """It may go on although nobody can know: what comes later belongs to its points."""
    elsewhere()
    writer = RunWriter.create(tmp_path, header_of())
    with writer.point({"i": 0}, {"power": 0.0}) as point:
        point.add(batch(0, 0))
        run = open_run(writer.journal)
        run._open_source._reader.has_writer = lambda: None  # type: ignore[union-attr]  # its locks are not seen
        assert len(run.refresh()) == 0
        for number in range(1, BATCHES):
            point.add(batch(0, number))
    writer.append({"i": 1}, batch(1, 0), {"power": 1.0})
    assert check_points(run.refresh()) == BATCHES + 1
    assert run.points == ({"i": 0}, {"i": 1})
    run.close()
    writer.close()


def test_a_journal_in_another_folder(tmp_path: Path) -> None:
    local, share = tmp_path / "local", tmp_path / "share"
    journal = write_journal(share, journals=local)
    [done] = repair(local)
    assert done.action == "finished"
    assert done.made is not None
    assert done.made.parent.parent == share
    assert files_of(tmp_path) == [done.made.name]
    assert not journal.exists()


def test_a_share_that_is_pulled_while_a_run_is_finished(tmp_path: Path) -> None:
    local, share = tmp_path / "local", tmp_path / "share"
    writer = RunWriter.create(share, header_of(), journals=local)
    record_points(writer, 2)
    share.rename(tmp_path / "pulled")
    with pytest.raises(WriteFailedError) as told:
        writer.finish({"fidelity": 0.9}, message="as planned")
    assert str(told.value) == (
        f"writing {writer.path} failed: No such file or directory; its 2 completed points are safe and can "
        "be opened; check the disk before you go on"
    )
    assert told.value.__notes__ == [
        f"all that was recorded is in {writer.journal}; `ionloom repair` makes the file of it"
    ]
    share.mkdir()  # the place of the mount, on the wrong disk
    message = (
        f"the folder of its file is not there, {writer.path.parent}: connect its drive, or move the journal "
        "to a folder called 2025-03-14, where it is finished, too"
    )
    assert [*repair(local)] == [Repair(writer.journal, "left", message)]
    assert list(share.iterdir()) == []
    share.rmdir()
    (tmp_path / "pulled").rename(share)
    [done] = repair(local)
    assert (done.action, done.made) == ("finished", writer.path)
    with open_run(writer.path) as run:
        assert (run.status, run.message, run.results) == ("complete", "as planned", {"fidelity": 0.9})
        check_points(run, points=2)


def test_a_journal_that_is_moved_is_finished_where_it_is(tmp_path: Path) -> None:
    journal = write_journal(tmp_path / "share", journals=tmp_path / "local")
    shutil.rmtree(tmp_path / "share")
    place = tmp_path / "elsewhere" / "2025-03-14"
    place.mkdir(parents=True)
    moved = journal.rename(place / journal.name)
    [done] = repair(place)
    assert done.made == moved.with_suffix(".h5")


def test_a_journal_without_a_run(tmp_path: Path) -> None:
    """The program was stopped between the making of the journal and the head of the run."""
    journal = tmp_path / "20250314T092653589-07af-short.journal"
    JournalWriter.create(journal).close()
    with pytest.raises(EmptyJournalError) as told:
        open_run(journal)
    assert str(told.value) == (
        f"{journal} holds no run: its writer was stopped before the run began, so no point is lost; "
        "`ionloom repair` removes it"
    )
    cleared = Repair(journal, "cleared", "the run was stopped before it began; nothing is lost")
    assert [*repair(tmp_path)] == [cleared]
    journal.touch()
    assert [*repair(tmp_path)] == [cleared]
    assert files_of(tmp_path) == []


def test_a_run_that_is_just_being_begun_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its head came, and its program went, between the look of the repair and its lock."""
    whole = write_journal(tmp_path / "whole").read_bytes()
    journal = tmp_path / "runs" / "begun.journal"
    journal.parent.mkdir()
    JournalWriter.create(journal).close()
    reopen = JournalWriter.reopen.__func__  # type: ignore[attr-defined]

    def late(cls: type[JournalWriter], path: Path, **options: Any) -> JournalWriter:
        path.write_bytes(whole)
        return reopen(cls, path, **options)

    monkeypatch.setattr(JournalWriter, "reopen", classmethod(late))
    assert [*repair(journal.parent)] == [Repair(journal, "left", "the run is going on")]
    with open_run(journal) as run:
        check_points(run, points=3)


def test_what_is_no_journal_does_not_stop_a_repair(tmp_path: Path) -> None:
    foreign = tmp_path / "0.journal"
    foreign.write_text("dear diary, " * 10)
    journal = write_journal(tmp_path)
    first, second = repair(tmp_path)
    assert (first.action, first.path) == ("left", foreign)
    assert first.message == (
        f"{foreign} is no journal of ionloom (120 bytes that begin otherwise), so no run can be restored "
        "from it; give the .journal file of a run"
    )
    assert (second.action, second.path) == ("finished", journal)


def test_halves_of_copies(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    halves = [path.with_name(path.name + ".part"), path.with_name("gone.h5.part")]
    for half in halves:
        half.write_bytes(b"half")
        os.utime(half, (0, 0))
    assert {each.path: (each.action, each.message) for each in repair(tmp_path)} == {
        halves[0]: ("cleared", "half of a copy; the run itself is there"),
        halves[1]: ("left", "half of a copy, but the run itself is gone: look for another copy of it"),
    }
    assert files_of(tmp_path) == [path.name, "gone.h5.part"]


def test_a_disk_without_room_for_the_file(tmp_path: Path) -> None:
    journal = write_journal(tmp_path)
    [done] = repair(tmp_path, reserve=10**18)
    assert done.action == "left"
    assert done.message.startswith(
        f"no room for {journal.with_suffix('.h5')}: 1000000000000.0 MB are needed with the reserve, "
    )
    assert done.message.endswith("its 3 completed points are safe; free some space, then go on")
    [done] = repair(tmp_path)
    assert (done.action, done.points) == ("finished", 3)


@pytest.mark.skipif(sys.platform == "win32", reason="it writes otherwise")
def test_a_disk_that_fills_up_within_a_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system refuses; when there is room again, the same point is recorded, and nothing counts twice."""
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 1)
    writev = os.writev
    left = [2]  # pieces for which there is room: the opening of the point, and its first batch

    def full(descriptor: int, parts: Any) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return writev(descriptor, parts)

    with monkeypatch.context() as patch:
        patch.setattr(os, "writev", full)
        with pytest.raises(NoSpaceError) as told:
            add_point(writer, 1)
        assert str(told.value).startswith(f"no room for {writer.journal}: ")
        assert "its 1 completed points are safe; free some space, then go on" in str(told.value)
        [note] = told.value.__notes__  # nor could the point be completed with the batch that it had
        assert note.startswith(f"no room for {writer.journal}: ")
        assert writer.points == 1
        with open_run(writer.journal) as run:
            assert check_points(run, points=1) == BATCHES
    add_point(writer, 1)
    with open_run(writer.finish()) as run:
        assert (run.status, run.message) == ("complete", "")
        assert check_points(run, points=2) == 2 * BATCHES


def test_a_program_that_ends_on_a_full_disk_leaves_its_journal(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 1)
    writer._reserve = 10**18
    with pytest.raises(NoSpaceError), writer:
        writer.append({"i": 1}, batch(1, 0), {"power": 0.0})
    with pytest.raises(RunClosedError, match="cannot add a point to"):
        writer.append({"i": 1}, batch(1, 0), {"power": 0.0})
    [done] = repair(tmp_path)
    assert (done.action, done.points) == ("finished", 1)


def test_a_journal_that_the_disk_has_eaten_of_is_kept(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 3)
    with JournalReader(writer.journal) as reader:
        frame = [frame for frame in reader.frames() if frame.kind == 3][1]  # of the second point
    overwrite(writer.journal, frame.offset - 30, b"??")
    with pytest.raises(DamagedRunError) as told:
        writer.finish()
    lost = f"bytes {frame.offset - 40} to {frame.end} are damaged; point 1 is not all there and left out"
    assert str(told.value) == (
        f"{writer.journal}: the journal is damaged ({lost}); what is not can be read; "
        "compare with another copy of the file, or check the disk"
    )
    kept = f"{writer.journal.name}.damaged"
    [done] = repair(tmp_path)
    assert (done.action, done.points) == ("salvaged", 2)
    assert done.message == f"2 points; {lost}; the journal is kept as {kept}"
    assert files_of(tmp_path) == [writer.path.name, kept]
    with open_run(writer.path) as run:
        assert (run.status, run.message) == ("complete", lost)
        assert [point["i"] for point in run.points] == [0, 2]
        assert run.column("entry/scan/point").tolist() == [0, 2]
    assert [*repair(tmp_path)] == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert [*repair(tmp_path / "none")] == []
    with pytest.raises(UnreadableFileError):
        open_run(tmp_path / "none.journal")


@pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    journal = write_journal(tmp_path)
    journal.parent.chmod(0o555)
    try:
        [done] = repair(tmp_path)
        assert done.action == "left"
        assert done.message.startswith(f"writing {journal.with_suffix('.h5')} failed: Permission denied; ")
        with open_run(journal) as run:
            check_points(run, points=3)
    finally:
        journal.parent.chmod(0o755)


def test_a_run_cannot_be_finished_by_what_it_is_not(tmp_path: Path) -> None:
    """A folder in the place of the file."""
    journal = write_journal(tmp_path)
    part = journal.with_name(journal.with_suffix(".h5").name + ".part")
    part.mkdir()
    done, half = repair(tmp_path)
    assert (done.action, half.action) == ("left", "left")
    assert f"writing {journal.with_suffix('.h5')} failed: " in done.message
    part.rmdir()
    [done] = repair(tmp_path)
    assert done.action == "finished"


def test_an_empty_file_that_is_no_journal_is_left(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.touch()
    assert [*repair(notes)] == [
        Repair(notes, "left", "it is empty, and nobody knows what it is: no journal is called so (.journal)")
    ]
    assert (notes.exists(), notes.stat().st_size) == (True, 0)


def test_pictures_of_a_point_that_was_cut_off(
    tmp_path: Path, full_header: RunHeader, make_record: MakeRecord
) -> None:
    """They are those of the shots that it has, as are its channels; never zeros that nobody measured."""
    parts = [make_record(seed, picture=True) for seed in (1, 2, 3)]
    writer = RunWriter.create(tmp_path, full_header)
    with writer.point({"basis": "Z", "angle": 0.5}) as point:
        point.add(parts[0])
        point.channels = {"power": 2.5}
        point.add(parts[1])
        journal = writer.journal.read_bytes()  # here it is cut off
        point.add(parts[2])
    writer.finish()
    writer.path.unlink()
    for lost in (0, 1):
        writer.journal.write_bytes(journal)
        if lost:
            with JournalReader(writer.journal) as reader:
                second = [frame for frame in reader.frames() if frame.kind == 3][1]
            overwrite(writer.journal, second.offset + second.length // 2, b"??")
        with open_run(writer.journal) as run:
            assert_same(run.record(0), join_records(parts[: 2 - lost]))
            np.testing.assert_equal(run.column("entry/scan/power"), [np.nan if lost else 2.5])
        [done] = repair(tmp_path)
        assert (done.action, done.points) == ("finished", 1)
        with open_run(writer.path) as run:
            assert_same(run.record(0), join_records(parts[: 2 - lost]))
            assert run.message.startswith("cut off while it was running; point 0 may lack shots")
        writer.path.unlink()


def test_a_journal_that_has_no_name_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes it is killed before its head is there, or still at work."""
    journal = write_journal(tmp_path)
    unnamed = journal.rename(journal.with_name(journal.name + ".begun"))
    with JournalWriter.reopen(unnamed):
        assert [*repair(tmp_path)] == []
        with pytest.raises(RunNotFoundError):
            open_run("latest", tmp_path)
    assert [*repair(tmp_path)] == [
        Repair(unnamed, "cleared", "the run was stopped before it began; nothing is lost")
    ]
    assert files_of(tmp_path) == []
    unnamed.touch()  # it cannot be known who made it: time tells it
    assert [*repair(tmp_path)] == []
    os.utime(unnamed, (0, 0))
    assert [done.action for done in repair(tmp_path)] == ["cleared"]
