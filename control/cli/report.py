"""``ionloom report``."""

from __future__ import annotations

from pathlib import Path

import click

from control.cli.chosen_runs import find_all, runs_argument
from control.cli.options import experiment_option, out_option
from control.report import write_report


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
def report(which: tuple[str, ...], output: Path, experiment: str | None, out: Path) -> None:
    """Write a page about runs that needs nothing else.

    Pictures, results, parameters with their origin, calibrations, code, setup, software and log; several runs
    are compared. RUN is a file, an id, the beginning of an id, a folder of runs, or `latest` in --out.
    """
    click.echo(write_report(find_all(out, which), output, experiment))
