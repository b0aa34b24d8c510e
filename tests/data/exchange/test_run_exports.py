"""Runs written in other formats, read back by other people's programs."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from data import Run, open_run
from data.errors import DamagedRunError, ExportError, OutputExistsError, UnwritableFileError
from data.exchange.exports import EXPORTS, export_run
from data.exchange.matlab import matlab_names

GENERAL = [form for form in EXPORTS if form != "photon-hdf5"]


def test_csv_has_units_in_its_head_and_all_digits(grid_run: Run, tmp_path: Path) -> None:
    (path,) = export_run(grid_run, "csv", tmp_path / "scan.csv")
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["basis"] for row in rows] == ["Z", "X"] * 3
    assert [float(row["angle [turn]"]) for row in rows] == [0.25, 0.25, 0.0, 0.0, 0.5, 0.5]
    means = [float(row["ions_mean_1 [counts]"]) for row in rows]
    assert means == [record.counts["ions"].mean(axis=0)[1] for record in grid_run.records()]


def test_csv_has_other_tables_beside_it(grid_run: Run, tmp_path: Path) -> None:
    paths = export_run(grid_run, "csv", tmp_path / "scan.csv", tables=["photons", "parameters"])
    assert [path.name for path in paths] == ["scan.csv", "scan-photons.csv", "scan-parameters.csv"]
    with paths[1].open(newline="", encoding="utf-8") as file:
        times = [int(row["t_ps [ps]"]) for row in csv.DictReader(file)]
    assert times == [t for record in grid_run.records() for t in record.tags.t_ps.tolist()]


def test_parquet_comes_back_in_pandas_and_arrow(grid_run: Run, tmp_path: Path) -> None:
    import pandas as pd
    import pyarrow.parquet as pq

    scan, photons = export_run(grid_run, "parquet", tmp_path / "scan.parquet", tables=["photons"])
    frame = pd.read_parquet(scan)
    assert frame["angle"].tolist() == [point["angle"] for point in grid_run.points]
    np.testing.assert_array_equal(frame["ions_mean"][3], grid_run.record(3).counts["ions"].mean(axis=0))
    schema = pq.read_schema(scan)
    assert schema.field("angle").metadata[b"unit"] == b"turn"
    assert json.loads(schema.metadata[b"ionloom"])["id"] == grid_run.id
    table = pq.read_table(photons)
    expected = np.concatenate([record.tags.window_ps for record in grid_run.records()])
    np.testing.assert_array_equal(table["window_ps"].to_numpy(), expected)
    assert table["channel"].type == "uint16"


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_netcdf_comes_back_in_xarray(grid_run: Run, tmp_path: Path, engine: str) -> None:
    import xarray as xr

    from data.exchange.arrays import to_xarray

    (path,) = export_run(grid_run, "netcdf", tmp_path / "run.nc", tables=["shots", "photons", "log"])
    with xr.open_dataset(path, engine=engine) as scan:
        expected = to_xarray(grid_run)
        xr.testing.assert_equal(scan, expected)
        assert scan.attrs["id"] == grid_run.id
        assert scan["angle"].attrs["units"] == "turn"
    with xr.open_datatree(path, engine=engine) as tree:
        times = np.concatenate([record.tags.t_ps for record in grid_run.records()])
        np.testing.assert_array_equal(tree["photons/t_ps"], times)
        assert tree["log/text"].values[0] == "ion 2 is lost"
        assert len(tree["shots/point"]) == 120


def test_netcdf_opens_in_netcdf4(grid_run: Run, tmp_path: Path) -> None:
    import netCDF4

    (path,) = export_run(grid_run, "netcdf", tmp_path / "run.nc", tables=["shots"])
    with netCDF4.Dataset(path) as file:
        assert file.variables["angle"].units == "turn"
        assert file.variables["ions_mean"].dimensions == ("basis", "angle", "ions_window")
        assert file.groups["shots"].variables["ions"].shape == (120, 3)
        assert file.Conventions == "CF-1.11"


def test_mat_has_structs_with_names_that_matlab_allows(grid_run: Run, tmp_path: Path) -> None:
    from scipy.io import loadmat

    (path,) = export_run(grid_run, "mat", tmp_path / "run.mat", tables=["photons", "parameters"])
    loaded = loadmat(path, simplify_cells=True)
    assert loaded["scan"]["angle"].tolist() == [point["angle"] for point in grid_run.points]
    assert loaded["scan"]["basis"].tolist() == ["Z", "X"] * 3
    assert loaded["units"]["scan"]["angle"] == "turn"
    assert loaded["parameters"]["window"] == 5e-5
    assert loaded["run"]["id"] == grid_run.id
    assert json.loads(loaded["run"]["results"])["phase"] == 0.125
    times = np.concatenate([record.tags.t_ps for record in grid_run.records()])
    assert loaded["photons"]["t_ps"].dtype == np.int64
    np.testing.assert_array_equal(loaded["photons"]["t_ps"], times)
    assert path.read_bytes()[:19] == b"MATLAB 5.0 MAT-file"


def test_names_for_matlab_stay_apart() -> None:
    long = "a" * 70
    names = matlab_names(["pi/2", "pi 2", "9", "while", "ä", long, long + "b"])
    assert list(names.values()) == ["pi_2", "pi_2_2", "x9", "x_while", "x_", "a" * 63, "a" * 61 + "_2"]


_VALIDATE = """
import sys, warnings
import tables
from phconvert.hdf5 import Invalid_PhotonHDF5, assert_valid_photon_hdf5

warnings.simplefilter("ignore", tables.NaturalNameWarning)  # axes, below user/, need be no names of Python
for path in sys.argv[1:]:
    with tables.open_file(path) as file:
        for verbose in (False, True):
            try:
                assert_valid_photon_hdf5(
                    file, warnings=False, verbose=verbose, strict_description=True, require_setup=True,
                    skip_measurement_specs=True, require_rootformat=True,
                )
            except Invalid_PhotonHDF5 as error:
                print("VERDICT", error)
            else:
                print("VERDICT valid")
"""


@pytest.mark.slow
def test_photon_hdf5_is_strictly_valid(grid_run: Run, tmp_path: Path, phconvert: Callable[..., str]) -> None:
    (path,) = export_run(grid_run, "photon-hdf5", tmp_path / "run.hdf5")
    broken = Path(shutil.copy(path, tmp_path / "broken.hdf5"))
    with h5py.File(broken, "a") as file:  # so that this test can fail
        file["setup/num_pixels"].attrs["TITLE"] = np.bytes_(b"Pixels.")
    said = phconvert(_VALIDATE, path, broken)
    verdicts = [line for line in said.splitlines() if line.startswith("VERDICT")]
    assert verdicts[:2] == ["VERDICT valid"] * 2
    assert all("num_pixels" in verdict for verdict in verdicts[2:])
    assert len(verdicts) == 4


def test_pytables_reads_photon_hdf5(grid_run: Run, tmp_path: Path) -> None:
    import tables

    (path,) = export_run(grid_run, "photon-hdf5", tmp_path / "run.hdf5")
    with tables.open_file(path) as file:
        photons = file.root.photon_data
        times = np.concatenate([record.tags.t_ps for record in grid_run.records()])
        np.testing.assert_array_equal(photons.timestamps[:], times)
        assert photons.timestamps_specs.timestamps_unit.read() == 1e-12
        detectors = np.concatenate([record.tags.channel for record in grid_run.records()])
        np.testing.assert_array_equal(photons.detectors[:], detectors)
        assert photons.detectors.dtype == np.uint8
        assert file.root.setup.detectors.id[:].tolist() == [0, 1]
        assert file.root.setup.detectors.counts[:].tolist() == np.bincount(detectors).tolist()
        points = file.root.user.ionloom
        assert points.point_photons[:].tolist() == [30] * 6
        assert points.basis[:].tolist() == [b"Z", b"X"] * 3
        assert points._v_attrs.id == grid_run.id.encode()
        assert file.root.acquisition_duration.read() == pytest.approx(times[-1] * 1e-12)
        assert file.root.identity.format_version.read() == b"0.5"


def test_what_photon_hdf5_cannot_hold_is_told(empty_run: Run, grid_run: Run, tmp_path: Path) -> None:
    with pytest.raises(ExportError) as told:
        export_run(empty_run, "photon-hdf5", tmp_path / "x.hdf5")
    assert str(told.value) == (
        f"run {empty_run.id} cannot be written as photon-hdf5: it has no clicks; write csv, parquet, netcdf "
        "or mat"
    )
    with pytest.raises(ExportError, match="it holds clicks only, not shots; leave the tables out"):
        export_run(grid_run, "photon-hdf5", tmp_path / "x.hdf5", tables=["shots"])
    assert not list(tmp_path.glob("x.*"))


@pytest.mark.parametrize("form", GENERAL)
def test_a_run_without_points_can_be_written(empty_run: Run, tmp_path: Path, form: str) -> None:
    tables = ["shots", "photons", "log"]
    for path in export_run(empty_run, form, tmp_path / f"x{EXPORTS[form].ending}", tables=tables):
        assert path.stat().st_size > 0


@pytest.mark.parametrize("form", EXPORTS)
def test_a_file_that_is_there_is_kept_unless_forced(grid_run: Run, tmp_path: Path, form: str) -> None:
    path = tmp_path / "kept"
    path.write_text("precious")
    with pytest.raises(OutputExistsError) as told:
        export_run(grid_run, form, path)
    assert str(told.value) == (
        f"{path} is there already, nothing was written; give another name with -o, or --force to replace it"
    )
    assert path.read_text() == "precious"
    assert export_run(grid_run, form, path, force=True) == (path,)
    assert path.read_bytes() != b"precious"
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("form", EXPORTS)
def test_a_run_is_never_replaced(grid_run: Run, tmp_path: Path, form: str) -> None:
    """Not even by force, and not if the name is that of the run which is written."""
    journal = tmp_path / "x.journal"
    journal.write_bytes(b"points that nobody has yet")
    for path in (grid_run.path, journal):
        before = path.read_bytes()
        with pytest.raises(OutputExistsError) as told:
            export_run(grid_run, form, path, force=True)
        assert str(told.value) == (f"{path} is a run, and no run is ever replaced; give another name with -o")
        assert path.read_bytes() == before


def test_a_run_that_another_program_writes_is_not_replaced(grid_run: Run, tmp_path: Path) -> None:
    path = Path(shutil.copy(grid_run.path, tmp_path / "busy.h5"))
    code = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+'); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(OutputExistsError, match="is a run, and no run is ever replaced"):
            export_run(grid_run, "csv", path, force=True)
        other.communicate("\n")


def test_no_table_is_written_if_one_of_the_files_is_there(grid_run: Run, tmp_path: Path) -> None:
    (tmp_path / "x-shots.csv").write_text("precious")
    with pytest.raises(OutputExistsError):
        export_run(grid_run, "csv", tmp_path / "x.csv", tables=["shots"])
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("form", EXPORTS)
def test_a_file_lies_beside_its_run_by_default(grid_run: Run, form: str) -> None:
    (path,) = export_run(grid_run, form)
    assert path == grid_run.path.with_suffix(EXPORTS[form].ending)
    assert path != grid_run.path


@pytest.mark.parametrize("form", EXPORTS)
def test_a_folder_that_cannot_be_written_is_told(grid_run: Run, tmp_path: Path, form: str) -> None:
    path = tmp_path / "nowhere" / "x"
    with pytest.raises(UnwritableFileError) as told:
        export_run(grid_run, form, path)
    assert str(told.value) == (
        f"cannot write {path}: {os.strerror(2)}; the run itself is untouched: choose another folder with -o, "
        "or mend its permissions"
    )


@pytest.mark.parametrize("form", GENERAL)
def test_columns_of_different_lengths_are_told(grid_run: Run, tmp_path: Path, form: str) -> None:
    path = Path(shutil.copy(grid_run.path, tmp_path / "ragged.h5"))
    with h5py.File(path, "r+") as file:
        means = file["entry/scan/ions_mean"][:4]
        del file["entry/scan/ions_mean"]
        file["entry/scan/ions_mean"] = means
    with open_run(path) as run, pytest.raises(DamagedRunError) as told:
        export_run(run, form, tmp_path / "x")
    assert str(told.value) == (
        f"{path}: the table scan is damaged (ions_mean has 4 rows, point has 6); the other tables can be "
        "written; compare with another copy of the file, or check the disk"
    )
    assert not (tmp_path / "x").exists()


def test_an_unknown_format_is_told(grid_run: Run) -> None:
    with pytest.raises(ExportError, match="there is no such format; choose from csv, parquet"):
        export_run(grid_run, "excel")
