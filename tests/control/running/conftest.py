"""A tiny lab for runs: its setup file in a folder of its own, its plug-in on the path."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sequences.declarations import Declaration, declarations
from sequences.library import Calibration

HERE = Path(__file__).parent
# A setup file names its lab as a module, so the tiny lab has to be one.
sys.path.insert(0, str(HERE))
FREQUENCY = "200 MHz"  # within the limits of every tone of the tiny lab
INSTRUMENTS = """
[instruments.plate]
driver = "ell14"
resource = "simulated:plate"
address = "0"
role = "wave plate before the counter"
settings = { angle = "0 turn" }

[instruments.trap_rf]
driver = "smc100a"
resource = "simulated:trap_rf"
limits = { power = ["-30 dBm", "0 dBm"] }
settings = { frequency = "23.4 MHz", power = "-2 dBm", output = true }
"""


def calibration_lines() -> list[str]:
    """Return an entry for every calibrated value, all of them assumed but for one."""
    lines = []
    for name, declaration in declarations(Calibration).items():
        origin = 'source = "assumed"'
        if name == "mapping_pi_time":
            origin = 'source = "published", reference = "PRX Quantum 5, 020308"'
        lines.append(f'{name} = {{ value = "{_within(name, declaration)}", {origin} }}')
    return lines


def _within(name: str, declaration: Declaration) -> str:
    if name.endswith("_frequency") and declaration.high >= 300e6:
        return FREQUENCY
    return "6.4 us" if name == "mapping_pi_time" else declaration.show(declaration.high)


@pytest.fixture
def tiny_text() -> str:
    """The text of the tiny lab's setup, without instruments."""
    return "\n".join([(HERE / "tiny.toml").read_text(), "[calibration]", *calibration_lines(), ""])


@pytest.fixture
def write_setup(tmp_path: Path) -> Callable[..., Path]:
    """Write a setup file and return its path."""

    def write(text: str, name: str = "lab.toml") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def tiny(tiny_text: str, write_setup: Callable[..., Path]) -> Path:
    """The setup file of the tiny lab."""
    return write_setup(tiny_text)


@pytest.fixture
def tiny_bench(tiny_text: str, write_setup: Callable[..., Path]) -> Path:
    """The setup file of the tiny lab with a wave plate and a radio-frequency source."""
    return write_setup(tiny_text + INSTRUMENTS, "bench.toml")
