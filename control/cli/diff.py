"""``ionloom diff``."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final, TypeAlias

import click
from rich.console import Console

from control.cli.options import out_option
from control.cli.printing import console, print_table
from control.errors import UsageError
from control.experiments.tables import Table
from control.views import Panel, check_format, describe, save_view, tint
from data import Run, RunHeader, StoredParameter, find_run, open_run
from sequences import declarations, parse_program
from sequences.library import Calibration
from sequences.picture import Change, Deviation, Picture, compare, depict, deviation_text
from sequences.units import show

Row: TypeAlias = tuple[str, str, str]
"""What differs, and how it is in the first and in the second run."""

_ABSENT: Final = "-"
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
@out_option
def diff(first: str, second: str, timelines: bool, output: Path | None, out: Path) -> None:
    """Tell in what two runs differ.

    Compares parameters, calibration, setup, scan, seed and versions. A RUN is a file, an id, the beginning of
    an id, or `latest` in --out. The timelines that are compared are those of the first points.
    """
    if output is not None:
        check_format(output)
    with open_run(find_run(out, first)) as old, open_run(find_run(out, second)) as new:
        on = console()
        rows = tuple(differing_facts(old, new))
        if rows:
            print_table(Table(("differs", old.id, new.id), rows), on)
        else:
            on.print("same parameters, calibration, setup, scan, seed and versions", markup=False)
        if timelines or output is not None:
            _compare_timelines(old, new, output, on)


def differing_facts(old: Run, new: Run) -> Iterator[Row]:
    """Yield what differs between two runs, but for what was played and measured."""
    for table in (_setting, _parameters, _setup, _versions):
        before, after = table(old), table(new)
        for name in dict.fromkeys((*before, *after)):
            pair = before.get(name, _ABSENT), after.get(name, _ABSENT)
            if pair[0] != pair[1]:
                yield name, *pair
    yield from _source_text(old.header, new.header)


def _setting(run: Run) -> dict[str, str]:
    header = run.header
    return {
        "experiment": header.experiment,
        "seed": str(header.seed),
        "shots": str(header.shots_per_point),
        "readouts": ", ".join(f"{readout.name} [{readout.width}]" for readout in header.readouts),
        **_scan(run),
    }


def _scan(run: Run) -> dict[str, str]:
    """Return axis -> its values over the points, the ends of a long list."""
    texts = {"points": str(len(run))}
    for axis in run.axes:
        values = [_value(point[axis.name], axis.unit) for point in run.points]
        shown = values if len(values) <= 4 else [*values[:2], "...", values[-1]]
        texts[f"scan of {axis.name}"] = ", ".join(shown)
    return texts


def _parameters(run: Run) -> dict[str, str]:
    calibrated = declarations(Calibration)
    return {
        f"{'calibration' if name in calibrated else 'parameter'} {name}": _parameter(parameter)
        for name, parameter in run.parameters.items()
    }


def _parameter(parameter: StoredParameter) -> str:
    return _value(parameter.value, parameter.unit)


def _value(value: float | str | bool, unit: str) -> str:
    return show(value, unit, 15) if isinstance(value, float) else f"{value} {unit}".rstrip()


def _setup(run: Run) -> dict[str, str]:
    """Return every entry of the setup file; the values of calibrations are told with the parameters."""
    try:
        entries = dict(_flat(tomllib.loads(run.header.setup), ""))
    except tomllib.TOMLDecodeError:  # the writer of the run was another program
        return {"setup": repr(run.header.setup)}
    return {
        f"setup {name}": text
        for name, text in entries.items()
        if not (name.startswith("calibration.") and name.endswith(".value"))
    }


def _flat(table: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{path}{key}.")
        else:
            yield path + key, str(value)


def _versions(run: Run) -> dict[str, str]:
    origin = run.header.provenance
    dirty = " with changes" if origin.git_dirty else ""
    return {
        "git revision": f"{origin.git_revision[:12]}{dirty}" if origin.git_revision else _ABSENT,
        "source file": origin.source_file or _ABSENT,
        "Python": origin.python,
        "platform": origin.platform,
        **{f"package {name}": version for name, version in origin.packages},
    }


def _source_text(old: RunHeader, new: RunHeader) -> Iterator[Row]:
    """Yield by how many lines the experiment's code differs."""
    if old.source == new.source:
        return
    lines = list(difflib.ndiff(old.source.splitlines(), new.source.splitlines()))
    removed, added = (sum(line.startswith(sign) for line in lines) for sign in ("- ", "+ "))
    yield "code of the experiment", f"{removed} lines of its own", f"{added} lines of its own"


def _compare_timelines(old: Run, new: Run, output: Path | None, on: Console) -> None:
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
    if output is not None:
        panels = [
            Panel(
                f"run {run.id}",
                f"{run.experiment} · {describe(picture)}",
                picture,
                tint(deviations, after=late),
            )
            for run, picture, late in ((old, before, False), (new, after, True))
        ]
        click.echo(save_view(panels, output))


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
