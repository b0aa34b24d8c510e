"""Batches of runs: what a worker is given, and what it gives back.

A batch holds names and texts only: the worker finds the code by itself, and opens the files of its runs. What
comes of a run depends on its file and the analysis, never on its batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from control.analyses.analysis import Found
from control.analyses.registry import find_analysis
from control.errors import ControlError
from data import open_run
from data.errors import DataError
from sequences import SequenceError

MOST_RUNS: Final = 50
"""Runs of a batch: a scheduler takes 3 ms for each of its tasks, and a small run not much more."""

MOST_BYTES: Final = 64 * 2**20
"""Of the files of a batch, unless one alone is larger: then no worker is left behind for long."""

SHARES: Final = 16
"""Batches at least, of runs that are no more than these: enough for several workers to share them fairly."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which analysis, in words that any worker understands.

    Attributes:
        which: as `find_analysis` takes it.
        texts: parameter -> what was typed.
        experiment: file of the experiment that made the runs, or None.
    """

    which: str | None = None
    texts: Mapping[str, str] | None = None
    experiment: str | None = None

    def anywhere(self) -> Wanted:
        """Return the same for a worker that works in another folder."""
        return replace(self, which=_anywhere(self.which), experiment=_anywhere(self.experiment))


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs that are analysed one after the other.

    Attributes:
        first: number of the first among all runs, from 0.
        paths: of the runs, absolute.
        wanted: the analysis.
    """

    first: int
    paths: tuple[str, ...]
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Analysed:
    """What came of a run.

    Attributes:
        number: of the run among all, from 0.
        path: of its file.
        id: of the run; empty if the file could not be opened.
        experiment: that made it.
        found: by the analysis; None if there is a problem with it.
        problem: why there are no results, or why they could not be written.
    """

    number: int
    path: Path
    id: str = ""
    experiment: str = ""
    found: Found | None = None
    problem: str = ""

    @property
    def results(self) -> Mapping[str, Any]:
        """What was found; empty if there is a problem with it."""
        return self.found.results if self.found else {}


def cut(paths: Sequence[Path], wanted: Wanted) -> tuple[Batch, ...]:
    """Cut runs into batches, in order: by number, and by the size of their files."""
    most = min(max(math.ceil(len(paths) / SHARES), 1), MOST_RUNS)
    batches: list[Batch] = []
    begin, size = 0, 0
    for number, path in enumerate(paths):
        own = _size(path)
        if number > begin and (number - begin >= most or size + own > MOST_BYTES):
            batches.append(_batch(paths, begin, number, wanted))
            begin, size = number, 0
        size += own
    if begin < len(paths):
        batches.append(_batch(paths, begin, len(paths), wanted))
    return tuple(batches)


def analyse_batch(batch: Batch) -> tuple[Analysed, ...]:
    """Analyse the runs of a batch; one that fails is told and does not stop the others.

    Raises:
        ConfigError: there is no such analysis, or not with such parameters.
        ExperimentError: the user's file has a mistake.
    """
    analysis = find_analysis(batch.wanted.which, batch.wanted.texts, batch.wanted.experiment)
    found = []
    for number, path in enumerate(map(Path, batch.paths), batch.first):
        facts: dict[str, Any] = {}
        try:
            with open_run(path) as run:
                facts = {"id": run.id, "experiment": run.experiment}
                found.append(Analysed(number, path, **facts, found=analysis.analyse(run)))
        except (ControlError, DataError, SequenceError) as error:
            found.append(Analysed(number, path, **facts, problem=str(error)))
    return tuple(found)


def place_of_batch(batch: Batch) -> str:
    """Return where a failure was, for who reads of it."""
    return f"This is in the batch of runs {batch.first + 1} to {batch.first + len(batch.paths)}."


def _batch(paths: Sequence[Path], begin: int, end: int, wanted: Wanted) -> Batch:
    return Batch(begin, tuple(str(path.resolve()) for path in paths[begin:end]), wanted)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # the worker tells what is wrong with it
        return 0


def _anywhere(which: str | None) -> str | None:
    """Return a name as it is, ``FILE.py`` and ``FILE.py:Name`` with the whole path."""
    if which is None or ".py" not in which:
        return which
    file, ending, name = which.partition(".py")
    return f"{Path(f'{file}.py').resolve()}{name}" if ending else which
