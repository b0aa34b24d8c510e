"""``ionloom simulate``: parameter studies on the simulated lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from control.cli.exits import DONE, FAILED
from control.cli.options import json_option, parameter_option, setup_option
from control.cli.printing import ProgressBar, console, jsonable, print_json, print_table
from control.cli.streams import stdout_for_json
from control.experiments.registry import find_experiment
from control.plan import choose
from control.simulate import Outcome, Simulated, simulate
from control.simulate.overview import tabulate_study


@click.command("simulate")
@click.argument("name", metavar="NAME|FILE.py")
@parameter_option
@click.option(
    "--vary",
    metavar="NAME=VALUES",
    multiple=True,
    help="What to turn, and to what: a parameter, a calibrated value, a property of the simulated node "
    "('node.cavity_decay = 50 kHz .. 90 kHz / 5'), a setting of an instrument "
    "('trap_rf.power = -3, -2 dBm'). Repeatable: every combination is measured, the last runs fastest.",
)
@click.option(
    "--zip", "zipped", is_flag=True, help="Values of several --vary run together, the first with the first."
)
@click.option(
    "--list",
    "listed",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Settings one by one: names in the first line, values with their units below.",
)
@click.option(
    "--shots", type=click.IntRange(min=1), help="Times that each point of each setting is measured."
)
@click.option(
    "--block",
    type=click.IntRange(min=1),
    help="Shots that one task plays, in a lab opened for them.  [default: 2000]",
)
@setup_option
@click.option(
    "--seed", type=click.IntRange(min=0), help="Of the whole study: the same seed, the same clicks."
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes on this machine."
)
@click.option("--cluster", metavar="ADDRESS", help="Scheduler of a Dask cluster whose workers play instead.")
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), required=True, help="Folder of the study."
)
@json_option
def simulating(
    name: str,
    parameters: dict[str, str],
    vary: tuple[str, ...],
    zipped: bool,
    listed: Path | None,
    shots: int | None,
    block: int | None,
    setup: str,
    seed: int | None,
    workers: int,
    cluster: str | None,
    out: Path,
    as_json: bool,
) -> int:
    """Vary parameters of a simulated lab, and measure each setting.

    NAME is one of `ionloom list`; FILE.py holds one of your own.
    The same command goes on where an earlier one was stopped. What is seen depends neither on that nor on
    the number of workers. Every setting gets a run file of its own in the folder.
    """
    with stdout_for_json(as_json):
        experiment, calibration = choose(find_experiment(name), parameters, shots)
    with stdout_for_json(as_json), ProgressBar() as bar:
        done = simulate(
            experiment,
            vary=vary,
            listed=listed,
            zipped=zipped,
            block=block,
            setup=setup,
            seed=seed,
            calibration=calibration,
            workers=workers,
            cluster=cluster,
            out=out,
            progress=bar,
        )
    _print(done, as_json=as_json)
    return FAILED if any(outcome.problem for outcome in done.outcomes) else DONE


def _print(done: Simulated, *, as_json: bool) -> None:
    """Print the table, what went wrong, how fast it was; or those on stderr and one JSON object on stdout."""
    on = console(stderr=as_json)
    print_table(tabulate_study(done.study.experiment.name, done.outcomes, done.study.units), on)
    for outcome in done.outcomes:
        if outcome.problem:
            on.print(f"setting {outcome.number}: {outcome.problem}", style="yellow", markup=False)
    study = done.study
    on.print(str(done.pace), markup=False)
    settings = f"{len(study.settings)} setting{'s' if len(study.settings) > 1 else ''}"
    on.print(
        f"{settings} of {study.shots} shots, seed {study.seed}: {done.folder}", soft_wrap=True, markup=False
    )
    if as_json:
        print_json(_as_object(done))


def _as_object(done: Simulated) -> dict[str, Any]:
    study = done.study
    return {
        "folder": str(done.folder),
        "experiment": study.experiment.name,
        "shots": study.shots,
        "block": study.block,
        "seed": study.seed,
        "units": study.units,
        "settings": [_setting(outcome) for outcome in done.outcomes],
    }


def _setting(outcome: Outcome) -> dict[str, Any]:
    return {
        "setting": outcome.number,
        "values": outcome.values,
        "file": str(outcome.run),
        "lab_seconds": outcome.tally.seconds,
        "attempts": outcome.tally.attempts,
        "heralds": outcome.tally.heralds,
        "results": jsonable(outcome.results),
        "problem": outcome.problem,
    }
