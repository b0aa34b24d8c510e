"""Runs of computers that lose their power: what was announced is on the disk, whatever else is not."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from modelled_disk import DiskLog, LoggedDisk
from short_runs import check_points, header_of, record_points, write_journal, write_run

from data import RunWriter, open_run, repair, verify, write_results
from data.errors import DataError

if sys.platform != "linux":
    pytest.skip("the calls of another system are others", allow_module_level=True)


def record_logged(
    folder: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator, clicks: int
) -> tuple[DiskLog, Path]:
    """Record a run that is never finished, and note when which point was announced."""
    with monkeypatch.context() as patch:
        disk = LoggedDisk(patch, rng)
        writer = RunWriter.create(folder, header_of())
        disk.log.promised.append((len(disk.log.writes), 0))
        announced = 0

        def say(what: bytes) -> None:
            nonlocal announced
            if what == b"p":
                announced += 1
                disk.log.promised.append((len(disk.log.writes), announced))
                writer.log("a line that nobody waits for")

        record_points(writer, 6, clicks, say)
        writer.close()
    return disk.log, writer.journal


def look_after(
    log: DiskLog, at: int, journal: Path, folder: Path, clicks: int, rng: np.random.Generator
) -> int:
    """Open and repair what the disk holds after a crash; return how many points of it could be repaired."""
    crashed = folder / journal.parent.name / journal.name
    crashed.parent.mkdir(parents=True)
    crashed.write_bytes(log.crash(at, rng))
    begun = [points for write, points in log.promised if write <= at]
    if not begun:  # it had not been announced yet that there is a run
        assert [done.action for done in repair(folder)] in (["cleared"], ["finished"])
        return 0
    with open_run(crashed) as run:
        assert run.status == "unfinished"
        check_points(run, clicks, begun[-1])
    [done] = repair(folder)
    assert done.action in ("finished", "salvaged")
    assert done.made == crashed.with_suffix(".h5")
    assert verify(done.made).is_whole
    with open_run(done.made) as run:
        assert run.status == "interrupted"
        check_points(run, clicks, begun[-1])
        assert done.points == len(run)
    with h5py.File(done.made) as file:
        assert len(file["entry/scan/i"]) == done.points
    return done.points


def lose_power(folder: Path, monkeypatch: pytest.MonkeyPatch, runs: int, crashes: int, seed: int) -> int:
    points = 0
    for number in range(runs):
        rng = np.random.default_rng([seed, number])
        clicks = int(rng.choice([20, 1500]))
        log, journal = record_logged(folder / f"{number}", monkeypatch, rng, clicks)
        for crash in range(crashes):
            at = int(rng.integers(len(log.writes) + 1))
            points += look_after(log, at, journal, folder / f"{number}-{crash}", clicks, rng)
    return points


@pytest.mark.slow
def test_power_cuts_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lose_power(tmp_path, monkeypatch, runs=2, crashes=2, seed=1) > 0


@pytest.mark.slow
def test_many_power_cuts_of_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert lose_power(tmp_path, monkeypatch, runs=12, crashes=15, seed=2) > 0


class Calls:
    """The calls of the system that bring files to the disk, rename or remove them, in their order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, str]] = []
        self.sizes: dict[str, int] = {}
        for name in ("fsync", "fdatasync", "replace", "unlink"):
            monkeypatch.setattr(os, name, self.noted(name, getattr(os, name)))

    def noted(self, name: str, call: Any) -> Any:
        def noting(what: Any, *rest: Any, **options: Any) -> Any:
            if isinstance(what, int):
                path = Path(f"/proc/self/fd/{what}").readlink()
                self.sizes[path.name] = os.fstat(what).st_size
            else:
                path = Path(what)
            self.made.append((name, path.name))
            return call(what, *rest, **options)

        return noting

    def place(self, call: str, name: str) -> int:
        return self.made.index((call, name))


def test_the_journal_goes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end is synced, then the file, then the name of the file; only then is there no journal any more."""
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 2)
    calls = Calls(monkeypatch)
    path = writer.finish()
    part, journal = f"{path.name}.part", writer.journal.name
    order = [("fdatasync", journal), ("fsync", part), ("replace", part), ("fsync", path.parent.name)]
    assert [call for call in calls.made if call[0] != "unlink"][:4] == order
    assert calls.made[-1] == ("unlink", journal)
    assert calls.sizes[part] == path.stat().st_size  # nothing was written behind the sync


def test_a_repair_removes_the_journal_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = write_journal(tmp_path)
    calls = Calls(monkeypatch)
    [done] = repair(tmp_path)
    assert done.made is not None
    part, folder = f"{done.made.name}.part", journal.parent.name
    places = [
        calls.place("fsync", part),
        calls.place("replace", part),
        calls.place("fsync", folder),
        calls.place("unlink", journal.name),
    ]
    assert places == sorted(places)
    assert calls.sizes[part] == done.made.stat().st_size


def test_new_results_take_the_name_when_they_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_run(tmp_path)
    calls = Calls(monkeypatch)
    write_results(path, {"again": 0.5})
    part = f"{path.name}.part"
    assert calls.made == [("fsync", part), ("replace", part), ("fsync", path.parent.name)]
    assert calls.sizes[part] == path.stat().st_size


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_system_that_fails_while_a_run_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The journal stays, and the repair makes of it what the finish could not."""
    writer = RunWriter.create(tmp_path, header_of())
    record_points(writer, 2)

    def fail(*_: object) -> None:
        raise OSError(5, os.strerror(5))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(DataError) as told:
            writer.finish({"fidelity": 0.9}, message="as planned")
    assert str(told.value) == (
        f"writing {writer.path} failed: Input/output error; its 2 completed points are safe and can be "
        "opened; check the disk before you go on"
    )
    assert told.value.__notes__ == [
        f"all that was recorded is in {writer.journal}; `ionloom repair` makes the file of it"
    ]
    assert [file.name for file in writer.path.parent.iterdir()] == [writer.journal.name]
    [done] = repair(tmp_path)
    assert (done.action, done.made, done.points) == ("finished", writer.path, 2)
    with open_run(writer.path) as run:
        assert (run.status, run.message, run.results) == ("complete", "as planned", {"fidelity": 0.9})
        check_points(run, points=2)
