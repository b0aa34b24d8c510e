"""What other people's programs find in a finished run file: their logic, from their source, as checks."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from data import (
    Axis,
    Channel,
    Provenance,
    Run,
    RunHeader,
    RunWriter,
    StoredParameter,
    open_run,
    write_results,
)
from data.exchange import artiq_names
from data.exchange.artiq import read_artiq_file
from data.exchange.artiq_names import run_number, write_artiq_copies
from data.exchange.foreign import no_shots
from data.exchange.importing import recognise
from data.exchange.ndscan import read_ndscan, scan_prefixes
from data.exchange.photon_names import write_photon_names
from data.exchange.pyon_text import read_pyon


def with_names(path: Path, tmp_path: Path) -> Path:
    """Return a copy of a run file that has them."""
    copy = Path(shutil.copy(path, tmp_path / "named.h5"))
    with h5py.File(copy, "r+") as file:
        write_artiq_copies(file)
        write_photon_names(file)
    return copy


@pytest.fixture
def named(grid_path: Path, tmp_path: Path) -> Path:
    return with_names(grid_path, tmp_path)


@pytest.fixture
def rabi_path(tmp_path: Path) -> Path:
    """A scan of one axis with a channel."""
    header = RunHeader(
        experiment="rabi",
        provenance=Provenance(datetime(2025, 3, 14, 9, 26, 53, tzinfo=UTC), git_revision="0123"),
        parameters=(
            StoredParameter("power", 0.5, "W", "calibration"),
            StoredParameter("label", "blue", "", "calibration"),
            StoredParameter("wait", math.inf, "s"),
        ),
        axes=(Axis("duration", "s"),),
        channels=(Channel("voltage", "V", "of the endcap"),),
        seed=2**70,
    )
    with RunWriter.create(tmp_path / "runs", header) as writer:
        for number in range(4):
            writer.append({"duration": 1e-6 * number}, no_shots(), {"voltage": 0.25 * number})
        return writer.finish({"rate": {"value": 1e5, "error": 2e3, "unit": "Hz"}, "good": True, "chi2": 1.1})


def encodable(value: object) -> bool:
    """Tell whether ARTIQ's browser could upload a value: what PYON knows, and no arrays of objects."""
    if isinstance(value, np.ndarray | np.generic):
        return value.dtype.kind in "biufcSV" and not value.dtype.hasobject
    return isinstance(value, bool | int | float | complex | str | bytes)


def browse(path: Path) -> tuple[dict[str, Any], dict[str, tuple[bool, Any, dict[str, Any]]]]:
    """Do what the browser does on a click (artiq/browser/files.py)."""
    with h5py.File(path, "r") as f:
        expid = read_pyon(f["expid"][()].decode())
        start_time = datetime.fromtimestamp(f["start_time"][()], UTC)
        facts = {
            "artiq_version": f["artiq_version"].asstr()[()],
            "repo_rev": expid.get("repo_rev", "<none>"),
            "file": expid.get("file", "<none>"),
            "class_name": expid.get("class_name", "<none>"),
            "rid": f["rid"][()],
            "start_time": start_time,
            "log_level": expid["log_level"],
            "arguments": expid["arguments"],
        }
        rd: dict[str, tuple[bool, Any, dict[str, Any]]] = {}

        def visitor(k: str, v: Any) -> None:
            if isinstance(v, h5py.Dataset):
                assert k not in rd, "both in archive and outputs"
                rd[k] = (True, v[()], dict(v.attrs))

        f["archive"].visititems(visitor)
        f["datasets"].visititems(visitor)
    return facts, rd


def test_the_browser_of_artiq_shows_the_run(named: Path, grid_run: Run) -> None:
    facts, datasets = browse(named)
    assert facts["class_name"] == "ten ions"
    assert facts["rid"] == run_number(grid_run.id) == 20250314092653589
    assert facts["start_time"] == grid_run.header.provenance.started
    assert facts["repo_rev"] == "0123456789abcdef"
    assert facts["log_level"] == 30
    assert facts["arguments"]["window"] == 5e-5
    assert datasets["angle"][1].tolist() == [point["angle"] for point in grid_run.points]
    assert datasets["angle"][2] == {"unit": "turn", "scale": 1.0}
    assert datasets["ions_mean"][1].shape == (6, 3)
    assert datasets["basis"][1].tolist() == [b"Z", b"X"] * 3


def test_the_browser_can_upload_everything(named: Path, rabi_path: Path, tmp_path: Path) -> None:
    for path in (named, with_names(rabi_path, tmp_path)):
        _, datasets = browse(path)
        for name, (_, value, metadata) in datasets.items():
            assert encodable(value), name
            assert all(map(encodable, metadata.values())), name
            assert "DIMENSION_LIST" not in metadata


def test_photons_are_not_among_the_datasets(named: Path, grid_run: Run) -> None:
    _, datasets = browse(named)
    assert max(np.size(value) for _, value, _ in datasets.values()) <= 3 * len(grid_run)


def test_scripts_of_oitg_load_the_run(rabi_path: Path, tmp_path: Path) -> None:
    with h5py.File(with_names(rabi_path, tmp_path), "r") as f:  # oitg/results.py, load_hdf5_file
        expid = json.loads(f["expid"][()])
        start_time = f["start_time"][()]
        datasets = {k: f["datasets"][k][()] for k in f["datasets"]}
        archive = {k: f["archive"][k][()] for k in f["archive"]}
    assert expid["arguments"] == {"power": 0.5, "label": "blue", "wait": math.inf}
    assert start_time == datetime(2025, 3, 14, 9, 26, 53, tzinfo=UTC).timestamp()
    assert datasets["voltage"].tolist() == [0.0, 0.25, 0.5, 0.75]
    assert archive == {"power": 0.5, "label": b"blue"}


def ndscan_root(datasets: h5py.Group) -> dict[str, Any]:
    """Do what ndscan does with a file (ndscan/results/tools.py, ndscan/plots/model/hdf5.py)."""
    (key,) = (name for name in datasets if name.endswith("ndscan_schema_revision"))
    prefix = key.removesuffix("ndscan_schema_revision")
    axes = json.loads(datasets[prefix + "axes"][()])
    channels = json.loads(datasets[prefix + "channels"][()])
    names = [f"axis_{i}" for i in range(len(axes))] + ["channel_" + c for c in channels]
    results = {}
    for name in json.loads(datasets[prefix + "analysis_results"][()]):
        results[name] = datasets[prefix + "analysis_result." + name][()]
    assert json.loads(datasets[prefix + "online_analyses"][()]) == {}
    assert json.loads(datasets[prefix + "annotations"][()]) == []
    return {
        "revision": datasets[prefix + "ndscan_schema_revision"][()],
        "source": datasets[prefix + "source_id"][()].decode(),
        "completed": datasets[prefix + "completed"][()],
        "axes": axes,
        "channels": channels,
        "points": {name: datasets[prefix + "points." + name][:] for name in names},
        "results": results,
    }


def test_ndscan_shows_the_scan(named: Path, grid_run: Run) -> None:
    with h5py.File(named, "r") as file:
        root = ndscan_root(file["datasets"])
    assert root["revision"] == 2
    assert root["source"] == f"rid_{run_number(grid_run.id)}"
    assert bool(root["completed"]) is True
    assert [axis["param"]["type"] for axis in root["axes"]] == ["string", "float"]
    assert root["axes"][1]["param"]["spec"]["unit"] == "turn"
    assert (root["axes"][1]["min"], root["axes"][1]["max"]) == (0.0, 0.5)
    assert len({len(column) for column in root["points"].values()}) == 1
    means = [record.counts["ions"][:, 2].mean() for record in grid_run.records()]
    np.testing.assert_allclose(root["points"]["channel_ions_2"], means, rtol=1e-12)
    assert root["points"]["channel_power"].tolist() == [1e-3 * i for i in range(6)]
    assert root["results"]["contrast"] == 0.9
    assert root["results"]["contrast_err"] == 0.01


def test_error_bars_find_their_channels(named: Path) -> None:
    with h5py.File(named, "r") as file:
        channels = ndscan_root(file["datasets"])["channels"]
    paths = {schema["path"]: name for name, schema in channels.items()}  # ndscan/plots/utils.py
    names = ("ions_0", "ions_1", "ions_2", "pmt")
    assert set(channels) == {"power", *names, *(f"{name}_err" for name in names)}
    for name, schema in channels.items():
        target = schema.get("display_hints", {}).get("error_bar_for")
        assert (paths[target] == name.removesuffix("_err")) if target else not name.endswith("_err")


def test_our_own_import_reads_the_copies(rabi_path: Path, tmp_path: Path) -> None:
    path = with_names(rabi_path, tmp_path)
    with h5py.File(path, "r") as file:
        assert recognise(path, file) == "artiq"
        artiq = read_artiq_file(path, file)
    (prefix,) = scan_prefixes(artiq)
    again = read_ndscan(artiq, prefix)
    assert [(axis.name, axis.unit) for axis in again.header.axes] == [("duration", "s")]
    assert again.header.channels == (Channel("voltage", "V", "of the endcap"),)
    assert [point.values["duration"] for point in again.points] == [0.0, 1e-6, 2e-6, 3e-6]
    assert again.results["rate"] == {"value": 1e5, "error": 2e3, "unit": "Hz"}
    assert again.results["chi2"]["value"] == 1.1  # type: ignore[index]
    assert "good" not in again.results


def test_points_without_an_axis_are_numbered(tmp_path: Path) -> None:
    header = RunHeader("repeat", Provenance(datetime(2025, 1, 1, tzinfo=UTC)), channels=(Channel("x"),))
    with RunWriter.create(tmp_path / "runs", header) as writer:
        for number in range(3):
            writer.append({}, no_shots(), {"x": float(number)})
        path = writer.finish(status="interrupted")
    with h5py.File(with_names(path, tmp_path), "r") as file:
        root = ndscan_root(file["datasets"])
    assert bool(root["completed"]) is False
    assert root["points"]["axis_0"].tolist() == [0.0, 1.0, 2.0]


def test_a_large_scan_is_not_copied(grid_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artiq_names, "MOST_VALUES", 83)
    with h5py.File(with_names(grid_path, tmp_path), "r") as file:
        assert len(file["datasets"]) == 0
        assert list(file["archive"]) == ["pi_time"]
        assert "expid" in file


def contents(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with h5py.File(path, "r") as file:

        def visit(name: str, member: Any) -> None:
            attributes = {key: str(value) for key, value in member.attrs.items()}
            found[name] = (
                attributes,
                member[()].tobytes()
                if isinstance(member, h5py.Dataset) and member.dtype.kind in "iufS"
                else None,
            )

        for name in ("datasets", "archive", "identity", "setup"):
            file[name].visititems(visit)
    return found


def test_names_follow_from_the_file_alone(named: Path, tmp_path: Path) -> None:
    before = contents(named)
    with h5py.File(named, "r+") as file:
        write_artiq_copies(file)
        write_photon_names(file)
    assert contents(named) == before
    assert len(before) > 30


def test_ionloom_reads_the_run_as_before(named: Path, grid_run: Run) -> None:
    with open_run(named) as run:
        assert run.header == grid_run.header
        assert run.results == grid_run.results
        for index in range(len(run)):
            np.testing.assert_array_equal(run.record(index).tags.t_ps, grid_run.record(index).tags.t_ps)


@pytest.mark.parametrize("engine", ["h5netcdf", "netcdf4"])
def test_xarray_opens_scan_and_tree(named: Path, grid_run: Run, engine: str) -> None:
    import xarray as xr

    with xr.open_dataset(named, group="entry/scan", engine=engine) as scan:
        assert scan["angle"].values.tolist() == [point["angle"] for point in grid_run.points]
        assert scan["angle"].attrs["units"] == "turn"
    more = {"phony_dims": "sort"} if engine == "h5netcdf" else {}
    with xr.open_datatree(named, engine=engine, **more) as tree:
        assert tree["photon_data/timestamps"].size == 180
        assert tree["entry/scan/power"].size == 6


@pytest.mark.slow
def test_nexus_finds_the_default_plot(rabi_path: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports
        from nexusformat.nexus import nxload
    root = nxload(with_names(rabi_path, tmp_path))
    plot = root.get_default()
    assert plot.nxsignal.nxname == "voltage"
    assert [axis.nxname for axis in plot.nxaxes] == ["duration"]
    np.testing.assert_array_equal(plot.nxsignal.nxvalue, [0.0, 0.25, 0.5, 0.75])


def test_pytables_finds_the_photons_by_name(named: Path, grid_run: Run) -> None:
    import tables

    with tables.open_file(named) as file:
        stamps = file.get_node("/photon_data/timestamps")[:]
        assert file.get_node("/photon_data/detectors").dtype == np.uint16
        assert file.get_node("/photon_data/timestamps_specs/timestamps_unit").read() == 1e-12
        assert file.get_node("/identity/format_name").read() == b"Photon-HDF5"
        assert file.get_node("/setup/num_pixels").read() == 2
        assert file.get_node("/setup/detectors/counts")[:].sum() == 180
        assert file.root._v_attrs["format_name"] == b"Photon-HDF5"
        assert file.get_node("/description").read() == f"Run {grid_run.id} of ten ions".encode()
        assert file.get_node("/acquisition_duration").read() == pytest.approx(0.12)
    times = np.concatenate([record.tags.t_ps for record in grid_run.records()])
    np.testing.assert_array_equal(stamps, times)


def test_a_run_without_clicks_has_the_names_too(rabi_path: Path, tmp_path: Path) -> None:
    with h5py.File(with_names(rabi_path, tmp_path), "r") as file:
        assert file["setup/num_pixels"][()] == 0
        assert file["setup/detectors/counts"].shape == (0,)


@pytest.mark.skipif(shutil.which("h5dump") is None, reason="h5dump is not installed")
def test_h5dump_reads_the_file(named: Path) -> None:
    said = subprocess.run(["h5dump", str(named)], capture_output=True, text=True, check=True)  # noqa: S607
    assert "ndscan.rid_" in said.stdout


def test_flat_results_keep_errors_and_units(rabi_path: Path) -> None:
    write_results(rabi_path, {"pi_time": 9.6e-6, "pi_time_error": 1e-7, "units": {"pi_time": "s"}})
    with h5py.File(rabi_path, "r") as file:
        datasets = file["datasets"]
        (key,) = (name for name in datasets if name.endswith("analysis_results"))
        schemata, prefix = json.loads(datasets[key][()]), key.removesuffix("analysis_results")
        value, error = (
            datasets[f"{prefix}analysis_result.{name}"][()] for name in ("pi_time", "pi_time_err")
        )
    assert {name: schema["unit"] for name, schema in schemata.items()} == {"pi_time": "s", "pi_time_err": "s"}
    assert schemata["pi_time_err"]["display_hints"] == {"error_bar_for": "pi_time"}
    assert (value, error) == (9.6e-6, 1e-7)
