"""``ionloom repair``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from control.cli.escapes import say
from control.cli.exits import DONE, FAILED
from control.cli.options import json_option
from control.cli.printing import print_json
from control.errors import UsageError
from data import Repair, open_run
from data import repair as repair_runs
from data.errors import DataError
from data.run_names import JOURNAL


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default="runs")
@click.option("--take-over", is_flag=True, help="Finish runs of other machines; make sure they are over.")
@json_option
def repair(folder: Path, take_over: bool, as_json: bool) -> int:
    """Finish the runs that a crash, a power cut or a full disk cut off.

    FOLDER holds runs (by default `runs`), also if their journals lie elsewhere (`ionloom run --journals`); or
    it holds journals, or is one. Each run that was cut off gets its file, with all points that were
    completed; halves of copies are removed. Runs that are going on are left alone. The exit code is 1 if
    something is left that could not be repaired, else 0.
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
            say(_line(each))
    failed = sum(map(_is_failure, done))
    if as_json:
        print_json({"repairs": [_facts(each) for each in done], "failed": failed})
    elif not done:
        say(f"nothing to repair in {folder}")
    return FAILED if failed else DONE


def _is_failure(done: Repair) -> bool:
    """Return whether something is left that somebody has to look after, not only to wait for."""
    if done.action != "left":
        return False
    if done.path.suffix == JOURNAL:
        return not _is_going_on(done.path)
    whole = done.path.with_suffix("")  # of a copy that is being made
    return not (whole.exists() or whole.with_suffix(JOURNAL).exists())


def _is_going_on(journal: Path) -> bool:
    try:
        with open_run(journal) as run:
            return run.status == "running"
    except (DataError, OSError):
        return False


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
