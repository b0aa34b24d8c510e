"""``ionloom verify``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from control.cli.options import json_option, out_option
from data import Verification, find_run
from data import verify as verify_run
from data.run_names import FINISHED, JOURNAL


@click.command()
@click.argument("which", metavar="RUN|FOLDER...", nargs=-1, required=True)
@out_option
@json_option
@click.pass_context
def verify(context: click.Context, which: tuple[str, ...], out: Path, as_json: bool) -> None:
    """Make sure that finished runs are still what they were.

    Every byte is compared with the seal that the file got when it was finished. Of one that has changed, it
    is told what can still be trusted, and the command ends with exit code 1.
    """
    found = []
    for path in _paths(which, out, as_json=as_json):
        found.append(verify_run(path))
        if not as_json:
            click.echo(str(found[-1]))
    if as_json:
        click.echo(json.dumps([_facts(each) for each in found], indent=2))
    elif not found:
        click.echo(f"no finished runs in {', '.join(which)}")
    if not all(each.is_whole for each in found):
        context.exit(1)


def _paths(which: tuple[str, ...], out: Path, *, as_json: bool) -> Iterator[Path]:
    """Yield the files of runs, those of folders in the order of time."""
    for name in which:
        if Path(name).is_dir():
            yield from sorted(Path(name).rglob(f"*{FINISHED}"), key=lambda path: path.name)
        else:
            path = find_run(out, name)
            if path.suffix == JOURNAL:
                unsealed = f"{path}: not finished, so it has no seal; what is read of it is checked"
                click.echo(unsealed, err=as_json)
            else:
                yield path


def _facts(found: Verification) -> dict[str, Any]:
    return asdict(found) | {"path": str(found.path)}
