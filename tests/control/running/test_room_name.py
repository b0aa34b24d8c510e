"""Somebody else's `control` package is told, not imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ionloom

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("room", ["control", "data", "sequences", "hardware_sim"])
def test_rooms_are_ours(room: str) -> None:
    assert Path(str(__import__(room).__file__)).parent == ROOT / room


def test_face_of_the_room_is_recognised() -> None:
    assert ionloom.foreign_room("control") == ""


def test_foreign_package_is_named(tmp_path: Path) -> None:
    """As python-control would do when it is installed beside or over ours."""
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "__init__.py").write_text('"""The Python Control Systems Library."""\n1 / 0\n')
    (tmp_path / "ionloom.py").write_text((ROOT / "ionloom.py").read_text())
    ended = subprocess.run(
        [sys.executable, str(tmp_path / "ionloom.py"), "--help"],
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == (
        f"ionloom: import control finds {tmp_path / 'control'}, which is not ionloom's: "
        "uninstall the package that took the name (pip uninstall control), then install ionloom again\n"
    )


def test_missing_room() -> None:
    assert ionloom.foreign_room("no_such_room").startswith("import no_such_room finds nothing, which is not")
