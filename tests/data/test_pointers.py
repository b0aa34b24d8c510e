"""Runs whose journals lie on another disk: found, followed and repaired from the folder of runs."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from records import assert_same
from short_runs import (
    Say,
    batch,
    check_points,
    header_of,
    record_points,
    run_and_kill,
    write_journal,
    write_run,
)

from data import Repair, RunWriter, find_run, find_runs, open_run, repair
from data.catalogue import Catalogue
from data.errors import (
    DataError,
    ForeignJournalError,
    JournalElsewhereError,
    UnreadableFileError,
    UnwritableFolderError,
)
from data.journal import this_machine
from data.pointers import journal_at, read_pointer, remove_pointer


@pytest.fixture
def share(tmp_path: Path) -> Path:
    return tmp_path / "share"


@pytest.fixture
def local(tmp_path: Path) -> Path:
    return tmp_path / "local"


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Go to another computer."""

    def go() -> None:
        monkeypatch.setattr("data.pointers.this_machine", lambda: f"{'a' * 16}-{'b' * 16}")

    return go


def files_of(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def pointer_of(journal: Path, share: Path) -> Path:
    return share / "2025-03-14" / journal.name


def test_the_pointer_tells_where_the_journal_is(share: Path, local: Path) -> None:
    writer = RunWriter.create(share, header_of(), journals=local)
    pointer = pointer_of(writer.journal, share)
    assert json.loads(pointer.read_text()) == {
        "journal": str(writer.journal.resolve()),
        "host": platform.node(),
        "machine": this_machine(),
    }
    assert journal_at(pointer) == writer.journal.resolve()
    assert journal_at(writer.journal) == writer.journal
    path = writer.finish()
    assert (files_of(share), files_of(local)) == ([path.name], [])


def test_a_journal_beside_its_file_needs_no_pointer(share: Path) -> None:
    for journals in (None, share / "2025-03-14"):
        writer = RunWriter.create(share, header_of(), journals=journals)
        assert read_pointer(writer.path.with_suffix(".journal")) is None
        writer.close()


@pytest.mark.skipif(sys.platform == "win32", reason="nothing can be forked there")
def test_a_run_that_is_killed_is_found_in_its_folder(share: Path, local: Path) -> None:
    def work(say: Say) -> None:
        writer = RunWriter.create(share, header_of(), journals=local)
        record_points(writer, 2, say=say)
        with writer.point({"i": 2}) as point:
            point.add(batch(2, 0))
            say(b"x")
            while True:
                pass

    outcome = run_and_kill(work, after=len("bbbpbbbpx"), delay=0.0)
    assert outcome.was_killed
    assert outcome.said.endswith(b"x")
    [pointer] = share.rglob("*.journal")
    for which in ("latest", pointer.name[:23], pointer, pointer.with_suffix(".h5")):
        with open_run(which, share) as run:
            assert (run.status, run.path.parent) == ("unfinished", local)
            check_points(run, points=2, batches=7)
            assert [index for index, *_ in run.follow()] == [0, 1, 2]
    assert find_run(share, "latest") == pointer
    [summary] = find_runs(share)
    assert (summary.status, summary.points, summary.path) == ("unfinished", 3, pointer)
    [done] = repair(share)
    made = pointer.with_suffix(".h5")
    assert (done.action, done.made, done.points) == ("finished", made, 3)
    assert (files_of(share), files_of(local)) == ([made.name], [])
    with open_run("latest", share) as run:
        check_points(run, points=2, batches=7)
    [summary] = find_runs(share)
    assert (summary.status, summary.path) == ("interrupted", made)


def test_a_run_that_is_going_on(share: Path, local: Path) -> None:
    writer = RunWriter.create(share, header_of(), journals=local)
    record_points(writer, 1)
    with open_run("latest", share) as run:
        assert (run.status, len(run)) == ("running", 1)
        assert [summary.status for summary in find_runs(share)] == ["running"]
        pointer = pointer_of(writer.journal, share)
        assert [*repair(share)] == [Repair(writer.journal, "left", "the run is going on")]
        assert pointer.exists()
        record_points_from = run.follow(poll=0.0)
        assert_same(next(record_points_from)[2], run.record(0))
        writer.finish()
        assert [*record_points_from] == []
        assert run.status == "complete"
    [summary] = find_runs(share)
    assert (summary.status, summary.points) == ("complete", 1)
    with open_run(pointer) as run:  # as `find_run` may have told it before
        assert run.path == writer.path


def test_the_journal_is_on_another_computer(
    share: Path, local: Path, tmp_path: Path, elsewhere: Callable[[], None]
) -> None:
    journal = write_journal(share, journals=local)
    pointer = pointer_of(journal, share)
    local.rename(tmp_path / "there")
    elsewhere()
    told = (
        f"{pointer}: until its file is made, this run can only be read on the computer {platform.node()}, "
        f"where its journal is: {journal}; if it was cut off, finish it there with `ionloom repair`"
    )
    for which in (pointer, pointer.with_suffix(".h5"), "latest"):
        with pytest.raises(JournalElsewhereError) as error:
            open_run(which, share)
        assert str(error.value) == told
        assert not error.value.is_here
    assert [*repair(share)] == [Repair(pointer, "left", told)]
    assert pointer.exists()
    [summary] = find_runs(share)
    assert (summary.status, summary.message, summary.experiment) == ("unreadable", told, "short")


def test_the_journal_is_gone(share: Path, local: Path, tmp_path: Path) -> None:
    """Its disk is not connected; when it is again, all is there."""
    journal = write_journal(share, journals=local)
    pointer = pointer_of(journal, share)
    local.rename(tmp_path / "there")
    told = (
        f"the journal of this run is not where {pointer} says, {journal}: connect its disk, or put the "
        "journal back; if it is lost, so are the points: then delete the pointer"
    )
    with pytest.raises(JournalElsewhereError) as error:
        open_run("latest", share)
    assert str(error.value) == told
    with Catalogue(share, cache=tmp_path / "cache") as catalogue:
        assert [run.message for run in catalogue.runs()] == [told]
        assert [*repair(share)] == [Repair(pointer, "left", told)]
        (tmp_path / "there").rename(local)
        assert [run.status for run in catalogue.runs()] == ["unfinished"]
    [done] = repair(share)
    assert (done.action, done.points) == ("finished", 3)


def test_a_share_that_has_another_place_now(share: Path, local: Path, tmp_path: Path) -> None:
    """The file is made beside the pointer, wherever that is."""
    journal = write_journal(share, journals=local)
    moved = share.rename(tmp_path / "mounted")
    [done] = repair(moved)
    assert done.made == pointer_of(journal, moved).with_suffix(".h5")
    assert (files_of(moved), files_of(local)) == ([done.made.name], [])


def test_both_folders_in_one(share: Path, tmp_path: Path) -> None:
    """The journal and its pointer are found; the run is finished once."""
    for name in ("a-local", "z-local"):
        write_journal(share, journals=tmp_path / name)
    assert [done.action for done in repair(tmp_path)] == ["finished", "finished"]
    assert {name.rsplit(".", 1)[1] for name in files_of(tmp_path)} == {"h5"}


def test_a_repair_of_the_journal_removes_the_pointer(share: Path, local: Path) -> None:
    journal = write_journal(share, journals=local)
    [done] = repair(journal)
    assert done.made is not None
    assert files_of(share) == [done.made.name]


def test_a_pointer_that_is_not_needed_any_more(share: Path, local: Path) -> None:
    """The program was killed between the two last steps of a finish."""
    journal = write_journal(share, journals=local)
    pointer = pointer_of(journal, share)
    content = pointer.read_bytes()
    [done] = repair(share)
    pointer.write_bytes(content)
    with open_run("latest", share) as run:
        assert run.path == done.made
    message = "it pointed to a journal that is not needed any more; the run is there"
    assert [*repair(share)] == [Repair(pointer, "cleared", message)]
    assert not pointer.exists()


def test_what_is_no_pointer(tmp_path: Path) -> None:
    path = tmp_path / "20250314T092653589-07af-short.journal"
    for content in ('{"journal": 3}', '["journal"]', "nothing at all, for as long as it takes" * 9):
        path.write_text(content)
        assert read_pointer(path) is None
        remove_pointer(path.with_suffix(".h5"))
        assert path.read_text() == content
        with pytest.raises(ForeignJournalError):
            open_run(path).close()
    with pytest.raises(UnreadableFileError):
        journal_at(tmp_path / "none.journal")
    remove_pointer(tmp_path / "none.h5")


def test_journals_that_cannot_be_written(share: Path, local: Path) -> None:
    local.touch()
    with pytest.raises(UnwritableFolderError) as told:
        RunWriter.create(share, header_of(), journals=local / "journals")
    assert str(told.value) == (
        f"cannot write the journals of runs to {local / 'journals'}: Not a directory; choose another "
        "folder or mend its permissions"
    )
    local.unlink()
    local.mkdir()
    if sys.platform != "win32" and os.getuid() != 0:
        local.chmod(0o555)
        with pytest.raises(UnwritableFolderError) as told:
            RunWriter.create(share, header_of(), journals=local)
        assert str(told.value).startswith(
            f"cannot write the journals of runs to {local}: Permission denied; "
        )
        local.chmod(0o755)


def test_a_share_that_takes_no_pointer(share: Path, local: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is no run, and nothing of it is left."""

    def refuse(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(UnwritableFolderError) as told:
        RunWriter.create(share, header_of(), journals=local)
    assert str(told.value).startswith(f"cannot write runs to {share}: No space left on device; ")
    assert (files_of(share), files_of(local)) == ([], [])


def test_errors_are_of_the_data_room(share: Path, local: Path) -> None:
    write_journal(share, journals=local)
    write_run(share)
    [journal] = local.iterdir()
    journal.unlink()
    with pytest.raises(DataError):
        open_run(pointer_of(journal, share))
    assert [done.action for done in repair(share)] == ["left"]
