"""``ionloom run``."""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from control.cli.options import (
    happening_options,
    json_option,
    out_option,
    parameter_option,
    scan_options,
    scan_text,
    setup_option,
)
from control.cli.outcome import print_outcome
from control.cli.parameters import parameter_rows
from control.cli.printing import ProgressBar
from control.cli.streams import stdout_for_json
from control.errors import ControlError, InterruptedRun
from control.experiments.experiment import Experiment
from control.experiments.registry import find_experiment
from control.plan import choose, make_plan
from control.runner import SEED_BITS, run_plan
from control.setup import read_setup
from sequences.errors import SequenceError


class RunCommand(click.Command):
    """A command whose help also tells the parameters of the experiment that stands before ``--help``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Remember the arguments for the help."""
        ctx.meta["arguments"] = tuple(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, then the parameters of the experiment."""
        super().format_options(ctx, formatter)
        kind = _named_in(ctx.meta.get("arguments", ()))
        if kind is not None:
            with formatter.section(f"Parameters of {kind.name} (-p NAME=VALUE)"):
                formatter.write_dl(
                    [(row[0], " · ".join(filter(None, row[1:]))) for row in parameter_rows(kind)]
                )


def _named_in(arguments: tuple[str, ...]) -> type[Experiment] | None:
    for argument in arguments:
        if not argument.startswith("-"):
            try:
                return find_experiment(argument)
            except (ControlError, SequenceError):
                continue
    return None


@click.command(cls=RunCommand)
@click.argument("name", metavar="NAME|FILE.py")
@parameter_option
@scan_options
@click.option("--shots", type=click.IntRange(min=1), help="Times that each point is measured.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Of a simulated lab: the same seed, the same clicks."
)
@happening_options
@setup_option
@out_option
@click.option(
    "--journals",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of this machine for the run while it goes on, if --out is on a network drive.",
)
@json_option
def run(
    name: str,
    parameters: dict[str, str],
    scans: tuple[str, ...],
    zipped: bool,
    order: str,
    shots: int | None,
    seed: int | None,
    pace: float,
    provoking: tuple[str, ...],
    setup: str,
    out: Path,
    journals: Path | None,
    as_json: bool,
) -> None:
    """Measure an experiment and analyse it.

    NAME is one of `ionloom list`; FILE.py holds one of your own.
    --scan measures it at several values, whatever it measures by itself.
    With --help behind a name, its parameters are listed too.
    """
    seed = secrets.randbits(SEED_BITS) if seed is None else seed
    scan = scan_text(scans, zipped=zipped, order=order, seed=seed)
    with stdout_for_json(as_json):
        experiment, calibration = choose(find_experiment(name), parameters, shots)
        plan = make_plan(experiment, read_setup(setup), calibration, scan)
    try:
        with stdout_for_json(as_json), ProgressBar() as bar:
            path = run_plan(
                plan, seed=seed, out=out, journals=journals, progress=bar, pace=pace, provoking=provoking
            )
    except InterruptedRun as stopped:
        print_outcome(Path(stopped.path), experiment, as_json=as_json)
        raise
    print_outcome(path, experiment, as_json=as_json)
