"""``ionloom check``: before any shot, whether the lab's timing core can play an experiment."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

import click

from control.cli.asking import Asked, asks_for_experiment
from control.cli.escapes import say
from control.cli.exits import DONE, FAILED
from control.cli.printing import console, print_table
from control.experiments.tables import Table
from control.lab import find_plugin
from control.setup import Setup
from sequences import Program, Target
from sequences.machine import Report, examine
from sequences.units import show


@click.command("check")
@asks_for_experiment
def check(asked: Asked) -> int:
    """Check before any shot whether the core can keep up.

    Proves every program of it against the limits in the setup file: whether events are handed over in time,
    have a lane and a free bus, and change no faster than their channels can. If the lab can rehearse programs
    itself, it is asked for its opinion, too. The exit code is 1 if there are faults, and 2
    for mistakes that no core could play, which are told as by every other command.
    """
    plan = asked.plan(proved=False)
    different = tuple({id(program): program for program in plan.programs}.values())
    reports = [examine(program) for program in different]
    title = f"{plan.experiment.name} on {plan.setup.name}"
    print_table(
        Table(("program", "most, of all points"), _figures(reports, plan.setup.target), title), console()
    )
    proved = [str(problem) for report in reports for problem in report.problems]
    return _tell([*proved, *_rehearsed(plan.setup, different)])


def _tell(faults: Iterable[str]) -> int:
    """Print every fault once, and return the exit code."""
    different = tuple(dict.fromkeys(faults))
    for fault in different:
        say(f"fault: {fault}")
    several = "s" if len(different) > 1 else ""
    say(f"{len(different)} fault{several}" if different else "no faults")
    return FAILED if different else DONE


def _figures(reports: Sequence[Report], target: Target) -> tuple[tuple[str, str], ...]:
    """Return what the programs ask of the core, each figure from the program that asks for most."""
    core = target.dispatcher
    rows = [
        ("programs", f"{len(reports)} different"),
        ("events", f"{max(report.events for report in reports)}, loops counted once"),
    ]
    if core is None:
        rows.append(("timing core", "the setup states no limits of its dispatcher"))
    else:
        writes = max(report.writes for report in reports)
        rate = max(report.rate for report in reports)
        queue = max(report.queue for report in reports)
        rows += [
            ("writes", f"{writes}, the events of a channel at one tick together"),
            ("least slack", _slack(reports, target)),
            ("busiest millisecond", f"{rate:.4g} writes/s; the core hands over {1 / core.event_time:.4g}"),
            ("longest queue", f"{queue} writes; the core holds {core.capacity}"),
        ]
    for bus in dict.fromkeys(bus for report in reports for bus in report.occupied):
        share = max(report.occupied.get(bus, 0.0) for report in reports)
        rows.append((f"bus {bus}", f"programs {100 * share:.3g} % of its busiest stretch"))
    return tuple(rows)


def _slack(reports: Sequence[Report], target: Target) -> str:
    worst = min(reports, key=lambda report: report.worst)
    if math.isinf(worst.worst) or target.dispatcher is None:
        return "nothing is played"
    needed = show(target.dispatcher.margin, "s", 4)
    return f"{show(worst.worst, 's', 4)} at {worst.where}; the core needs {needed}"


def _rehearsed(lab: Setup, programs: Sequence[Program]) -> list[str]:
    """Return the faults that the lab itself finds when it rehearses the programs; none if it cannot."""
    # Looked up before the lab is opened: one that cannot rehearse has no part in this.
    if not hasattr(find_plugin(lab.lab), "rehearse"):
        return []
    with closing(lab.open_lab(seed=0)) as opened:
        rehearse: Callable[[Program], Iterable[object]] = getattr(opened, "rehearse")  # noqa: B009
        return [str(fault) for program in programs for fault in rehearse(program)]
