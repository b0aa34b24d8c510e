"""``ionloom tag``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from control.cli.escapes import say
from control.cli.options import out_option
from control.cli.printing import console, print_table
from control.errors import UsageError, nearest
from control.experiments.tables import Table
from data import find_run
from data.errors import RemarkError
from data.remarks import RemarkKind, Remarks, add_remarks, read_remarks


@click.command()
@click.argument("which", metavar="RUN")
@click.argument("tags", metavar="[TAG]...", nargs=-1)
@click.option("--remove", "removed", metavar="TAG", multiple=True, help="A tag to take away. Repeatable.")
@click.option("--comment", metavar="TEXT", help="What there is to say about the run.")
@out_option
def tag(which: str, tags: tuple[str, ...], removed: tuple[str, ...], comment: str | None, out: Path) -> None:
    """Tag a run, comment on it, or show what was said about it.

    RUN is a file, an id, the beginning of an id, or `latest` in --out. Tags and comments lie in a text file
    beside the run, which itself stays as it is.
    """
    path = find_run(out, which)
    before = read_remarks(path)
    said = _said(which, before, tags, removed, comment)
    try:
        if said:
            add_remarks(path, said)
    except RemarkError as error:
        if error.__cause__ is not None:  # the system does not let it be written
            raise
        raise UsageError(what=str(error)) from None
    now = read_remarks(path)
    rows = tuple((f"{remark.time:%Y-%m-%d %H:%M:%S}", remark.kind, remark.text) for remark in now.history)
    if rows:
        print_table(Table(("time (UTC)", "what", "text"), rows), console())
    say(f"tags: {', '.join(now.tags) or 'none'}")


def _said(
    which: str, before: Remarks, tags: Sequence[str], removed: Sequence[str], comment: str | None
) -> list[tuple[RemarkKind, str]]:
    """Return what is new.

    Raises:
        UsageError: a tag is to be taken away that the run does not have.
    """
    for name in removed:
        if name not in before.tags:
            advice = nearest(name, before.tags) if before.tags else "It has none."
            raise UsageError(what=f"run {which} has no tag {name!r}", advice=advice)
    said: list[tuple[RemarkKind, str]] = [("untag", name) for name in removed]
    said += [("tag", name) for name in dict.fromkeys(tags) if name not in before.tags or name in removed]
    if comment is not None:
        said.append(("comment", comment))
    return said
