"""The catalogue of a folder of runs, as commands use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import click
from rich.progress import Progress

from control.cli.printing import console
from data.catalogue import Catalogue

_NOTICED: Final = 200  # heads of files; reading them takes a second or two


@contextmanager
def open_catalogue(folder: Path) -> Iterator[Catalogue]:
    """Open the catalogue of a folder; show how far it is when many files have to be read, and what it cannot.

    Args:
        folder: of the runs.
    """
    bar = Progress(console=console(stderr=True), transient=True)
    task = bar.add_task("reading runs", total=None)
    with ExitStack() as stack:

        def watch(done: int, total: int) -> None:
            if total >= _NOTICED:
                if not bar.live.is_started:
                    stack.enter_context(bar)
                bar.update(task, completed=done, total=total)

        catalogue = stack.enter_context(Catalogue(folder, watch=watch))
        yield catalogue
        if catalogue.note:
            click.echo(f"ionloom: {catalogue.note}", err=True)
