"""Tables for people: what a command prints at its end.

Example:
    >>> tabulate([{"ion": 1, "fidelity": 0.92}, {"ion": 2, "fidelity": 0.9134567}])
    Table(columns=('ion', 'fidelity'), rows=(('1', '0.92'), ('2', '0.9135')), title='')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Text in columns.

    Attributes:
        columns: headings, with the unit where there is one.
        rows: one cell a column.
        title: what the table shows.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""


def tabulate(records: Sequence[Mapping[str, object]], title: str = "") -> Table:
    """Return one row for each record, and one column for each key in order of appearance."""
    columns = tuple(dict.fromkeys(key for record in records for key in record))
    rows = tuple(tuple(cell(record.get(column)) for column in columns) for record in records)
    return Table(columns, rows, title)


def cell(value: object) -> str:
    """Return a value as one cell: numbers to four digits, lists joined.

    Example:
        >>> cell(0.123456), cell([1.0, 2.5]), cell(None), cell(12)
        ('0.1235', '1, 2.5', '', '12')
    """
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value)
    return str(value)
