"""What runs are called, and where they lie: told from names alone, no file is opened.

A run is ``<id>-<experiment>.h5``; until it is finished, ``<id>-<experiment>.journal``. What people say about
it is in ``<id>-<experiment>.remarks.jsonl``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from data.errors import AmbiguousRunError, RunNotFoundError

FINISHED: Final = ".h5"
JOURNAL: Final = ".journal"

_RUN_NAME: Final = re.compile(
    r"(?P<id>(?P<time>\d{8}T\d{9})-[0-9a-f]{4})-(?P<experiment>.+)(?P<kind>\.h5|\.journal)"
)


@dataclass(frozen=True, slots=True)
class RunName:
    """What the name of a run's file tells.

    Attributes:
        id: of the run; ids sort by time.
        started: when, in UTC.
        experiment: its name, with underscores for what is no letter, digit or dot.
        kind: ending of the file.
    """

    id: str
    started: datetime
    experiment: str
    kind: str

    @classmethod
    def read(cls, name: str) -> RunName | None:
        """Return what a name tells; None if it is not the name of a run.

        Example:
            >>> RunName.read("20250314T092653589-07af-rabi.h5").id
            '20250314T092653589-07af'
            >>> RunName.read("notes.h5")
        """
        match = _RUN_NAME.fullmatch(name)
        if match is None:
            return None
        digits = match["time"]
        year, microsecond = int(digits[:4]), int(digits[15:]) * 1000
        month, day, hour, minute, second = (int(digits[at : at + 2]) for at in (4, 6, 9, 11, 13))
        try:  # `strptime` would take ten times as long, which is felt with 100 000 files
            started = datetime(year, month, day, hour, minute, second, microsecond, UTC)
        except ValueError:  # digits, but no date
            return None
        return cls(match["id"], started, match["experiment"], match["kind"])


def run_names(names: Iterable[str]) -> list[str]:
    """Return which names in one folder are those of runs, sorted; a journal only without a finished file.

    Example:
        >>> run_names(["20250314T092653589-07af-a.h5", "20250314T092653589-07af-a.journal", "other.h5"])
        ['20250314T092653589-07af-a.h5']
    """
    found = {name for name in names if RunName.read(name) is not None}
    return [
        name
        for name in sorted(found)
        if not (name.endswith(JOURNAL) and name.removesuffix(JOURNAL) + FINISHED in found)
    ]


def find_run(folder: str | os.PathLike[str], which: str | os.PathLike[str]) -> Path:
    """Find one run.

    Args:
        folder: where runs are.
        which: path of a file, id of a run, the first characters of an id, or ``"latest"``.

    Returns:
        Path of its file; of its journal, if it is not finished.

    Raises:
        RunNotFoundError: if no run answers.
        AmbiguousRunError: if several do.
    """
    with suppress(OSError):  # a text may be too long for a path
        if Path(which).is_file():
            return Path(which)
    wanted = os.fspath(which)
    matches = _newest(Path(folder), 1) if wanted == "latest" else _beginning(Path(folder), wanted)
    if not matches:
        raise RunNotFoundError(wanted, Path(folder), tuple(map(_id, _newest(Path(folder), 3))))
    if len(matches) > 1:
        raise AmbiguousRunError(wanted, Path(folder), tuple(map(_id, matches)))
    return matches[0]


def _beginning(folder: Path, text: str) -> list[Path]:
    """Return the runs in a folder and its subfolders whose names begin with a text, newest first."""
    found = []
    for place, _, names in os.walk(folder):
        candidates = [name for name in names if text and name.startswith(text)]
        found += [Path(place, name) for name in run_names(candidates)]
    return sorted(found, key=lambda path: path.name, reverse=True)


def _newest(folder: Path, count: int) -> list[Path]:
    """Return the newest runs in a folder and its subfolders, newest first."""
    found: list[Path] = []
    for place, _, names in os.walk(folder):
        oldest = (
            found[-1].name if len(found) == count else ""
        )  # so that few names have to be looked at closely
        candidates = [name for name in names if name >= oldest]
        found += [Path(place, name) for name in run_names(candidates)]
        found = sorted(found, key=lambda path: path.name, reverse=True)[:count]
    return found


def _id(path: Path) -> str:
    return "-".join(path.name.split("-", 2)[:2])
