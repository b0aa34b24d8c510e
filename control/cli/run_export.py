"""``ionloom export RUN --to FORMAT``: the options of a recorded run, beside those of an experiment."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from control.cli.options import out_option
from control.errors import UsageError
from data.exchange.exports import EXPORTS, export_run

OF_EXPERIMENTS: Final = ("parameters", "scans", "zipped", "order", "setup", "point", "shots")
"""Options that mean nothing to a run."""

OF_RUNS: Final = ("tables", "force", "out")
"""Options that mean nothing to an experiment."""


@dataclass(frozen=True, slots=True)
class RecordedExport:
    """How a run is to be written.

    Attributes:
        to: the format; None if no run is meant.
        tables: to write beside the scan.
        force: whether files that are there are replaced.
        out: folder of the runs.
    """

    to: str | None
    tables: tuple[str, ...]
    force: bool
    out: Path

    @property
    def is_wanted(self) -> bool:
        """Whether a run is meant; options that do not go with what is meant are refused.

        Raises:
            UsageError: there is such an option.
        """
        strangers = _given(OF_RUNS if self.to is None else OF_EXPERIMENTS)
        if strangers and self.to is None:
            raise UsageError(what=f"{strangers[0]} is for runs", advice="Say with --to in which format.")
        if strangers:
            advice = "A run is what it is: only --table, --force, --out and -o go with --to."
            raise UsageError(what=f"{strangers[0]} is for experiments", advice=advice)
        return self.to is not None

    def write(self, which: str, output: Path | None) -> tuple[Path, ...]:
        """Write a run and return the files.

        Args:
            which: a file, an id, the beginning of an id, or "latest".
            output: file to write; beside the run if None.
        """
        from data import open_run  # noqa: PLC0415  (experiments are exported without)

        with open_run(which, self.out) as run:
            return export_run(run, self.to or "", output, tables=self.tables, force=self.force)


def run_export_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a run; the command gets them as one `RecordedExport`."""

    @functools.wraps(command)
    def recorded(
        *arguments: Any, to: str | None, tables: tuple[str, ...], force: bool, out: Path, **others: Any
    ) -> Any:
        return command(*arguments, recorded=RecordedExport(to, tables, force, out), **others)

    for option in (
        out_option,
        click.option("--force", is_flag=True, help="Replace a file that is there. For --to."),
        click.option(
            "--table",
            "tables",
            metavar="NAME",
            multiple=True,
            help="Write this table of the run, too: shots, attempts, gates, photons, log, readings, messages "
            "or parameters. For --to; repeatable.",
        ),
        click.option("--to", type=click.Choice(list(EXPORTS)), help="Write a run, in this format."),
    ):
        recorded = option(recorded)
    return recorded


def _given(names: tuple[str, ...]) -> list[str]:
    """Return which of the options stand on the command line."""
    context = click.get_current_context()
    options = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    return [
        options[name] for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
