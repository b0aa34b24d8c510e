"""A run to talk about, with texts of somebody else's in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from data import Axis, Provenance, RunHeader, RunWriter

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil\r"
"""Another title, an empty screen, red letters from right to left, and the line again from its beginning."""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A finished run without points, whose axis and message hold what terminals act on."""
    header = RunHeader(
        "rabi", Provenance(datetime(2025, 3, 14, tzinfo=UTC)), axes=(Axis("time", f"s{EVIL}"),)
    )
    with RunWriter.create(tmp_path / "runs", header) as writer:
        writer.log(f"seen {EVIL}", "warning")
        return writer.finish({"note": EVIL, "rate": 5.0}, message=f"said {EVIL}")
