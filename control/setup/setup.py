"""A whole setup, read and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control.errors import ConfigError
from control.lab import ChoosyPlugin, Lab, find_plugin
from control.setup.channels import make_target
from control.setup.files import SetupFile, read_file
from control.setup.instruments import Instrument, make_instruments
from control.setup.kasli import make_kasli
from control.setup.schema import CoreTable, SetupTable, decode
from control.setup.values import SourcedValue, read_entries, read_values
from sequences.library import Calibration
from sequences.target import Target
from sequences.targets.artiq import Kasli


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
        kasli: where the channels sit on ARTIQ hardware, or None if the file does not say.
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
    kasli: Kasli | None = None

    def open_lab(self, seed: int) -> Lab:
        """Start the lab.

        Args:
            seed: of every random draw of a simulated lab.

        Raises:
            ConfigError: the lab cannot play in this setup; nothing was started.
        """
        self.require_playable()
        return find_plugin(self.lab).open(self.tables, self.target, seed)

    def require_playable(self) -> None:
        """Make sure that programs can be played, not only instruments looked at.

        Raises:
            ConfigError: all that keeps the lab from it.
        """
        plugin = find_plugin(self.lab)
        problems = plugin.unplayable(self.tables) if isinstance(plugin, ChoosyPlugin) else ()
        if problems:
            raise _told(self.origin, problems)


def read_setup(which: str | Path = "innsbruck") -> Setup:
    """Read a setup file and check all of it.

    Args:
        which: a ``.toml`` file, or the name of a setup that comes with ionloom.

    Raises:
        ConfigError: whatever is wrong with the file, all of it at once.
    """
    return check_setup(read_file(which))


def check_setup(file: SetupFile) -> Setup:
    """Return what a setup file says.

    Args:
        file: as it was read, or made.

    Raises:
        ConfigError: whatever is wrong with it, all of it at once.
    """
    problems: list[str] = []
    table = decode(SetupTable, file.tables, "", problems)
    core_table = file.tables.get("core")
    core = decode(CoreTable, core_table, "core", problems) if isinstance(core_table, dict) else None
    # What cannot be used stands aside, so that it does not keep the mistakes of the others from being told.
    tables = {name: _usable(file.tables, name) for name in ("channels", "instruments", "calibration", "node")}
    name = table.name if table else file.origin
    target = make_target(name, core or CoreTable(lab=""), tables["channels"], problems)
    kasli = make_kasli(target, tables["channels"], problems)
    instruments = make_instruments(tables["instruments"], problems)
    node = read_entries(tables["node"], "node", problems)
    if core is not None:
        # The form of the tables is judged here, their meaning to the lab by its plug-in.
        problems += _plugin_problems(core.lab, tables)
    values, sources = read_values(Calibration, tables["calibration"], "calibration", problems)
    if problems or table is None or core is None or target is None:
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
        kasli=kasli,
    )


def _plugin_problems(lab: str, tables: Mapping[str, Any]) -> list[str]:
    try:
        plugin = find_plugin(lab)
    except ConfigError as error:
        return [f"core.lab: {problem}" for problem in error.problems]
    return list(plugin.problems(tables))


def _usable(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    table = tables.get(name, {})
    return table if isinstance(table, dict) else {}


def _told(origin: str, problems: Sequence[str]) -> ConfigError:
    return ConfigError(tuple(f"{origin}: {problem}" for problem in problems))
