"""``ionloom check``: what it prints, and its exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from control.cli.checking import check
from control.errors import ConfigError

HERE = Path(__file__).parent
SCAN = str(HERE / "counting.py") + ":WindowScan"
DISPATCHER = """
[core.dispatcher]
lanes = {lanes}
depth = 128
cycle = "8 ns"
margin = "104 ns"
event_time = "65 ns"
start = "{start}"
playback = "4 us"
decision = "1 us"
"""


def checked(*arguments: object) -> tuple[int, str]:
    """Check and return the exit code and what was printed."""
    runner = CliRunner()
    result = runner.invoke(check, list(map(str, arguments)), standalone_mode=False, catch_exceptions=False)
    code = result.return_value
    assert isinstance(code, int)
    return code, result.output


@pytest.fixture
def lab_with(tiny_text: str, write_setup: Callable[..., Path]) -> Callable[..., Path]:
    """Write the tiny lab's setup with a dispatcher."""

    def write(start: str = "125 us", lanes: int = 8) -> Path:
        head, channels = tiny_text.split("[channels.doppler]", maxsplit=1)
        dispatcher = DISPATCHER.format(start=start, lanes=lanes)
        return write_setup(f"{head}{dispatcher}\n[channels.doppler]{channels}", "core.toml")

    return write


def test_a_playable_experiment_has_no_faults(lab_with: Callable[..., Path]) -> None:
    code, told = checked(SCAN, "--setup", lab_with())
    assert code == 0
    lines = told.splitlines()
    assert lines[0].strip() == "window_scan on tiny"
    assert lines[-1] == "no faults"
    # Four windows; of each program a gate and an exposure, handed over 121 us before the start.
    assert lines[2].split() == ["programs", "4", "different"]
    assert lines[3].split(maxsplit=1)[1].strip() == "4, loops counted once"
    assert "least slack" in lines[5]
    assert "120.9 us at counting.py:" in lines[5]
    assert lines[5].strip().endswith("the core needs 104 ns")
    assert lines[6].split(maxsplit=2)[2].strip().endswith("writes/s; the core hands over 1.538e+07")
    assert lines[7].split(maxsplit=2)[2].strip() == "4 writes; the core holds 128"


def test_a_lab_without_limits_has_nothing_to_prove(tiny: Path) -> None:
    code, told = checked(SCAN, "--setup", tiny)
    assert code == 0
    assert "the setup states no limits of its dispatcher" in told


def test_faults_are_told_and_fail(lab_with: Callable[..., Path]) -> None:
    code, told = checked(SCAN, "--setup", lab_with(start="1 us"))
    assert code == 1
    faults = [line for line in told.splitlines() if line.startswith("fault: ")]
    assert faults[0].startswith("fault: counting.py:")
    assert "insert a delay of 3.172 us before it" in faults[0]
    # All four programs begin alike.
    assert told.splitlines()[-1] == "1 fault"


def test_parameters_count(lab_with: Callable[..., Path]) -> None:
    _, told = checked(SCAN, "--setup", lab_with(), "-p", "steps=5")
    assert "5 different" in told
    with pytest.raises(ConfigError, match="no parameter 'stepps'"):
        checked(SCAN, "--setup", lab_with(), "-p", "stepps=7")


def test_a_lab_that_can_rehearse_is_asked(tiny_text: str, write_setup: Callable[..., Path]) -> None:
    """Every program is rehearsed; what is told of several is told once."""
    doubting = write_setup(tiny_text.replace("tiny_lab:TinyLab", "doubting_lab:DoubtingLab"))
    code, told = checked(SCAN, "--setup", doubting)
    assert code == 1
    assert told.splitlines()[-2:] == ["fault: counting.py:26: lost in rehearsal", "1 fault"]


@pytest.mark.parametrize("experiment", ["single_ion_photon", "ten_ion_register"])
@pytest.mark.parametrize("setup", ["innsbruck", "kasli"])
def test_what_is_shipped_can_be_played(experiment: str, setup: str) -> None:
    code, told = checked(experiment, "--setup", setup)
    assert (code, told.splitlines()[-1]) == (0, "no faults")
