"""The main job, from the command line to the file and back: compiled, played, driven, stored, analysed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from control import read_setup, run
from control.experiments.pair_tomography import tomography_points
from control.experiments.picture import draw_run
from control.experiments.ten_ion_register import TenIonRegister
from data import find_run, open_run
from sequences import parse_program
from sequences.library import Node

ROOT = Path(__file__).parents[2]
IONS, TRAINS = 3, 300


@dataclass(frozen=True)
class Finished:
    folder: Path
    stdout: str
    stderr: str

    @property
    def printed(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.stdout)
        return found


def ionloom(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ionloom", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A small register, run once for all tests of this module, with detectors that get all the light."""
    folder = tmp_path_factory.mktemp("register")
    bright = folder / "bright.toml"
    bright.write_text(
        'extends = "innsbruck"\nname = "bright"\n'
        '[node]\npath_transmission = { value = 1, source = "assumed" }\n'
    )
    done = ionloom(
        *("run", "ten_ion_register", "-p", f"ions={IONS}", "--shots", str(TRAINS), "--seed", "11"),
        *("--setup", str(bright), "--out", str(folder), "--json"),
    )
    assert done.returncode == 0, done.stderr
    return Finished(folder, done.stdout, done.stderr)


def test_stdout_is_one_json_object(finished: Finished) -> None:
    assert finished.stdout.count("\n") == 1
    printed = finished.printed
    assert Path(printed["file"]).is_file()
    assert printed["seed"] == 11
    results = printed["results"]
    assert {"bell_fidelity_mean", "bell_fidelity_mean_error", "detection_probability_mean"} <= set(results)
    keys = {"bell_fidelity", "detection_probability", "purity", "concurrence", "clicks", "attempts", "ion"}
    assert [row["ion"] for row in results["ions"]] == [1, 2, 3]
    for row in results["ions"]:
        assert keys | {"bell_fidelity_error", "detection_probability_error"} <= set(row)
        assert row["attempts"] == 9 * TRAINS


def test_ions_and_photons_are_entangled(finished: Finished) -> None:
    """Beyond any state without entanglement, F = 1/2, by many standard errors; not better than possible."""
    results = finished.printed["results"]
    for row in results["ions"]:
        assert row["bell_fidelity"] - 6 * row["bell_fidelity_error"] > 0.5
        assert row["bell_fidelity"] < 1
        assert abs(row["bell_fidelity"] - row["linear_bell_fidelity"]) < 0.05
        # A Doppler-cooled ion gives a photon in about every third attempt to detectors this good.
        assert 0.15 < row["detection_probability"] < 0.45
        assert row["clicks"] == pytest.approx(row["detection_probability"] * row["attempts"])


def test_the_file_holds_all_of_it(finished: Finished) -> None:
    with open_run(finished.printed["file"]) as recorded:
        assert recorded.status == "complete"
        assert len(recorded) == 9
        assert recorded.results["ions"] == finished.printed["results"]["ions"]
        assert recorded.parameters["ions"].origin == "override"
        assert recorded.parameters["mapping_pi_time"].origin == "calibration"
        assert "class TenIonRegister" in recorded.header.source
        assert 'name = "bright"' in recorded.header.setup
        program = parse_program(recorded.header.program)
        assert program.target.channels == read_setup("innsbruck").target.channels
        record = recorded.record(4)
        assert record.counts["ions"].shape == (TRAINS, IONS)
        clicks = record.counts["photon_h"].sum() + record.counts["photon_v"].sum()
        assert len(record.tags) == clicks
        assert (record.tags.window_ps >= 0).all()


def test_the_same_seed_gives_the_same_clicks(finished: Finished, tmp_path: Path) -> None:
    experiment = TenIonRegister(ions=IONS, trains=TRAINS)
    again = run(experiment, setup=finished.folder / "bright.toml", seed=11, out=tmp_path)
    with open_run(again) as one, open_run(finished.printed["file"]) as two:
        for first, second in zip(one.records(), two.records(), strict=True):
            assert (first.tags.t_ps == second.tags.t_ps).all()
            assert (first.counts["ions"] == second.counts["ions"]).all()


def test_analysing_again_changes_nothing(finished: Finished) -> None:
    done = ionloom("analyze", "latest", "--out", str(finished.folder), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"] == finished.printed["results"]


def test_people_are_told(finished: Finished) -> None:
    assert "mean" in finished.stderr
    done = ionloom("show", "latest", "--out", str(finished.folder))
    assert done.returncode == 0, done.stderr
    for text in ("ten_ion_register", "trains", "override", "bell_fidelity_mean"):
        assert text in done.stdout


def test_the_run_can_be_drawn(finished: Finished, tmp_path: Path) -> None:
    with open_run(find_run(finished.folder, "latest")) as recorded:
        picture = draw_run(TenIonRegister(ions=IONS, trains=TRAINS), recorded, tmp_path / "run.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000


@pytest.mark.slow
def test_too_few_clicks_are_said(tmp_path: Path) -> None:
    """A pair without a click in some setting has no state: no number is invented for it."""
    done = ionloom(
        "run", "ten_ion_register", "-p", "ions=2", "--shots", "1", "--seed", "1", "--out", str(tmp_path)
    )
    assert done.returncode == 0, done.stderr
    assert "too few clicks" in done.stdout


def results_of(arguments: list[str], folder: Path) -> Mapping[str, Any]:
    done = ionloom("run", "ten_ion_register", "--seed", "3", "--out", str(folder), "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Any] = json.loads(done.stdout)["results"]
    return found


def test_a_wrong_belief_shows(finished: Finished, tmp_path: Path) -> None:
    """A mapping pulse of half the length leaves half of the pairs unmapped: the fidelity falls far below."""
    bright = ["--setup", str(finished.folder / "bright.toml"), "-p", f"ions={IONS}", "--shots", str(TRAINS)]
    wrong = results_of([*bright, "-p", "mapping_pi_time=3.2 us"], tmp_path)
    right = finished.printed["results"]
    assert wrong["bell_fidelity_mean"] < right["bell_fidelity_mean"] - 0.15


@pytest.mark.slow
def test_a_wrong_plate_zero_gives_wrong_correlations(finished: Finished, tmp_path: Path) -> None:
    """The plates are turned through their driver: 20 degrees off, they mix H and V."""
    bright = ["--setup", str(finished.folder / "bright.toml"), "-p", f"ions={IONS}", "--shots", str(TRAINS)]
    wrong = results_of([*bright, "-p", "half_wave_plate_zero=32.3 deg"], tmp_path)
    right = finished.printed["results"]
    assert wrong["bell_fidelity_mean"] < right["bell_fidelity_mean"] - 0.15


def test_mounts_are_turned_within_one_turn() -> None:
    """A zero may be believed on either side; the mounts count from 0 to 1."""
    setup = read_setup("innsbruck")
    believed = replace(setup.calibration, half_wave_plate_zero=-0.01, quarter_wave_plate_zero=0.95)
    points = tomography_points(Node.of(setup.target, believed))
    angles = {name: {point.instruments[name]["angle"] for point in points} for name in points[0].instruments}
    assert sorted(angles["half_wave_plate"]) == pytest.approx([1 / 16 - 0.01, 0.99])
    assert sorted(angles["quarter_wave_plate"]) == pytest.approx([0.075, 0.95])


def test_without_trap_rf_there_are_no_ions(tmp_path: Path) -> None:
    """The generator's output is off by its own setting: no photon, no fluorescence, and the run says why."""
    off = tmp_path / "off.toml"
    off.write_text('extends = "innsbruck"\nname = "off"\n[instruments.trap_rf.settings]\noutput = false\n')
    path = run(TenIonRegister(ions=2, trains=50), setup=off, seed=1, out=tmp_path)
    with open_run(path) as recorded:
        assert recorded.results["detection_probability_mean"] < 0.01
        record = recorded.record(0)
        assert record.counts["ions"].mean() == pytest.approx(1.5, abs=0.5)  # background of 1 kcps in 1.5 ms
        assert record.notes == ("no ions in the trap: the trap RF is off",)


@pytest.mark.slow
def test_the_default_run_agrees_with_the_published_averages_as_far_as_it_should(tmp_path: Path) -> None:
    """Detection is calibrated to 9.1(8) %; fidelity is not, and the model lacks what took it to 92(1) %.

    The mean fidelity's statistical error is at most 1 %. Source: Canteri et al., PRL 135, 080801 (2025).
    """
    with open_run(run(TenIonRegister(), seed=1, out=tmp_path)) as recorded:
        results = recorded.results
    # 90 000 windows: the statistical error of the mean is 0.1 %, so this tests the calibration, not luck.
    assert results["detection_probability_mean"] == pytest.approx(0.091, abs=0.004)
    assert results["bell_fidelity_mean_error"] < 0.01
    assert results["bell_fidelity_mean"] > 0.92
    # The ends of the string move most, so their photons are fewest.
    detected = [row["detection_probability"] for row in results["ions"]]
    assert max(detected[0], detected[-1]) < min(detected[3:7])
