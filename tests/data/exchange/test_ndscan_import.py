"""Scans of ndscan become runs."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data import Run, open_run
from data.errors import ForeignMemberError, NewerFormatError
from data.exchange.arrays import to_xarray
from data.exchange.importing import import_runs

from .artiq_files import RID, axis_schema, channel_schema, ndscan_datasets, write_artiq_file

PREFIX = f"datasets/ndscan.rid_{RID}."
AXES = [
    axis_schema("rabi.RabiFlop.duration", unit="us", scale=1e-6) | {"min": 1e-6, "max": 3e-6},
    axis_schema("lab.Beam.duration", unit="MHz", scale=1e6),
]
CHANNELS = {
    "p": channel_schema("readout/p", description="Excitation"),
    "p_err": channel_schema("readout/p_err", display_hints={"error_bar_for": "readout/p"}),
    "delay": channel_schema("delay", unit="ns", scale=1e-9),
    "trace": channel_schema("trace", type="opaque"),
    "point": channel_schema("point", type="int"),
}
POINTS = {
    "axis_0": [1e-6, 2e-6, 3e-6],
    "axis_1": [200e6, 200e6, 201e6],
    "channel_p": [0.25, 0.5, math.nan],
    "channel_p_err": [0.01, 0.02, 0.03],
    "channel_delay": [1e-9, 2e-9, 3e-9],
    "channel_trace": np.arange(6.0).reshape(3, 2),
    "channel_point": [1, 2, 3],
}


def written(tmp_path: Path, datasets: dict[str, Any], **more: Any) -> Path:
    return write_artiq_file(tmp_path / f"{RID:09}-RabiFlop.h5", datasets, **more)


def imported(tmp_path: Path, datasets: dict[str, Any], **more: Any) -> Run:
    (path,) = import_runs(written(tmp_path, datasets, **more), tmp_path / "runs")
    return open_run(path)


def test_axes_and_channels_become_columns(tmp_path: Path) -> None:
    with imported(tmp_path, ndscan_datasets(AXES, CHANNELS, POINTS)) as run:
        assert [(axis.name, axis.unit) for axis in run.axes] == [("duration", "s"), ("duration_2", "Hz")]
        assert [(c.name, c.unit, c.help) for c in run.channels] == [
            ("p", "", "Excitation"),
            ("p_err", "", ""),
            ("delay", "s", ""),
            ("point_2", "", ""),
        ]
        assert run.points[2] == {"duration": 3e-6, "duration_2": 201e6}
        np.testing.assert_array_equal(run.column("entry/scan/p"), [0.25, 0.5, math.nan])
        np.testing.assert_array_equal(run.column("entry/scan/point_2"), [1.0, 2.0, 3.0])
        np.testing.assert_array_equal(run.results["trace"], POINTS["channel_trace"])
        assert (run.status, run.message, run.header.seed) == ("complete", "", 7)
        scan = to_xarray(run)
    assert scan["delay"].attrs["units"] == "s"
    assert scan["p"].dims == ("point",)


def test_the_origin_names_the_revision(tmp_path: Path) -> None:
    with imported(tmp_path, ndscan_datasets(AXES, CHANNELS, POINTS)) as run:
        origin = tomllib.loads(run.header.setup)["imported"]
    assert (origin["format"], origin["version"]) == ("ndscan", "revision 2")
    assert origin["facts"]["fragment_fqn"] == "rabi.RabiFlop"
    assert origin["facts"]["source_id"] == f"rid_{RID}"


def test_results_of_analyses_stand_with_their_errors(tmp_path: Path) -> None:
    schemata = {
        "t_pi": channel_schema("t_pi", unit="us", scale=1e-6),
        "t_pi_err": channel_schema(
            "t_pi_err", display_hints={"error_bar_for": "t_pi"}, unit="us", scale=1e-6
        ),
        "good": channel_schema("good", type="int"),
        "never": channel_schema("never"),
    }
    found = {"analysis_result.t_pi": 4e-6, "analysis_result.t_pi_err": 1e-8, "analysis_result.good": 1}
    datasets = ndscan_datasets(AXES, CHANNELS, POINTS, analysis_results=json.dumps(schemata), **found)
    with imported(tmp_path, datasets) as run:
        results = run.results
    assert results["t_pi"] == {"value": 4e-6, "error": 1e-8, "unit": "s"}
    assert results["good"]["value"] == 1
    assert "t_pi_err" not in results
    assert "never" not in results


def test_parameters_come_from_the_arguments(tmp_path: Path) -> None:
    def schema(default: str, **spec: Any) -> dict[str, Any]:
        return {
            "fqn": "",
            "description": "Power of the beam",
            "type": "float",
            "default": default,
            "spec": spec,
        }

    tree = {
        "instances": {"": ["a.power"]},
        "schemata": {
            "a.power": schema("0.5", unit="mW", scale=1e-3),
            "a.mode": schema("'blue'"),
            "a.offset": schema("dataset('offset', 1.0)"),
            "a.wait": schema("1e-6", unit="us", scale=1e-6),
            "rabi.RabiFlop.duration": schema("1e-6"),
        },
        "overrides": {"a.wait": [{"path": "*", "value": 3e-6}]},
        "scan": {"axes": []},
    }
    expid = {"class_name": "RabiFlop", "arguments": {"ndscan_params": json.dumps(tree)}}
    with imported(tmp_path, ndscan_datasets(AXES, CHANNELS, POINTS), expid=expid) as run:
        parameters = dict(run.parameters)
    assert (parameters["a.power"].value, parameters["a.power"].unit) == (0.5, "W")
    assert parameters["a.power"].help == "Power of the beam"
    assert parameters["a.power"].origin == "default"
    assert parameters["a.mode"].value == "blue"
    assert parameters["a.offset"].value == "dataset('offset', 1.0)"
    assert (parameters["a.wait"].value, parameters["a.wait"].origin) == (3e-6, "override")
    assert "rabi.RabiFlop.duration" not in parameters


def test_a_single_point_has_no_axes(tmp_path: Path) -> None:
    channels = {"p": channel_schema("p"), "log": channel_schema("log", type="opaque")}
    datasets = ndscan_datasets([], channels, {}, **{"point.p": 0.75, "point.log": "fine"})
    with imported(tmp_path, datasets) as run:
        assert len(run) == 1
        assert run.points == ({},)
        assert run.column("entry/scan/p").tolist() == [0.75]
        assert run.results["log"] == "fine"


def test_axes_of_texts_and_switches(tmp_path: Path) -> None:
    text, switch = axis_schema("a.basis"), axis_schema("a.on")
    text["param"].update(type="string", spec={"is_scannable": True})
    datasets = ndscan_datasets(
        [text, switch],
        {"p": channel_schema("p")},
        {"axis_0": ["X", "Z"], "axis_1": [True, False], "channel_p": [0.5, 0.25]},
    )
    with imported(tmp_path, datasets) as run:
        assert run.points == ({"basis": "X", "on": 1.0}, {"basis": "Z", "on": 0.0})


def test_a_scan_that_stopped_keeps_its_whole_points(tmp_path: Path) -> None:
    points = {**POINTS, "axis_0": POINTS["axis_0"][:2], "axis_1": POINTS["axis_1"][:2]}
    with imported(tmp_path, ndscan_datasets(AXES, CHANNELS, points, completed=False)) as run:
        assert (len(run), run.status) == (2, "interrupted")
        assert run.message == "the scan stopped within a point: 2 of 3 points are whole"


def test_a_scan_without_points_is_an_empty_run(tmp_path: Path) -> None:
    with imported(tmp_path, ndscan_datasets(AXES, CHANNELS, {}, completed=False)) as run:
        assert (len(run), run.status) == (0, "interrupted")
        assert [axis.name for axis in run.axes] == ["duration", "duration_2"]


def test_each_scan_of_a_file_is_a_run(tmp_path: Path) -> None:
    one = ndscan_datasets(AXES, CHANNELS, POINTS)
    other = {name.replace("ndscan.", "ndscan.again."): value for name, value in one.items()}
    source = written(tmp_path, {**one, **other, "temperature": 21.5})
    paths = import_runs(source, tmp_path / "runs")
    assert len(paths) == 2
    for path in paths:
        with open_run(path) as run:
            assert len(run) == 3
            assert run.results["other"] == {"temperature": 21.5}


def test_files_from_before_revisions_are_read(tmp_path: Path) -> None:
    datasets = {
        name.replace(f"ndscan.rid_{RID}.", "ndscan."): value
        for name, value in ndscan_datasets(AXES, CHANNELS, POINTS).items()
        if not name.endswith(("revision", "source_id"))
    }
    with imported(tmp_path, datasets) as run:
        assert len(run) == 3
        assert tomllib.loads(run.header.setup)["imported"]["version"] == "revision 1"


def test_a_later_revision_is_told(tmp_path: Path) -> None:
    source = written(tmp_path, ndscan_datasets(AXES, CHANNELS, POINTS, ndscan_schema_revision=3))
    with pytest.raises(NewerFormatError) as told:
        import_runs(source, tmp_path / "runs")
    assert str(told.value) == (
        f"{source} has version 3 of ndscan, but this ionloom reads versions up to 2; update ionloom (plain "
        "h5py reads the file meanwhile)"
    )


@pytest.mark.parametrize(
    ("others", "text"),
    [
        (
            {"axes": "[{"},
            "axes is no JSON (Expecting property name enclosed in double quotes: line 1 column 3",
        ),
        (
            {"axes": '{"a": {}}'},
            "axes is no JSON list of schemata; each of the other 16 datasets can still be",
        ),
        ({"channels": "[1]"}, "channels is no JSON dict of schemata; "),
        ({"channels": 1.0}, "channels is no JSON dict of schemata; "),
        (
            {"points.axis_0": [1e-6, math.inf, 3e-6]},
            "points.axis_0 is inf at point 1, where an axis needs a finite number; its other 2 values",
        ),
        (
            {"points.channel_p": [0.5]},
            f"points.channel_p has 1 values, but ndscan.rid_{RID}.points.axis_0 has 3: the columns of a scan",
        ),
    ],
    ids=["no JSON", "no list", "no mappings", "no text", "not finite", "ragged"],
)
def test_what_does_not_fit_the_schemata_is_told(others: dict[str, Any], text: str, tmp_path: Path) -> None:
    source = written(tmp_path, ndscan_datasets(AXES, CHANNELS, POINTS, **others))
    with pytest.raises(ForeignMemberError) as told:
        import_runs(source, tmp_path / "runs")
    assert str(told.value).startswith(f"{source}: {PREFIX}{text}")
    assert not (tmp_path / "runs").exists()


def test_a_missing_schema_is_told_with_a_way_out(tmp_path: Path) -> None:
    datasets = ndscan_datasets(AXES, CHANNELS, POINTS)
    del datasets[f"ndscan.rid_{RID}.axes"]
    source = written(tmp_path, datasets)
    with pytest.raises(
        ForeignMemberError, match=r"axes is not there; .*; import it without ndscan's schemata: n"
    ):
        import_runs(source, tmp_path / "runs")
    name = f"ndscan.rid_{RID}.points."
    (path,) = import_runs(
        source, tmp_path / "runs", axes=[f"{name}axis_0"], channels=[f"{name}channel_p_err"]
    )
    with open_run(path) as run:
        assert len(run) == 3
