"""Commands that are imported when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import click

from control.errors import nearest


@dataclass(frozen=True, slots=True)
class Late:
    """Where a command is, and what the help of its group says of it.

    Attributes:
        place: ``module:command``.
        summary: one line; the first line of the command's own help.
    """

    place: str
    summary: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.place.partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


class LateGroup(click.Group):
    """A group that knows its commands by name and imports only the one that is called."""

    def __init__(self, *arguments: Any, late: Mapping[str, Late], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._late = dict(late)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of their declaration."""
        return list(self._late)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """Import the command of that name.

        Raises:
            UsageError: there is none; the nearest names are told.
        """
        if cmd_name not in self._late:
            ctx.fail(f"there is no command {cmd_name!r}. {nearest(cmd_name, self._late)}")
        return self._late[cmd_name].load()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write names and summaries without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, late.summary) for name, late in self._late.items()])
