"""The software that has to be the same wherever tasks are done: as another one, it may draw other clicks."""

from __future__ import annotations

import importlib.metadata
from contextlib import suppress
from typing import Final

_DRAWING: Final = ("ionloom", "numpy", "scipy")
"""Packages that decide what is drawn from a seed."""


def software() -> dict[str, str]:
    """Return the versions of what has to be the same wherever tasks of one study are played."""
    versions = {}
    for package in _DRAWING:
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions
