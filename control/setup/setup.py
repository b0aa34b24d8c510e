"""A whole setup, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control.errors import ConfigError
from control.lab import Lab, find_plugin
from control.setup.channels import make_target
from control.setup.files import read_file
from control.setup.instruments import Instrument, make_instruments
from control.setup.schema import CoreTable, SetupTable, decode
from control.setup.values import SourcedValue, read_entries, read_values
from sequences.library import Calibration
from sequences.target import Target


@dataclass(frozen=True, slots=True)
class Setup:
    """A lab as its setup file describes it.

    Attributes:
        name: of the setup.
        title: one line for people.
        origin: the file that it was read from.
        lab: plug-in that plays programs, ``module:class``.
        target: what the compiler knows.
        calibration: what the lab believes.
        instruments: what is set before and between points.
        sources: every calibrated value and every one of the simulated node, with its origin.
        text: TOML that holds the whole setup; a run stores it.
        tables: the same as plain dicts, for the plug-in.
    """

    name: str
    title: str
    origin: str
    lab: str
    target: Target
    calibration: Calibration
    instruments: tuple[Instrument, ...]
    sources: tuple[SourcedValue, ...]
    text: str
    tables: Mapping[str, Any]

    def open_lab(self, seed: int) -> Lab:
        """Start the lab.

        Args:
            seed: of every random draw of a simulated lab.
        """
        return find_plugin(self.lab).open(self.tables, self.target, seed)


def read_setup(which: str | Path = "innsbruck") -> Setup:
    """Read a setup file and check all of it.

    Args:
        which: a ``.toml`` file, or the name of a setup that comes with ionloom.

    Raises:
        ConfigError: whatever is wrong with the file, all of it at once.
    """
    file = read_file(which)
    problems: list[str] = []
    table = decode(SetupTable, file.tables, "", problems)
    core = decode(CoreTable, file.tables.get("core"), "core", problems) if "core" in file.tables else None
    if table is None or core is None:
        raise _told(file.origin, problems)
    target = make_target(table.name, core, table.channels, problems)
    instruments = make_instruments(table.instruments, problems)
    node = read_entries(table.node, "node", problems)
    # The form of the tables is judged here, their meaning to the lab by the plug-in: both are told at once.
    problems += _plugin_problems(core.lab, file.tables)
    values, sources = read_values(Calibration, table.calibration, "calibration", problems)
    if problems or target is None:
        raise _told(file.origin, problems)
    return Setup(
        name=table.name,
        title=table.title,
        origin=file.origin,
        lab=core.lab,
        target=target,
        calibration=Calibration(**values),
        instruments=instruments,
        sources=(*sources, *node),
        text=file.text,
        tables=file.tables,
    )


def _plugin_problems(lab: str, tables: Mapping[str, Any]) -> list[str]:
    try:
        plugin = find_plugin(lab)
    except ConfigError as error:
        return [f"core.lab: {problem}" for problem in error.problems]
    return list(plugin.problems(tables))


def _told(origin: str, problems: list[str]) -> ConfigError:
    return ConfigError(tuple(f"{origin}: {problem}" for problem in problems))
