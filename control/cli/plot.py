"""``ionloom plot``."""

from __future__ import annotations

from pathlib import Path

import click

from control.cli.options import experiment_option, out_option, run_argument
from control.cli.outcome import find_recorded
from control.experiments.picture import draw_run
from data import find_run, open_run


@click.command()
@run_argument
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The picture (.png, .pdf, .svg); by default a PNG beside the run.",
)
@experiment_option
@out_option
def plot(which: str, output: Path | None, experiment: str | None, out: Path) -> None:
    """Draw a run into a picture beside its file.

    RUN is a file, an id, the beginning of an id, or `latest` in --out.
    """
    path = find_run(out, which)
    with open_run(path) as run:
        drawn = draw_run(find_recorded(run, experiment), run, output or path.with_suffix(".png"))
    click.echo(drawn)
