"""What the names in a condition mean."""

# ruff: noqa: S608 (what stands in a statement are our own names of tables and columns; values never do)

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from data.catalogue.conditions import Name
from data.catalogue.database import Database
from data.catalogue.rows import QuantityKind
from data.errors import ConditionError

FieldKind: TypeAlias = Literal["text", "number", "time"]


@dataclass(frozen=True, slots=True)
class Field:
    """A fact of a run.

    Attributes:
        column: of the database.
        kind: of its values.
        table: where the column is; other tables than that of the runs have no row, or several, of a run.
    """

    column: str
    kind: FieldKind
    table: Literal["runs", "remarks", "tags"] = "runs"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A parameter, result or axis that some runs have.

    Attributes:
        kind: which of these.
        name: of it.
        units: number in the database -> unit; runs may give the same name with different units.
    """

    kind: QuantityKind
    name: str
    units: dict[int, str]


FIELDS: Final = {
    "id": Field("id", "text"),
    "experiment": Field("experiment", "text"),
    "status": Field("status", "text"),
    "started": Field("started", "time"),
    "ended": Field("ended", "time"),
    "points": Field("points", "number"),
    "shots": Field("shots", "number"),
    "seed": Field("seed", "text"),
    "source": Field("source", "text"),
    "revision": Field("revision", "text"),
    "comment": Field("comment", "text", "remarks"),
    "tag": Field("tag", "text", "tags"),
}

_MOST_NAMES: Final = 12  # of those that a message lists where none looks like the one that was asked for

_RUN: Final = ("run", "runs")
_SCOPES: Final[dict[str, QuantityKind]] = {
    "parameter": "parameter",
    "parameters": "parameter",
    "result": "result",
    "results": "result",
    "axis": "axis",
    "axes": "axis",
}


class Names:
    """All names that a condition may use.

    Args:
        database: of the catalogue.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[QuantityKind, dict[str, dict[int, str]]]
        self._known = {kind: defaultdict(dict) for kind in get_args(QuantityKind)}
        for number, kind, name, unit in database.rows("SELECT number, kind, name, unit FROM quantities"):
            self._known[kind][name][number] = unit

    def find(self, name: Name, condition: str) -> Field | Quantity:
        """Return what a name means: a fact of every run, or else a parameter or result, or else an axis.

        Args:
            name: as it was written.
            condition: text of the whole condition, for the message.

        Raises:
            ConditionError: if it means nothing, or both a parameter and a result.
        """
        scope, _, rest = name.text.partition(".")
        if rest and scope.lower() in _RUN:
            if rest not in FIELDS:
                raise self._unknown(name, condition, rest, "fact of a run", FIELDS)
            return FIELDS[rest]
        if rest and scope.lower() in _SCOPES:
            kind = _SCOPES[scope.lower()]
            if rest not in self._known[kind]:
                raise self._unknown(name, condition, rest, f"{kind} of these runs", self._known[kind])
            return Quantity(kind, rest, self._known[kind][rest])
        return FIELDS.get(name.text) or self._quantity(name, condition)

    def count(self, table: str, clause: str, values: list[Any], most: int) -> int:
        """Count the rows of a table that fulfil a condition, up to a limit.

        Args:
            table: of quantities.
            clause: of SQL.
            values: of its question marks.
            most: rows after which counting stops.
        """
        query = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {clause} LIMIT ?)"
        return int(self._database.rows(query, [*values, most])[0][0])

    def parameters(self) -> tuple[str, ...]:
        """Return the name of every parameter, sorted."""
        return tuple(sorted(self._known["parameter"]))

    def _quantity(self, name: Name, condition: str) -> Quantity:
        meanings = [kind for kind in self._known if name.text in self._known[kind]]
        if len(meanings) > 1 and "axis" in meanings:  # whatever is scanned is a parameter, too
            meanings.remove("axis")
        if len(meanings) > 1:
            scoped = " or ".join(f"{kind}.{name.text}" for kind in meanings)
            raise ConditionError(condition, name.position, f"{name.text} may be {scoped}", "one of these")
        if not meanings:
            known = {*FIELDS, *(known for kind in self._known.values() for known in kind)}
            raise self._unknown(
                name, condition, name.text, "fact, parameter, result or axis of these runs", known
            )
        return Quantity(meanings[0], name.text, self._known[meanings[0]][name.text])

    @staticmethod
    def _unknown(name: Name, condition: str, asked: str, what: str, known: Collection[str]) -> ConditionError:
        close = difflib.get_close_matches(asked, sorted(known), n=3)
        wanted = " or ".join(close) if close else f"one of {', '.join(sorted(known)[:_MOST_NAMES]) or 'none'}"
        return ConditionError(condition, name.position, f"{asked!r} is no {what}", wanted)
