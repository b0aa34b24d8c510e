"""The catalogue says what the files say, whatever happened to them, to it, and to others who use it."""

from __future__ import annotations

import dataclasses
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import pytest

from data import Record, RunHeader, RunWriter, StoredParameter, find_run, find_runs, open_run
from data.catalogue import Catalogue, heads
from data.catalogue import refresh as refreshing
from data.catalogue.database import Database, cache_folder, database_path
from data.catalogue.folders import Seen, Stamp
from data.catalogue.heads import RunHead, read_head, used
from data.catalogue.rows import store_run
from data.layout import SCHEMA
from data.remarks import add_remark, remarks_path
from data.run_names import JOURNAL

START = datetime(2025, 3, 14, 23, 59, 59, 500_000, tzinfo=UTC)
LONG_AGO = 1_600_000_000  # s since 1970
SECOND = 1_000_000_000  # ns

Write = Callable[..., RunWriter]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "runs"
    place.mkdir()
    return place


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def write(folder: Path, header: RunHeader) -> Write:
    """Begin runs, each a second after the one before."""
    count = iter(range(100))

    def begin(**changes: Any) -> RunWriter:
        provenance = dataclasses.replace(header.provenance, started=START + timedelta(seconds=next(count)))
        return RunWriter.create(folder, dataclasses.replace(header, provenance=provenance, **changes))

    return begin


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose heads are read."""
    paths: list[Path] = []

    def noted(path: Path) -> RunHead:
        paths.append(path)
        return read_head(path)

    monkeypatch.setattr(refreshing, "read_head", noted)
    return paths


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let time go on for the catalogue, by seconds."""
    ahead = [0]
    monkeypatch.setattr(refreshing.time, "time_ns", lambda clock=time.time_ns: clock() + ahead[0])

    def go_on(seconds: float) -> None:
        ahead[0] += round(seconds * SECOND)

    return go_on


@pytest.fixture
def catalogue(folder: Path, cache: Path) -> Iterator[Catalogue]:
    with Catalogue(folder, cache=cache) as opened:
        yield opened


def listed(catalogue: Catalogue) -> list[tuple[str, str]]:
    return [(run.path.name, run.status) for run in catalogue.runs()]


def test_all_that_is_kept_of_a_run(
    write: Write, catalogue: Catalogue, make_record: Callable[..., Record]
) -> None:
    calibrated = StoredParameter(
        "pi_time", 6.4e-6, "s", "calibration", error=1e-8, run="20250313T000000000-0000"
    )
    whole = StoredParameter("count", 2**62 + 1)
    writer = write(
        parameters=(calibrated, whole, StoredParameter("basis", "Z"), StoredParameter("cooled", value=True))
    )
    writer.append({"basis": "Z", "angle": 0}, make_record(0))
    results = {
        "spread": {"chi2": 1.5},
        "fidelity": {"value": 0.9, "error": 0.1, "unit": ""},
        "nothing": float("nan"),
        "table": [{"a": 1.0}],
    }
    path = writer.finish(results)
    (run,) = catalogue.runs()
    with open_run(path) as whole_run:
        assert (run.path, run.id, run.ended) == (path, whole_run.id, whole_run.ended)
    assert (run.experiment, run.started, run.status, run.points) == ("ten ions", START, "complete", 1)
    assert (run.shots, run.seed, run.source_file) == (20, str(2**100 + 1), "ten_ions.py")
    assert (run.git_revision, run.tags, run.comment) == ("0123456789abcdef", (), "")
    assert run.key_result is not None
    assert (run.key_result.name, run.key_result.value, run.key_result.error) == ("fidelity", 0.9, 0.1)
    values = {value.name: value for value in catalogue.parameters(run)}
    assert values["pi_time"] == used(calibrated)
    assert values["pi_time"].run == "20250313T000000000-0000"
    assert (values["count"].value, values["basis"].value, values["cooled"].value) == (2**62 + 1, "Z", True)
    assert [(result.name, str(result.value), str(result.error)) for result in catalogue.results(run)] == [
        ("spread.chi2", "1.5", "nan"),
        ("fidelity", "0.9", "0.1"),
        ("nothing", "nan", "nan"),
    ]


def test_the_quick_way_to_read_a_head_finds_what_the_slow_way_finds(
    write: Write, make_record: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrated = StoredParameter("pi_time", 6.4e-6, "s", "calibration", "of a pulse", 1e-8, "some-run")
    writer = write(parameters=(calibrated, StoredParameter("ions", 10), StoredParameter("µ", "über")))
    writer.append({"basis": "Z", "angle": 0}, make_record(0))
    path = writer.finish({"rate": {"value": 3.0, "error": 0.5, "unit": "1/s"}, "fit": {"chi2": 1.5}})
    quick = read_head(path)
    monkeypatch.setattr(heads, "FINISHED", ".none")
    assert read_head(path) == quick
    assert quick.parameters[0].run == "some-run"


def test_texts_of_another_type_are_read_the_slow_way(write: Write, catalogue: Catalogue) -> None:
    """As of a file that another program has copied."""
    path = write().finish()
    with h5py.File(path, "a") as file:
        file["entry/parameters/window"].attrs.create("units", "s", dtype=h5py.string_dtype("ascii", 1))
        file["entry/parameters/ions"].attrs["units"] = 5
        file["entry"].attrs["message"] = 7
        del file["entry/parameters_json"]
    (run,) = catalogue.runs()
    assert (run.status, run.message) == ("complete", "7")
    assert {value.name: value.unit for value in catalogue.parameters(run)}["ions"] == "5"


def test_values_of_no_known_type_are_told(write: Write, catalogue: Catalogue) -> None:
    path = write().finish()
    with h5py.File(path, "a") as file:
        del file["entry/parameters/ions"], file["entry/parameters_json"]
        dataset = file.create_dataset("entry/parameters/ions", data=1j)
        dataset.attrs.update({"units": "", "origin": "default", "long_name": ""})
    (run,) = catalogue.runs()
    assert (run.status, run.message) == ("unreadable", "parameter ions is a complex")


def test_unchanged_files_are_not_read_again(
    write: Write, folder: Path, cache: Path, read: list[Path], later: Callable[[float], None]
) -> None:
    path = write().finish()
    for _ in range(2):  # the file was written just now: it is not believed at once that it stays so
        with Catalogue(folder, cache=cache) as catalogue:
            assert listed(catalogue) == [(path.name, "complete")]
        later(3)
    assert read == [path, path]
    with Catalogue(folder, cache=cache) as catalogue:
        assert listed(catalogue) == [(path.name, "complete")]
    assert len(read) == 2


def test_a_change_that_leaves_no_trace_is_noticed(
    write: Write, folder: Path, catalogue: Catalogue, later: Callable[[float], None]
) -> None:
    """Within a tick of the clock a file may be written twice: same length, same times."""
    path = write().finish(status="complete")
    before = path.stat()
    assert listed(catalogue) == [(path.name, "complete")]
    with h5py.File(path, "r+") as file:
        file["entry"].attrs.modify("status", "failed12"[:8])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    later(3)
    assert listed(catalogue) == [(path.name, "failed12")]


def test_what_is_changed_in_place_much_later_is_seen_when_asked_for(
    write: Write, folder: Path, catalogue: Catalogue, later: Callable[[float], None]
) -> None:
    path = write().finish()
    later(100)
    for _ in range(2):
        listed(catalogue)
    path.write_bytes(b"")
    assert listed(catalogue) == [(path.name, "complete")]
    catalogue.refresh(thoroughly=True)
    assert listed(catalogue) == [(path.name, "unreadable")]


def test_files_that_come_go_and_are_renamed(
    write: Write, folder: Path, catalogue: Catalogue, later: Callable[[float], None]
) -> None:
    first = write().finish()
    assert listed(catalogue) == [(first.name, "complete")]
    later(100)
    second = write().finish()
    assert listed(catalogue) == [(second.name, "complete"), (first.name, "complete")]
    later(100)
    moved = folder / "kept" / first.name
    moved.parent.mkdir()
    first.rename(moved)
    second.unlink()
    assert [run.path for run in catalogue.runs()] == [moved]
    later(100)
    shutil.rmtree(moved.parent)
    assert listed(catalogue) == []


def test_a_file_that_is_replaced_is_read_again(
    write: Write, catalogue: Catalogue, later: Callable[[float], None]
) -> None:
    path, other = write().finish({"rate": 1.0}), write().finish({"rate": 2.0})
    later(100)
    listed(catalogue)
    listed(catalogue)
    other.replace(path)
    (run,) = catalogue.runs()
    assert run.key_result is not None
    assert run.key_result.value == 2.0


def test_a_folder_that_is_not_there_is_not_forgotten(
    write: Write, folder: Path, catalogue: Catalogue, read: list[Path]
) -> None:
    """As when a network drive is away for an hour."""
    path = write().finish()
    os.utime(path, (LONG_AGO, LONG_AGO))
    listed(catalogue)
    away = folder.with_name("away")
    folder.rename(away)
    assert listed(catalogue) == []
    away.rename(folder)
    assert listed(catalogue) == [(path.name, "complete")]
    assert len(read) == 2  # the second time since the file was new


def test_a_run_that_is_going_on_is_followed(
    write: Write,
    folder: Path,
    catalogue: Catalogue,
    make_record: Callable[..., Record],
    later: Callable[[float], None],
) -> None:
    writer = write()
    writer.append({"basis": "Z", "angle": 0}, make_record(0))
    (run,) = catalogue.runs()
    assert (run.path.suffix, run.status, run.points, run.experiment) == (JOURNAL, "running", 1, "ten ions")
    assert find_run(folder, "latest") == find_run(folder, writer.id) == run.path
    later(100)
    writer.append({"basis": "Z", "angle": 1}, make_record(1))
    (run,) = catalogue.runs()
    assert (run.status, run.points) == ("running", 2)
    path = writer.finish({"fidelity": 0.9})
    (run,) = catalogue.runs()
    assert (run.path, run.status, run.points) == (path, "complete", 2)


def test_a_run_whose_program_was_killed_is_unfinished(
    write: Write, folder: Path, catalogue: Catalogue, header: RunHeader, tmp_path: Path
) -> None:
    code = (
        "import sys, pickle; from data import RunWriter\n"
        "writer = RunWriter.create(sys.argv[1], pickle.load(open(sys.argv[2], 'rb')))\n"
        "print(flush=True); sys.stdin.read()"
    )
    (tmp_path / "header").write_bytes(pickle.dumps(header))
    command = [sys.executable, "-c", code, folder, tmp_path / "header"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert [status for _, status in listed(catalogue)] == ["running"]
        process.kill()
    assert [status for _, status in listed(catalogue)] == ["unfinished"]


def test_a_file_of_a_newer_layout_is_told(write: Write, catalogue: Catalogue) -> None:
    path = write().finish()
    with h5py.File(path, "a") as file:
        file.attrs["ionloom_schema"] = SCHEMA + 1
    (run,) = catalogue.runs()
    assert (run.status, run.experiment) == ("unreadable", "ten_ions")
    assert run.message == (
        f"{path} has layout {SCHEMA + 1}, but this ionloom reads layouts up to {SCHEMA}; "
        "update ionloom (plain h5py reads the file meanwhile)"
    )


def test_names_that_are_no_runs_are_passed_over(folder: Path, catalogue: Catalogue) -> None:
    for name in ("20251399T000000000-0000-no_date.h5", "notes.h5", "20250314T000000000-0000-x.h5.part"):
        (folder / name).touch()
    (folder / os.fsdecode(b"20250314T000000000-0000-\xff.h5")).touch()
    (folder / "round").symlink_to(folder)
    assert listed(catalogue) == []


def test_remarks_are_kept_up_to_date(
    write: Write, catalogue: Catalogue, later: Callable[[float], None]
) -> None:
    writer = write()
    add_remark(writer.path, "tag", "good")
    assert [run.tags for run in catalogue.runs()] == [("good",)]
    path = writer.finish()
    assert [run.tags for run in catalogue.runs()] == [("good",)]
    later(100)
    listed(catalogue)
    add_remark(path, "comment", "cavity drifted")  # no folder changes
    assert [(run.tags, run.comment) for run in catalogue.runs()] == [(("good",), "cavity drifted")]
    later(100)
    remarks_path(path).unlink()
    assert [(run.tags, run.comment) for run in catalogue.runs()] == [((), "")]


def break_with_noise(database: Path) -> None:
    database.write_bytes(b"no database" * 1000)


def break_a_page(database: Path) -> None:
    content = bytearray(database.read_bytes())
    content[4096:12288] = os.urandom(8192)
    database.write_bytes(content)


def make_foreign(database: Path) -> None:
    database.unlink()
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE runs (x)")
    connection.close()


@pytest.mark.parametrize("harm", [break_with_noise, break_a_page, make_foreign])
def test_a_broken_database_is_made_anew(
    write: Write, folder: Path, cache: Path, harm: Callable[[Path], None]
) -> None:
    path = write().finish()
    with Catalogue(folder, cache=cache) as catalogue:
        listed(catalogue)
    harm(database_path(folder, cache))
    with Catalogue(folder, cache=cache) as catalogue:
        assert listed(catalogue) == [(path.name, "complete")]
        assert catalogue.note == ""
    with sqlite3.connect(database_path(folder, cache)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_database_of_other_tables_is_removed(folder: Path, cache: Path) -> None:
    current = database_path(folder, cache)
    older = current.with_name(f"{current.name.partition('-')[0]}-00000001.sqlite")
    other = current.with_name("0123-00000001.sqlite")
    current.parent.mkdir(parents=True)
    older.touch()
    other.touch()
    with Catalogue(folder, cache=cache):
        assert (current.exists(), older.exists(), other.exists()) == (True, False, True)


def test_a_cache_that_cannot_be_written(write: Write, folder: Path, tmp_path: Path) -> None:
    path = write().finish()
    (tmp_path / "file").touch()
    with Catalogue(folder, cache=tmp_path / "file") as catalogue:
        assert listed(catalogue) == [(path.name, "complete")]
        assert catalogue.note.startswith(f"cannot keep the catalogue in {tmp_path / 'file' / 'catalogues'}: ")
        assert catalogue.note.endswith(
            "; so every file of a run is read each time; make that folder writable, "
            "or name another one in IONLOOM_CACHE"
        )


def test_who_asks_for_a_list_is_warned_that_it_cannot_be_kept(
    write: Write, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IONLOOM_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="cannot keep the catalogue in"):
        assert find_runs(folder) == []


def test_the_cache_is_never_in_the_folder_of_runs(write: Write, folder: Path, cache: Path) -> None:
    write().finish()
    before = sorted(folder.rglob("*"))
    with Catalogue(folder, cache=cache) as catalogue:
        listed(catalogue)
    assert sorted(folder.rglob("*")) == before
    assert database_path(folder, cache) == database_path(folder / ".." / folder.name, cache)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IONLOOM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("IONLOOM_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert "ionloom" in cache_folder().parts


def test_what_was_seen_later_stays(write: Write, folder: Path, cache: Path) -> None:
    """Of two processes that have looked at a file, the one that looked first may write last."""
    path = write().finish()
    database = Database(database_path(folder, cache))
    head = read_head(path)
    for read_ns, status in ((2, "failed"), (1, "complete")):
        seen = Seen("day", path.name, Stamp("", 0), 0, read_ns)
        with database.writing():
            store_run(database, seen, dataclasses.replace(head, status=status))
    assert database.rows("SELECT status FROM runs") == [("failed",)]
    database.close()


@pytest.mark.slow
def test_several_processes_at_once(write: Write, folder: Path, cache: Path) -> None:
    for _ in range(8):
        write().finish({"rate": 1.0})
    code = (
        "import sys; from data.catalogue import Catalogue\n"
        "sys.stdin.readline()\n"
        "for _ in range(5):\n"
        "    with Catalogue(sys.argv[1], cache=sys.argv[2]) as catalogue:\n"
        "        print(len(catalogue.runs(where='rate = 1')))"
    )
    command = [sys.executable, "-c", code, folder, cache]
    root = Path(__file__).parents[2]
    pipe = subprocess.PIPE
    ready = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=root) for _ in range(3)]
    told = [process.communicate("\n")[0].split() for process in ready]
    assert told == [["8"] * 5] * 3


def test_reading_that_is_stopped_goes_on_where_it_was(
    write: Write, folder: Path, cache: Path, read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write().finish() for _ in range(4)]
    for path in paths:
        os.utime(path, (LONG_AGO, LONG_AGO))
    monkeypatch.setattr(refreshing, "_BATCH", 2)
    monkeypatch.setattr(Seen, "settled", property(lambda _: True))
    told = []

    def watch(done: int, total: int) -> None:
        told.append((done, total))
        if done:
            raise KeyboardInterrupt

    with Catalogue(folder, cache=cache, watch=watch) as catalogue, pytest.raises(KeyboardInterrupt):
        catalogue.runs()
    with Catalogue(folder, cache=cache) as catalogue:
        assert len(catalogue.runs()) == 4
    assert told == [(0, 4), (2, 4)]
    assert sorted(read) == sorted(paths)  # none of them twice
