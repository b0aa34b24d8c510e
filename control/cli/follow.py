"""``ionloom follow``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from control.cli.escapes import say
from control.cli.options import json_lines_option, out_option, run_argument
from control.cli.printing import jsonable, print_json
from data import Record, Run, find_run, open_run
from sequences.units import show as show_quantity


@click.command()
@run_argument
@out_option
@json_lines_option
def follow(which: str, out: Path, as_json: bool) -> None:
    """Print each point of a run as it is completed, until the run ends.

    RUN is a file, an id, the beginning of an id, or `latest` in --out. The run is not disturbed: its journal
    is read, never the file that will be made of it.
    """
    with open_run(find_run(out, which)) as run:
        if not as_json:
            say(f"run {run.id}: {run.experiment}, {run.status}")
        for index, values, record in run.follow():
            facts = {"point": index, **values, **dict(_seen(record))}
            if as_json:
                print_json(jsonable(facts))
            else:
                say(_line(run, facts))
        if not as_json:
            say(f"{run.status} {run.message}".rstrip())


def _seen(record: Record) -> Iterator[tuple[str, Any]]:
    """Yield what was counted in a point, in a few numbers."""
    yield "shots", record.shots
    for name, counts in record.counts.items():
        yield (
            f"{name} a shot",
            [round(float(mean), 4) for mean in counts.mean(axis=0)] if record.shots else [],
        )
    if len(record.tags):
        yield "clicks", len(record.tags)


def _line(run: Run, facts: dict[str, Any]) -> str:
    units = {axis.name: axis.unit for axis in run.axes}
    cells = []
    for name, value in facts.items():
        if isinstance(value, float):
            cells.append(f"{name} {show_quantity(value, units.get(name, ''))}")
        elif isinstance(value, list):
            cells.append(f"{name} {' '.join(f'{mean:.4g}' for mean in value)}")
        else:
            cells.append(f"{name} {value}")
    return "  ".join(cells)
