"""The tiny lab, but its radio-frequency source is a real one, and nobody is there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tiny_lab import TinyLab


class DeafLab(TinyLab):
    """Simulates the wave plate only."""

    def __init__(self, tables: Mapping[str, Any], seed: int) -> None:
        simulated = {
            name: table
            for name, table in tables["instruments"].items()
            if table["resource"].startswith("simulated:")
        }
        super().__init__({**tables, "instruments": simulated}, seed)
