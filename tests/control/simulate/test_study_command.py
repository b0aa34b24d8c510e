"""``ionloom simulate``, as a user meets it: exit codes, streams, messages, never a traceback."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

DICE = str(Path(__file__).parent / "dice.py") + ":Dice"

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def simulate(call: Call, dicing: Path, tmp_path: Path) -> Call:
    """Simulate dice with these arguments."""

    def simulated(*arguments: object, shots: int = 12) -> tuple[int, str, str]:
        out = ("--out", tmp_path / "study", "--setup", dicing, "--seed", 4)
        return call("simulate", DICE, *arguments, *out, "--shots", shots, "--block", 6)

    return simulated


def test_a_table_of_what_varies(simulate: Call, call: Call, tmp_path: Path) -> None:
    code, out, err = simulate("--vary", "node.rate = 1, 2 kcps", "--vary", "detector = h, v")
    assert code == 0, err
    assert re.search(r"^dice\s*\nsetting +node.rate +detector +rate +resampled *$", out, re.MULTILINE)
    assert re.search(r"^1 +1000 1/s +h +\d+\(\d+\) +\d+", out, re.MULTILINE)
    assert re.search(r"^4 +2000 1/s +v ", out, re.MULTILINE)
    assert re.search(r"^96 shots in \d+\.\d s: \S+ shots/s, \S+ times as fast as the lab$", out, re.MULTILINE)
    assert out.splitlines()[-1] == f"4 settings of 12 shots, seed 4: {tmp_path / 'study'}"
    code, out, _ = call("runs", "--out", tmp_path / "study")
    assert len(re.findall(r" dice .* complete ", out)) == 4
    (third,) = (tmp_path / "study/settings/0003").rglob("*.h5")
    code, out, _ = call("show", third)
    assert code == 0
    assert re.search(r"^node.rate +2000 1/s +override +counts a second", out, re.MULTILINE)
    assert re.search(r"^study.setting +3 +default +number of the setting", out, re.MULTILINE)
    code, out, _ = call("analyze", third, "--experiment", DICE, "--json")
    assert json.loads(out)["results"]["points_measured"] == 2


def test_json(simulate: Call, tmp_path: Path) -> None:
    code, out, err = simulate(
        "--vary", "node.rate = 1, 2 kcps", "--vary", "longest = 1, 2 ms", "--zip", "--json"
    )
    assert code == 0
    assert out.count("\n") == 1
    told = json.loads(out)
    assert {key: told[key] for key in ("experiment", "shots", "block", "seed", "units")} == {
        "experiment": "dice",
        "shots": 12,
        "block": 6,
        "seed": 4,
        "units": {"node.rate": "1/s", "longest": "s"},
    }
    assert told["folder"] == str(tmp_path / "study")
    assert [setting["values"] for setting in told["settings"]] == [
        {"node.rate": 1000.0, "longest": 1e-3},
        {"node.rate": 2000.0, "longest": 2e-3},
    ]
    assert Path(told["settings"][0]["file"]).is_file()
    assert told["settings"][0]["lab_seconds"] == pytest.approx(12 * 1.5e-3)
    assert told["settings"][0]["results"]["points_measured"] == 2
    assert "times as fast as the lab" in err


def test_a_list_and_a_single_setting(simulate: Call, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("node.rate,steps\n3 kcps,1\n")
    code, out, _ = simulate("--list", path, "-p", "longest=1 ms")
    assert code == 0
    # A single row tells everything.
    assert re.search(r"^setting +node.rate +steps +rate +resampled +points_measured *$", out, re.MULTILINE)
    assert out.splitlines()[-1].startswith("1 setting of 12 shots")


def test_values_around_what_is_given(simulate: Call) -> None:
    code, out, _ = simulate("-p", "longest=4 ms", "--vary", "longest = 2 ms around / 2")
    assert code == 0
    assert re.findall(r"^\d +(\d ms)", out, re.MULTILINE) == ["3 ms", "5 ms"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["--vary", "node.raet = 1 kcps"],
            "ionloom: node has nothing called 'raet' that can be varied. Did you",
        ),
        (["--vary", "steps = 1", "--vary", "x"], "ionloom: 'x' is not 'NAME = VALUES'"),
        (["--vary", "shots = 1, 2"], "ionloom: nothing that can be varied is called 'shots'."),
        (
            ["--list", "nowhere.csv"],
            "ionloom: the list nowhere.csv cannot be read: No such file or directory",
        ),
        (
            ["--vary", "node.fails_at = 1 .. 5000 / 2"],
            "node.fails_at: the scan of 'fails_at': point 2 of 2 is 5000",
        ),
        (["--vary", "longest = 10 us", "-p", "steps=50"], "ionloom: at longest = 10 us: "),
        (["--workers", "0"], "Invalid value for '--workers': 0 is not in the range x>=1."),
        (["-p", "stpes=1"], "ionloom: dice has no parameter 'stpes'. Did you mean steps"),
    ],
)
def test_wrong_use_is_2_and_nothing_runs(
    simulate: Call, tmp_path: Path, arguments: list[str], told: str
) -> None:
    code, out, err = simulate(*arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert not (tmp_path / "study").exists()


def test_another_study_in_the_folder_is_2(simulate: Call, tmp_path: Path) -> None:
    assert simulate()[0] == 0
    code, out, err = simulate(shots=13)
    assert (code, out) == (2, "")
    assert (
        f"ionloom: {tmp_path / 'study'} holds another study:\n  - shots: 12 in the folder, 13 asked for"
        in err
    )


def test_an_analysis_that_fails_is_1(simulate: Call) -> None:
    code, out, _ = simulate("--vary", "node.rate = 0, 1000 cps")
    assert code == 1
    assert re.search(r"^2 +1000 1/s +\d+", out, re.MULTILINE)
    assert "setting 1: dice.py:" in out
    assert "analyse() of dice failed: ValueError: too few clicks." in out


def test_trouble_in_the_lab_is_1(simulate: Call) -> None:
    code, _, err = simulate("--vary", "node.dark = 0, 5", "--vary", "node.fails_at = 5")
    assert code == 1
    assert err.endswith("ionloom: dice: the dice fell off the table\nThis is in block 1 of setting 2.\n")


def test_a_missing_extra_is_told(simulate: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    code, _, err = simulate("--cluster", "tcp://127.0.0.1:1")
    assert code == 1
    assert (
        "Studies on a cluster need distributed, which is not installed: pip install 'ionloom[cluster]'" in err
    )
