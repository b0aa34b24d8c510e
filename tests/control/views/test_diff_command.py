"""``ionloom diff``: what differs between two runs, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from control.cli.diff import diff
from control.cli.exits import exit_code
from control.experiments.ten_ion_register import TenIonRegister
from control.plan import make_plan
from control.setup import read_setup
from data import Provenance, RunHeader, RunWriter, StoredParameter
from sequences import print_program

SETUP = """
name = "lab"
[channels.raman]
latency = "600 ns"
[calibration]
mapping_pi_time = { value = "6.4 us", source = "assumed" }
"""


def program_text(**parameters: Any) -> str:
    return print_program(make_plan(TenIonRegister(ions=2, **parameters), read_setup("innsbruck")).programs[0])


@pytest.fixture(scope="module")
def header() -> RunHeader:
    return RunHeader(
        "demo",
        Provenance(
            datetime(2026, 11, 1, tzinfo=UTC),
            source_file="demo.py",
            git_revision="0123456789abcdef",
            git_dirty=False,
            packages=(("numpy", "2.0"), ("scipy", "1.12")),
            python="3.11.4",
        ),
        parameters=(
            StoredParameter("photon_pulse", 50e-6, "s"),
            StoredParameter("mapping_pi_time", 6.4e-6, "s", "calibration"),
            StoredParameter("ions", 2),
        ),
        program=program_text(),
        setup=SETUP,
        source="one\ntwo\n",
        seed=7,
        shots_per_point=100,
    )


Told = tuple[int, str, str]


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    """Write two runs, compare them, and return exit code, stdout and stderr."""

    def compared(old: RunHeader, new: RunHeader, *options: str) -> Told:
        paths = []
        for header in (old, new):
            with RunWriter.create(tmp_path, header) as writer:
                paths.append(str(writer.finish()))
        code = exit_code(lambda: diff.main([*paths, *options], "ionloom diff", standalone_mode=False))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return compared


def rows(out: str) -> dict[str, list[str]]:
    """Return the first cell of each line -> the others; cells are two blanks apart."""
    cells = [[cell for cell in line.split("  ") if cell.strip()] for line in out.splitlines()]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in filter(None, cells)}


def test_equal_runs(told: Callable[..., Told], header: RunHeader) -> None:
    code, out, _ = told(header, header, "--timeline")
    assert code == 0
    assert out.splitlines() == [
        "same parameters, calibration, setup, scan, seed, code, versions and results",
        "",
        "same timeline",
    ]


def test_each_difference_has_a_line(told: Callable[..., Told], header: RunHeader) -> None:
    origin = replace(
        header.provenance,
        git_revision="fedcba9876543210",
        git_dirty=True,
        packages=(("numpy", "2.1"), ("xarray", "1")),
        python="3.12.0",
    )
    other = replace(
        header,
        provenance=origin,
        parameters=(
            StoredParameter("photon_pulse", 40e-6, "s", "override"),
            StoredParameter("mapping_pi_time", 5e-6, "s", "override"),
            StoredParameter("reads", True),
        ),
        setup=SETUP.replace("600 ns", "601 ns").replace("6.4 us", "7 us").replace("assumed", "measured"),
        source="one\nthree\nfour\n",
        seed=8,
        shots_per_point=200,
    )
    code, out, _ = told(header, other)
    assert code == 0
    found = rows(out)
    del found["differs"]
    assert found == {
        "seed": ["7", "8"],
        "shots": ["100", "200"],
        "parameter photon_pulse": ["50 us", "40 us"],
        "calibration mapping_pi_time": ["6.4 us", "5 us"],
        "parameter ions": ["2", "-"],
        "parameter reads": ["-", "True"],
        "setup channels.raman.latency": ["600 ns", "601 ns"],
        "setup calibration.mapping_pi_time.source": ["assumed", "measured"],
        "git revision": ["0123456789ab", "fedcba987654 with changes"],
        "Python": ["3.11.4", "3.12.0"],
        "package numpy": ["2.0", "2.1"],
        "package scipy": ["1.12", "-"],
        "package xarray": ["-", "1"],
        "code of the experiment": ["1 lines of its own", "2 lines of its own"],
    }


def test_a_setup_that_is_no_toml_is_compared_as_text(told: Callable[..., Told], header: RunHeader) -> None:
    _, out, _ = told(replace(header, setup="a: 1"), replace(header, setup="a: 2"))
    assert rows(out)["setup"] == ["'a: 1'", "'a: 2'"]


def test_timelines_in_physical_units_with_lines(told: Callable[..., Told], header: RunHeader) -> None:
    other = replace(header, program=program_text(photon_pulse=40e-6))
    code, out, _ = told(header, other, "--timeline")
    assert code == 0
    assert "raman_v" in out
    assert "80.7649 MHz, lasts 50 us -> 40 us" in out
    assert "ten_ion_register.py:" in out


def test_what_moved_together_shares_a_line(told: Callable[..., Told], header: RunHeader) -> None:
    code, out, _ = told(header, replace(header, program=program_text(cooling=8e-3)), "--timeline")
    assert code == 0
    assert "2 of them, moved by +1 ms" in out
    assert "8.02 ms to 8.145 ms" in out


def test_both_are_drawn(told: Callable[..., Told], header: RunHeader, tmp_path: Path) -> None:
    path = tmp_path / "both.html"
    code, out, _ = told(header, replace(header, program=program_text(photon_pulse=40e-6)), "-o", str(path))
    assert code == 0
    assert out.splitlines()[-1] == str(path)
    page = path.read_text(encoding="utf-8")
    assert page.count('"title":"run 2') == 2
    assert "changed: 80.7649 MHz, lasts 50 us -> 40 us" in page


def test_a_run_without_a_program(told: Callable[..., Told], header: RunHeader) -> None:
    code, _, err = told(header, replace(header, program=""), "--timeline")
    assert code == 2
    assert "holds no program. Compare it without --timeline." in err


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(diff, ["nobody", "latest", "--out", str(tmp_path)])
    assert "no run" in str(done.exception)


def test_an_ending_that_nobody_writes(told: Callable[..., Told], header: RunHeader) -> None:
    code, _, err = told(header, header, "-o", "both.vcd")
    assert code == 2
    assert "a timeline cannot be written as .vcd" in err


def test_differences_for_programs(told: Callable[..., Told], header: RunHeader) -> None:
    code, out, err = told(header, replace(header, seed=8), "--json")
    answer = json.loads(out)
    assert (code, err, len(answer["runs"])) == (0, "", 2)
    assert answer["differences"] == [{"kind": "setting", "name": "seed", "old": "7", "new": "8"}]
    code, out, err = told(header, header, "--json", "--timeline")
    assert json.loads(out)["differences"] == []
    assert err.split() == ["same", "timeline"]


def test_where_the_drawing_is_is_not_among_the_json(
    told: Callable[..., Told], header: RunHeader, tmp_path: Path
) -> None:
    drawing = tmp_path / "both.svg"
    code, out, err = told(header, header, "--json", "-o", str(drawing))
    assert (code, json.loads(out)["differences"]) == (0, [])
    assert err.splitlines()[-1] == str(drawing)
    assert drawing.stat().st_size > 0
