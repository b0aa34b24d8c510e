"""What the README shows works as it is shown."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from control.cli import COMMANDS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


@pytest.fixture
def own_experiment(tmp_path: Path) -> Path:
    """The experiment that the README shows, in a file of the user's."""
    (text,) = re.findall(r'```python\n(""".*?rabi_flop\.py.*?)```', README, re.S)
    file = tmp_path / "rabi_flop.py"
    file.write_text(text)
    return file


def test_own_experiment_is_short(own_experiment: Path) -> None:
    lines = [line for line in own_experiment.read_text().splitlines() if line.strip()]
    assert len(lines) < 30


def test_own_experiment_flops(own_experiment: Path, tmp_path: Path) -> None:
    """It runs from the command line, and shows a pi pulse where the setup says it is: at 10 us."""
    arguments = ["run", str(own_experiment), "--setup", "single_ion", "--seed", "5", "--json"]
    command = [sys.executable, "-m", "ionloom", *arguments, "-p", "steps=20", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout.splitlines()[-1])
    dark = [point["dark"] for point in printed["results"]["points"]]
    # 100 shots a point: the most and the least a flop can show are 5 sigma away from each other.
    assert max(range(20), key=dark.__getitem__) + 1 in range(8, 13)
    assert dark[9] > 0.75
    assert dark[19] < 0.35


def test_the_commands_of_the_tour_exist() -> None:
    commands = set(re.findall(r"`ionloom ([\w-]+)", README))
    assert commands <= set(COMMANDS)


def test_the_picture_is_there() -> None:
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / picture).is_file()
