"""``ionloom list``."""

from __future__ import annotations

import click

from control.cli.parameters import parameter_rows
from control.cli.printing import console, print_table
from control.experiments.registry import experiment_names, find_experiment
from control.experiments.tables import Table


@click.command("list")
@click.argument("name", metavar="[NAME|FILE.py]", required=False)
def listing(name: str | None) -> None:
    """List the experiments, or the parameters of one."""
    if name is None:
        kinds = [find_experiment(known) for known in experiment_names()]
        rows = tuple((kind.name, kind.summary) for kind in kinds)
        print_table(Table(("experiment", "what it does"), rows), console())
        return
    kind = find_experiment(name)
    headings = ("parameter", "default", "allowed", "meaning")
    print_table(Table(headings, parameter_rows(kind), f"{kind.name}: {kind.summary}"), console())
