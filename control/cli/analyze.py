"""``ionloom analyze``."""

from __future__ import annotations

from pathlib import Path

import click

from control.cli.chosen_runs import find_all, is_one, runs_argument
from control.cli.options import analysis_parameter_option, experiment_option, json_option, out_option
from control.cli.streams import stdout_for_json


@click.command()
@runs_argument
@click.option(
    "--analysis",
    metavar="NAME|FILE.py",
    help="Another analysis than that of the experiment that made the run: summary, fit, g2, wave-packet or "
    "tomography, which take any run; that of another experiment; or a file of yours with a function "
    "analyse(run), which returns a mapping of names to results.",
)
@analysis_parameter_option
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Processes on this machine.  [default: one for few runs, all cores for many]",
)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Scheduler of a Dask cluster, as tcp://10.0.0.5:8786; its workers must see the same files.",
)
@click.option("--dry-run", is_flag=True, help="Print the results, and write nothing.")
@experiment_option
@out_option
@json_option
def analyze(
    which: tuple[str, ...],
    analysis: str | None,
    parameters: dict[str, str],
    workers: int | None,
    cluster: str | None,
    dry_run: bool,
    experiment: str | None,
    out: Path,
    as_json: bool,
) -> int:
    """Analyse runs again, from their files.

    RUN is a file, an id, the beginning of an id, a folder of runs, or `latest` in --out. The data are not
    touched: the results of each become a new version beside those that it has. Of several runs, those that
    cannot be analysed are told, and the exit code is 1.

    \b
    ionloom analyze                                  the latest run, as its experiment does
    ionloom analyze runs                             all runs of a folder
    ionloom analyze latest --analysis fit -p model=rabi -p axis=duration
    ionloom analyze latest --analysis mine.py        your own, without touching ionloom
    """  # noqa: D301 - the backspace tells click not to join the lines
    paths = find_all(out, which)
    # Only when there is something to do: analyses bring most of what ionloom is.
    from control.analyses import Wanted, find_analysis  # noqa: PLC0415
    from control.cli.analysing import analyse_alone, analyse_many  # noqa: PLC0415

    wanted = Wanted(analysis, parameters, experiment)
    with stdout_for_json(as_json):
        # mistakes are told before any run is read
        find_analysis(wanted.which, wanted.texts, wanted.experiment)
    if is_one(which) and not dry_run and cluster is None:
        return analyse_alone(paths[0], wanted, as_json=as_json)
    return analyse_many(paths, wanted, workers=workers, cluster=cluster, write=not dry_run, as_json=as_json)
