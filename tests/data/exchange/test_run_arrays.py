"""Runs as xarray data sets and pandas data frames."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from data import Axis, Provenance, Record, Run, RunHeader, RunWriter, open_run
from data.errors import ExportError, MissingPackageError
from data.exchange.arrays import to_datatree, to_pandas, to_xarray
from data.exchange.extras import import_extra


def test_a_whole_grid_gets_a_dimension_for_each_axis(grid_run: Run) -> None:
    scan = to_xarray(grid_run)
    assert scan.sizes == {
        "basis": 2,
        "angle": 3,
        "ions_window": 3,
        "pmt_window": 1,
        "emccd_row": 4,
        "emccd_column": 6,
    }
    assert scan["basis"].values.tolist() == ["X", "Z"]
    assert scan["angle"].values.tolist() == [0.0, 0.25, 0.5]
    for index, point in enumerate(grid_run.points):
        here = scan.sel(basis=point["basis"], angle=point["angle"])
        assert here["point"] == index
        means = grid_run.record(index).counts["ions"].mean(axis=0)
        np.testing.assert_array_equal(here["ions_mean"], means)
        assert here["power"] == 1e-3 * index
        np.testing.assert_array_equal(here["emccd"], grid_run.record(index).images["emccd"])
        assert here["point_photons"] == len(grid_run.record(index).tags)


def test_units_meanings_and_errors_stand_with_the_values(grid_run: Run) -> None:
    scan = to_xarray(grid_run)
    assert scan["angle"].attrs == {"units": "turn", "long_name": "angle"}
    assert scan["ions_mean"].attrs["units"] == "counts"
    assert scan["ions_mean"].attrs["ancillary_variables"] == "ions_mean_errors"
    assert scan["ions_mean_errors"].dims == scan["ions_mean"].dims == ("basis", "angle", "ions_window")
    assert scan["point_duration"].attrs["units"] == "ps"
    assert scan["power"].attrs == {"units": "W", "long_name": "of the 393 nm beam"}
    assert scan["emccd"].dims == ("basis", "angle", "emccd_row", "emccd_column")


def test_what_is_known_of_the_run_are_attributes(grid_run: Run) -> None:
    attributes = to_xarray(grid_run).attrs
    assert attributes["id"] == grid_run.id
    assert attributes["seed"] == str(2**100 + 1)
    parameters = json.loads(attributes["parameters"])
    assert parameters["pi_time"]["error"] == 1e-8
    assert parameters["pi_time"]["run"] == "20250313T111213141-0abc"
    assert parameters["window"] == {"value": 5e-5, "unit": "s", "origin": "override"}
    assert json.loads(attributes["results"])["contrast"]["error"] == 0.01


@pytest.mark.parametrize("angles", [(0.0, 0.5, 0.0), (0.5, 0.25)], ids=["repeated", "no grid"])
def test_points_that_are_no_grid_stay_points(
    angles: tuple[float, ...], tmp_path: Path, header: RunHeader, make_record: Callable[..., Record]
) -> None:
    with RunWriter.create(tmp_path, header) as writer:
        for number, angle in enumerate(angles):
            writer.append({"basis": "ZX"[number % 2], "angle": angle}, make_record(number))
        path = writer.finish()
    with open_run(path) as run:
        scan = to_xarray(run)
    assert scan["ions_mean"].dims == ("point", "ions_window")
    assert scan["angle"].dims == ("point",)
    assert "angle" in scan.coords
    assert scan["angle"].values.tolist() == list(angles)


def test_one_axis_is_the_dimension(tmp_path: Path, make_record: Callable[..., Record]) -> None:
    header = RunHeader("rabi", Provenance(started=_moment()), axes=(Axis("duration", "s"),))
    record = make_record(0)
    bare = Record(
        record.shots, record.start_ps, record.duration_ps, {}, record.attempts, record.tags, record.notes
    )
    with RunWriter.create(tmp_path, header) as writer:
        for duration in (3e-6, 1e-6, 2e-6):
            writer.append({"duration": duration}, bare)
        path = writer.finish()
    with open_run(path) as run:
        scan = to_xarray(run)
    assert scan["point"].dims == ("duration",)
    assert scan["point"].values.tolist() == [1, 2, 0]
    assert float(scan["point"].sel(duration=3e-6)) == 0


def test_a_run_without_points_is_an_empty_data_set(empty_run: Run) -> None:
    assert to_xarray(empty_run).sizes == {"point": 0, "ions_window": 3, "pmt_window": 1}
    assert len(to_xarray(empty_run, "photons")["t_ps"]) == 0
    assert to_pandas(empty_run).shape[0] == 0


def test_photons_come_on_demand_with_all_their_columns(grid_run: Run) -> None:
    photons = to_xarray(grid_run, "photons")
    tags = [record.tags for record in grid_run.records()]
    for name in ("t_ps", "channel", "shot", "attempt", "readout", "window_ps"):
        np.testing.assert_array_equal(photons[name], np.concatenate([getattr(t, name) for t in tags]))
    np.testing.assert_array_equal(photons["point"], np.repeat(np.arange(6), [len(t) for t in tags]))
    assert photons["t_ps"].attrs["units"] == "ps"


def test_a_tree_holds_every_table(grid_run: Run) -> None:
    tree = to_datatree(grid_run)
    assert {"shots", "attempts", "photons", "log"} <= set(tree.children)
    np.testing.assert_array_equal(
        tree["shots/ions"], np.concatenate([record.counts["ions"] for record in grid_run.records()])
    )
    assert tree["shots/ions"].dims == ("shots", "ions_window")
    assert tree["log/text"].values[0] == "ion 2 is lost"


def test_a_data_frame_has_a_row_a_point(grid_run: Run) -> None:
    frame = to_pandas(grid_run)
    assert frame.index.tolist() == list(range(6))
    assert frame["angle"].tolist() == [point["angle"] for point in grid_run.points]
    assert frame["basis"].tolist() == ["Z", "X"] * 3
    assert frame["ions_mean_2"][1] == grid_run.record(1).counts["ions"].mean(axis=0)[2]
    assert frame["pmt_mean"][0] == grid_run.record(0).counts["pmt"].mean()
    assert frame.attrs["units"]["angle"] == "turn"
    assert "emccd" not in frame


@pytest.mark.parametrize(("table", "rows"), [("shots", 120), ("attempts", 240), ("photons", 180)])
def test_other_tables_are_data_frames_on_demand(grid_run: Run, table: str, rows: int) -> None:
    frame = to_pandas(grid_run, table)
    assert len(frame) == rows
    assert frame["point"].is_monotonic_increasing


def test_parameters_are_a_table(grid_run: Run) -> None:
    frame = to_pandas(grid_run, "parameters").set_index("name")
    assert frame.loc["window", "value"] == "5e-05"
    assert frame.loc["basis", "origin"] == "calibration"
    assert frame.loc["pi_time", "error"] == 1e-8


def test_readings_and_messages_are_tables(grid_run: Run) -> None:
    readings, messages = to_pandas(grid_run, "readings"), to_pandas(grid_run, "messages")
    assert readings["setting"].tolist() == ["gauge/pressure", "gauge/pressure", "wavemeter/mode"]
    assert readings["value"].tolist() == ["3e-09", "nan", "locked"]
    assert readings["time"].tolist() == [0.5, 1.5, 1.0]
    assert readings["note"].tolist() == ["", "no answer", ""]
    assert messages["text"].tolist() == ["the cavity is locked"]


def test_gates_are_a_table(grid_run: Run) -> None:
    gates = to_pandas(grid_run, "gates")
    assert gates["photons"].sum() == 180


def test_a_table_that_is_not_there_is_told(grid_run: Run) -> None:
    with pytest.raises(ExportError) as told:
        to_pandas(grid_run, "fotons")
    assert str(told.value).startswith(
        f"run {grid_run.id} cannot be written as a table: it has no table 'fotons'; choose from scan, shots"
    )


@pytest.mark.parametrize(("module", "call"), [("xarray", to_xarray), ("pandas", to_pandas)])
def test_a_missing_package_is_told_with_its_extra(
    module: str, call: Callable[[Run], object], grid_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError) as told:
        call(grid_run)
    assert str(told.value).endswith(f"need {module}, which is not installed: pip install 'ionloom[analysis]'")


def test_a_package_that_is_there_is_imported() -> None:
    assert import_extra("json", "Texts") is json


def _moment() -> datetime:
    return datetime(2025, 3, 14, tzinfo=UTC)
