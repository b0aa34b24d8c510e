"""``ionloom list``."""

from __future__ import annotations

import click

from control.cli.parameters import parameter_rows
from control.cli.printing import console, print_table
from control.experiments.registry import GROUPS, find_experiment
from control.experiments.tables import Table


@click.command("list")
@click.argument("name", metavar="[NAME|FILE.py]", required=False)
def listing(name: str | None) -> None:
    """List the experiments, or the parameters of one."""
    if name is None:
        for group, (_, names) in GROUPS.items():
            kinds = map(find_experiment, names)
            rows = tuple((kind.name, kind.summary) for kind in kinds)
            print_table(Table((f"experiments of {group}", "what they do"), rows), console())
            console().print()
        return
    kind = find_experiment(name)
    headings = ("parameter", "default", "allowed", "meaning")
    print_table(Table(headings, parameter_rows(kind), f"{kind.name}: {kind.summary}"), console())
