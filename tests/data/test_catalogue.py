from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import h5py
import pytest

from data import KeyResult, Record, RunHeader, RunWriter, find_run, find_runs
from data.errors import AmbiguousRunError, RunNotFoundError

START = datetime(2025, 3, 14, 23, 59, 59, 500_000, tzinfo=UTC)


def write(folder: Path, header: RunHeader, later: float) -> RunWriter:
    started = START + timedelta(seconds=later)
    provenance = dataclasses.replace(header.provenance, started=started)
    return RunWriter.create(folder, dataclasses.replace(header, provenance=provenance))


def test_runs_are_listed_newest_first(
    tmp_path: Path, header: RunHeader, make_record: Callable[..., Record]
) -> None:
    first = write(tmp_path, header, 0)
    first.append({"basis": "Z", "angle": 0}, make_record(0))
    first.finish({"fidelity": {"value": 0.9, "error": 0.1, "unit": ""}})
    second = write(tmp_path, header, 1)
    second.finish(status="failed", message="no ions")
    newest, oldest = find_runs(tmp_path)
    assert (newest.path, newest.status, newest.message, newest.points) == (
        second.path,
        "failed",
        "no ions",
        0,
    )
    assert newest.path.parent != oldest.path.parent  # midnight lies between them
    assert (
        oldest.id,
        oldest.experiment,
        oldest.started,
        oldest.status,
        oldest.points,
        oldest.key_result,
    ) == (
        first.id,
        "ten ions",
        START,
        "complete",
        1,
        KeyResult("fidelity", 0.9, 0.1),
    )


def test_no_folder_no_runs(tmp_path: Path) -> None:
    assert find_runs(tmp_path / "none") == []


def test_broken_runs_are_listed_and_foreign_files_passed_over(tmp_path: Path, header: RunHeader) -> None:
    path = write(tmp_path, header, 0).finish()
    path.write_bytes(b"")
    (tmp_path / "other.h5").write_bytes(b"not ours")
    (broken,) = find_runs(tmp_path)
    assert (broken.status, broken.experiment, broken.started) == ("unreadable", "ten_ions", START)
    assert broken.message == (
        f"{path} is empty (0 bytes), so nothing in it can be read; give the .h5 file of a run"
    )


def test_a_run_that_another_program_writes_is_running(tmp_path: Path, header: RunHeader) -> None:
    path = write(tmp_path, header, 0).finish()
    hold = "import h5py, sys; file = h5py.File(sys.argv[1], 'a'); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        (running,) = find_runs(tmp_path)
        process.stdin.close()
    assert (running.status, running.experiment) == ("running", "ten_ions")


def test_runs_are_found_by_path_id_beginning_and_latest(tmp_path: Path, header: RunHeader) -> None:
    old, new = (write(tmp_path, header, later) for later in (0, 1))
    old.finish()
    new.finish()
    assert find_run(tmp_path, old.path) == old.path
    assert find_run(tmp_path, str(old.path)) == old.path
    assert find_run(tmp_path, old.id) == old.path
    assert find_run(tmp_path, "20250314") == old.path
    assert find_run(tmp_path, "latest") == new.path
    with pytest.raises(AmbiguousRunError) as told:
        find_run(tmp_path, "202503")
    assert str(told.value) == (
        f"'202503' begins the ids of 2 runs in {tmp_path} ({new.id}, {old.id}); give more digits"
    )
    with pytest.raises(RunNotFoundError) as missing:
        find_run(tmp_path, "1999")
    assert str(missing.value) == (
        f"no run '1999' in {tmp_path}; the newest are {new.id}, {old.id}; "
        "give a path, an id, the first digits of an id, or 'latest'"
    )
    with pytest.raises(RunNotFoundError, match="no run '' in"):
        find_run(tmp_path, "")


def test_nothing_to_find(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError) as told:
        find_run(tmp_path, "latest")
    assert str(told.value) == (
        f"no run 'latest' in {tmp_path}; there are no runs at all; "
        "give a path, an id, the first digits of an id, or 'latest'"
    )
    nowhere = tmp_path / "nowhere"
    with pytest.raises(RunNotFoundError) as told:
        find_run(nowhere, "latest")
    assert str(told.value) == (
        f"no run 'latest': there is no folder {nowhere}; say where your runs are, "
        "or give a path, an id, the first digits of an id, or 'latest'"
    )


def test_a_run_with_damage_of_any_kind_does_not_hide_the_others(tmp_path: Path, header: RunHeader) -> None:
    good, bad = (write(tmp_path, header, later).finish({"fidelity": 0.9}) for later in (0, 1))
    with h5py.File(bad, "a") as file:
        del file["analysis/0001/results"]
        file["analysis/0001/results"] = "no JSON"
    assert [(run.path, run.status) for run in find_runs(tmp_path)] == [
        (bad, "unreadable"),
        (good, "complete"),
    ]


def test_a_text_too_long_for_a_path_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunNotFoundError, match="no run 'aaa"):
        find_run(tmp_path, "a" * 5000)
