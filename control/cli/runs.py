"""``ionloom runs``."""

from __future__ import annotations

import math
from pathlib import Path

import click

from control.cli.options import out_option
from control.cli.printing import console, print_table
from control.experiments.tables import Table
from data import KeyResult, RunSummary, find_runs
from data.analysis import Estimate


@click.command()
@out_option
def runs(out: Path) -> None:
    """List the runs of a folder, newest first."""
    found = find_runs(out)
    headings = ("id", "experiment", "started (UTC)", "status", "points", "first result")
    print_table(Table(headings, tuple(map(_row, found))), console())
    if not found:
        click.echo(f"no runs in {out}")


def _row(run: RunSummary) -> tuple[str, ...]:
    started = f"{run.started:%Y-%m-%d %H:%M:%S}"
    result = _shown(run.key_result) if run.key_result else run.message
    return run.id, run.experiment, started, run.status, str(run.points), result


def _shown(result: KeyResult) -> str:
    """Return a result with its error in the last digits."""
    if math.isfinite(result.value) and math.isfinite(result.error):
        return f"{result.name} = {Estimate(result.value, result.error, result.unit)}"
    return f"{result.name} = {result.value:.6g} {result.unit}".rstrip()
