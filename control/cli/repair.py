"""``ionloom repair``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from control.cli.options import json_option
from control.errors import UsageError
from data import Repair
from data import repair as repair_runs
from data.run_names import JOURNAL


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="runs")
@click.option("--take-over", is_flag=True, help="Finish runs of other machines; make sure they are over.")
@json_option
def repair(folder: Path, take_over: bool, as_json: bool) -> None:
    """Finish the runs that a crash, a power cut or a full disk cut off.

    FOLDER holds runs (by default `runs`), or journals (`ionloom run --journals`), or is one journal. Each
    run that was cut off gets its file, with all points that were completed; halves of copies are removed.
    Runs that are going on are left alone.
    """
    if not folder.exists():
        raise UsageError(what=f"there is no folder {folder}", advice="Give the folder of your runs.")
    if folder.is_file() and folder.suffix != JOURNAL:  # an empty one would be taken for a run not begun
        what = f"{folder} is neither a folder nor a {JOURNAL} file"
        raise UsageError(what=what, advice="Give the folder of your runs, or the journal of one.")
    done = []
    for each in repair_runs(folder, take_over=take_over):
        done.append(each)
        if not as_json:
            click.echo(_line(each))
    if as_json:
        click.echo(json.dumps([_facts(each) for each in done], indent=2))
    elif not done:
        click.echo(f"nothing to repair in {folder}")


def _line(done: Repair) -> str:
    made = f" -> {done.made}" if done.made else ""
    return f"{done.action}: {done.path}{made}: {done.message}"


def _facts(done: Repair) -> dict[str, Any]:
    return {
        "path": str(done.path),
        "action": done.action,
        "message": done.message,
        "made": str(done.made) if done.made else None,
        "points": done.points,
    }
