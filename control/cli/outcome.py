"""What a run came to, for programs and for people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from control.cli.printing import console, jsonable, print_json, print_table
from control.errors import ConfigError
from control.experiments.experiment import Experiment
from control.experiments.registry import author_errors, experiment_names, find_experiment
from control.experiments.scanned_runs import tabulate_run
from control.runner import recorded_experiment
from data import Run, open_run


def print_outcome(path: Path, experiment: Experiment, *, as_json: bool) -> None:
    """Print the results of a run: a table, or the table on stderr and one JSON object on stdout."""
    with open_run(path) as run:
        on = console(stderr=as_json)
        _print_results(run, experiment, on)
        print_notes(run, on)
        on.print(f"run {run.id} ({run.status}), seed {run.header.seed}: {path}", soft_wrap=True, markup=False)
        if as_json:
            print_json(as_object(run, path))


def notes_of(run: Run) -> tuple[str, ...]:
    """Return what the timing core had to say about the points of a run, each thing once."""
    return tuple(dict.fromkeys(note for record in run.records() for note in record.notes))


def print_notes(run: Run, on: Console) -> None:
    """Print what the timing core had to say."""
    for note in notes_of(run):
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
        "notes": list(notes_of(run)),
        "results": jsonable(run.results),
    }


def find_recorded(run: Run, file: str | None) -> Experiment:
    """Return the experiment that made a run, with the run's parameters.

    Args:
        run: open.
        file: where its code is, for one that does not come with ionloom.

    Raises:
        ConfigError: it is not known where its code is, or the file holds another experiment.
    """
    if file is None and run.experiment not in experiment_names():
        raise ConfigError(
            (
                f"run {run.id} was made by {run.experiment!r}, which does not come with ionloom: "
                f"say where its code is with --experiment {run.header.provenance.source_file or 'FILE.py'}",
            )
        )
    kind = find_experiment(file or run.experiment)
    if kind.name != run.experiment:
        advice = "say which class with --experiment FILE.py:Class"
        raise ConfigError((f"run {run.id} was made by {run.experiment!r}, not by {kind.name!r}: {advice}",))
    return recorded_experiment(kind, run)


def _print_results(run: Run, experiment: Experiment, on: Console) -> None:
    if not run.results:
        on.print("no results", style="yellow")
        return
    with author_errors(f"table() of {experiment.name}", kept=str(run.path)):
        table = tabulate_run(experiment, run, run.results)
    print_table(table, on)
