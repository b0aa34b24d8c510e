"""A setup whose lab throws dice, and ways to look at a study."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from control.setup.files import print_tables, read_file

HERE = Path(__file__).parent
# A setup file names its lab as a module, so the lab has to be one.
sys.path.insert(0, str(HERE))

NODE = {"rate": {"value": "1 kcps", "source": "assumed"}}

Call = Callable[..., tuple[int, str, str]]


def setup_text(lab: str = "dicing_lab:DicingLab", **node: str) -> str:
    """Return the setup of the dicing lab: channels and beliefs of innsbruck, no instruments."""
    tables = {key: value for key, value in read_file("innsbruck").tables.items() if key != "instruments"}
    entries = {name: {"value": value, "source": "assumed"} for name, value in node.items()}
    core = {**tables["core"], "lab": lab}
    return print_tables({**tables, "name": "dicing", "core": core, "node": {**NODE, **entries}})


@pytest.fixture
def dicing(tmp_path: Path) -> Path:
    """The setup file of the dicing lab."""
    path = tmp_path / "dicing.toml"
    path.write_text(setup_text(), encoding="utf-8")
    return path
