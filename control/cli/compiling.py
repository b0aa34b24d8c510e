"""``ionloom compile``."""

from __future__ import annotations

import click

from control.cli.options import parameter_option, scan_options, scan_text, setup_option
from control.cli.printing import console, print_table
from control.experiments.registry import find_experiment
from control.experiments.tables import Table
from control.plan import Plan, choose, make_plan
from control.setup import read_setup
from sequences import Program, print_program
from sequences.units import show


@click.command("compile")
@click.argument("name", metavar="NAME|FILE.py")
@parameter_option
@scan_options
@setup_option
@click.option("--text", is_flag=True, help="Print the program of the first point instead.")
def compiling(
    name: str,
    parameters: dict[str, str],
    scans: tuple[str, ...],
    zipped: bool,
    order: str,
    setup: str,
    text: bool,
) -> None:
    """Compile an experiment without playing it.

    Prints the size of its programs, how long a shot lasts, and how long compiling took.
    """
    experiment, calibration = choose(find_experiment(name), parameters)
    scan = scan_text(scans, zipped=zipped, order=order, seed=0)  # any order has the same programs
    plan = make_plan(experiment, read_setup(setup), calibration, scan, proved=not text)
    if text:
        click.echo(print_program(plan.programs[0]), nl=False)
        return
    print_table(_summary(plan), console())


def _summary(plan: Plan) -> Table:
    program = plan.programs[0]
    each = show(plan.bind_seconds / plan.binds, "s", 3)
    rows = (
        ("points", f"{len(plan.points)}, of {plan.binds} different programs"),
        (
            "events",
            f"{program.events} in {sum(1 for _ in program.timelines())} timelines, loops counted once",
        ),
        ("memory", f"{sum(timeline.nbytes for timeline in program.timelines()) / 1e3:.1f} kB"),
        ("one shot", shot_duration(program)),
        ("compile time", f"{plan.compile_seconds * 1e3:.1f} ms, all points"),
        ("binds", f"{plan.binds} in {plan.bind_seconds * 1e3:.1f} ms of it, {each} each"),
    )
    return Table(("program", plan.experiment.name), rows)


def shot_duration(program: Program) -> str:
    """Return how long one shot lasts, as text: a range if it depends on heralds."""
    shortest, longest = (
        show(ticks * program.target.period, "s", 6)
        for ticks in (program.duration(heralded=True), program.duration(heralded=False))
    )
    return shortest if shortest == longest else f"{shortest} to {longest}"
