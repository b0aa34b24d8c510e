"""What is known of a run as rows of the database, and back."""

# ruff: noqa: S608 (what stands in a statement are our own names of tables and columns; values never do)

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from data.catalogue.database import Database
from data.catalogue.folders import Seen
from data.catalogue.heads import RunHead, UsedParameter
from data.catalogue.summary import RunSummary
from data.header import storable
from data.remarks import Remarks
from data.results import KeyResult
from data.run_names import FINISHED, JOURNAL, RunName

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_LIVE: Final = ("running", "unfinished", "unreadable")
"""Statuses that change without a change of the folder."""

_COLUMNS: Final = (
    "folder", "name", "stamp", "seen", "read", "settled", "volatile",
    "id", "experiment", "started", "ended", "status", "message", "points", "shots", "seed", "source",
    "revision", "key_name", "key_value", "key_error", "key_unit",
)  # fmt: skip
_STORE: Final = (
    f"INSERT INTO runs ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    f"ON CONFLICT (folder, name) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS)}"
)

SUMMARY: Final = (
    "SELECT folder, name, id, experiment, started, status, points, key_name, key_value, key_error, key_unit, "
    "message, ended, shots, seed, source, revision, comment, "
    "(SELECT group_concat(tag, ' ') FROM tags WHERE tags.run = number) "
    "FROM runs LEFT JOIN remarks ON remarks.run = number "
)
"""Select what `summary_of` needs."""

QuantityKind: TypeAlias = Literal["parameter", "result", "axis"]


@dataclass(frozen=True, slots=True)
class Unread:
    """A run whose head cannot be read.

    Attributes:
        status: "running" if another program writes it, or "unreadable".
        message: why.
    """

    status: Literal["running", "unreadable"]
    message: str


def microseconds(moment: datetime) -> int:
    """Return a moment as it is kept: whole microseconds since 1970."""
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND


def moment_of(count: int) -> datetime:
    """Return the moment, in UTC, that a number of microseconds since 1970 stands for."""
    return _EPOCH + count * _MICROSECOND


def store_run(database: Database, file: Seen, read: RunHead | Unread) -> None:
    """Keep what was read from the file of a run, unless somebody has read it later."""
    query = "SELECT number, read FROM runs WHERE folder = ? AND name = ?"
    before = database.rows(query, (file.folder, file.name))
    if before and before[0][1] > file.read_ns:
        return
    facts = _head_facts(read) if isinstance(read, RunHead) else _name_facts(file.name, read)
    volatile = not file.settled or facts[4] in _LIVE
    stamps = (file.stamp.text, file.seen_ns, file.read_ns, file.settled, volatile)
    number = database.change(_STORE, (file.folder, file.name, *stamps, *facts))
    if before:
        number = before[0][0]
        for table in ("parameters", "results", "axes"):
            database.change(f"DELETE FROM {table} WHERE run = ?", (number,))
    if isinstance(read, RunHead):
        _store_quantities(database, number, read)


def _head_facts(head: RunHead) -> tuple[Any, ...]:
    """Return the last columns of a row, from the id on."""
    key = next((result for result in head.results if "." not in result.name), None)
    return (
        storable(head.id),
        storable(head.experiment),
        microseconds(head.started),
        microseconds(head.ended) if head.ended is not None else None,
        head.status,
        storable(head.message),
        head.points,
        head.shots,
        storable(head.seed),
        storable(head.source_file),
        storable(head.git_revision),
        *((storable(key.name), key.value, key.error, storable(key.unit)) if key else (None,) * 4),
    )


def _name_facts(name: str, read: Unread) -> tuple[Any, ...]:
    """Return the last columns of a row where only the name of the file is known."""
    told = RunName.read(name)
    if told is None:
        raise ValueError(f"{name} is not the name of a run")
    started = microseconds(told.started)
    state = (read.status, storable(read.message), 0, 0, "", "", "")
    return (told.id, told.experiment, started, None, *state, *(None,) * 4)


def _store_quantities(database: Database, number: int, head: RunHead) -> None:
    parameters = []
    for parameter in head.parameters:
        quantity = _quantity(database, "parameter", parameter.name, parameter.unit)
        parameters.append(
            (number, quantity, *_value(parameter.value), parameter.origin, parameter.run or None)
        )
    results = [
        (number, _quantity(database, "result", result.name, result.unit), place, result.value, result.error)
        for place, result in enumerate(head.results)
    ]
    axes = [(number, _quantity(database, "axis", axis.name, axis.unit)) for axis in head.axes]
    database.change_many("INSERT OR REPLACE INTO parameters VALUES (?, ?, ?, ?, ?, ?)", parameters)
    database.change_many("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)", results)
    database.change_many("INSERT OR REPLACE INTO axes VALUES (?, ?)", axes)


def _quantity(database: Database, kind: QuantityKind, name: str, unit: str) -> int:
    return database.number_of(kind, storable(name), storable(unit))


def _value(value: float | str | bool) -> tuple[float | int | None, str | None]:
    """Return a value as number and text; a switch is both."""
    if isinstance(value, bool):
        return int(value), str(value).lower()
    if isinstance(value, str):
        return None, storable(value)
    return (value if abs(value) < 2**63 else float(value)), None  # SQLite has no longer integers


def store_remarks(database: Database, file: Seen, stem: str, remarks: Remarks) -> None:
    """Keep what was said about a run, unless somebody has read it later."""
    for number in _runs_of(database, file.folder, stem):
        before = database.rows("SELECT read FROM remarks WHERE run = ?", (number,))
        if before and before[0][0] > file.read_ns:
            continue
        stamps = (file.stamp.text, file.seen_ns, file.read_ns, file.settled)
        comment = storable(remarks.comment)
        database.change(
            "INSERT OR REPLACE INTO remarks VALUES (?, ?, ?, ?, ?, ?)", (number, *stamps, comment)
        )
        database.change("DELETE FROM tags WHERE run = ?", (number,))
        database.change_many("INSERT INTO tags VALUES (?, ?)", [(number, tag) for tag in remarks.tags])


def forget_remarks(database: Database, folder: str, stem: str) -> None:
    """Remove what was said about a run, since the file is gone."""
    for number in _runs_of(database, folder, stem):
        for table in ("remarks", "tags"):
            database.change(f"DELETE FROM {table} WHERE run = ?", (number,))


def _runs_of(database: Database, folder: str, stem: str) -> list[int]:
    query = "SELECT number FROM runs WHERE folder = ? AND name IN (?, ?)"
    return [row[0] for row in database.rows(query, (folder, stem + FINISHED, stem + JOURNAL))]


def summary_of(root: Path, row: tuple[Any, ...]) -> RunSummary:
    """Return the summary that a row of `SUMMARY` is.

    Args:
        root: folder of all runs, as the user calls it.
        row: of the database.
    """
    folder, name, run_id, experiment, started, status, points, *rest = row
    key_name, key_value, key_error, key_unit, message, ended, shots, seed, source, revision, comment, tags = (
        rest
    )
    key = (
        KeyResult(key_name, _float(key_value), _float(key_error), key_unit) if key_name is not None else None
    )
    return RunSummary(
        path=root / folder / name,
        id=run_id,
        experiment=experiment,
        started=moment_of(started),
        status=status,
        points=points,
        key_result=key,
        message=message,
        ended=moment_of(ended) if ended is not None else None,
        shots=shots,
        seed=seed,
        source_file=source,
        git_revision=revision,
        tags=tuple(sorted((tags or "").split())),
        comment=comment or "",
    )


def parameters_of(database: Database, number: int) -> Iterator[UsedParameter]:
    """Return every value that a run used, by name."""
    query = (
        "SELECT name, parameters.number, text, unit, origin, maker FROM parameters "
        "JOIN quantities ON quantities.number = quantity WHERE run = ? ORDER BY name"
    )
    return map(parameter_of, database.rows(query, (number,)))


def parameter_of(row: tuple[Any, ...]) -> UsedParameter:
    """Return the parameter that a row of name, number, text, unit, origin and maker is."""
    name, number, text, unit, origin, maker = row
    return UsedParameter(name, _restored(number, text), unit, origin, maker or "")


def results_of(database: Database, number: int) -> Iterator[KeyResult]:
    """Yield every single number of the results of a run, in their order."""
    query = (
        "SELECT name, results.number, error, unit FROM results "
        "JOIN quantities ON quantities.number = quantity WHERE run = ? ORDER BY place"
    )
    for name, value, error, unit in database.rows(query, (number,)):
        yield KeyResult(name, _float(value), _float(error), unit)


def _restored(number: float | int | None, text: str | None) -> float | int | str | bool:
    if text is not None:
        return text if number is None else text == "true"
    return _float(number) if not isinstance(number, int) else number


def _float(number: float | None) -> float:
    """Return a number; what a database has no number for is NaN."""
    return math.nan if number is None else number
