"""``ionloom analyze``."""

from __future__ import annotations

from pathlib import Path

import click

from control.cli.options import experiment_option, json_option, out_option, run_argument
from control.cli.outcome import find_recorded, print_outcome
from control.runner import analyse_run
from data import find_run, open_run


@click.command()
@run_argument
@experiment_option
@out_option
@json_option
def analyze(which: str, experiment: str | None, out: Path, as_json: bool) -> None:
    """Analyse a run again, from its file.

    RUN is a file, an id, the beginning of an id, or `latest` in --out. The data are not touched.
    """
    path = find_run(out, which)
    with open_run(path) as run:
        made_by = find_recorded(run, experiment)
    analyse_run(made_by, path)
    print_outcome(path, made_by, as_json=as_json)
