"""Result files of ARTIQ without ndscan become runs."""

from __future__ import annotations

import hashlib
import math
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from data import Run, open_run
from data.errors import ForeignMemberError
from data.exchange.importing import import_runs

from .artiq_files import RID, write_artiq_file

EXPID = {
    "log_level": 30,
    "file": "repository/rabi.py",
    "class_name": "RabiFlop",
    "arguments": {"shots": 100, "scan": {"ty": "RangeScan", "npoints": 3}, "cooled": True, "label": "a"},
    "repo_rev": "0123abcd",
}
DATASETS = {
    "counts": np.array([3, 5, 8], np.int32),
    "times": np.array([1e-6, 2e-6, 3e-6]),
    "pi_time": 5.5e-6,
    "group/inner": np.float32(2.5),
    "done": True,
    "comment": "Ångström",
    "bases": ["X", "Y", "Z"],
    "matrix": np.eye(2, dtype=np.complex128),
    "thumbnail": np.void(b"\x89PNG\x00\x01"),
}
METADATA = {"pi_time": {"unit": "us", "scale": 1e-6, "precision": 3}, "times": {"unit": "us", "scale": 1e-6}}


def imported(tmp_path: Path, **more: Any) -> Run:
    """Write a file, import it, and open its only run."""
    axes, channels = more.pop("axes", ()), more.pop("channels", ())
    facts = {"datasets": DATASETS, "metadata": METADATA, "expid": EXPID} | more
    source = write_artiq_file(tmp_path / f"{RID:09}-RabiFlop.h5", **facts)
    (path,) = import_runs(source, tmp_path / "runs", axes=axes, channels=channels)
    return open_run(path)


def test_datasets_become_results_with_their_units(tmp_path: Path) -> None:
    with imported(tmp_path) as run:
        results = run.results
        assert (len(run), run.status) == (0, "complete")
    np.testing.assert_array_equal(results["counts"], [3, 5, 8])
    assert results["counts"].dtype == np.int32
    assert results["times"]["unit"] == "s"
    np.testing.assert_array_equal(results["times"]["value"], [1e-6, 2e-6, 3e-6])
    assert (results["pi_time"]["value"], results["pi_time"]["unit"]) == (5.5e-6, "s")
    assert math.isnan(results["pi_time"]["error"])
    assert results["group"]["inner"] == 2.5
    assert results["done"] is True
    assert results["comment"] == "Ångström"
    assert results["bases"] == ["X", "Y", "Z"]
    np.testing.assert_array_equal(results["matrix"], np.eye(2))
    assert results["thumbnail"].tobytes() == b"\x89PNG\x00\x01"


def test_the_description_becomes_the_head(tmp_path: Path) -> None:
    archive = {"trap.frequency": 1.05e6, "lookup": np.arange(4.0)}
    metadata = {"trap.frequency": {"unit": "MHz", "scale": 1e6}}
    with imported(tmp_path, archive=archive, metadata=metadata) as run:
        parameters, header, results = run.parameters, run.header, run.results
        assert run.experiment == "RabiFlop"
    assert parameters["shots"].value == 100
    assert parameters["shots"].origin == "override"
    assert parameters["cooled"].value is True
    assert parameters["scan"].value == '{"ty": "RangeScan", "npoints": 3}'
    frequency = parameters["trap.frequency"]
    assert (frequency.value, frequency.unit, frequency.origin) == (1.05e6, "Hz", "calibration")
    np.testing.assert_array_equal(results["archive"]["lookup"], np.arange(4.0))
    assert header.provenance.started == datetime(2025, 3, 14, 9, 26, 53, 500_000, tzinfo=UTC)
    assert header.provenance.source_file == "repository/rabi.py"
    assert header.provenance.git_revision == "0123abcd"


def test_the_origin_is_kept_with_its_checksum(tmp_path: Path) -> None:
    with imported(tmp_path) as run:
        origin = tomllib.loads(run.header.setup)["imported"]
    source = tmp_path / f"{RID:09}-RabiFlop.h5"
    assert origin["file"] == source.name
    assert (origin["format"], origin["version"]) == ("ARTIQ", "9.9003+1f5c5d6")
    assert origin["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert origin["bytes"] == source.stat().st_size
    assert origin["facts"]["rid"] == RID
    assert '"class_name":"RabiFlop"' in origin["facts"]["expid"]


def test_columns_that_the_user_names_become_a_scan(tmp_path: Path) -> None:
    with imported(tmp_path, axes=["times", "bases"], channels=["counts"]) as run:
        assert [(axis.name, axis.unit, axis.text) for axis in run.axes] == [
            ("times", "s", False),
            ("bases", "", True),
        ]
        assert run.points[1] == {"times": 2e-6, "bases": "Y"}
        np.testing.assert_array_equal(run.column("entry/scan/counts"), [3.0, 5.0, 8.0])
        assert "counts" not in run.results
        assert "matrix" in run.results


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (
            {"axes": ["time"]},
            "datasets/time is not there; there are bases, comment, counts, done, group/inner, matrix, "
            "pi_time, thumbnail; give the name of one of them",
        ),
        (
            {"axes": ["matrix"]},
            "datasets/matrix is of shape (2, 2) and type complex128, not a column of numbers or texts; each "
            "of the other 8 datasets can still be read with h5py; leave it out: it is kept among the results",
        ),
        (
            {"axes": ["times"], "channels": ["bases"]},
            "datasets/bases is of shape (3,) and type <U1, not a column of numbers; each of the other 8",
        ),
        (
            {"axes": ["short"], "channels": ["counts"], "datasets": {**DATASETS, "short": np.arange(2.0)}},
            "datasets/counts has 3 values, but short has 2: the columns of a scan need one length; each of "
            "the other 9 datasets can still be read with h5py; the first 2 points are whole: cut a copy",
        ),
        (
            {"axes": ["gap"], "datasets": {"gap": np.array([1.0, np.nan])}},
            "datasets/gap is nan at point 1, where an axis needs a finite number; its other 1 values, and "
            "the other datasets, can be read with h5py; put the value that was meant into a copy of the file",
        ),
        (
            {"axes": ["names"], "datasets": {"names": ["short", "é" * 33]}},
            "datasets/names has a text of 66 bytes at point 1, an axis at most 64; each of the other 0 data",
        ),
    ],
    ids=["missing", "matrix", "texts", "ragged", "nan", "long text"],
)
def test_what_cannot_be_a_column_is_told(more: dict[str, Any], text: str, tmp_path: Path) -> None:
    with pytest.raises(ForeignMemberError) as told:
        imported(tmp_path, **more)
    assert str(told.value).startswith(f"{tmp_path / f'{RID:09}-RabiFlop.h5'}: {text}")
    assert not (tmp_path / "runs").exists()


def test_a_description_that_cannot_be_read_keeps_the_data(tmp_path: Path) -> None:
    with imported(tmp_path, expid="__import__('os').abort()") as run:
        assert run.experiment == "RabiFlop"  # from the name of the file
        assert run.message == (
            "expid cannot be read (neither JSON nor PYON: line 1 holds more than literals); its text is kept "
            "with the setup"
        )
        assert [message.level for message in run.messages] == ["warning"]
        assert run.results["done"] is True
        assert "os" in tomllib.loads(run.header.setup)["imported"]["facts"]["expid"]


def test_a_file_without_scalars_is_that_of_artiq_run(tmp_path: Path) -> None:
    source = write_artiq_file(tmp_path / "mine.h5", {"x": 1.5})
    with h5py.File(source, "a") as file:
        for name in ("artiq_version", "rid", "start_time", "run_time", "expid"):
            del file[name]
    (path,) = import_runs(source, tmp_path / "runs")
    with open_run(path) as run:
        assert run.experiment == "mine"
        assert run.results == {"x": 1.5}
        changed = datetime.fromtimestamp(source.stat().st_mtime, UTC)
        assert abs((run.header.provenance.started - changed).total_seconds()) < 1e-3
        assert run.message.startswith("the file does not tell when the run began; when it was last changed")
        assert run.message.endswith("the file does not tell how the experiment was called (no expid)")


def test_members_that_no_result_can_hold_are_left_out_and_told(tmp_path: Path) -> None:
    pairs = np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])
    with imported(tmp_path, datasets={"pairs": pairs, "x": 1}) as run:
        assert run.results == {"x": 1}
        assert run.message == "datasets/pairs is of type [('a', '<i4'), ('b', '<f8')] and was left out"


def test_awkward_names_stay_apart(tmp_path: Path) -> None:
    expid = {"class_name": "A/B", "arguments": {"x": 1, "a/b": 2, "a_b": 3}}
    with imported(tmp_path, expid=expid, archive={"x": 4.0}, datasets={".hidden": 5, "$array": 6}) as run:
        values = {name: parameter.value for name, parameter in run.parameters.items()}
        assert run.experiment == "A_B"
        assert run.results == {"_.hidden": 5, "_$array": 6}
    assert values == {"x": 1, "a_b": 2, "a_b_2": 3, "x_2": 4.0}


def test_importing_twice_makes_two_runs(tmp_path: Path) -> None:
    with imported(tmp_path) as first, imported(tmp_path) as second:
        assert first.path != second.path
        assert first.path.exists()
