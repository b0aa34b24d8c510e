"""The tables of a run as named columns: what every export to another format begins with.

A run has the table `scan` with one row a point, and beside it tables with one row a shot, an attempt, a gate,
a click and so on (see data/README.md). `readings` has one row a reading of an instrument, `parameters` one
row a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from data.errors import DamagedRunError, ExportError

if TYPE_CHECKING:
    from data.run import Run

SCAN_TABLE: Final = "scan"
PHOTON_TABLE: Final = "photons"
PARAMETER_TABLE: Final = "parameters"
READING_TABLE: Final = "readings"
MESSAGE_TABLE: Final = "messages"


@dataclass(frozen=True, slots=True, eq=False)
class TableColumn:
    """A column of a table.

    Attributes:
        name: within the table.
        values: (rows, ...) numbers or texts.
        unit: of the values, empty if they have none.
        meaning: one line for people.
    """

    name: str
    values: NDArray[Any]
    unit: str = ""
    meaning: str = ""

    @property
    def heading(self) -> str:
        """Name with the unit.

        Example:
            >>> TableColumn("duration", np.array([1e-6]), "s").heading
            'duration [s]'
        """
        return f"{self.name} [{self.unit}]" if self.unit else self.name


def table_names(run: Run) -> tuple[str, ...]:
    """Name the tables of a run, `scan` first."""
    others = dict.fromkeys(column.table for column in run.columns if column.table != SCAN_TABLE)
    return (SCAN_TABLE, *others, READING_TABLE, MESSAGE_TABLE, PARAMETER_TABLE)


def read_table(run: Run, table: str = SCAN_TABLE) -> tuple[TableColumn, ...]:
    """Read a whole table into memory.

    Args:
        run: open.
        table: one of `table_names`.

    Raises:
        ExportError: the run has no such table.
        DamagedRunError: a column cannot be read.
    """
    pieces = list(stream_table(run, table))
    if len(pieces) == 1:
        return pieces[0]
    return tuple(
        TableColumn(same[0].name, np.concatenate([c.values for c in same]), same[0].unit, same[0].meaning)
        for same in zip(*pieces, strict=True)
    )


def stream_table(run: Run, table: str) -> Iterator[tuple[TableColumn, ...]]:
    """Read a table piece by piece: at least one piece, and the photons in constant memory.

    Raises:
        ExportError: the run has no such table.
        DamagedRunError: a column cannot be read.
    """
    if table not in table_names(run):
        advice = f"choose from {', '.join(table_names(run))}"
        raise ExportError(run.id, "a table", f"it has no table {table!r}", advice)
    if table == PHOTON_TABLE:
        yield from _photons(run)
    elif table in _SHORT_TABLES:
        yield _SHORT_TABLES[table](run)
    else:
        columns = tuple(
            TableColumn(
                PurePosixPath(column.path).name,
                _readable(run.column(column.path)),
                column.units,
                column.meaning,
            )
            for column in run.columns
            if column.table == table
        )
        _refuse_ragged(run, table, columns)
        yield columns


def _refuse_ragged(run: Run, table: str, columns: tuple[TableColumn, ...]) -> None:
    """Say that columns of a table have not the same rows: somebody has changed the file."""
    rows = {column.name: len(column.values) for column in columns}
    if len(set(rows.values())) > 1:
        shortest, longest = min(rows, key=rows.__getitem__), max(rows, key=rows.__getitem__)
        reason = f"{shortest} has {rows[shortest]} rows, {longest} has {rows[longest]}"
        raise DamagedRunError(run.path, f"the table {table}", reason, "the other tables can be written")


def flat_columns(columns: tuple[TableColumn, ...]) -> tuple[TableColumn, ...]:
    """Return columns with one value a row, as text files and data frames have them.

    A column of several values a row becomes several, numbered from 0; pictures are left out.

    Example:
        >>> counts = TableColumn("ions", np.array([[1, 2], [3, 4]]), "counts")
        >>> [(column.name, column.values.tolist()) for column in flat_columns((counts,))]
        [('ions_0', [1, 3]), ('ions_1', [2, 4])]
    """
    flat: list[TableColumn] = []
    for column in columns:
        if column.values.ndim == 1:
            flat.append(column)
        elif column.values.ndim == 2:
            width = column.values.shape[1]
            names = [f"{column.name}_{i}" for i in range(width)] if width > 1 else [column.name]
            flat += [
                TableColumn(name, column.values[:, i], column.unit, column.meaning)
                for i, name in enumerate(names)
            ]
    return tuple(flat)


def _readable(values: NDArray[Any]) -> NDArray[Any]:
    """Return texts as texts: in the file they are bytes of UTF-8."""
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values


def _photons(run: Run) -> Iterator[tuple[TableColumn, ...]]:
    yield _photon_columns(*(np.zeros(0, dtype) for dtype in _PHOTON_TYPES))
    for point in range(len(run)):
        for tags in run.photons_of(point).batches():
            yield _photon_columns(
                np.full(len(tags), point, np.int32),
                tags.t_ps,
                tags.channel,
                tags.shot,
                tags.attempt,
                tags.readout,
                tags.window_ps,
            )


_PHOTON_TYPES: Final = (np.int32, np.int64, np.uint16, np.int64, np.uint32, np.uint16, np.int64)


def _photon_columns(*values: NDArray[Any]) -> tuple[TableColumn, ...]:
    heads = (
        ("point", "", "point of the run"),
        ("t_ps", "ps", "click since the start of the run"),
        ("channel", "", "number of the input channel"),
        ("shot", "", "shot of the point"),
        ("attempt", "", "attempt of the shot"),
        ("readout", "", "row of the program's table of readouts"),
        ("window_ps", "ps", "click since its gate opened"),
    )
    return tuple(
        TableColumn(name, column, unit, meaning)
        for (name, unit, meaning), column in zip(heads, values, strict=True)
    )


def _parameters(run: Run) -> tuple[TableColumn, ...]:
    parameters = run.header.parameters
    error = np.array([np.nan if p.error is None else p.error for p in parameters], dtype=np.float64)
    return (
        *_text_columns(
            ("name", "value", "unit", "origin", "help", "run"),
            [(p.name, str(p.value), p.unit, p.origin, p.help, p.run) for p in parameters],
        ),
        TableColumn("error", error, "", "one standard deviation, in the unit of the value"),
    )


def _readings(run: Run) -> tuple[TableColumn, ...]:
    """Return all readings; their values are texts, since some are, and have units of their own."""
    logs = run.readings.values()
    rows = [
        (log.name, str(value), log.unit, str(quality), str(note))
        for log in logs
        for value, quality, note in zip(log.value, log.quality, log.note, strict=True)
    ]
    time = np.concatenate([np.zeros(0), *(log.time for log in logs)])
    return (
        TableColumn("time", time, "s", "since the start of the run"),
        *_text_columns(("setting", "value", "unit", "quality", "note"), rows),
    )


def _messages(run: Run) -> tuple[TableColumn, ...]:
    time = np.array([message.time for message in run.messages], dtype=np.float64)
    return (
        TableColumn("time", time, "s", "since the start of the run"),
        *_text_columns(("level", "text"), [(message.level, message.text) for message in run.messages]),
    )


def _text_columns(names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> tuple[TableColumn, ...]:
    return tuple(
        TableColumn(name, np.array([row[i] for row in rows], dtype=np.str_)) for i, name in enumerate(names)
    )


_SHORT_TABLES: Final[dict[str, Callable[[Run], tuple[TableColumn, ...]]]] = {
    PARAMETER_TABLE: _parameters,
    READING_TABLE: _readings,
    MESSAGE_TABLE: _messages,
}
