"""A setup file with mistakes of every kind: in its form, in what its drivers know, in what its lab knows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from control import read_setup
from control.errors import ConfigError

MISTAKES = """
extends = "innsbruck"
name = "mine"

[channels.repump]
drives = "repumping beam"

[instruments.trap_rf]
limits = { power = ["0 dBm"] }

[instruments.quarter_wave_plate]
address = "0"

[calibration]
mapping_pi_time = { value = "6.4 MHz", source = "published" }

[node]
cavity_wast = { value = "3 um", source = "assumed" }
magnetic_field = { value = "4 m", source = "guess" }
raman_detuning = 403
"""


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(MISTAKES)
    with pytest.raises(ConfigError) as caught:
        read_setup(file)
    told = "\n".join(caught.value.problems)
    for part in (
        "channels.repump.drives: the simulated node has no 'repumping beam'; did you mean pumping beam",
        "channels: nothing drives the 'repump beam'",
        "instruments.trap_rf.limits.power: ['0 dBm'] is not a range; write [lowest, highest]",
        "quarter_wave_plate",
        "calibration.mapping_pi_time: '6.4 MHz' is not a finite time with its unit",
        "node.cavity_wast: no such property; did you mean cavity_waist",
        "node.magnetic_field: '4 m' is not a finite magnetic field with its unit",
        "node.magnetic_field.source: 'guess' is not one of published, derived, assumed, calibrated",
        "node.raman_detuning: must be a table",
    ):
        assert part in told, told


def test_checking_a_setup_needs_no_scipy() -> None:
    """Its import takes a third of a second, which `setup show` and `compile` would wait for."""
    program = "import sys; from control import read_setup; read_setup(); print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")
