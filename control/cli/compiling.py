"""``ionloom compile``."""

from __future__ import annotations

from collections.abc import Iterable

import click

from control.cli.options import parameter_option, setup_option
from control.cli.printing import console, print_table
from control.experiments.registry import find_experiment
from control.experiments.tables import Table
from control.plan import Plan, choose, make_plan
from control.setup import read_setup
from sequences import AttemptLoop, Play, Program, RepeatLoop, print_program
from sequences.program import Step
from sequences.units import show


@click.command("compile")
@click.argument("name", metavar="NAME|FILE.py")
@parameter_option
@setup_option
@click.option("--text", is_flag=True, help="Print the program of the first point instead.")
def compiling(name: str, parameters: dict[str, str], setup: str, text: bool) -> None:
    """Compile an experiment without playing it.

    Prints the size of its programs, how long a shot lasts, and how long compiling took.
    """
    experiment, calibration = choose(find_experiment(name), parameters)
    plan = make_plan(experiment, read_setup(setup), calibration)
    if text:
        click.echo(print_program(plan.programs[0]), nl=False)
        return
    print_table(_summary(plan), console())


def _summary(plan: Plan) -> Table:
    different = {id(program): program for program in plan.programs}
    program = plan.programs[0]
    rows = (
        ("points", f"{len(plan.points)}, of {len(different)} different programs"),
        (
            "events",
            f"{program.events} in {sum(1 for _ in program.timelines())} timelines, loops counted once",
        ),
        ("memory", f"{sum(timeline.nbytes for timeline in program.timelines()) / 1e3:.1f} kB"),
        ("one shot", shot_duration(program)),
        ("compile time", f"{plan.compile_seconds * 1e3:.1f} ms, all points"),
    )
    return Table(("program", plan.experiment.name), rows)


def shot_duration(program: Program) -> str:
    """Return how long one shot lasts, as text: a range if it depends on heralds."""
    shortest, longest = (
        show(ticks * program.target.period, "s", 6)
        for ticks in (_ticks(program.steps, heralded=True), _ticks(program.steps, heralded=False))
    )
    return shortest if shortest == longest else f"{shortest} to {longest}"


def _ticks(steps: Iterable[Step], *, heralded: bool) -> int:
    """Return the ticks of steps if every attempt loop ends at its first attempt, or at none."""
    ticks = 0
    for step in steps:
        match step:
            case Play(timeline):
                ticks += timeline.duration
            case RepeatLoop(count, inner):
                ticks += count * _ticks(inner, heralded=heralded)
            case AttemptLoop():
                ticks += (1 if heralded else step.maximum) * _ticks(step.steps, heralded=heralded)
    return ticks
