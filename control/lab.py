"""The seam to a lab: a plug-in that plays programs, named in the setup file.

This room knows a lab by this protocol alone; the simulated one is named in a setup file, never imported.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from control.errors import ConfigError

if TYPE_CHECKING:
    from data import Record
    from sequences.program import Program
    from sequences.target import Target


class Lab(Protocol):
    """A timing core with the lab behind it, open and ready."""

    @property
    def resources(self) -> Mapping[str, str]:
        """Resource of the setup file -> address to connect to, for simulated instruments; else empty."""

    def load(self, ions: int) -> None:
        """Make a string of that many ions, with the instruments set as they are now."""

    def play(self, program: Program, shots: int) -> Record:
        """Play a program so many times, with the instruments set as they are now."""

    def close(self) -> None:
        """Stop everything that was started."""


class LabPlugin(Protocol):
    """The class that a setup file names under ``core.lab``."""

    def open(self, tables: Mapping[str, Any], target: Target, seed: int) -> Lab:
        """Return a running lab.

        Args:
            tables: of the setup file.
            target: the channels that programs are compiled for.
            seed: the same seed gives the same clicks.
        """

    def problems(self, tables: Mapping[str, Any]) -> Sequence[str]:
        """Return what is wrong with the plug-in's part of a setup file, one line each, key path first.

        Tables may be malformed; that is told elsewhere, so it is enough to pass over what is.
        """


def find_plugin(name: str) -> LabPlugin:
    """Import a plug-in.

    Args:
        name: ``module:class``.

    Raises:
        ConfigError: it cannot be imported, or has not what a lab plug-in has.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise ConfigError((f"{name!r} does not name a lab; write 'module:class'",))
    try:
        plugin = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        advice = "is the package installed in this environment?"
        raise ConfigError((f"the lab {name!r} cannot be imported ({error}); {advice}",)) from error
    if not (callable(getattr(plugin, "open", None)) and callable(getattr(plugin, "problems", None))):
        raise ConfigError((f"{name!r} is no lab: it needs the functions open() and problems()",))
    return cast(LabPlugin, plugin)
