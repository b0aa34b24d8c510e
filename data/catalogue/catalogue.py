"""The runs of a folder, found by what they are, not only by what they are called."""

# ruff: noqa: S608 (what stands in a statement are our own names of tables and columns; values never do)

from __future__ import annotations

import os
import warnings
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from data.catalogue.compiling import Clause, Compiler, ReadQuantity, read_base_unit
from data.catalogue.conditions import parse_condition
from data.catalogue.database import Database, cache_folder, database_path
from data.catalogue.heads import UsedParameter
from data.catalogue.names import Names
from data.catalogue.refresh import Watcher, refresh
from data.catalogue.rows import SUMMARY, microseconds, parameter_of, parameters_of, results_of, summary_of
from data.catalogue.summary import RunSummary
from data.results import KeyResult

_NEWEST_FIRST: Final = " ORDER BY started DESC, id DESC"


class Catalogue:
    """An index over the runs of a folder and its subfolders. Use it in a `with` block, or close it.

    It is kept in a database in the user's cache, never in the folder of runs, and brought up to date before
    every question: what the files say is the truth. What is damaged is listed with the reason.

    Args:
        folder: of the runs.
        cache: folder for the database; the user's cache if None.
        watch: is told how many heads of files are read and how many there are to read.

    Attributes:
        folder: of the runs.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, Catalogue(folder) as catalogue:
        ...     catalogue.runs(status="failed")
        []
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        cache: str | os.PathLike[str] | None = None,
        watch: Watcher | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._database = Database(database_path(self.folder, Path(cache) if cache else cache_folder()))
        self._watch = watch

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the database; it stays for the next time."""
        self._database.close()

    @property
    def note(self) -> str:
        """Why the database cannot be kept; empty if it can."""
        return self._database.note

    def refresh(self, *, thoroughly: bool = False) -> None:
        """Bring the index up to date; every question does so by itself.

        Args:
            thoroughly: look at every file, also in folders where nothing was added, removed or renamed;
                needed only if another program has changed finished runs in place.
        """
        self._database.saved(lambda: self._refresh(thoroughly=thoroughly))

    def runs(
        self,
        *,
        experiment: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        status: str = "",
        tags: Collection[str] = (),
        where: str = "",
        limit: int | None = None,
        read_quantity: ReadQuantity = read_base_unit,
        now: datetime | None = None,
    ) -> list[RunSummary]:
        """List runs, newest first; of several demands, all have to be met.

        Args:
            experiment: its name.
            since: earliest start, with a time zone.
            until: latest start, with a time zone.
            status: of the run.
            tags: that a run must have, all of them.
            where: a condition, see `data.catalogue.conditions`.
            limit: how many runs at most.
            read_quantity: reads the values of the condition; without it, they are in base units.
            now: what the times of the condition are counted from; the present if None.

        Raises:
            ConditionError: if the condition cannot be understood.
        """
        condition = parse_condition(where) if where else None
        clauses: list[Clause] = [
            *([("experiment = ?", [experiment])] if experiment else []),
            *([("started >= ?", [microseconds(since)])] if since is not None else []),
            *([("started <= ?", [microseconds(until)])] if until is not None else []),
            *([("status = ?", [status])] if status else []),
            *(("runs.number IN (SELECT run FROM tags WHERE tag = ?)", [tag]) for tag in tags),
        ]

        def find() -> list[RunSummary]:
            self._refresh()
            if not self.folder.is_dir() or not self._database.rows("SELECT 1 FROM runs LIMIT 1"):
                return []
            wanted = clauses
            if condition is not None:
                compiler = Compiler(where, self._names(), read_quantity, now or datetime.now(UTC))
                wanted = [*clauses, compiler.clause(condition)]
            return self._select(wanted, limit)

        return self._database.saved(find)

    def parameters(self, run: RunSummary) -> tuple[UsedParameter, ...]:
        """Return every value that a run used, sorted by name; none if its head cannot be read."""
        return tuple(
            value for number in self._numbers(run) for value in parameters_of(self._database, number)
        )

    def results(self, run: RunSummary) -> tuple[KeyResult, ...]:
        """Return every single number of the latest results of a run."""
        return tuple(value for number in self._numbers(run) for value in results_of(self._database, number))

    def run(self, run_id: str) -> RunSummary | None:
        """Return the run with an id; None if it is not in the folder. Does not look at the files again."""
        found = self._summaries(f"{SUMMARY} WHERE id = ?{_NEWEST_FIRST} LIMIT 1", [run_id])
        return found[0] if found else None

    def find(self, path: Path) -> RunSummary | None:
        """Return the run with a file; None if it is not in the folder. Does not look at the files again."""
        place = self._place(path)
        found = self._summaries(f"{SUMMARY} WHERE folder = ? AND name = ?", list(place)) if place else []
        return found[0] if found else None

    def parameter_names(self) -> tuple[str, ...]:
        """Return the names of all parameters of all runs, sorted. Does not look at the files again."""
        return self._names().parameters()

    def users(self, run_id: str) -> list[tuple[RunSummary, tuple[UsedParameter, ...]]]:
        """Return the runs that used what a run has calibrated, oldest first, each with those parameters."""
        query = f"{SUMMARY} WHERE number IN (SELECT run FROM parameters WHERE maker = ?) ORDER BY started, id"
        used = []
        for run in self._summaries(query, [run_id]):
            made = tuple(parameter for parameter in self.parameters(run) if parameter.run == run_id)
            used.append((run, made))
        return used

    def makers(self, parameter: str) -> list[tuple[UsedParameter, int]]:
        """Return each value of a parameter that a run calibrated, newest first, and how many runs used it."""
        query = (
            "SELECT name, parameters.number, text, unit, origin, maker, count(*) FROM parameters "
            "JOIN quantities ON quantities.number = quantity "
            "WHERE kind = 'parameter' AND name = ? AND maker IS NOT NULL GROUP BY maker ORDER BY maker DESC"
        )
        return [(parameter_of(row[:-1]), row[-1]) for row in self._database.rows(query, (parameter,))]

    def _refresh(self, *, thoroughly: bool = False) -> None:
        refresh(self._database, self.folder, self._watch, thoroughly=thoroughly)

    def _select(self, clauses: list[Clause], limit: int | None) -> list[RunSummary]:
        demands = " AND ".join(clause for clause, _ in clauses) or "1"
        values = [value for _, values in clauses for value in values]
        query = f"{SUMMARY} WHERE {demands}{_NEWEST_FIRST} LIMIT ?"
        return self._summaries(query, [*values, -1 if limit is None else limit])

    def _names(self) -> Names:
        return Names(self._database)

    def _summaries(self, query: str, values: list[Any]) -> list[RunSummary]:
        return [summary_of(self.folder, row) for row in self._database.rows(query, values)]

    def _numbers(self, run: RunSummary) -> list[int]:
        place = self._place(run.path)
        query = "SELECT number FROM runs WHERE folder = ? AND name = ?"
        return [row[0] for row in self._database.rows(query, place)] if place else []

    def _place(self, path: Path) -> tuple[str, str] | None:
        """Return folder and name of a file within the folder of all runs."""
        try:
            place = path.parent.resolve().relative_to(self.folder.resolve())
        except ValueError:
            return None
        return place.as_posix(), path.name


def find_runs(folder: str | os.PathLike[str]) -> list[RunSummary]:
    """List the runs in a folder and its subfolders, newest first.

    Files that are not named like runs are passed over; `Catalogue` finds runs by what they are.
    """
    with Catalogue(folder) as catalogue:
        found = catalogue.runs()
        if catalogue.note:
            warnings.warn(catalogue.note, stacklevel=2)
        return found
