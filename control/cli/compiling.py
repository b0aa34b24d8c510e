"""``ionloom compile``."""

from __future__ import annotations

import click

from control.cli.asking import Asked, asks_for_experiment
from control.cli.printing import console, print_table
from control.experiments.tables import Table
from control.plan import Plan
from sequences import Program, print_program
from sequences.units import show


@click.command("compile")
@asks_for_experiment
@click.option("--text", is_flag=True, help="Print the program of the first point instead.")
def compiling(
    asked: Asked,
    text: bool,
) -> None:
    """Compile an experiment without playing it.

    Prints the size of its programs, how long a shot lasts, and how long compiling took.
    """
    plan = asked.plan(proved=not text)  # in any order, a scan has the same programs
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
