"""What a run came to, for programs and for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from control.cli.printing import console, jsonable, print_json, print_table
from control.cli.streams import stdout_for_json
from control.experiments.experiment import Experiment
from control.experiments.registry import author_errors
from control.experiments.scanned_runs import tabulate_run
from control.experiments.tables import Table
from data import Run, open_run


def print_outcome(path: Path, experiment: Experiment, *, as_json: bool) -> None:
    """Print the results of a run: a table, or the table on stderr and one JSON object on stdout."""
    with open_run(path) as run:
        table = None
        if run.results:
            with (
                author_errors(f"table() of {experiment.name}", kept=str(run.path)),
                stdout_for_json(as_json),
            ):
                table = tabulate_run(experiment, run, run.results)
        print_found(run, table, as_json=as_json)


def print_found(run: Run, table: Table | None, *, as_json: bool) -> None:
    """Print what was found of a run: a table, or the table on stderr and one JSON object on stdout.

    Args:
        run: open.
        table: of its results; None if it has none.
        as_json: whether a program reads it.
    """
    on = console(stderr=as_json)
    if table is None:
        on.print("no results", style="yellow")
    else:
        print_table(table, on)
    print_notes(run, on)
    on.print(f"run {run.id} ({run.status}), seed {run.header.seed}: {run.path}", soft_wrap=True, markup=False)
    if as_json:
        print_json(as_object(run, run.path))


def print_notes(run: Run, on: Console) -> None:
    """Print what the timing core had to say."""
    for note in run.notes:
        on.print(f"note: {note}", style="yellow", soft_wrap=True, markup=False)


def as_object(run: Run, path: Path) -> dict[str, Any]:
    """Return what ``--json`` prints of a run."""
    return {
        "file": str(path),
        "id": run.id,
        "experiment": run.experiment,
        "status": run.status,
        "points": len(run.points),
        "seed": run.header.seed,
        "parameters": {name: parameter.value for name, parameter in run.parameters.items()},
        "notes": list(run.notes),
        "results": jsonable(run.results),
    }
