"""``ionloom show``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from control.cli.options import json_option, out_option, run_argument
from control.cli.outcome import as_object
from control.cli.printing import console, jsonable, print_json, print_table
from control.report import (
    analyses_table,
    messages_table,
    parameters_table,
    readings_table,
    results_table,
    run_table,
)
from data import ReadingLog, Readout, Run, StoredParameter, find_run, open_run


@click.command()
@run_argument
@out_option
@json_option
def show(which: str, out: Path, as_json: bool) -> None:
    """Show what a run was made with and what it says.

    RUN is a file, an id, the beginning of an id, or `latest` in --out. Values of calibrations name the run
    that made them; `ionloom lineage` follows them further.
    """
    with open_run(find_run(out, which)) as run:
        if as_json:
            print_json(_as_object(run))
        else:
            _print(run, console())


def _print(run: Run, on: Console) -> None:
    print_table(run_table(run), on)
    on.print()
    print_table(parameters_table(run), on)
    on.print()
    print_table(results_table(run), on)
    if not run.results:
        on.print("no results; `ionloom analyze` makes them", markup=False)
    for table in (readings_table(run), messages_table(run)):
        if table.rows:
            on.print()
            print_table(table, on)
    if len(run.analyses) > 1 or any(one.by for one in run.analyses):
        on.print()
        print_table(analyses_table(run), on)


def _as_object(run: Run) -> dict[str, Any]:
    """Return what is known of a run as JSON holds it; parameters with all that is known of each."""
    origin = run.header.provenance
    return {
        **as_object(run, run.path),
        "message": run.message,
        "started": origin.started.isoformat(),
        "ended": run.ended.isoformat() if run.ended else None,
        "shots_per_point": run.header.shots_per_point,
        "axes": [{"name": axis.name, "unit": axis.unit} for axis in run.axes],
        "readouts": [_readout(readout) for readout in run.readouts],
        "channels": [{"name": channel.name, "unit": channel.unit} for channel in run.channels],
        "parameters": {name: _parameter(parameter) for name, parameter in run.parameters.items()},
        "readings": {name: _reading(log) for name, log in run.readings.items()},
        "messages": [{"time": one.time, "level": one.level, "text": one.text} for one in run.messages],
        "analyses": [
            {
                "version": one.name,
                "analysis": one.by or run.experiment,
                "parameters": jsonable(dict(one.parameters)),
                "made": one.made.isoformat(),
                "program": one.program,
            }
            for one in run.analyses
        ],
        "git_revision": origin.git_revision,
        "git_dirty": origin.git_dirty,
        "python": origin.python,
        "platform": origin.platform,
        "packages": dict(origin.packages),
    }


def _parameter(parameter: StoredParameter) -> dict[str, Any]:
    return {
        "value": jsonable(parameter.value),
        "error": parameter.error,
        "unit": parameter.unit,
        "origin": parameter.origin,
        "run": parameter.run,
        "help": parameter.help,
    }


def _readout(readout: Readout) -> dict[str, Any]:
    return {
        "name": readout.name,
        "width": readout.width,
        "source": readout.source,
        "counted": readout.counted,
        "rows": list(readout.rows),
        "windows": list(readout.windows),
    }


def _reading(log: ReadingLog) -> dict[str, Any]:
    doubtful = int(np.count_nonzero(log.quality != "good"))
    return {
        "unit": log.unit,
        "count": len(log),
        "not_good": doubtful,
        "first": jsonable(log.value[0]) if len(log) else None,
        "last": jsonable(log.value[-1]) if len(log) else None,
    }
