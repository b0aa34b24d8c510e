"""One line of a list of runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from data.results import KeyResult
from data.stored_header import RunStatus

SummaryStatus: TypeAlias = RunStatus | Literal["unreadable"]

STATUSES: Final = ("complete", "interrupted", "failed", "running", "unfinished", "unreadable")
"""Every status that a list of runs may show."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a list of runs tells of one.

    Attributes:
        path: of the file.
        id: of the run.
        experiment: its name.
        started: when, in UTC.
        status: of the run; "running" while a program writes it, "unreadable" if the message says why.
        points: in the file; for a run that was cut off, the last may be incomplete.
        key_result: the first number of the latest results.
        message: what there is to say about the status.
        ended: when, in UTC; None if the run did not end, or nobody knows.
        shots: planned for each point.
        seed: decimal text; empty if the run drew no random numbers.
        source_file: name of the experiment's source file.
        git_revision: commit of its folder.
        tags: that people have set, sorted.
        comment: what was last said about the run.
    """

    path: Path
    id: str
    experiment: str
    started: datetime
    status: SummaryStatus
    points: int = 0
    key_result: KeyResult | None = None
    message: str = ""
    ended: datetime | None = None
    shots: int = 0
    seed: str = ""
    source_file: str = ""
    git_revision: str = ""
    tags: tuple[str, ...] = ()
    comment: str = ""
