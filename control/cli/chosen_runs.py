"""Which runs a command is about: ids, beginnings of ids, files, `latest`, and whole folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from control.cli.indexing import open_catalogue
from control.errors import UsageError
from data import find_run

F = TypeVar("F", bound=Callable[..., Any])


def runs_argument(command: F) -> F:
    """Add the argument that says which runs are meant; the latest one if it is left out."""
    return click.argument("which", metavar="[RUN]...", nargs=-1)(command)


def find_all(folder: Path, which: Sequence[str]) -> tuple[Path, ...]:
    """Return the files of all runs that are meant, each once, those of a folder from old to new.

    Args:
        folder: of the runs.
        which: as typed; nothing stands for the latest.

    Raises:
        RunNotFoundError: no run answers to a name.
        AmbiguousRunError: several do.
        UsageError: a folder without runs.
    """
    found: dict[Path, None] = {}
    for one in which or ("latest",):
        if Path(one).is_dir():
            with open_catalogue(Path(one)) as catalogue:
                inside = [run.path for run in catalogue.runs()]
            if not inside:
                raise UsageError(
                    what=f"no runs in {one}", advice="Give a folder of runs, or one run by its id."
                )
            found |= dict.fromkeys(reversed(inside))
        else:
            found[find_run(folder, one)] = None
    return tuple(found)


def is_one(which: Sequence[str]) -> bool:
    """Return whether a person asked for one run, and not for as many as there are."""
    return len(which) <= 1 and not any(Path(one).is_dir() for one in which)
