"""The catalogue of a folder of runs, as commands use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from rich.progress import Progress

from control.cli.escapes import say
from control.cli.printing import console
from control.errors import UsageError
from data.catalogue import Catalogue

_NOTICED: Final = 200  # heads of files; reading them takes a second or two


@contextmanager
def open_catalogue(folder: Path) -> Iterator[Catalogue]:
    """Open the catalogue of a folder; show how far it is when many files have to be read, and what it cannot.

    Args:
        folder: of the runs.

    Raises:
        UsageError: there is no such folder.
    """
    if not folder.is_dir():
        what = f"{folder} is not a folder" if folder.exists() else f"there is no folder {folder}"
        raise UsageError(what=what, advice="Say with --out in which folder your runs are.")
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
            say(f"ionloom: {catalogue.note}", err=True)
