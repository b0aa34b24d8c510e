"""What was asked for that is not there, or cannot be stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.errors.root import DataError


@dataclass(eq=False)
class RunNotFoundError(DataError):
    """No run answers to the name.

    Attributes:
        which: What was asked for.
        folder: Where it was looked for.
        known: Ids of some runs that are there, newest first.
    """

    which: str
    folder: Path
    known: tuple[str, ...]

    def __str__(self) -> str:
        advice = "give a path, an id, the first digits of an id, or 'latest'"
        if self.known:
            return f"no run {self.which!r} in {self.folder}; the newest are {', '.join(self.known)}; {advice}"
        if self.folder.is_dir():
            return f"no run {self.which!r} in {self.folder}; there are no runs at all; {advice}"
        nowhere = f"there is no folder {self.folder}; say where your runs are"
        return f"no run {self.which!r}: {nowhere}, or {advice}"


@dataclass(eq=False)
class AmbiguousRunError(DataError):
    """Several runs answer to the name.

    Attributes:
        which: What was asked for.
        folder: Where it was looked for.
        matches: Ids of the runs, newest first.
    """

    which: str
    folder: Path
    matches: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.matches[:3]) + (", ..." if len(self.matches) > 3 else "")
        return (
            f"{self.which!r} begins the ids of {len(self.matches)} runs in {self.folder} ({shown}); "
            "give more digits"
        )


@dataclass(eq=False)
class UnknownColumnError(DataError, KeyError):
    """A run has nothing of that name with a value a point.

    Attributes:
        run: Its id.
        name: What was asked for.
        known: What it has, by kind: names of axes, of readouts...
    """

    run: str
    name: str
    known: Mapping[str, tuple[str, ...]]

    def __str__(self) -> str:
        listed = [f"{kind} {', '.join(names)}" for kind, names in self.known.items() if names]
        return f"run {self.run} has no {self.name!r}; it has {'; '.join(listed) or 'nothing'}"


@dataclass(eq=False)
class ConditionError(DataError):
    """A condition for runs cannot be understood.

    Attributes:
        condition: The whole condition.
        position: Character at which understanding ends, from 1.
        found: What is there.
        expected: What would be understood.
    """

    condition: str
    position: int
    found: str
    expected: str

    def __str__(self) -> str:
        begin = max(0, self.position - 61)  # so that a long condition keeps its mark within a line
        shown = self.condition[begin : begin + 100].replace("\n", " ").replace("\t", " ")
        mark = " " * (self.position - 1 - begin) + "^"
        return (
            f"cannot understand the condition at character {self.position}: {self.found}; expected is "
            f"{self.expected}\n  {shown}\n  {mark}"
        )


@dataclass(eq=False)
class MomentError(DataError):
    """A time cannot be understood.

    Attributes:
        text: What was said.
    """

    text: str

    def __str__(self) -> str:
        return (
            f"{self.text!r} is no time; give a date (2025-03-14), a date with a time in UTC "
            "(2025-03-14T09:30), today, yesterday, or how long ago it was (90 min, 5 h, 2 days, 1 week)"
        )


@dataclass(eq=False)
class HeaderError(DataError):
    """A run's head declares something that a file cannot hold.

    Attributes:
        what: Kind of the thing: axis, readout, parameter.
        name: Its name.
        reason: What is wrong with it.
        advice: What to do about it.
    """

    what: str
    name: str
    reason: str
    advice: str

    def __str__(self) -> str:
        return f"{self.what} {self.name!r} {self.reason}; {self.advice}"


@dataclass(eq=False)
class PointError(DataError):
    """A point does not fit its run; nothing of it was written.

    Attributes:
        index: Number of the point in the run.
        what: The value or column at fault.
        value: What it is.
        expected: What the head of the run needs.
    """

    index: int
    what: str
    value: object
    expected: str

    def __str__(self) -> str:
        return (
            f"point {self.index}: {self.what} is {self.value}, but {self.expected} is needed; "
            f"nothing of this point was written, the {self.index} before it are safe"
        )


@dataclass(eq=False)
class ResultsError(DataError):
    """A result that a file cannot hold.

    Attributes:
        place: Where it stands among the results.
        reason: What is wrong with it.
    """

    place: str
    reason: str

    def __str__(self) -> str:
        return (
            f"result {self.place!r} {self.reason}; results are numbers, texts, truth values, None, numpy "
            "arrays of numbers, dataclasses, and lists or mappings (with text keys) of these"
        )
