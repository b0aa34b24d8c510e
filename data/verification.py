"""Is a run file still what it was? If not, what of it can be trusted?"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data.errors import DamagedRunError, RunFileError
from data.layout import columns_of
from data.seal import check_seal
from data.stored_run import StoredRun

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
        damaged: columns that cannot be read.
        sound: columns that can be read; their checksums are right.
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
        lost = f"damaged: {', '.join(self.damaged)}" if self.damaged else "every column can still be read"
        return f"{self.path}: {what}; {lost}"


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
        states = {column.path: _is_sound(source, column.path) for column in columns_of(source.form)}
    return Verification(
        path,
        sealed,
        is_whole=False,
        damaged=tuple(name for name, sound in states.items() if not sound),
        sound=tuple(name for name, sound in states.items() if sound),
    )


def _is_sound(source: StoredRun, path: str) -> bool:
    try:
        rows = source.file[path].shape[0]
        for begin in range(0, rows, _ROWS):
            source.read(path, begin, begin + _ROWS)
    except (DamagedRunError, RuntimeError, KeyError, OSError):
        return False
    return True
