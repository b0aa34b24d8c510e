"""``ionloom verify``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from control.cli.escapes import say
from control.cli.exits import DONE, FAILED
from control.cli.options import json_option, out_option
from control.cli.printing import print_json
from data import Verification, find_run
from data import verify as verify_run
from data.run_names import FINISHED, JOURNAL


@click.command()
@click.argument("which", metavar="RUN|FOLDER...", nargs=-1, required=True)
@out_option
@json_option
def verify(which: tuple[str, ...], out: Path, as_json: bool) -> int:
    """Make sure that finished runs are still what they were.

    RUN is a file, an id, the beginning of an id, or `latest` in --out; of a FOLDER all runs are looked at.
    Every byte is compared with the seal that the file got when it was finished. Of one that has changed, it
    is told what can still be read. The exit code is 1 if one has changed, else 0.
    """
    found = []
    for path in _paths(which, out, as_json=as_json):
        found.append(verify_run(path))
        if not as_json:
            say(str(found[-1]))
    failed = sum(not each.is_whole for each in found)
    if as_json:
        print_json({"runs": [_facts(each) for each in found], "failed": failed})
    elif not found:
        say(f"no finished runs in {', '.join(which)}")
    return FAILED if failed else DONE


def _paths(which: tuple[str, ...], out: Path, *, as_json: bool) -> Iterator[Path]:
    """Yield the files of runs, those of folders in the order of time."""
    for name in which:
        if Path(name).is_dir():
            yield from sorted(Path(name).rglob(f"*{FINISHED}"), key=lambda path: path.name)
        else:
            path = find_run(out, name)
            if path.suffix == JOURNAL:
                unsealed = f"{path}: not finished, so it has no seal; what is read of it is checked"
                say(unsealed, err=as_json)
            else:
                yield path


def _facts(found: Verification) -> dict[str, Any]:
    return asdict(found) | {"path": str(found.path)}
