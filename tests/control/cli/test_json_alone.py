"""With --json, stdout holds one JSON document and nothing else, whatever a user's code prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from control.cli import COMMANDS

Call = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0  # s that a broken test may hang

CHATTY = '''
import os

from control import Experiment, Table, quantity
from sequences import Readout

print("importing")
os.system("echo from a child")


class Dark(Experiment):
    """Counts in the dark."""

    window: float = quantity("1 us", unit="s", low="1 us", high="1 s", help="how long")

    def sequence(self, node):
        print("sequence")
        return node.detector_h.gate(self.window, Readout("dark"))

    def analyse(self, run):
        print("analysing")
        return {"rate": 0.0}

    def table(self, results):
        print("table")
        return Table(("rate",), (("0",),))
'''
"""An experiment that talks wherever it can."""

SAYS = ("importing", "sequence", "analysing")


def own_object(out: str) -> dict[str, object]:
    assert out.count("\n") == 1
    told: dict[str, object] = json.loads(out)
    return told


@pytest.fixture
def chatty(tmp_path: Path) -> Path:
    path = tmp_path / "chatty.py"
    path.write_text(CHATTY)
    return path


def test_run_and_analyze(call: Call, chatty: Path, tmp_path: Path) -> None:
    """In a process of its own, since children of a process print where it does not see it."""
    command = (sys.executable, "-m", "ionloom", "run", str(chatty), "--shots", "3", "--json")
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    assert own_object(done.stdout)["experiment"] == "dark"
    assert all(word in done.stderr for word in (*SAYS, "table", "from a child"))
    code, out, err = call("analyze", "--experiment", chatty, "--out", tmp_path / "runs", "--json")
    assert code == 0, err
    assert own_object(out)["results"] == {"rate": 0.0}
    assert "analysing" in err


def test_simulate(call: Call, chatty: Path, tmp_path: Path) -> None:
    vary = ("--vary", "window = 1, 2 us")
    code, out, err = call("simulate", chatty, *vary, "--shots", 3, "--out", tmp_path / "study", "--json")
    assert code == 0, err
    settings = own_object(out)["settings"]
    assert isinstance(settings, list)
    assert [setting["problem"] for setting in settings] == ["", ""]
    assert all(word in err for word in SAYS)


REFUSED = {
    "run": ["nix"],
    "simulate": ["nix", "--out", "study"],
    "show": [],
    "analyze": [],
    "runs": [],
    "lineage": ["nix"],
    "follow": [],
    "repair": ["nix"],
    "verify": ["nix"],
    "diff": ["nix", "nix"],
    "import": ["nix"],
    "fault": ["nix", "--lab", "127.0.0.1:1"],
    "devices": ["--setup", "nix"],
    "device": ["nix"],
    "bench-check": ["--setup", "nix"],
    "lab": ["--setup", "nix"],
}
"""Command -> arguments that cannot be."""


def test_every_command_with_json_is_here() -> None:
    having = {
        name
        for name, late in COMMANDS.items()
        if any(parameter.name == "as_json" for parameter in late.load().params)
    }
    assert having == set(REFUSED)


@pytest.mark.parametrize("command", REFUSED)
def test_who_is_refused_finds_nothing_on_stdout(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The reason is on stderr, and the exit code tells that there is one."""
    monkeypatch.chdir(tmp_path)
    code, out, err = call(command, *REFUSED[command], "--json")
    assert code in {1, 2}
    assert out == ""
    assert err.startswith(("ionloom: ", "Usage: "))


@pytest.mark.parametrize("command", REFUSED)
def test_help_tells_what_is_printed(call: Call, command: str) -> None:
    _, out, _ = call(command, "--help")
    told = " ".join(out.split())
    form = "a JSON object a line" if command == "follow" else "one JSON object"
    assert f"--json Print {form} on stdout, all else on stderr." in told
