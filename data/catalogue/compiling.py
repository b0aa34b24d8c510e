"""Conditions as SQL: whatever a user wrote becomes a parameter of the statement, never a part of its text."""

# ruff: noqa: S608 (what stands in a statement are our own names of tables and columns; values never do)

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from data.catalogue.conditions import Comparison, Condition, Has, Joined, Not, Operator, Value
from data.catalogue.moments import read_moment
from data.catalogue.names import Field, Names, Quantity
from data.catalogue.rows import microseconds
from data.errors import ConditionError, MomentError

ReadQuantity: TypeAlias = Callable[[str, str], float | None]
"""Returns the value of a text such as ``"5 us"`` in a base unit such as ``"s"``, or None if it is none."""

Clause: TypeAlias = tuple[str, list[Any]]
"""A condition of SQL and the values of its question marks."""

# A value that was computed may differ from the same value read from a text in its last digits.
_ROUNDING: Final = 1e-12

# With so many rows, making a list of their runs takes longer than asking run by run: 3 ms at 100 000 runs.
_FEW: Final = 3000

_PLAIN: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*)")
_MINUS: Final = "\N{MINUS SIGN}"  # as people paste it
_TABLES: Final = {"parameter": "parameters", "result": "results", "axis": "axes"}


def read_base_unit(text: str, unit: str) -> float | None:
    """Return the value of a number followed by a base unit and nothing else.

    Example:
        >>> read_base_unit("5e-6 s", "s"), read_base_unit("5 us", "s")
        (5e-06, None)
    """
    match = _PLAIN.fullmatch(text)
    return float(match[1]) if match and match[2] == unit else None


@dataclass(frozen=True, slots=True)
class Compiler:
    """Turns conditions into SQL.

    Attributes:
        text: of the whole condition, for messages.
        names: that may be used.
        read: of quantities with units.
        now: what times such as "2 days" are counted from.
    """

    text: str
    names: Names
    read: ReadQuantity
    now: datetime

    def clause(self, condition: Condition) -> Clause:
        """Return a condition on the table `runs` that is true or false, never NULL.

        Raises:
            ConditionError: if a name is not known, or a value is not of its kind.
        """
        if isinstance(condition, Not):
            inner, values = self.clause(condition.inner)
            return f"NOT {inner}", values
        if isinstance(condition, Joined):
            clauses = [self.clause(part) for part in condition.parts]
            text = f" {condition.word.upper()} ".join(clause for clause, _ in clauses)
            return f"({text})", [value for _, values in clauses for value in values]
        meant = self.names.find(condition.name, self.text)
        if isinstance(meant, Field):
            return self._field(meant, condition) if isinstance(condition, Comparison) else _has(meant)
        if isinstance(condition, Has):
            return self._members(meant, _among(meant), list(meant.units))
        return self._quantity(meant, condition)

    def _quantity(self, quantity: Quantity, asked: Comparison) -> Clause:
        """Compare a parameter or result."""
        if quantity.kind == "axis":
            found = f"{quantity.name} is an axis, which has many values"
            raise self._error(asked.name.position, found, f"axis.{quantity.name} alone")
        if asked.value.kind == "number":
            clauses = [
                (number, *_numbers("number", asked.operator, value))
                for number, value in self._values(quantity, asked.value)
            ]
            text = " OR ".join(f"(quantity = ? AND {clause})" for _, clause, _ in clauses)
            return self._members(quantity, text, [item for at, _, found in clauses for item in (at, *found)])
        if quantity.kind == "result" or asked.value.kind == "date":
            raise self._error(asked.value.position, f"{quantity.name} is a number", "a number with its unit")
        clause, values = self._text("text", asked)
        return self._members(quantity, f"{_among(quantity)} AND {clause}", [*quantity.units, *values])

    def _members(self, quantity: Quantity, clause: str, values: list[Any]) -> Clause:
        """Return the condition that a run has a row of a kind that fulfils another."""
        table = _TABLES[quantity.kind]
        if self.names.count(table, clause, values, _FEW) < _FEW:
            return f"runs.number IN (SELECT run FROM {table} WHERE {clause})", values
        # Where many runs have it, the newest that do are soon found by asking one after the other.
        return f"EXISTS (SELECT 1 FROM {table} WHERE run = runs.number AND ({clause}))", values

    def _values(self, quantity: Quantity, value: Value) -> list[tuple[int, float]]:
        """Return the value of a text in every unit of a quantity that it has a value in."""
        text = value.text.replace(_MINUS, "-")
        read = [(number, self.read(text, unit)) for number, unit in quantity.units.items()]
        found = [(number, number_read) for number, number_read in read if number_read is not None]
        if not found:
            units = " or ".join(unit or "no unit" for unit in dict.fromkeys(quantity.units.values()))
            problem = f"{value.text!r} has not the unit of {quantity.name}"
            raise self._error(value.position, problem, f"a number in {units}")
        return found

    def _field(self, field: Field, asked: Comparison) -> Clause:
        """Compare a fact of a run."""
        value = asked.value
        if field.table != "runs":  # where "is not" means that no row is
            negated = asked.operator == "!="
            if not value.text and asked.operator in ("=", "!="):  # nothing was said
                return self.clause(Has(asked.name) if negated else Not(Has(asked.name)))
            clause, values = self._text(field.column, asked, "=" if negated else asked.operator)
            word = "NOT IN" if negated else "IN"
            return f"runs.number {word} (SELECT run FROM {field.table} WHERE {clause})", values
        if field.kind == "text":
            return self._text(field.column, asked)
        if asked.operator == "~":
            raise self._error(value.position, f"{asked.name.text} is no text", "one of < <= > >= = !=")
        if field.kind == "time":
            return _numbers(field.column, asked.operator, self._moment(value))
        number = self.read(value.text, "") if value.kind == "number" else None
        if number is None:
            raise self._error(
                value.position, f"{value.text!r} is not a plain number", "a number without unit"
            )
        return _numbers(field.column, asked.operator, number)

    def _moment(self, value: Value) -> int:
        try:
            return microseconds(read_moment(value.text, self.now))
        except MomentError:
            expected = 'a time: 2025-03-14, "2025-03-14 09:30" (UTC), yesterday or "2 days"'
            raise self._error(value.position, f"{value.text!r} is no time", expected) from None

    def _text(self, column: str, asked: Comparison, operator: Operator | None = None) -> Clause:
        """Compare a column of texts with what was written, whatever that looks like."""
        operator, wanted = operator or asked.operator, asked.value.text
        if operator == "~":
            return f"instr(lower(ifnull({column}, '')), lower(?)) > 0", [wanted]
        if operator not in ("=", "!="):
            found = f"texts are not ordered, so {operator} says nothing of {asked.name.text}"
            raise self._error(asked.value.position, found, "=, != or ~ (contains)")
        return f"ifnull({column}, '') {operator} ?", [wanted]

    def _error(self, position: int, found: str, expected: str) -> ConditionError:
        return ConditionError(self.text, position, found, expected)


def _has(field: Field) -> Clause:
    clause = f"ifnull({field.column}, '') <> ''"
    if field.table != "runs":
        return f"runs.number IN (SELECT run FROM {field.table} WHERE {clause})", []
    return clause, []


def _among(quantity: Quantity) -> str:
    return f"quantity IN ({', '.join('?' * len(quantity.units))})"


def _numbers(column: str, operator: Operator, value: float) -> Clause:
    """Compare a column of numbers, the same but for rounding being equal."""
    exact = isinstance(value, int) or value.is_integer()
    low, high = (value, value) if exact else sorted((value * (1 - _ROUNDING), value * (1 + _ROUNDING)))
    within = f"{column} BETWEEN ? AND ?"
    if operator in ("=", "!="):
        # Of what a run does not have, neither is true.
        negated = f"{column} IS NOT NULL AND NOT {within}"
        return f"({within if operator == '=' else negated})", [low, high]
    limit = low if operator in ("<", ">=") else high
    return f"({column} IS NOT NULL AND {column} {operator} ?)", [limit]
