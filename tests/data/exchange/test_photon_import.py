"""Photon-HDF5 files become runs of one point."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from data import Run, open_run
from data.errors import ForeignMemberError, NewerFormatError
from data.exchange.exports import export_run
from data.exchange.importing import import_runs

_WRITE = """
import sys
import numpy as np
from phconvert.hdf5 import save_photon_hdf5

rng = np.random.default_rng(5)
timestamps = np.sort(rng.integers(0, 10**9, 1000))
timestamps[0] = 0
setup = {
    "num_pixels": 2, "num_spots": 1, "num_spectral_ch": 2, "num_polarization_ch": 1, "num_split_ch": 1,
    "modulated_excitation": False, "lifetime": True, "excitation_cw": [False],
    "excitation_alternated": [False],
    "laser_repetition_rates": [40e6],
}
save_photon_hdf5(
    {
        "description": "A test",
        "photon_data": {
            "timestamps": timestamps,
            "detectors": (timestamps % 2).astype("uint8"),
            "nanotimes": (timestamps % 4096).astype("uint16"),
            "timestamps_specs": {"timestamps_unit": 12.5e-9},
            "nanotimes_specs": {"tcspc_unit": 16e-12, "tcspc_num_bins": 4096},
        },
        "setup": setup,
        "identity": {"author": "A. Physicist"},
    },
    h5_fname=sys.argv[1], overwrite=True, warnings=False, skip_measurement_specs=True,
)
"""


@pytest.fixture(scope="module")
def source(phconvert: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of phconvert's own writer."""
    path = tmp_path_factory.mktemp("photons") / "smfret.hdf5"
    phconvert(_WRITE, path)
    return path


def imported(source: Path, tmp_path: Path) -> Run:
    (path,) = import_runs(source, tmp_path / "runs")
    return open_run(path)


@pytest.mark.slow
def test_clicks_become_the_tags_of_one_point(source: Path, tmp_path: Path) -> None:
    with h5py.File(source) as file:
        stamps, detectors = file["photon_data/timestamps"][:], file["photon_data/detectors"][:]
    with imported(source, tmp_path) as run:
        (record,) = run.records()
        assert (run.experiment, run.status, record.shots) == ("smfret", "complete", 1)
    np.testing.assert_array_equal(record.tags.t_ps, stamps * 12_500)
    np.testing.assert_array_equal(record.tags.window_ps, stamps * 12_500)
    np.testing.assert_array_equal(record.tags.channel, detectors)
    assert record.duration_ps == pytest.approx(12.5e12, rel=0.01)


@pytest.mark.slow
def test_what_a_run_has_no_place_for_is_kept(source: Path, tmp_path: Path) -> None:
    with imported(source, tmp_path) as run:
        with h5py.File(source) as file:
            np.testing.assert_array_equal(run.results["nanotimes"], file["photon_data/nanotimes"][:])
        assert run.results["nanotimes_specs"]["tcspc_unit"] == 16e-12
        assert run.results["nanotimes_specs"]["units"]["tcspc_unit"] == "s"
        assert "nanotimes are kept as a result; no analysis of ionloom uses them" in run.message
        origin = tomllib.loads(run.header.setup)["imported"]
        created = run.header.provenance.started
        assert dict(run.header.provenance.packages) == {
            "phconvert": origin["facts"]["identity/software_version"]
        }
    assert (origin["format"], origin["version"]) == ("Photon-HDF5", "0.5")
    assert origin["facts"]["identity/author"] == "A. Physicist"
    told = datetime.strptime(origin["facts"]["identity/creation_time"], "%Y-%m-%d %H:%M:%S").replace(
        tzinfo=UTC
    )
    assert created == told


def test_an_exported_run_comes_back(grid_run: Run, tmp_path: Path) -> None:
    (source,) = export_run(grid_run, "photon-hdf5", tmp_path / "run.hdf5")
    times = np.concatenate([record.tags.t_ps for record in grid_run.records()])
    channels = np.concatenate([record.tags.channel for record in grid_run.records()])
    order = np.argsort(times, kind="stable")
    with imported(source, tmp_path) as run:
        tags = run.record(0).tags
        assert "clicks were not in the order of time, and were sorted" in run.message
    np.testing.assert_array_equal(tags.t_ps, times[order])
    np.testing.assert_array_equal(tags.channel, channels[order])


def written(path: Path, **members: Any) -> Path:
    """Write a minimal file; None leaves a member out."""
    fields: dict[str, Any] = {
        "photon_data/timestamps": np.array([1, 2, 5]),
        "photon_data/detectors": np.array([0, 1, 0], np.uint8),
        "photon_data/timestamps_specs/timestamps_unit": 1e-9,
    }
    with h5py.File(path, "w") as file:
        for name, value in {**fields, **members}.items():
            if value is not None:
                file[name] = value
    return path


@pytest.mark.parametrize(
    ("unit", "expected", "remark"),
    [
        (1e-9, [1000, 2000, 5000], ""),
        (1.5e-12, [2, 3, 8], "times of a unit of 1.5 ps were rounded to picoseconds"),
        (4e-13, [0, 1, 2], "times of a unit of 0.4 ps were rounded to picoseconds"),
    ],
)
def test_times_are_exact_where_they_can(
    unit: float, expected: list[int], remark: str, tmp_path: Path
) -> None:
    source = written(tmp_path / "x.h5", **{"photon_data/timestamps_specs/timestamps_unit": unit})
    with imported(source, tmp_path) as run:
        assert run.record(0).tags.t_ps.tolist() == expected
        assert remark in run.message


def test_long_measurements_stay_exact(tmp_path: Path) -> None:
    stamps = np.array([0, 2**52 + 1, 2**53 - 1])  # floats would lose the last digit on the way
    source = written(tmp_path / "x.h5", **{"photon_data/timestamps": stamps})
    with imported(source, tmp_path) as run:
        assert run.record(0).tags.t_ps.tolist() == [int(stamp) * 1000 for stamp in stamps.tolist()]


def test_one_detector_need_not_be_named(tmp_path: Path) -> None:
    with imported(written(tmp_path / "x.h5", **{"photon_data/detectors": None}), tmp_path) as run:
        assert run.record(0).tags.channel.tolist() == [0, 0, 0]


def test_a_file_without_clicks_is_an_empty_point(tmp_path: Path) -> None:
    none = {"photon_data/timestamps": np.zeros(0, np.int64), "photon_data/detectors": np.zeros(0, np.uint8)}
    with imported(written(tmp_path / "x.h5", **none), tmp_path) as run:
        assert len(run.record(0).tags) == 0


@pytest.mark.parametrize(
    ("members", "text"),
    [
        (
            {"photon_data0/timestamps": [1], "photon_data1/timestamps": [1], "photon_data/timestamps": None},
            "photon_data0 is one of 2 spots, and a run has the clicks of one; each of them can still be read "
            "with h5py; split the file into one a spot, whose group is called photon_data",
        ),
        (
            {"photon_data/timestamps": np.array([1.0, 2.0])},
            "photon_data/timestamps is of shape (2,) and type float64, not a column of integers; the other "
            "members can still be read with h5py; convert the original data again",
        ),
        (
            {"photon_data/timestamps": None},
            "photon_data/timestamps is not there; the other members can still",
        ),
        (
            {"photon_data/detectors": np.array([1], np.uint8)},
            "photon_data/detectors has 1 values, but timestamps has 3; the other members can",
        ),
        (
            {"photon_data/detectors": np.array([0, 1, 70_000])},
            "photon_data/detectors holds 0 to 70000, and a run's channels are 0 to 65535; ",
        ),
        (
            {"photon_data/timestamps_specs/timestamps_unit": None},
            "photon_data/timestamps_specs/timestamps_unit is not there; the other members can still be read "
            "with h5py; write the unit into a copy of the file",
        ),
        (
            {"photon_data/timestamps_specs/timestamps_unit": float("nan")},
            "photon_data/timestamps_specs/timestamps_unit is nan, not a time in seconds; ",
        ),
        (
            {"photon_data/timestamps": np.array([2**62])},
            "photon_data/detectors has 3 values, but timestamps has 1; ",
        ),
        (
            {"photon_data/timestamps": np.array([2**62]), "photon_data/detectors": None},
            "photon_data/timestamps reaches 4.61e+09 s, a run at most 9.22e+06 s; ",
        ),
    ],
)
def test_what_does_not_fit_the_format_is_told(members: dict[str, Any], text: str, tmp_path: Path) -> None:
    source = written(tmp_path / "x.h5", **members)
    with pytest.raises(ForeignMemberError) as told:
        import_runs(source, tmp_path / "runs")
    assert str(told.value).startswith(f"{source}: {text}")


def test_a_later_version_is_told(tmp_path: Path) -> None:
    source = written(tmp_path / "x.h5")
    with h5py.File(source, "a") as file:
        file.attrs["format_version"] = np.bytes_(b"0.10")
    with pytest.raises(
        NewerFormatError, match=r"has version 0\.10 of Photon-HDF5, but this ionloom reads versi"
    ):
        import_runs(source, tmp_path / "runs")
