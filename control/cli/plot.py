"""``ionloom plot``."""

from __future__ import annotations

from pathlib import Path

import click

from control.analyses import present
from control.cli.escapes import say
from control.cli.options import experiment_option, out_option, run_argument
from control.plots import check_picture, save_figure
from data import find_run, open_run


@click.command()
@run_argument
@click.option(
    "-o",
    "--output",
    "outputs",
    metavar="FILE",
    type=click.Path(path_type=Path),
    multiple=True,
    help="The picture (.png, .pdf, .svg); by default a PNG beside the run. Repeatable.",
)
@experiment_option
@out_option
def plot(which: str, outputs: tuple[Path, ...], experiment: str | None, out: Path) -> None:
    """Draw a run into a picture beside its file.

    RUN is a file, an id, the beginning of an id, or `latest` in --out. A run of an experiment that is not
    known, or of another program, is drawn as what its points give over what was scanned.
    """
    path = find_run(out, which)
    with open_run(path) as run:
        figure = present(run, experiment).figure()
    pictures = outputs or (path.with_suffix(".png"),)
    for picture in pictures:
        check_picture(figure, picture)
    for picture in pictures:
        say(save_figure(figure, picture))
