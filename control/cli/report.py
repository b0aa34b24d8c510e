"""``ionloom report``."""

from __future__ import annotations

from pathlib import Path

import click

from control.cli.chosen_runs import find_all, runs_argument
from control.cli.escapes import say
from control.cli.exits import DONE, FAILED
from control.cli.options import experiment_option, out_option
from control.experiments.registry import find_experiment
from control.report import write_report
from data import open_run
from data.errors import DataError


@click.command()
@runs_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE.html",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="The page.",
)
@experiment_option
@out_option
def report(which: tuple[str, ...], output: Path, experiment: str | None, out: Path) -> int:
    """Write a page about runs that needs nothing else.

    Pictures, results, parameters with their origin, calibrations, code, setup, software and log; several runs
    are compared. RUN is a file, an id, the beginning of an id, a folder of runs, or `latest` in --out. Of
    several runs, those that cannot be read are told and left out.
    """
    paths = find_all(out, which)
    problems = {path: problem for path in paths if (problem := _problem(path))} if len(paths) > 1 else {}
    if experiment is not None:
        find_experiment(experiment)  # a mistake in its name is told here, not in place of every picture
    readable = [path for path in paths if path not in problems] or paths[:1]  # which is told by its opening
    say(write_report(readable, output, experiment, tuple(problems.values())))
    for problem in problems.values():
        say(f"ionloom: left out: {problem}", err=True)
    return FAILED if problems else DONE


def _problem(path: Path) -> str:
    """Return why a run cannot be read; empty if it can."""
    try:
        with open_run(path) as run:
            _ = run.id, run.experiment, run.status  # what a page begins with; a head may be damaged
    except DataError as error:
        return str(error)
    return ""
