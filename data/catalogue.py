"""The runs of a folder, told from the heads of their files."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from data.errors import AmbiguousRunError, RunBusyError, RunFileError, RunNotFoundError
from data.layout import SCAN
from data.results import KeyResult, read_key_result
from data.run import READ_FAULTS, RunStatus, open_file
from data.stored_header import read_experiment, read_started, read_state

SummaryStatus: TypeAlias = RunStatus | Literal["running", "unreadable"]

# <id>-<experiment>.h5 as `RunWriter` names its files.
_RUN_NAME: Final = re.compile(r"(?P<id>(?P<time>\d{8}T\d{9})-[0-9a-f]{4})-(?P<experiment>.+)\.h5")


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line of a list of runs.

    Attributes:
        path: of the file.
        id: of the run.
        experiment: its name.
        started: when, in UTC.
        status: of the run; "running" while a program writes it, "unreadable" if the message says why.
        points: in the file; for a run that was cut off, the last may be incomplete.
        key_result: the first number of the latest results.
        message: what there is to say about the status.
    """

    path: Path
    id: str
    experiment: str
    started: datetime
    status: SummaryStatus
    points: int = 0
    key_result: KeyResult | None = None
    message: str = ""


def find_runs(folder: str | os.PathLike[str]) -> list[RunSummary]:
    """List the runs in a folder and its subfolders, newest first.

    Only the heads of the files are read. Files that are not named like runs are passed over.
    """
    return [_summary(path) for path in _run_files(Path(folder))]


def find_run(folder: str | os.PathLike[str], which: str | os.PathLike[str]) -> Path:
    """Find one run.

    Args:
        folder: where runs are.
        which: path of a file, id of a run, the first characters of an id, or ``"latest"``.

    Returns:
        Path of its file.

    Raises:
        RunNotFoundError: if no run answers.
        AmbiguousRunError: if several do.
    """
    with suppress(OSError):  # a text may be too long for a path
        if Path(which).is_file():
            return Path(which)
    files, wanted = _run_files(Path(folder)), os.fspath(which)
    matches = [path for path in files if wanted and path.name.startswith(wanted)]
    if wanted == "latest":
        matches = files[:1]
    if not matches:
        raise RunNotFoundError(wanted, Path(folder), tuple(_id(path) for path in files[:3]))
    if len(matches) > 1:
        raise AmbiguousRunError(wanted, Path(folder), tuple(_id(path) for path in matches))
    return matches[0]


def _run_files(folder: Path) -> list[Path]:
    return sorted(
        (path for path in folder.rglob("*.h5") if _RUN_NAME.fullmatch(path.name)),
        key=lambda path: path.name,
        reverse=True,
    )


def _id(path: Path) -> str:
    return "-".join(path.name.split("-", 2)[:2])


def _summary(path: Path) -> RunSummary:
    try:
        with open_file(path) as file:
            state = read_state(file)
            return RunSummary(
                path=path,
                id=state.id,
                experiment=read_experiment(file),
                started=read_started(file),
                status="unfinished" if state.status == "running" else state.status,
                points=len(file[f"{SCAN}/point"]),
                key_result=read_key_result(file),
                message=state.message,
            )
    except RunBusyError:
        return _summary_of_name(path, "running", "")
    except (RunFileError, *READ_FAULTS) as error:
        return _summary_of_name(path, "unreadable", str(error))


def _summary_of_name(path: Path, status: SummaryStatus, message: str) -> RunSummary:
    facts = _RUN_NAME.fullmatch(path.name)
    if facts is None:
        raise ValueError(f"{path.name} is not the name of a run")
    started = datetime.strptime(facts["time"] + "000", "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    return RunSummary(path, facts["id"], facts["experiment"], started, status, message=message)
