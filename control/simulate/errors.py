"""What can go wrong with a study as a whole.

ControlError
├── UsageError
│   ├── AnotherStudy       the folder holds a study of another definition
│   └── BusyStudy          another program works in the folder
├── NoCluster              nobody at the address, or not with the same software
├── InterruptedStudy       somebody pressed Ctrl-C: what was finished is kept
├── LostWorker             the system ended a worker process
└── UnwritableStudy        the system does not let the folder be written
"""

# ruff: noqa: N818 (named as one says it, like the other errors of this room)

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from control.errors import ControlError, UsageError

STUDY_ADVICE: Final = (
    "Then give fewer --workers or a smaller --block. (A script that calls simulate(workers=...) does it "
    "under `if __name__ == '__main__':`.) What was finished is kept; the same command goes on with the rest."
)
"""What to do when a study has lost a worker."""


@dataclass(eq=False, kw_only=True)
class AnotherStudy(UsageError):
    """A folder that holds a study of another definition.

    Attributes:
        folder: the folder.
        differences: one line each.
    """

    folder: str
    differences: tuple[str, ...]
    what: str = ""

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.folder} holds another study:",
                *(f"  - {difference}" for difference in self.differences),
                "Ask for the same again to go on with it, or give a folder of its own with --out.",
            ]
        )


@dataclass(eq=False, kw_only=True)
class BusyStudy(UsageError):
    """A folder in which another program works.

    Attributes:
        folder: the folder.
    """

    folder: str
    what: str = ""

    def __str__(self) -> str:
        return f"{self.folder}: another program is working on this study. Wait until it has ended, or end it."


@dataclass(eq=False, kw_only=True)
class NoCluster(ControlError):
    """A Dask cluster that cannot be worked with.

    Attributes:
        address: of its scheduler.
        reason: why not.
        advice: what to do about it.
    """

    address: str
    reason: str
    advice: str = ""

    def __str__(self) -> str:
        where = self.address or "''"
        return f"the cluster at {where} cannot be used: {self.reason.rstrip('.')}. {self.advice}".rstrip()


@dataclass(eq=False, kw_only=True)
class InterruptedStudy(ControlError):
    """A study was stopped by hand.

    Attributes:
        folder: of the study.
        done: how many blocks of shots are finished.
        planned: how many there are.
    """

    folder: str
    done: int
    planned: int

    def __str__(self) -> str:
        return (
            f"interrupted after {self.done} of {self.planned} blocks, which are kept in {self.folder}; "
            "the same command goes on with the others"
        )


@dataclass(eq=False, kw_only=True)
class LostWorker(ControlError):
    """The system ended a worker process, or one could not begin.

    Attributes:
        advice: what to do if its memory was too short, and what is kept.
    """

    advice: str = STUDY_ADVICE

    def __str__(self) -> str:
        return (
            "a worker ended in the middle of its work, or nobody answers for it any more. Was the memory "
            f"too short? {self.advice}"
        )


@dataclass(eq=False, kw_only=True)
class UnwritableStudy(ControlError):
    """The system does not let the folder of a study be written.

    Attributes:
        folder: the folder.
        reason: what the system says.
    """

    folder: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.folder} cannot be written: {self.reason}. What was finished before is kept; "
            "mend this, and the same command goes on with the rest."
        )
