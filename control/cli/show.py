"""``ionloom show``."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from control.cli.options import out_option, run_argument
from control.cli.outcome import print_notes
from control.cli.printing import console, print_table
from control.experiments.tables import Table, cell
from data import Run, StoredParameter, find_run, open_run
from sequences.units import show as show_quantity


@click.command()
@run_argument
@out_option
def show(which: str, out: Path) -> None:
    """Show what a run was made with and what it says.

    RUN is a file, an id, the beginning of an id, or `latest` in --out.
    """
    on = console()
    with open_run(find_run(out, which)) as run:
        print_table(_facts(run), on)
        on.print()
        print_table(_parameters(run), on)
        on.print()
        _print_results(run, on)
        print_notes(run, on)


def _facts(run: Run) -> Table:
    origin = run.header.provenance
    revision = f"{origin.git_revision[:12]}{' with changes' if origin.git_dirty else ''}" or "none"
    lasted = f"{(run.ended - origin.started).total_seconds():.1f} s" if run.ended else "not known"
    rows = (
        ("id", run.id),
        ("file", str(run.path)),
        ("started", f"{origin.started:%Y-%m-%d %H:%M:%S} UTC, lasted {lasted}"),
        ("status", f"{run.status} {run.message}".rstrip()),
        ("points", f"{len(run)}, of {run.header.shots_per_point} shots each"),
        (
            "axes",
            ", ".join(f"{axis.name} ({axis.unit})" if axis.unit else axis.name for axis in run.header.axes),
        ),
        ("readouts", ", ".join(f"{readout.name} [{readout.width}]" for readout in run.header.readouts)),
        ("seed", str(run.header.seed)),
        ("source", f"{origin.source_file or 'typed in'}, git revision {revision}"),
        ("made with", f"Python {origin.python} on {origin.platform}, {len(origin.packages)} packages"),
    )
    return Table(("run", run.experiment), rows)


def _parameters(run: Run) -> Table:
    rows = tuple(
        (name, _value(parameter), parameter.origin, parameter.help)
        for name, parameter in run.parameters.items()
    )
    return Table(("parameter", "value", "origin", "meaning"), rows)


def _value(parameter: StoredParameter) -> str:
    if isinstance(parameter.value, float):
        return show_quantity(parameter.value, parameter.unit)
    return f"{parameter.value} {parameter.unit}".rstrip()


def _print_results(run: Run, on: Console) -> None:
    """Print the single numbers of the results, and how many there are of the others."""
    rows = tuple(
        (name, f"{len(value)} entries" if isinstance(value, list | dict) else cell(value))
        for name, value in run.results.items()
    )
    print_table(Table(("result", "value"), rows), on)
    if not rows:
        on.print("no results; `ionloom analyze` makes them", markup=False)
