"""``ionloom lab``."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any, Final

import click

from control.bench import whereabouts
from control.cli.options import json_option, setup_option
from control.cli.printing import console, print_json, print_table
from control.cli.stopping import stop_wish
from control.errors import UsageError
from control.experiments.tables import Table
from control.lab import BenchPlugin, RunningBench, find_plugin
from control.setup import Setup, read_setup

LOOK_SECONDS: Final = 0.1  # between two looks at whether to stop


@click.command("lab")
@setup_option
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of the instruments' imperfections.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True, max=1e6),
    default=1.0,
    show_default=True,
    help="Lab seconds per second.",
)
@json_option
def lab(setup: str, seed: int, speed: float, as_json: bool) -> None:
    """Start the simulated instruments of a setup, until stopped.

    Prints where each one is, for any program that speaks to instruments, and where faults are provoked
    (`ionloom fault`). All ports are on this machine only. Ctrl-C stops it.
    """
    read = read_setup(setup)
    plugin = find_plugin(read.lab)
    if not isinstance(plugin, BenchPlugin):
        raise UsageError(
            what=f"{read.lab}, which plays {read.name}, has no simulated instruments",
            advice="Give the setup of a simulated lab with --setup.",
        )
    with stop_wish() as wish, closing(plugin.start_bench(read.tables, seed, speed)) as bench:
        if as_json:
            print_json({"control": bench.control, "instruments": _whereabouts(read, bench)})
        else:
            _print(read, bench)
        while not (bench.stopped.is_set() or wish.wait(LOOK_SECONDS)):
            pass
    console(stderr=True).print("stopped", markup=False)


def _whereabouts(setup: Setup, bench: RunningBench) -> dict[str, dict[str, Any]]:
    found = {}
    for instrument in setup.instruments:
        resource, stream = whereabouts(instrument, bench.resources)
        found[instrument.name] = {
            "driver": instrument.driver,
            "resource": resource,
            "stream": stream,
            "address": instrument.address,
            "role": instrument.role,
            "simulated": instrument.resource in bench.resources,
        }
    return found


def _print(setup: Setup, bench: RunningBench) -> None:
    on = console()
    rows = tuple(
        (name, each["driver"], _place(each), each["role"])
        for name, each in _whereabouts(setup, bench).items()
    )
    print_table(Table(("instrument", "driver", "resource", "acts on"), rows), on)
    told = (
        f"\nlab at {bench.control}; in another terminal:",
        f"  ionloom devices --lab {bench.control}",
        f"  ionloom fault --lab {bench.control}",
        "Ctrl-C stops it",
    )
    on.print("\n".join(told), markup=False, soft_wrap=True)
    on.file.flush()


def _place(each: Mapping[str, Any]) -> str:
    more = [f"address {each['address']}"] if each["address"] else []
    more += [f"second line {each['stream']}"] if each["stream"] else []
    more += [] if each["simulated"] else ["not simulated"]
    return ", ".join([each["resource"], *more])
