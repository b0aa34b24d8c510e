"""What commands ask that look at an experiment without playing it: which one, with what, in which lab."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from control.cli.options import parameter_option, scan_options, scan_text, setup_option
from control.experiments.registry import find_experiment
from control.plan import Plan, choose, make_plan
from control.setup import read_setup


@dataclass(frozen=True, slots=True)
class Asked:
    """An experiment as it was asked for.

    Attributes:
        name: of the experiment, or its file.
        parameters: name -> text.
        scans: one text an option.
        zipped: whether they run together.
        order: of their points.
        setup: name or file of the lab's setup.
    """

    name: str
    parameters: dict[str, str]
    scans: tuple[str, ...]
    zipped: bool
    order: str
    setup: str

    def plan(self, *, proved: bool = True) -> Plan:
        """Return what would be played; `proved` as for `make_plan`."""
        experiment, calibration = choose(find_experiment(self.name), self.parameters)
        scan = scan_text(self.scans, zipped=self.zipped, order=self.order, seed=0)
        return make_plan(experiment, read_setup(self.setup), calibration, scan, proved=proved)


def asks_for_experiment(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the experiment and the options that say how it is meant; the command gets them as one `Asked`."""
    return asks_for(command, "NAME|FILE.py")


def asks_for(command: Callable[..., Any], metavar: str) -> Callable[..., Any]:
    """Do the same for a command that takes something else, too.

    Args:
        command: the command.
        metavar: what stands for the experiment in its help.
    """

    @functools.wraps(command)
    def asked(
        name: str,
        parameters: dict[str, str],
        scans: tuple[str, ...],
        zipped: bool,
        order: str,
        setup: str,
        **others: Any,
    ) -> Any:
        return command(Asked(name, parameters, scans, zipped, order, setup), **others)

    argument = click.argument("name", metavar=metavar)
    return argument(parameter_option(scan_options(setup_option(asked))))
