"""Is a run file still what it was? If not, what of it can be trusted?"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from data.errors import DamagedRunError, RunFileError
from data.layout import Column, columns_of
from data.seal import check_seal
from data.stored_header import PARAMETERS_TEXT, parameters_text
from data.stored_run import OTHERS_USABLE, POINTS_USABLE, READ_FAULTS, StoredRun, damage_told

OTHERS: Final = ("parameters and texts", "sizes of points", "instruments", "messages", "analyses")
"""Parts of a run beside its columns."""

# Rows read at a time.
_ROWS: Final = 2**18


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found about a file.

    Attributes:
        path: of the file.
        is_sealed: it has a seal.
        is_whole: every byte is as it was when it was sealed.
        problem: why nothing of it can be opened; empty if it can.
        damaged: parts that cannot be read: columns, of which the number of rows is wrong, too, and `OTHERS`.
        sound: parts that can be read. Of columns the checksums are right, too; but nobody can tell whether
            another program has written them anew.
    """

    path: Path
    is_sealed: bool
    is_whole: bool
    problem: str = ""
    damaged: tuple[str, ...] = ()
    sound: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.is_whole:
            return f"{self.path}: whole"
        if self.problem:
            return self.problem
        what = "its bytes are not those that were sealed" if self.is_sealed else "it has no seal"
        if self.damaged:
            return f"{self.path}: {what}; damaged: {', '.join(self.damaged)}"
        return (
            f"{self.path}: {what}; {', '.join(OTHERS)} and all columns can be read, but whether they say "
            "what was written cannot be known"
        )


def verify(path: str | os.PathLike[str]) -> Verification:
    """Compare a finished run with its seal; if it does not match, find out what can still be read.

    Raises:
        UnreadableFileError: the system does not let it be read.
    """
    path = Path(path)
    seal = check_seal(path)
    sealed = bool(seal.stored)
    try:
        source = StoredRun(path)
    except RunFileError as error:
        return Verification(path, sealed, is_whole=False, problem=str(error))
    with closing(source):
        if seal.is_whole:
            return Verification(path, sealed, is_whole=True)
        states = {name: _is_sound(read) for name, read in _parts(source)}
    return Verification(
        path,
        sealed,
        is_whole=False,
        damaged=tuple(name for name, sound in states.items() if not sound),
        sound=tuple(name for name, sound in states.items() if sound),
    )


def _parts(source: StoredRun) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the parts of a run, each with what reads all of it."""
    head = partial(_read_head, source)
    others = (head, source.table_ends, source.readings, source.messages, source.analyses)
    yield from zip(OTHERS, others, strict=True)
    for column in columns_of(source.form):
        yield column.path, partial(_read_column, source, column)


def _read_head(source: StoredRun) -> None:
    """Read what was known before the first point.

    Raises:
        DamagedRunError: it cannot be read, or the copy of its parameters does not agree.
    """
    header = source.header()
    with damage_told(source.path, PARAMETERS_TEXT, POINTS_USABLE):
        copy = source.file.get(PARAMETERS_TEXT)
        text = parameters_text(header.parameters) if copy is None else copy.asstr()[()]
    if text != parameters_text(header.parameters):
        raise DamagedRunError(source.path, PARAMETERS_TEXT, "it says something else", POINTS_USABLE)


def _read_column(source: StoredRun, column: Column) -> None:
    """Read a column, slab by slab.

    Raises:
        DamagedRunError: it cannot be read, or has not as many rows as the points of the run need.
    """
    ends, rows = source.table_ends()[column.table], source.file[column.path].shape[0]
    if rows != (int(ends[-1]) if len(ends) else 0):
        raise DamagedRunError(source.path, column.path, f"it has {rows} rows", OTHERS_USABLE)
    for begin in range(0, rows, _ROWS):
        source.read(column.path, begin, begin + _ROWS)


def _is_sound(read: Callable[[], object]) -> bool:
    try:
        read()
    except (DamagedRunError, *READ_FAULTS):
        return False
    return True
