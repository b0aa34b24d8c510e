"""A small lab with running instruments, and commands that run beside the test as programs of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from control.lab import BenchPlugin, RunningBench, find_plugin
from control.setup import read_setup
from control.setup.files import print_tables, read_file

INSTRUMENTS = (
    "trap_rf",
    "half_wave_plate",
    "quarter_wave_plate",
    "coils",
    "cavity_piezo",
    "time_tagger",
    "vacuum_gauge",
)
SPEED = 200.0  # lab seconds per second: a mount homes in some milliseconds
PATIENCE = 30.0  # s that a broken test may hang


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A setup file with some of the instruments of the shipped one."""
    tables = read_file("innsbruck").tables
    chosen = {name: tables["instruments"][name] for name in INSTRUMENTS}
    path = tmp_path_factory.mktemp("setups") / "small.toml"
    path.write_text(print_tables({**tables, "name": "small", "instruments": chosen}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def running(small: Path) -> Iterator[RunningBench]:
    """The instruments of that setup, running."""
    setup = read_setup(small)
    plugin = find_plugin(setup.lab)
    assert isinstance(plugin, BenchPlugin)
    with closing(plugin.start_bench(setup.tables, 3, SPEED)) as bench:
        yield bench


@pytest.fixture
def lab(running: RunningBench) -> str:
    """Where faults are provoked in the running instruments."""
    return running.control


class Program:
    """A command in a process of its own."""

    def __init__(self, arguments: tuple[str, ...]) -> None:
        code = "from control.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def line(self, containing: str) -> str:
        """Return the next line that it prints with some text in it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if containing in line:
                return line.rstrip("\n")
        raise AssertionError(f"it ended: {self.process.communicate()[1]}")

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send it a signal and return exit code, what else it printed, and its stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@pytest.fixture
def start() -> Iterator[Callable[..., Program]]:
    """Start a command: `start("lab", "--json")`."""
    with ExitStack() as ending:

        def begin(*arguments: object) -> Program:
            program = Program(tuple(map(str, arguments)))
            ending.callback(_make_sure, program.process)
            return program

        yield begin


def _make_sure(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.communicate()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
