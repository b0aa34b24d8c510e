"""What is told of a run: of one of a lab, and of runs of other programs, of which less is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from control.report import messages_table, parameters_table, results_table, run_table
from data import Provenance, Readout, Run, RunHeader, RunWriter, import_runs, open_run
from data.exchange.foreign import ForeignOrigin, read_origin

STARTED = datetime(2025, 3, 14, 9, 26, 53, tzinfo=UTC)


def artiq_file(path: Path, datasets: Mapping[str, Any], arguments: Mapping[str, Any]) -> Path:
    """Write a file as the worker of ARTIQ does."""
    described = {"class_name": "Rabi", "file": "rabi.py", "arguments": arguments}
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            file[f"datasets/{name}"] = value
        file.create_group("archive")
        file["artiq_version"] = "9.9003"
        file["start_time"] = STARTED.timestamp()
        file["expid"] = json.dumps(described)
    return path


def imported(source: Path, **names: Any) -> Run:
    [path] = import_runs(source, source.parent / "runs", **names)
    return open_run(path)


def test_a_run_of_a_lab(tmp_path: Path) -> None:
    header = RunHeader(
        "rabi",
        Provenance(STARTED, packages=(("numpy", "2.0"),), python="3.12", platform="Linux"),
        readouts=(Readout("ions", 3, "camera", "ions", (2,), (0,)), Readout("pmt", 1)),
        shots_per_point=20,
        seed=7,
    )
    with RunWriter.create(tmp_path, header) as writer:
        path = writer.finish(message="as planned", ended=STARTED + timedelta(seconds=2.5))
    with open_run(path) as run:
        assert run_table(run).rows == (
            ("id", run.id),
            ("file", str(path)),
            ("started", "2025-03-14 09:26:53 UTC, lasted 2.5 s"),
            ("status", "complete as planned"),
            ("points", "0, of 20 shots each"),
            ("axes", "none"),
            ("readouts", "ions [3 ions of camera], pmt [1]"),
            ("seed", "7"),
            ("source", "typed in, git revision none"),
            ("made with", "Python 3.12 on Linux, 1 packages"),
        )


def test_datasets_of_artiq(tmp_path: Path) -> None:
    source = artiq_file(
        tmp_path / "1-Rabi.h5", {"wait": np.arange(4.0), "dark": np.arange(4)}, {"power": 0.5}
    )
    with h5py.File(source, "a") as file:
        file["datasets/image"] = np.zeros((2, 3))
        file["datasets/spectrum"] = np.zeros(5)
        file["datasets/spectrum"].attrs.update(unit="kHz", scale=1e3)
    with imported(source, axes=["wait"], channels=["dark"]) as run:
        told = {row[0]: row[1] for row in run_table(run).rows}
        assert told["imported from"] == "1-Rabi.h5, ARTIQ 9.9003"
        assert told["started"] == "2025-03-14 09:26:53 UTC, how long is not known"
        assert (told["points"], told["axes"], told["channels"]) == ("4, shots are not told", "wait", "dark")
        assert (told["seed"], told["source"]) == ("none", "rabi.py, git revision none")
        assert told["made with"] == "artiq 9.9003"
        assert [row[:2] for row in parameters_table(run).rows] == [("power", "0.5")]
        assert results_table(run).rows == (("image", "array of 2 x 3"), ("spectrum", "array of 5 Hz"))


def test_a_scan_of_ndscan(tmp_path: Path) -> None:
    fqn = "rabi.duration"
    axis = {"param": {"fqn": fqn, "type": "float", "spec": {"unit": "us", "scale": 1e-6}}, "path": "*"}
    datasets = {
        "ndscan_schema_revision": 2,
        "completed": True,
        "axes": json.dumps([axis]),
        "channels": json.dumps({"p": {"path": "p", "type": "float", "unit": "", "scale": 1.0}}),
        "analysis_results": "{}",
        "points.axis_0": np.linspace(0, 1e-5, 5),
        "points.channel_p": np.linspace(0, 1, 5),
    }
    schema = {"default": "0.5", "spec": {"unit": "mW", "scale": 1e-3}, "description": "of the laser" * 9}
    arguments = {"ndscan_params": json.dumps({"overrides": {}, "schemata": {"rabi.power": schema}})}
    named = {f"ndscan.rid_1.{name}": value for name, value in datasets.items()}
    with imported(artiq_file(tmp_path / "1-Rabi.h5", named, arguments)) as run:
        told = {row[0]: row[1] for row in run_table(run).rows}
        assert told["imported from"] == "1-Rabi.h5, ndscan revision 2"
        assert (told["axes"], told["points"]) == ("duration (s)", "5, shots are not told")
        rows = {row[0]: row[1:] for row in parameters_table(run).rows}
    assert rows["rabi.power"] == ("500 mW", "default", "of the laser" * 9)
    whole = arguments["ndscan_params"]
    assert rows["ndscan_params"][0] == f"{whole[:100]}... ({len(whole)} characters)"


def test_photons_of_photon_hdf5(tmp_path: Path) -> None:
    source = tmp_path / "dots.hdf5"
    with h5py.File(source, "w") as file:
        file["acquisition_duration"] = 1.5
        file["photon_data/timestamps"] = np.arange(7)
        file["photon_data/timestamps_specs/timestamps_unit"] = 1e-8
        file["photon_data/nanotimes"] = np.arange(7)
        file["photon_data/nanotimes_specs/tcspc_unit"] = 1e-11
    with imported(source) as run:
        told = {row[0]: row[1] for row in run_table(run).rows}
        assert told["imported from"] == "dots.hdf5, Photon-HDF5"
        assert (told["status"], told["photons"]) == ("complete", "7")  # remarks stand among the messages
        assert (told["source"], told["made with"]) == ("not told, git revision none", "not told")
        assert told["started"].endswith("UTC, lasted 1.5 s")
        assert "nanotimes are kept as a result" in messages_table(run).rows[0][2]
        assert results_table(run).rows[0] == ("nanotimes", "array of 7")
        assert run.results["nanotimes_specs"] == {"tcspc_unit": 1e-11, "units": {"tcspc_unit": "s"}}


@pytest.mark.parametrize(
    "text", ["", "[node]\nions = 1\n", "no TOML", "imported = 3", "[imported]\nfile = 1\n"]
)
def test_setups_of_labs_are_no_origins(text: str) -> None:
    assert read_origin(text) is None


def test_an_origin() -> None:
    text = '[imported]\nfile = "a.h5"\nformat = "ARTIQ"\nversion = "9"\n'
    assert read_origin(text) == ForeignOrigin("a.h5", "ARTIQ", "9")
