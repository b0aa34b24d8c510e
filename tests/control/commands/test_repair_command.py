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
    assert json.loads(out) == [
        {
            "path": str(writer.journal),
            "action": "finished",
            "message": "0 points",
            "made": str(writer.path),
            "points": 0,
        }
    ]
    assert json.loads(call("repair", tmp_path, "--json")[1]) == []


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
    assert code == 0
    assert out.startswith(f"left: {writer.journal}: it was written on another machine, or on a drive without")
    assert out.endswith("repair it with --take-over\n")
    code, out, _ = call("repair", writer.journal, "--take-over")
    assert (code, out) == (0, f"finished: {writer.journal} -> {writer.path}: 0 points\n")


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
