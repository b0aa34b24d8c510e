"""Where the journal of a run is, if it does not lie beside the place of its file.

Then a small file lies there under the name that the journal would have, so that the run is found by whoever
looks for it in the folder of runs. It tells the path of the journal, and on which computer.
"""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from data.disk import reason_of, sync_folder
from data.errors import JournalElsewhereError, UnreadableFileError
from data.header import storable
from data.journal.machine import shares_locks, this_machine
from data.run_names import JOURNAL

_MOST_BYTES: Final = 2**16
"""Of a pointer; no path is as long."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer tells; as JSON in the file.

    Attributes:
        journal: path of the journal.
        host: name of its computer, for people.
        machine: the same for programs, see `data.journal.this_machine`.
    """

    journal: str
    host: str
    machine: str


def write_pointer(run: Path, journal: Path) -> None:
    """Tell where the journal of a run is; when this returns, the disk holds it.

    Args:
        run: path of its file to be.
        journal: its path.

    Raises:
        OSError: if the system refuses to write.
    """
    path = run.with_suffix(JOURNAL)
    pointer = Pointer(storable(str(journal.resolve())), platform.node(), this_machine())
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(pointer)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def read_pointer(path: Path) -> Pointer | None:
    """Return what a pointer tells; None if the file is none, as a journal itself is.

    Raises:
        UnreadableFileError: if the system does not let it be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES)
    except OSError as error:
        raise UnreadableFileError(path, reason_of(error)) from error
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(content, type=Pointer)
    return None


def journal_at(path: Path) -> Path:
    """Return the path of a journal, by way of the pointer to it if there is one.

    Raises:
        JournalElsewhereError: if the journal cannot be seen from here.
        UnreadableFileError: if the system does not let the file be read.
    """
    pointer = read_pointer(path)
    if pointer is None:
        return path
    journal = Path(pointer.journal)
    if not journal.is_file():
        is_here = shares_locks(pointer.machine, this_machine())
        raise JournalElsewhereError(path, journal, pointer.host, is_here)
    return journal


def remove_pointer(run: Path) -> None:
    """Remove the pointer beside the file of a run, if there is one.

    Args:
        run: path of the file.
    """
    path = run.with_suffix(JOURNAL)
    with suppress(UnreadableFileError):
        if read_pointer(path) is not None:
            path.unlink(missing_ok=True)
