"""The pace of a lab's time and what is made to happen to it, from Python and from the command line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from counting import WindowScan
from moody_lab import MoodyLab
from tiny_lab import TinyLab

from control import run
from control.cli import main
from control.errors import ConfigError, InterruptedRun
from control.lab import EventfulLab, PacedLab, provoke, read_pace, set_pace
from data import open_run

SCAN = str(Path(__file__).parent / "counting.py") + ":WindowScan"
TABLES: dict[str, Any] = {"node": {"rate": {"value": 1.0}}}


@pytest.fixture
def moody(tiny_text: str, write_setup: Callable[..., Path]) -> Path:
    return write_setup(tiny_text.replace("tiny_lab:TinyLab", "moody_lab:MoodyLab"))


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err + captured.out
    return int(str(ended.value.code)), captured.out, captured.err


def test_labs_say_themselves_what_they_can() -> None:
    assert isinstance(MoodyLab(TABLES, 1), EventfulLab)
    assert isinstance(MoodyLab(TABLES, 1), PacedLab)
    assert not isinstance(TinyLab(TABLES, 1), EventfulLab | PacedLab)


def test_wishes_reach_the_lab(moody: Path, tmp_path: Path) -> None:
    wishes = ("ion loss @ 2 s", "power cut@50 ms")
    with open_run(run(WindowScan(), setup=moody, out=tmp_path, pace=10.0, provoking=wishes)) as done:
        assert done.record(0).notes == ("pace 10", "ion loss at 2 s", "power cut at 0.05 s")
    with open_run(run(WindowScan(), setup=moody, out=tmp_path)) as done:
        assert done.record(0).notes == ()


def test_the_command_line_passes_them_on(
    capsys: pytest.CaptureFixture[str], moody: Path, tmp_path: Path
) -> None:
    wishes = ("--pace", 1, "--provoke", "ion loss @ 2 s", "--provoke", "power cut @ 3 s")
    code, out, err = call(capsys, "run", SCAN, "--setup", moody, "--out", tmp_path, "--json", *wishes)
    assert code == 0, err
    assert json.loads(out)["notes"] == ["pace 1", "ion loss at 2 s", "power cut at 3 s"]
    code, out, err = call(capsys, "run", SCAN, "--setup", moody, "--out", tmp_path, "--json")
    assert json.loads(out)["notes"] == ["pace inf"]


PROBLEMS = [
    ("ion loss", "provoke 'ion loss': write what happens and when, as in 'ion loss @ 2 s'"),
    ("@ 2 s", "provoke '@ 2 s': write what happens and when, as in 'ion loss @ 2 s'"),
    ("ion los @ 2 s", "provoke 'ion los @ 2 s': this lab has no event 'ion los'. Did you mean ion loss?"),
    (
        "earthquake @ 2 s",
        "provoke 'earthquake @ 2 s': this lab has no event 'earthquake'. Known: ion loss, power cut.",
    ),
    ("ion loss @ -1 s", "provoke 'ion loss @ -1 s': -1 s is no time of the lab: give one from 0 s on, "
     "when it is opened"),
]  # fmt: skip


@pytest.mark.parametrize(("wish", "text"), PROBLEMS, ids=[wish for wish, _ in PROBLEMS])
def test_wishes_that_cannot_be_read_are_told(wish: str, text: str) -> None:
    with pytest.raises(ConfigError) as told:
        provoke(MoodyLab(TABLES, 1), [wish])
    assert str(told.value) == text


def test_a_time_without_unit_is_told_with_its_wish() -> None:
    with pytest.raises(ConfigError, match=r"^provoke 'ion loss @ 2': '2' is not a finite time with its unit"):
        provoke(MoodyLab(TABLES, 1), ["ion loss @ 2"])


def test_all_problems_are_told_at_once_and_nothing_is_done() -> None:
    lab = MoodyLab(TABLES, 1)
    with pytest.raises(ConfigError, match="3 problems"):
        provoke(lab, ["ion loss @ 1 s", "ion loss", "fire @ 1 s", "power cut @ 1"])
    assert not hasattr(lab, "asked")


def test_a_lab_that_cannot_refuses_clearly(
    capsys: pytest.CaptureFixture[str], tiny: Path, tmp_path: Path
) -> None:
    code, _, err = call(
        capsys, "run", SCAN, "--setup", tiny, "--out", tmp_path, "--provoke", "ion loss @ 1 s"
    )
    assert code != 0
    told = "nothing can be provoked in this lab (TinyLab): what happens there happens by itself"
    assert told in " ".join(err.split())
    code, _, err = call(capsys, "run", SCAN, "--setup", tiny, "--out", tmp_path, "--pace", "2")
    assert code != 0
    told = "this lab (TinyLab) has no time of its own that could run at a pace of 2: leave the pace out"
    assert told in " ".join(err.split())
    assert not list(tmp_path.glob("**/*.h5"))
    set_pace(TinyLab(TABLES, 1), math.inf)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "slow", ""])
def test_a_pace_that_is_none_is_told(capsys: pytest.CaptureFixture[str], text: str, tiny: Path) -> None:
    advice = "write fastest, 1 for real time, or another number above 0"
    told = f"pace {text!r} is not how fast time can run: {advice}"
    with pytest.raises(ConfigError) as refused:
        read_pace(text)
    assert str(refused.value) == told
    code, _, err = call(capsys, "run", SCAN, "--setup", tiny, "--pace", text)
    assert code == 2
    assert told in " ".join(err.split())


def test_the_shipped_lab_can_do_both() -> None:
    from control.lab import find_plugin

    plugin = find_plugin("hardware_sim:SimulatedLab")
    assert {"events", "provoke", "run_at"} <= set(dir(plugin))


def test_ctrl_c_while_the_wall_catches_up_loses_no_point(
    moody: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tired(_lab: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("control.runner.catch_up", tired)
    with pytest.raises(InterruptedRun) as stopped:
        run(WindowScan(), setup=moody, out=tmp_path, pace=1.0)
    assert stopped.value.points == 1
    with open_run(stopped.value.path) as kept:
        assert len(kept) == 1
