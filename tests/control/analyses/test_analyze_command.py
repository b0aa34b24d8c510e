"""``ionloom analyze``, ``plot`` and ``show`` of runs whose experiment nobody knows, and of many runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from data import open_run

Call = Callable[..., tuple[int, str, str]]
MakeRun = Callable[..., Path]


def test_a_folder_of_runs(call: Call, fringe_run: MakeRun) -> None:
    paths = [fringe_run(number) for number in range(3)]
    folder = paths[0].parent.parent
    code, out, err = call("analyze", folder, "--analysis", "fit", "-p", "model=fringe", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert [Path(one["file"]) for one in told["runs"]] == paths
    assert told["failed"] == 0
    assert all(0.8 < one["results"]["contrast"]["value"] < 1 for one in told["runs"])
    assert "3 of 3 runs analysed and written" in err
    with open_run(paths[2]) as run:
        assert run.analyses[-1].by == "fit"
        assert run.analyses[-1].parameters == {"model": "fringe", "harmonic": 1}


def test_one_that_fails_is_told(call: Call, fringe_run: MakeRun, tmp_path: Path) -> None:
    foreign = tmp_path / "notes.h5"
    foreign.write_text("no HDF5 at all")
    code, out, _ = call("analyze", fringe_run(points=2), foreign, "--analysis", "summary", "--dry-run")
    assert code == 1
    assert f"{foreign}: " in out
    assert "1 of 2 runs analysed, nothing written" in out


def test_an_experiment_that_nobody_knows(call: Call, fringe_run: MakeRun) -> None:
    path = fringe_run()
    code, _, err = call("analyze", path)
    assert code == 2
    assert "which does not come with ionloom: say where its code is with --experiment parity.py" in err
    assert call("analyze", path, "--analysis", "fit", "-p", "model=fringe")[0] == 0
    code, out, _ = call("show", path)
    assert code == 0
    assert "contrast" in out
    assert "model=fringe" in out


def test_mistakes_are_told_before_any_run_is_read(call: Call, fringe_run: MakeRun) -> None:
    code, _, err = call("analyze", fringe_run(points=2), "--analysis", "fit", "-p", "modle=fringe")
    assert (code, err.strip()) == (
        2,
        "ionloom: the analysis fit has no parameter 'modle'. Did you mean model?",
    )
    code, _, err = call("analyze", fringe_run(1, points=2).parent, "--analysis", "nothing.py")
    assert (code, err.strip()) == (2, "ionloom: there is no file nothing.py")


def test_a_folder_without_runs(call: Call, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = call("analyze", tmp_path / "empty")
    advice = "Give a folder of runs, or one run by its id."
    assert (code, err.strip().splitlines()[-1]) == (2, f"ionloom: no runs in {tmp_path / 'empty'}. {advice}")


@pytest.mark.slow
def test_pictures_in_several_formats(call: Call, fringe_run: MakeRun, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = fringe_run()
    call("analyze", path, "--analysis", "fit", "-p", "model=fringe")
    files = [tmp_path / f"x.{ending}" for ending in ("pdf", "svg")]
    code, out, err = call("plot", path, *(word for file in files for word in ("-o", file)))
    assert code == 0, err
    assert out.split() == list(map(str, files))
    assert all(file.stat().st_size > 1000 for file in files)


def test_show_as_json(call: Call, fringe_run: MakeRun) -> None:
    path = fringe_run(points=2)
    call("analyze", path, "--analysis", "summary")
    code, out, _ = call("show", path, "--json")
    assert code == 0
    told = json.loads(out)
    assert told["parameters"]["power"] == {
        "value": 0.5,
        "error": None,
        "unit": "W",
        "origin": "default",
        "run": "",
        "help": "",
    }
    assert told["channels"] == [{"name": "drift", "unit": "Hz"}]
    assert [one["analysis"] for one in told["analyses"]] == ["summary"]


PRINTS = """
import os
print("read")
def analyse(run):
    print("begun")
    os.system("echo from elsewhere")
    return {"points": len(run)}
"""


@pytest.mark.parametrize(
    "options", [(), ("--dry-run",), pytest.param(("--workers", 2), marks=pytest.mark.slow)]
)
def test_what_an_analysis_prints_is_not_among_the_json(
    fringe_run: MakeRun, tmp_path: Path, options: tuple[object, ...]
) -> None:
    """In a program of its own: what other programs print passes by `sys.stdout`."""
    file = tmp_path / "prints.py"
    file.write_text(PRINTS)
    paths = [fringe_run(number, points=2) for number in range(2 if "--workers" in options else 1)]
    words = ["analyze", *paths, "--analysis", file, "--json", *options]
    code = "from control.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    results = told["results"] if "results" in told else told["runs"][-1]["results"]
    assert results == {"points": 2}
    assert all(words in done.stderr for words in ("read", "begun", "from elsewhere"))


def test_a_fit_that_does_not_describe_the_data_is_told_of_many_runs(call: Call, fringe_run: MakeRun) -> None:
    paths = [fringe_run(number) for number in range(2)]
    code, out, _ = call("analyze", *paths, "--analysis", "fit", "-p", "model=parabola", "--dry-run")
    assert code == 0
    told = [line for line in out.splitlines() if "the fit does not describe the data (p = " in line]
    assert [line.partition(":")[0] for line in told] == [path.name[:23] for path in paths]
    assert all(line.endswith("): errors mean nothing") for line in told)
    code, out, _ = call("analyze", *paths, "--analysis", "fit", "-p", "model=fringe", "--dry-run")
    assert "the fit" not in out


@pytest.mark.parametrize(
    ("returned", "told"),
    [
        ("{3: 1}", "has the key 3, no name for a member of an HDF5 file"),
        ("{'a': object()}", "result 'a' is a object"),
        ("(lambda d: d.update(d=d) or d)({})", "its results hold themselves, or mappings without end"),
    ],
)
def test_results_that_cannot_be_stored_are_told_without_writing_too(
    call: Call, fringe_run: MakeRun, tmp_path: Path, returned: str, told: str
) -> None:
    file = tmp_path / "odd.py"
    file.write_text(f"def analyse(run):\n    return {returned}\n")
    code, out, err = call("analyze", fringe_run(points=2), "--analysis", file, "--dry-run", "--json")
    assert code == 1
    answer = json.loads(out)
    assert told in answer["runs"][0]["problem"]
    assert (answer["failed"], answer["runs"][0]["results"]) == (1, {})
    assert told in err


def test_a_number_beyond_all_floats(call: Call, fringe_run: MakeRun, tmp_path: Path) -> None:
    file = tmp_path / "large.py"
    file.write_text("def analyse(run):\n    return {'states': 10**400, 'n': 1, 'n_error': 10**400}\n")
    path = fringe_run(points=2)
    code, out, err = call("analyze", path, "--analysis", file)
    assert code == 0, err
    assert "1.00000e+400" in out
    with open_run(path) as run:
        assert run.results["states"] == 10**400
