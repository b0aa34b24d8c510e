"""``ionloom setup``."""

from __future__ import annotations

from typing import Final

import click

from control.cli.late import Late, LateGroup
from control.cli.options import setup_option
from control.cli.printing import console, print_table
from control.experiments.tables import Table
from control.setup import Setup, SourcedValue, read_setup

_SHOW: Final = Late("control.cli.setups:show_setup", "Show every value of a setup and where it comes from.")


@click.group("setup", cls=LateGroup, late={"show": _SHOW})
def setups() -> None:
    """Look at the setup file of a lab."""


@click.command("show")
@setup_option
def show_setup(setup: str) -> None:
    """Show every value of a setup and where it comes from.

    Values that are somebody's guess are marked ASSUMED.
    """
    lab = read_setup(setup)
    on = console()
    on.print(f"{lab.name}: {lab.title}  ({lab.origin}, played by {lab.lab})", markup=False, soft_wrap=True)
    on.print()
    print_table(_channels(lab), on)
    on.print()
    print_table(_instruments(lab), on)
    on.print()
    print_table(Table(("value", "", "source", "reference"), tuple(map(_row, lab.sources))), on)
    assumed = sum(value.assumed for value in lab.sources)
    on.print(f"\n{len(lab.sources)} values, {assumed} of them assumed", markup=False)


def _channels(lab: Setup) -> Table:
    drives = {name: str(table.get("drives", "")) for name, table in lab.tables.get("channels", {}).items()}
    rows = tuple(
        (channel.name, channel.kind.value, str(channel.number), drives[channel.name])
        for channel in lab.target.channels
    )
    return Table(("channel", "kind", "number", "drives"), rows)


def _instruments(lab: Setup) -> Table:
    rows = tuple(
        (
            instrument.name,
            instrument.driver,
            instrument.resource + (f", address {instrument.address}" if instrument.address else ""),
            instrument.role,
        )
        for instrument in lab.instruments
    )
    return Table(("instrument", "driver", "resource", "acts on"), rows)


def _row(value: SourcedValue) -> tuple[str, str, str, str]:
    return value.key, value.value, "ASSUMED" if value.assumed else value.source, value.reference
