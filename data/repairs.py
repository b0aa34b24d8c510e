"""What a crash left is finished: files are made from journals, halves of files are removed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

from data.archive import archive_journal
from data.disk import RESERVE, sync_folder
from data.entries import End
from data.errors import EmptyJournalError, JournalElsewhereError, RunFileError
from data.journal import JournalReader, JournalWriter
from data.journal.writer import UNNAMED
from data.journalled_run import JournalledRun
from data.pointers import journal_at, remove_pointer
from data.results import Encoded, encode, restore
from data.run import open_run
from data.run_names import FINISHED, JOURNAL
from data.seal import check_seal
from data.stored_header import RunState

Action: TypeAlias = Literal["finished", "cleared", "salvaged", "left"]
"""What was done: a file was made; a leftover was removed; a file was made, and the damaged journal kept;
nothing."""

DAMAGED: Final = ".damaged"
"""What is put behind the name of a journal or a file of which some is lost, once another file is made."""

_NOT_BEGUN: Final = "the run was stopped before it began; nothing is lost"

FRESH: Final = 600.0
"""s: a copy that nobody has written to for so long is not being made any more, however large it is."""


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done about something that a crash left.

    Attributes:
        path: of the journal, or of the half of a file.
        action: what was done.
        message: why, and what became of it.
        made: run file that was made.
        points: in it.
    """

    path: Path
    action: Action
    message: str
    made: Path | None = None
    points: int = 0


def repair(
    folder: str | os.PathLike[str], *, take_over: bool = False, reserve: int = RESERVE
) -> Iterator[Repair]:
    """Finish what crashes left in a folder and its subfolders.

    Args:
        folder: of runs, or of journals; or one journal.
        take_over: finish runs of other machines, too, of which nobody can know here whether they are still
            going on. Whoever says so has made sure that they are not.
        reserve: bytes that must stay free on the disk.

    Yields:
        What was done about each thing found. One that cannot be repaired does not keep others from it.
    """
    place = Path(folder)
    for path in [place] if place.is_file() else sorted(place.rglob(f"*{JOURNAL}")):
        try:
            if path.exists():  # else it was finished by way of its pointer
                yield _finish(path, take_over, reserve)
        except (RunFileError, OSError) as error:
            yield Repair(path, "left", str(error))
    if place.is_dir():
        yield from _clear_unnamed(place)
        yield from _clear_halves(place)


def _finish(found: Path, take_over: bool, reserve: int) -> Repair:
    """Make the file of a run that was cut off, of which a journal or a pointer to it was found."""
    try:
        path = journal_at(found)
    except JournalElsewhereError:
        if not found.with_suffix(FINISHED).is_file():
            raise
        found.unlink()
        return Repair(
            found, "cleared", "it pointed to a journal that is not needed any more; the run is there"
        )
    try:
        source = JournalledRun(path, verify=True, take_over=take_over)
    except EmptyJournalError:
        return _clear_empty(path)
    with closing(source):
        target = _target(source, path) if found == path else found.with_suffix(FINISHED)
        state = _state_of(source, path)
        if obstacle := _obstacle(source, target, take_over):
            return Repair(path, "left", obstacle)
        points, damage = len(source.table_ends()["scan"]), source.damage
        # Locked from here on: nobody else may finish it at the same time.
        with JournalWriter.reopen(path):
            if _is_finished(target, source.id, points):
                message = f"{target} is whole and has all of it"
            else:
                _set_aside(target)
                archive_journal(source, target, state, _results_of(source.end), reserve)
                message = f"{points} points"
    remove_pointer(target)
    if damage:
        kept = path.rename(path.with_name(path.name + DAMAGED))
        message += f"; {damage}; the journal is kept as {kept.name}"
        return Repair(path, "salvaged", message, target, points)
    path.unlink(missing_ok=True)
    sync_folder(path.parent)
    return Repair(path, "finished", message, target, points)


def _obstacle(source: JournalledRun, target: Path, take_over: bool) -> str:
    """Tell why a run has to be left alone; empty if it can be finished."""
    if source.has_writer is True:
        return "the run is going on"
    if source.has_writer is None and not take_over:
        return (
            "it was written on another machine, or on a drive without locks: nobody can know here whether "
            "the run is going on; if you are sure that it is not, repair it with --take-over"
        )
    if not target.parent.is_dir():  # to make it could fill the place where a drive is mounted later
        return (
            f"the folder of its file is not there, {target.parent}: connect its drive, or move the journal "
            f"to a folder called {target.parent.name}, where it is finished, too"
        )
    return ""


def _target(source: JournalledRun, path: Path) -> Path:
    """Return where the file belongs: beside the journal if it was to be there, wherever both are now."""
    beside = path.with_suffix(FINISHED)
    return beside if beside.parent.name == source.destination.parent.name else source.destination


def _is_finished(target: Path, run: str, points: int) -> bool:
    """Tell whether a crash came between the making of the file and the end of the journal."""
    if not target.is_file() or not check_seal(target).is_whole:
        return False
    with open_run(target) as made:
        return made.id == run and len(made) >= points


def _set_aside(target: Path) -> None:
    """Keep a file that is not whole, since it may hold analyses that the journal does not know."""
    if target.exists():
        target.rename(target.with_name(target.name + DAMAGED))


def _state_of(source: JournalledRun, path: Path) -> RunState:
    state = source.state()
    if source.end is not None:
        return replace(state, message="; ".join(filter(None, [state.message, source.damage])))
    last_seen = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return RunState(state.id, "interrupted", state.message, last_seen)


def _results_of(end: End | None) -> Encoded | None:
    return encode(restore(end.results, end.array)) if end is not None and end.results else None


def _clear_empty(path: Path) -> Repair:
    if path.suffix != JOURNAL:  # any empty file looks like a run that was not begun
        return Repair(
            path, "left", f"it is empty, and nobody knows what it is: no journal is called so ({JOURNAL})"
        )
    with JournalWriter.reopen(path), JournalReader(path) as reader:
        if reader.frames():  # it was just being begun
            return Repair(path, "left", "the run is going on")
        path.unlink()
    return Repair(path, "cleared", _NOT_BEGUN)


def _clear_unnamed(folder: Path) -> Iterator[Repair]:
    """Remove journals whose programs were killed before the run had begun."""
    for path in sorted(folder.rglob(f"*{JOURNAL}{UNNAMED}")):
        with suppress(RunFileError, FileNotFoundError):  # it has its name now, or is being written
            with JournalReader(path) as reader:
                is_over = reader.has_writer() is False or time.time() - path.stat().st_mtime > FRESH
            if is_over:
                path.unlink()
                yield Repair(path, "cleared", _NOT_BEGUN)


def _clear_halves(folder: Path) -> Iterator[Repair]:
    """Remove halves of copies; what they were made from is still there."""
    for path in sorted(folder.rglob("*.h5.part")):
        whole = path.with_name(path.name.removesuffix(".part"))
        if time.time() - path.stat().st_mtime < FRESH:
            yield Repair(
                path, "left", "half of a copy, written to just now: another program may be making it"
            )
        elif whole.exists() or whole.with_suffix(JOURNAL).exists():
            path.unlink(missing_ok=True)
            yield Repair(path, "cleared", "half of a copy; the run itself is there")
        else:
            yield Repair(
                path, "left", "half of a copy, but the run itself is gone: look for another copy of it"
            )
