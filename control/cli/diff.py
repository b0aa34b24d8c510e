"""``ionloom diff``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from control.cli.differences import object_of, row_of
from control.cli.escapes import say
from control.cli.options import json_option, out_option
from control.cli.printing import console, jsonable, print_json, print_table
from control.errors import UsageError
from control.experiments.tables import Table
from control.views import Panel, check_format, describe, save_view, tint
from data import Run, find_run, open_run
from data.comparison import Difference, compare_runs
from sequences import declarations, parse_program
from sequences.library import Calibration
from sequences.picture import Change, Deviation, Picture, compare, depict, deviation_text
from sequences.units import show

_MOST_ROWS: Final = 100  # of a table on the screen; a drawing has room for all


@click.command()
@click.argument("first", metavar="RUN_A")
@click.argument("second", metavar="RUN_B")
@click.option("--timeline", "timelines", is_flag=True, help="Compare what was played, too.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Draw both timelines with their differences marked (.html, .svg, .png).",
)
@json_option
@out_option
def diff(first: str, second: str, timelines: bool, output: Path | None, as_json: bool, out: Path) -> None:
    """Tell in what two runs differ.

    Compares parameters, calibrations with the runs that made them, setup, scan (every point), seed, code,
    versions and results, these in standard deviations where errors are known. A RUN is a file, an id, the
    beginning of an id, or `latest` in --out. The timelines compared are those of the first points.
    """
    if output is not None:
        check_format(output)
    with open_run(find_run(out, first)) as old, open_run(find_run(out, second)) as new:
        on = console(stderr=as_json)
        differences = tuple(compare_runs(old, new))
        if as_json:
            listed = [object_of(difference) for difference in differences]
            print_json({"runs": [old.id, new.id], "differences": jsonable(listed)})
        else:
            _print(differences, old, new, on)
        if timelines or output is not None:
            picture = _compare_timelines(old, new, output, on)
            if picture is not None:
                say(picture, err=as_json)


def _print(differences: Sequence[Difference], old: Run, new: Run, on: Console) -> None:
    if differences:
        calibrated = declarations(Calibration)
        rows = tuple(row_of(difference, calibrated) for difference in differences)
        print_table(Table(("differs", old.id, new.id), rows), on)
    else:
        on.print("same parameters, calibration, setup, scan, seed, code, versions and results", markup=False)


def _compare_timelines(old: Run, new: Run, output: Path | None, on: Console) -> Path | None:
    """Print in what two timelines differ, and return the drawing of both if one is wanted."""
    before, after = (_picture(run) for run in (old, new))
    deviations = compare(before, after)
    on.print()
    if deviations:
        rows = tuple(deviation_rows(deviations))
        print_table(Table(("timeline", "channel", "at", "what", "line"), rows[:_MOST_ROWS]), on)
        if len(rows) > _MOST_ROWS:
            on.print(f"and {len(rows) - _MOST_ROWS} more; -o FILE.html shows all", markup=False)
    else:
        on.print("same timeline", markup=False)
    if output is None:
        return None
    panels = [
        Panel(
            f"run {run.id}",
            f"{run.experiment} · {describe(picture)}",
            picture,
            tint(deviations, after=late),
        )
        for run, picture, late in ((old, before, False), (new, after, True))
    ]
    return save_view(panels, output)


def _picture(run: Run) -> Picture:
    if not run.header.program:
        raise UsageError(what=f"run {run.id} holds no program", advice="Compare it without --timeline.")
    return depict(parse_program(run.header.program))


def deviation_rows(deviations: Sequence[Deviation]) -> Iterator[tuple[str, ...]]:
    """Yield lines of a table; things on a channel that moved together, one after the other, share a line."""
    for (change, channel, _), same in groupby(deviations, key=_together):
        group = list(same)
        first, last = group[0], group[-1]
        at = show(first.thing.start, "s")
        what = deviation_text(first)
        if len(group) > 1:
            at += f" to {show(last.thing.start, 's')}"
            what = f"{len(group)} of them, {deviation_text(first).rpartition(', ')[2]}"
        lines = dict.fromkeys(line for deviation in group for line in _lines(deviation))
        yield change, channel, at, what, ", ".join(lines)


def _together(deviation: Deviation) -> tuple[Change, str, float | int]:
    """Return what is equal for things that are told together; only moves are."""
    moved = deviation.change is Change.MOVED
    channel = deviation.thing.channel
    return deviation.change, channel, round(deviation.shift, 13) if moved and channel else id(deviation)


def _lines(deviation: Deviation) -> Iterator[str]:
    """Yield the author's line, or both if it is another one now."""
    known = (thing.source for thing in (deviation.before, deviation.after) if thing is not None)
    texts = dict.fromkeys(str(source) for source in known if source is not None)
    if texts:
        yield " -> ".join(texts)
