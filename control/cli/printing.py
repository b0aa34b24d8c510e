"""What the commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table as RichTable
from rich.text import Text

from control.cli.escapes import escaped, escaped_json
from control.experiments.tables import Table

if TYPE_CHECKING:
    from control.runner import Progress

_PIPE_WIDTH = 160  # columns where there is no terminal: wide enough that no table is folded


class CarefulConsole(Console):
    """A console that writes out what a terminal would act on in the texts that it is given."""

    def print(self, *objects: Any, **how: Any) -> None:
        """Print as rich does."""
        super().print(*(escaped(one) if isinstance(one, str) else one for one in objects), **how)


def console(*, stderr: bool = False) -> Console:
    """Return where to print: stdout, or stderr for what is not the result."""
    stream = sys.stderr if stderr else sys.stdout
    return CarefulConsole(file=stream, width=None if stream.isatty() else _PIPE_WIDTH, highlight=False)


def print_table(table: Table, on: Console) -> None:
    """Print a table; its title above, its cells as they are."""
    # As `Text`, since rich would take brackets in plain strings, "time [us]", for its markup.
    title = Text(escaped(table.title), style="table.title") if table.title else None
    drawn = RichTable(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in table.columns:
        drawn.add_column(Text(escaped(heading)), overflow="fold")
    for row in table.rows:
        drawn.add_row(*(Text(escaped(cell)) for cell in row))
    on.print(drawn)


def print_json(value: object) -> None:
    """Print one JSON object as one line on stdout."""
    sys.stdout.write(escaped_json(json.dumps(value, ensure_ascii=False, allow_nan=False)) + "\n")
    sys.stdout.flush()


def jsonable(value: object) -> Any:
    """Return results as JSON holds them: arrays as lists, complex numbers as pairs, NaN as null.

    Example:
        >>> jsonable({"a": 1j, "b": float("nan"), "c": (1, 2)})
        {'a': [0.0, 1.0], 'b': None, 'c': [1, 2]}
    """
    if isinstance(value, np.ndarray | np.generic):
        return jsonable(value.tolist())
    if isinstance(value, complex):
        return [jsonable(value.real), jsonable(value.imag)]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    return value


class ProgressBar:
    """A bar on stderr with the time that is left; call it with each `Progress`."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn())
        self._bar = Bar(*columns, TextColumn("{task.fields[left]}"), console=console(stderr=True))
        self._task = self._bar.add_task("preparing", total=None, left="")

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bar.stop()

    def __call__(self, step: Progress) -> None:
        """Show how far the run is."""
        left = "" if step.seconds_left is None else f"{step.seconds_left:.0f} s left"
        self._bar.update(self._task, description=step.stage, completed=step.done, total=step.total, left=left)
