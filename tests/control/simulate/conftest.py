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


@pytest.fixture(scope="session")
def dicing_text() -> str:
    """The setup of the dicing lab: channels and beliefs of innsbruck, no instruments."""
    tables = {key: value for key, value in read_file("innsbruck").tables.items() if key != "instruments"}
    core = {**tables["core"], "lab": "dicing_lab:DicingLab"}
    return print_tables({**tables, "name": "dicing", "core": core, "node": NODE})


@pytest.fixture
def dicing(dicing_text: str, tmp_path: Path) -> Path:
    """The setup file of the dicing lab."""
    path = tmp_path / "dicing.toml"
    path.write_text(dicing_text, encoding="utf-8")
    return path
