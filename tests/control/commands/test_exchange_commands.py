"""``ionloom import`` and ``ionloom export RUN --to FORMAT``."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import h5py
import numpy as np
import pytest

from control.cli import main
from data import (
    Attempts,
    Axis,
    Channel,
    Provenance,
    Record,
    RunHeader,
    RunWriter,
    TimeTags,
    open_run,
)

Ionloom = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ionloom(capsys: pytest.CaptureFixture[str]) -> Ionloom:
    """Run the command and return its exit code, stdout and stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def artiq_file(tmp_path: Path) -> Path:
    path = tmp_path / "000000042-Scan.h5"
    with h5py.File(path, "w") as file:
        file["datasets/times"] = np.array([1e-6, 2e-6])
        file["datasets/times"].attrs["unit"] = "us"
        file["datasets/times"].attrs["scale"] = 1e-6
        file["datasets/counts"] = np.array([3, 4])
        file.create_group("archive")
        file["artiq_version"] = "8"
        file["rid"] = 42
        file["start_time"] = 1.7e9
        file["run_time"] = 1.7e9
        file["expid"] = '{"class_name": "Scan", "arguments": {}}'
    return path


@pytest.fixture
def run_path(tmp_path: Path) -> Path:
    """A run of two points with a click each."""
    header = RunHeader(
        "rabi",
        Provenance(datetime(2025, 3, 14, tzinfo=UTC)),
        axes=(Axis("duration", "s"),),
        channels=(Channel("power", "W"),),
    )
    none = np.zeros(0, np.int64)
    one = np.zeros(1, np.int64)
    record = Record(
        shots=1,
        start_ps=one,
        duration_ps=10**6,
        counts={},
        attempts=Attempts(none, none.astype(np.uint32), none, none.astype(bool)),
        tags=TimeTags(one + 5, one.astype("u2"), one, one.astype("u4"), one.astype("u2"), one + 5),
    )
    with RunWriter.create(tmp_path / "runs", header) as writer:
        for duration in (1e-6, 2e-6):
            writer.append({"duration": duration}, record, {"power": 0.5})
        return writer.finish()


def test_import_prints_the_run(ionloom: Ionloom, artiq_file: Path, tmp_path: Path) -> None:
    code, out, err = ionloom("import", artiq_file, "--out", tmp_path / "runs")
    assert code == 0
    assert err == (
        "note: it has no points, because nothing tells what was scanned: all datasets are results. To have "
        "a scan, import it with --again --axis NAME: counts (2 values), times (2 values)\n"
    )
    with open_run(out.strip()) as run:
        assert run.experiment == "Scan"
        np.testing.assert_array_equal(run.results["counts"], [3, 4])


def test_import_as_json_tells_what_was_found(ionloom: Ionloom, artiq_file: Path, tmp_path: Path) -> None:
    code, out, err = ionloom(
        "import", artiq_file, "--axis", "times", "--channel", "counts", "--out", tmp_path / "r", "--json"
    )
    (run,) = json.loads(out)["runs"]
    assert code == 0
    assert (run["from"], run["experiment"], run["points"], run["photons"]) == (str(artiq_file), "Scan", 2, 0)
    assert err == f"{artiq_file} -> {run['file']}\n"


def test_a_file_is_imported_once(ionloom: Ionloom, artiq_file: Path, tmp_path: Path) -> None:
    """Unless somebody says so; of several, none is imported if one was before."""
    runs = tmp_path / "runs"
    code, out, _ = ionloom("import", artiq_file, "--axis", "times", "--out", runs)
    with open_run(out.strip()) as run:
        known = run.id
    copy = artiq_file.with_name("000000043-Scan.h5")
    copy.write_bytes(artiq_file.read_bytes())
    other = tmp_path / "000000044-Other.h5"
    with h5py.File(other, "w") as file:
        file["datasets/mean"], file["archive/power"] = 1.5, 0.1
    code, out, err = ionloom("import", other, artiq_file, copy, "--out", runs)
    assert (code, out) == (2, "")
    assert err == (
        f"ionloom: {artiq_file} was imported already, as run {known}\n"
        f"{copy} was imported already, as run {known}. Nothing was imported; --again imports anew.\n"
    )
    assert len([*runs.rglob("*.h5")]) == 1
    code, out, err = ionloom("import", other, artiq_file, "--again", "--axis", "times", "--out", runs)
    assert code == 1  # the other has no such dataset
    assert "times" in err
    code, out, _ = ionloom("import", artiq_file, "--again", "--axis", "times", "--out", runs)
    assert (code, len([*runs.rglob("*.h5")])) == (0, 2)
    with h5py.File(artiq_file, "r+") as file:
        file["datasets/counts"][0] = 5
    assert ionloom("import", artiq_file, "--axis", "times", "--out", runs)[0] == 0  # it is another one now


def test_a_file_without_points_is_told(ionloom: Ionloom, tmp_path: Path) -> None:
    path = tmp_path / "000000044-Other.h5"
    with h5py.File(path, "w") as file:
        file["datasets/mean"], file["archive/power"] = 1.5, 0.1
    code, _, err = ionloom("import", path, "--out", tmp_path / "runs")
    assert code == 0
    assert err.splitlines()[-1] == "note: it has no points, and no dataset with several values"


def test_import_of_something_else_is_told(ionloom: Ionloom, run_path: Path, tmp_path: Path) -> None:
    code, _, err = ionloom("import", run_path, "--out", tmp_path / "runs")
    assert code == 1
    assert err.startswith(f"ionloom: {run_path} is a run of ionloom already")
    assert ionloom("import")[0] == 2


def test_a_run_is_exported_beside_itself(ionloom: Ionloom, run_path: Path) -> None:
    code, out, _ = ionloom(
        "export", "latest", "--to", "csv", "--out", run_path.parents[1], "--table", "photons"
    )
    assert code == 0
    scan, photons = map(Path, out.splitlines())
    assert scan == run_path.with_suffix(".csv")
    with scan.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["duration [s]"] for row in rows] == ["1e-06", "2e-06"]
    assert len(photons.read_text().splitlines()) == 3


@pytest.mark.parametrize("to", ["parquet", "netcdf", "mat", "photon-hdf5"])
def test_every_format_is_written(ionloom: Ionloom, run_path: Path, tmp_path: Path, to: str) -> None:
    target = tmp_path / "x"
    assert ionloom("export", run_path, "--to", to, "-o", target)[:2] == (0, f"{target}\n")
    before = target.read_bytes()
    code, _, err = ionloom("export", run_path, "--to", to, "-o", target)
    assert code == 1
    assert err.startswith(
        f"ionloom: {target} is there already, nothing was written; give another name with -o"
    )
    assert target.read_bytes() == before
    assert ionloom("export", run_path, "--to", to, "-o", target, "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["--to", "csv", "--setup", "innsbruck"],
            "ionloom: --setup is for experiments. A run is what it is: only --table, --force, --out and -o g",
        ),
        (["--to", "csv", "--scan", "a = 1"], "ionloom: --scan is for experiments."),
        (["--table", "shots", "-o", "x.txt"], "ionloom: --table is for runs. Say with --to in which format."),
        (
            [],
            "ionloom: nothing says what to write. Give -o FILE for what an experiment plays, or --to FORM",
        ),
        (
            ["--to", "excel"],
            "Invalid value for '--to': 'excel' is not one of 'csv', 'parquet', 'netcdf'",
        ),
    ],
)
def test_what_does_not_go_together_is_told(
    ionloom: Ionloom, run_path: Path, arguments: list[str], text: str
) -> None:
    code, _, err = ionloom("export", run_path, *arguments)
    assert code == 2
    assert text in err
