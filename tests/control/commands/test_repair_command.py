"""`ionloom repair`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from data import Axis, Provenance, RunHeader, RunWriter, open_run
from data.errors import DataError

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def provenance() -> Provenance:
    return Provenance(datetime.now(UTC))


def cut_off(folder: Path, provenance: Provenance) -> RunWriter:
    """Leave a run as a program that was killed does."""
    writer = RunWriter.create(folder, RunHeader("rabi", provenance, axes=(Axis("angle", "turn"),)))
    writer.log("begun")
    writer.close()
    return writer


def test_a_run_that_was_cut_off(tmp_path: Path, call: Call, provenance: Provenance) -> None:
    writer = cut_off(tmp_path, provenance)
    assert call("repair", tmp_path) == (0, f"finished: {writer.journal} -> {writer.path}: 0 points\n", "")
    with open_run(writer.path) as run:
        assert (run.status, run.message) == ("interrupted", "cut off while it was running")
    assert call("repair", tmp_path) == (0, f"nothing to repair in {tmp_path}\n", "")


def test_json(tmp_path: Path, call: Call, provenance: Provenance) -> None:
    writer = cut_off(tmp_path, provenance)
    code, out, err = call("repair", tmp_path, "--json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "repairs": [
            {
                "path": str(writer.journal),
                "action": "finished",
                "message": "0 points",
                "made": str(writer.path),
                "points": 0,
            }
        ],
        "failed": 0,
    }
    assert json.loads(call("repair", tmp_path, "--json")[1]) == {"repairs": [], "failed": 0}


def test_what_is_left_alone(
    tmp_path: Path, call: Call, provenance: Provenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = RunWriter.create(tmp_path, RunHeader("rabi", provenance))
    assert call("repair", tmp_path) == (0, f"left: {live.journal}: the run is going on\n", "")
    live.finish()
    monkeypatch.setattr("data.journal.writer.this_machine", lambda: f"{'a' * 16}-{'b' * 16}")
    writer = cut_off(tmp_path, provenance)
    monkeypatch.undo()
    code, out, _ = call("repair", tmp_path)
    assert code == 1
    assert out.startswith(f"left: {writer.journal}: it was written on another machine, or on a drive without")
    assert out.endswith("repair it with --take-over\n")
    code, out, _ = call("repair", writer.journal, "--take-over")
    assert (code, out) == (0, f"finished: {writer.journal} -> {writer.path}: 0 points\n")


def test_what_could_not_be_repaired_is_1(tmp_path: Path, call: Call, provenance: Provenance) -> None:
    """A run without its head cannot be; what may still be going on is nobody's fault."""
    RunWriter.create(tmp_path, RunHeader("rabi", provenance)).finish()
    [whole] = tmp_path.rglob("*.h5")
    going_on = whole.with_name(f"{whole.name}.part")
    going_on.touch()
    code, out, _ = call("repair", tmp_path)
    assert (code, out.startswith(f"left: {going_on}: half of a copy, written to just now")) == (0, True)
    alone = whole.with_name("20200101T000000000-abcd-rabi.h5.part")
    alone.touch()
    assert call("repair", tmp_path)[0] == 1
    alone.unlink()
    journal = tmp_path / "20200101T000000000-abcd-rabi.journal"
    journal.write_bytes(b"ionloom, but no journal")
    code, out, err = call("repair", tmp_path, "--json")
    told = json.loads(out)
    assert (code, err, told["failed"]) == (1, "", 1)
    assert (told["repairs"][0]["action"], told["repairs"][0]["path"]) == ("left", str(journal))


def test_a_folder_that_is_not_there(tmp_path: Path, call: Call) -> None:
    code, out, err = call("repair", tmp_path / "none")
    assert (code, out) == (2, "")
    assert f"there is no folder {tmp_path / 'none'}" in err
    assert "Give the folder of your runs." in err


@pytest.mark.parametrize("content", ["", "notes"])
def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path, call: Call, content: str) -> None:
    """Above all an empty one, which as a journal would be one of a run that never began."""
    file = tmp_path / "notes.txt"
    file.write_text(content)
    assert call("repair", file) == (
        2,
        "",
        f"ionloom: {file} is neither a folder nor a .journal file. Give the folder of your runs, or the "
        "journal of one.\n",
    )
    assert file.read_text() == content


def test_the_run_is_said_to_be_kept(tmp_path: Path, provenance: Provenance) -> None:
    """A share that is pulled: the error tells where everything is, and the repair finishes it there."""
    local = tmp_path / "local"
    writer = RunWriter.create(tmp_path / "share", RunHeader("rabi", provenance), journals=local)
    (tmp_path / "share").rename(tmp_path / "pulled")
    with pytest.raises(DataError) as told:
        writer.finish()
    notes: Any = told.value.__notes__
    assert notes == [f"all that was recorded is in {writer.journal}; `ionloom repair` makes the file of it"]


def test_a_run_whose_journal_lies_elsewhere(tmp_path: Path, call: Call, provenance: Provenance) -> None:
    """It is listed, followed and repaired from the folder of runs alone."""
    out, local = tmp_path / "runs", tmp_path / "local"
    header = RunHeader("rabi", provenance, axes=(Axis("angle", "turn"),))
    writer = RunWriter.create(out, header, journals=local)
    [listed] = json.loads(call("runs", "--out", out, "--json")[1])["runs"]
    assert (listed["id"], listed["status"]) == (writer.id, "running")
    writer.log("begun")
    writer.close()
    assert call("follow", "latest", "--out", out) == (
        0,
        f"run {writer.id}: rabi, unfinished\nunfinished cut off while it was running\n",
        "",
    )
    pointer = writer.path.with_suffix(".journal")
    local.rename(tmp_path / "away")
    told = (
        f"the journal of this run is not where {pointer} says, {writer.journal}: connect its disk, or put "
        "the journal back; if it is lost, so are the points: then delete the pointer"
    )
    assert call("follow", "latest", "--out", out) == (1, "", f"ionloom: {told}\n")
    assert call("repair", out) == (1, f"left: {pointer}: {told}\n", "")
    (tmp_path / "away").rename(local)
    assert call("repair", out) == (0, f"finished: {writer.journal} -> {writer.path}: 0 points\n", "")
    assert [path.name for path in out.rglob("*.*")] == [writer.path.name]


def test_a_folder_that_takes_no_journals(tmp_path: Path, call: Call) -> None:
    (tmp_path / "taken").touch()
    code, out, err = call("run", "carrier_rabi", "--out", tmp_path / "runs", "--journals", tmp_path / "taken")
    assert (code, out) == (1, "")
    assert f"cannot write the journals of runs to {tmp_path / 'taken'}: File exists; choose another" in err
