"""`ionloom verify`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from data import Provenance, RunHeader, RunWriter

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return RunWriter.create(tmp_path, RunHeader("rabi", Provenance(datetime.now(UTC)))).finish()


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-200, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-200, os.SEEK_END)
        file.write(bytes([byte ^ 1]))


def test_a_run_that_is_whole(path: Path, tmp_path: Path, call: Call) -> None:
    assert call("verify", path) == (0, f"{path}: whole\n", "")
    assert call("verify", "latest", "--out", tmp_path) == (0, f"{path}: whole\n", "")
    assert call("verify", tmp_path) == (0, f"{path}: whole\n", "")


def test_a_run_that_has_changed(path: Path, tmp_path: Path, call: Call) -> None:
    """Scripts see it by the exit code; the other runs are looked at, too."""
    other = RunWriter.create(tmp_path, RunHeader("rabi", Provenance(datetime.now(UTC)))).finish()
    flip(path)
    code, out, err = call("verify", tmp_path)
    assert (code, err) == (1, "")
    lines = out.splitlines()
    assert f"{other}: whole" in lines
    [line] = [line for line in lines if line.startswith(f"{path}: ")]
    assert line.startswith(f"{path}: its bytes are not those that were sealed; ")


def test_json(path: Path, call: Call) -> None:
    code, out, _ = call("verify", path, "--json")
    assert code == 0
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "runs": [
            {
                "path": str(path),
                "is_sealed": True,
                "is_whole": True,
                "problem": "",
                "damaged": [],
                "sound": [],
            }
        ],
        "failed": 0,
    }
    os.truncate(path, 1000)
    code, out, _ = call("verify", path, "--json")
    told = json.loads(out)
    [found] = told["runs"]
    assert (code, told["failed"]) == (1, 1)
    assert (code, found["is_whole"], found["is_sealed"]) == (1, False, False)
    assert found["problem"].startswith(f"{path} is cut short: only 1000 of ")


def test_a_run_that_is_going_on_has_no_seal_yet(tmp_path: Path, call: Call) -> None:
    writer = RunWriter.create(tmp_path, RunHeader("rabi", Provenance(datetime.now(UTC))))
    code, out, err = call("verify", writer.id, "--out", tmp_path)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{writer.journal}: not finished, so it has no seal; what is read of it is checked",
        f"no finished runs in {writer.id}",
    ]
    code, out, err = call("verify", writer.id, "--out", tmp_path, "--json")
    assert (code, json.loads(out)) == (0, {"runs": [], "failed": 0})
    assert err == f"{writer.journal}: not finished, so it has no seal; what is read of it is checked\n"
    writer.close()


def test_a_run_that_is_not_there(tmp_path: Path, call: Call) -> None:
    code, out, err = call("verify", "2025", "--out", tmp_path)
    assert (code, out) == (2, "")
    assert "no run '2025'" in err
    assert call("verify", tmp_path) == (0, f"no finished runs in {tmp_path}\n", "")
