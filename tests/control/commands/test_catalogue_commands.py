"""``ionloom runs``, ``tag`` and ``lineage``: runs found, talked about, and followed by their values."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from control.cli import indexing
from data import Provenance, RunHeader, RunWriter, StoredParameter

Call = Callable[..., tuple[int, str, str]]
START = datetime(2025, 3, 14, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def ids(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, ids: list[str]) -> Path:
    """Three runs, a day apart: a calibration, one that used it, and one that failed."""
    place: Path = tmp_path_factory.mktemp("runs")
    for day, (experiment, power) in enumerate((("flop", 0.25), ("node", 0.5), ("node", 0.75))):
        maker = ids[0] if day == 1 else ""
        parameters = (
            StoredParameter("power", power),
            StoredParameter("pi_time", 6.4e-6 + day * 1e-7, "s", "calibration", run=maker),
        )
        provenance = Provenance(START + timedelta(days=day), source_file="x.py", git_revision="0123")
        with RunWriter.create(place, RunHeader(experiment, provenance, parameters, seed=7)) as writer:
            result = {"value": 0.9 + day / 100, "error": 0.01, "unit": ""}
            status = "failed" if day == 2 else "complete"
            writer.finish({"fidelity": result} if day < 2 else None, status, "no ions" if day == 2 else "")
            ids.append(writer.id)
    return place


def listed(out: str) -> list[str]:
    """Return the ids that begin lines of a table."""
    return [line.split()[0] for line in out.splitlines() if line.startswith("2025")]


def test_runs_are_shown_newest_first(call: Call, folder: Path, ids: list[str]) -> None:
    code, out, err = call("runs", "--out", folder)
    assert (code, err) == (0, "")
    assert listed(out) == ids[::-1]
    lines = out.splitlines()
    assert lines[0].split() == ["id", "experiment", "started", "(UTC)", "status", "points", "first", "result"]
    assert lines[1].split()[1:] == ["node", "2025-03-16", "12:00:00", "failed", "0", "no", "ions"]
    assert lines[3].split()[5:] == ["0", "fidelity", "=", "0.900(10)"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--experiment", "node"), "21"),
        (("--status", "failed"), "2"),
        (("--since", "2025-03-15", "--until", "2025-03-15T18:00"), "1"),
        (("--since", "2 days"), ""),
        (("--where", "power > 0.3 and fidelity >= 90.5 %"), "1"),
        (("--where", "pi_time <= 6.45 us"), "0"),
        (("--where", "pi_time <= 6.45 us", "--experiment", "node"), ""),
        (("--limit", "2"), "21"),
        (("--limit", "0"), "210"),
        (("--rebuild",), "210"),
    ],
)
def test_runs_are_chosen(
    call: Call, folder: Path, ids: list[str], options: tuple[str, ...], found: str
) -> None:
    code, out, _ = call("runs", "--out", folder, *options)
    assert code == 0
    assert listed(out) == [ids[int(number)] for number in found]
    last = out.splitlines()[-1]
    if not found:
        assert last == f"no such runs in {folder}"
    if "2" in options:
        assert last == "these are the newest 2; --limit 0 shows all"


def test_runs_for_programs(call: Call, folder: Path, ids: list[str]) -> None:
    code, out, _ = call("runs", "--out", folder, "--json", "--limit", 2)
    told = json.loads(out)
    assert (code, told["folder"], told["more"], len(told["runs"])) == (0, str(folder), True, 2)
    run = told["runs"][1]
    assert Path(run.pop("path")).is_file()
    assert run.pop("ended").startswith("20")
    assert run == {
        "id": ids[1],
        "experiment": "node",
        "status": "complete",
        "message": "",
        "points": 0,
        "shots": 0,
        "seed": "7",
        "started": "2025-03-15T12:00:00+00:00",
        "source": "x.py",
        "revision": "0123",
        "key_result": "fidelity",
        "parameters": {
            "power": {"value": 0.5, "unit": "", "origin": "default", "run": ""},
            "pi_time": {"value": 6.5e-6, "unit": "s", "origin": "calibration", "run": ids[0]},
        },
        "results": {"fidelity": {"value": 0.91, "error": 0.01, "unit": ""}},
        "tags": [],
        "comment": "",
    }


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ("--where", "pwoer > 5"),
            "Error: cannot understand the condition at character 1: 'pwoer' is no fact, parameter, result or "
            "axis of these runs; expected is power\n  pwoer > 5\n  ^\n",
        ),
        (
            ("--since", "soon"),
            "Error: Invalid value for '--since': 'soon' is no time; give a date (2025-03-14),",
        ),
        (("--status", "lost"), "Error: Invalid value for '--status': 'lost' is not one of 'complete',"),
    ],
)
def test_runs_asked_for_wrongly(call: Call, folder: Path, options: tuple[str, ...], told: str) -> None:
    code, _, err = call("runs", "--out", folder, *options)
    assert code == 2
    assert told in err


def test_a_catalogue_that_cannot_be_kept_is_told(
    call: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("IONLOOM_CACHE", str(tmp_path / "file"))
    code, out, err = call("runs", "--out", folder)
    assert (code, len(listed(out)), err.count("\n")) == (0, 3, 1)
    assert err.startswith(f"ionloom: cannot keep the catalogue in {tmp_path / 'file' / 'catalogues'}: ")


def test_reading_many_runs_shows_how_far_it_is(
    call: Call, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "_NOTICED", 1)
    monkeypatch.setenv("IONLOOM_CACHE", str(tmp_path))
    code, out, _ = call("runs", "--out", folder, "--json")
    assert (code, len(json.loads(out)["runs"])) == (0, 3)


def test_tags_and_comments(call: Call, folder: Path, ids: list[str]) -> None:
    code, out, _ = call(
        "tag", ids[1], "good", "paper:3", "--comment", "after the realignment", "--out", folder
    )
    assert code == 0
    assert [line.split("  ", 1)[1].strip().split(None, 1) for line in out.splitlines()[1:-1]] == [
        ["tag", "good"],
        ["tag", "paper:3"],
        ["comment", "after the realignment"],
    ]
    assert out.splitlines()[-1] == "tags: good, paper:3"
    _, out, _ = call("runs", "--tag", "good", "--tag", "paper:3", "--out", folder)
    assert listed(out) == [ids[1]]
    assert out.splitlines()[-1].endswith("#good #paper:3 after the realignment")
    _, out, _ = call("runs", "--where", "comment ~ realign and tag = good", "--out", folder)
    assert listed(out) == [ids[1]]
    _, out, _ = call("tag", ids[1], "good", "--remove", "paper:3", "--out", folder)
    assert out.splitlines()[-1] == "tags: good"
    assert out.count("good") == 2  # it was there already: nothing is said twice
    _, out, _ = call("runs", "--tag", "paper:3", "--out", folder)
    assert listed(out) == []


def test_nothing_was_said(call: Call, folder: Path, ids: list[str]) -> None:
    assert call("tag", ids[0], "--out", folder) == (0, "tags: none\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("bad tag",), 2, "'bad tag' is no tag; a tag is one word of letters"),
        (("--comment", " "), 2, "the comment is empty; say something"),
        (("--remove", "good"), 2, "has no tag 'good'. It has none."),
    ],
)
def test_what_cannot_be_said(
    call: Call, folder: Path, ids: list[str], arguments: tuple[str, ...], code: int, told: str
) -> None:
    found, _, err = call("tag", ids[0], *arguments, "--out", folder)
    assert found == code
    assert told in err


def test_lineage_of_a_run(call: Call, folder: Path, ids: list[str]) -> None:
    code, out, _ = call("lineage", ids[1], "--out", folder)
    assert code == 0
    assert out.splitlines() == [
        f"{ids[1]} (node, complete)",
        "├── uses what was calibrated by",
        f"│   └── {ids[0]} (flop, complete): pi_time = 6.5 us",
        "└── no run uses a value of it",
    ]
    _, out, _ = call("lineage", ids[0], "--out", folder)
    assert out.splitlines() == [
        f"{ids[0]} (flop, complete)",
        "├── uses nothing that a run calibrated",
        "│   └── no run: 1 values of the setup (pi_time)",
        "└── its own values are used by",
        f"    └── {ids[1]} (node, complete): pi_time = 6.5 us",
    ]


def test_lineage_for_programs(call: Call, folder: Path, ids: list[str]) -> None:
    _, out, _ = call("lineage", ids[0], "--json", "--out", folder)
    value = {"name": "pi_time", "value": 6.5e-6, "unit": "s", "run": ids[0]}
    assert json.loads(out) == {
        "id": ids[0],
        "experiment": "flop",
        "made_by": [],
        "used_by": [
            {"id": ids[1], "experiment": "node", "values": [value], "relatives": [], "told_elsewhere": False}
        ],
        "from_no_run": [{"name": "pi_time", "value": 6.4e-6, "unit": "s", "run": ""}],
    }


def test_lineage_of_a_parameter(call: Call, folder: Path, ids: list[str]) -> None:
    code, out, _ = call("lineage", "pi_time", "--out", folder)
    assert code == 0
    assert out.splitlines() == [
        "pi_time was calibrated by",
        f"└── {ids[0]} (flop, complete): 6.5 us, used by 1 run",
    ]
    _, out, _ = call("lineage", "power", "--out", folder)
    assert out.splitlines() == ["power was calibrated by no run"]
    _, out, _ = call("lineage", "pi_time", "--json", "--out", folder)
    value = {"name": "pi_time", "value": 6.5e-6, "unit": "s", "run": ids[0], "used by": 1}
    assert json.loads(out) == {"parameter": "pi_time", "calibrated": [value]}


def test_lineage_of_what_is_neither(call: Call, folder: Path, tmp_path: Path, ids: list[str]) -> None:
    code, _, err = call("lineage", "pi_tiem", "--out", folder)
    assert code == 2
    assert f"'pi_tiem' is neither a run in {folder} nor a parameter of one. Did you mean pi_time?" in err
    (path,) = folder.rglob(f"{ids[0]}*.h5")
    code, _, err = call("lineage", path, "--out", tmp_path)
    assert code == 2
    assert f"{path} is not in {tmp_path}. Say with --out in which folder it and its calibrations are." in err
