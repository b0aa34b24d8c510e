"""Bringing a catalogue up to date: what has changed in the folders is listed and read again, nothing else.

Several processes may do this at once. Each writes what it has seen with the time at which it looked, and
nobody replaces what was seen later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from data.catalogue.database import Database
from data.catalogue.folders import (
    HERE,
    Listing,
    Seen,
    Stamp,
    join,
    list_folder,
    place_of,
    stamp_file,
    stamp_folder,
)
from data.catalogue.heads import RunHead, read_head
from data.catalogue.rows import Unread, forget_remarks, store_remarks, store_run
from data.errors import DataError, RunBusyError, RunFileError
from data.remarks import ENDING, Remarks, read_remarks
from data.run_names import FINISHED
from data.stored_run import READ_FAULTS

Watcher: TypeAlias = Callable[[int, int], None]
"""Is told how many heads of files are read, and how many there are to read."""

Changed: TypeAlias = list[tuple[Seen, Listing]]
"""Folders in which something has changed, and what lies in them now."""

_ELSEWHERE: Final = ("running", "unreadable")
"""Statuses that change without a trace in the file: its writer may be gone, or the journal that it points to
be there again."""

_BATCH: Final = 100  # heads that are written at once: half a second of reading that a Ctrl-C can lose


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database says of a file or folder."""

    stamp: str
    seen_ns: int
    settled: bool
    status: str = ""


def refresh(
    database: Database, root: Path, watch: Watcher | None = None, *, thoroughly: bool = False
) -> None:
    """Bring a catalogue up to date with the files.

    Args:
        database: of the catalogue.
        root: folder of all runs; if it is not there, as when a network drive is, nothing is forgotten.
        watch: is told how far the reading is.
        thoroughly: look at every file again, also in folders where nothing was added or removed.
    """
    place = str(root)
    if stamp_folder(place, follow=True) is None:
        return
    changed, gone = _changed_folders(database, place, everything=thoroughly)
    stale = [*_stale_runs(database, changed), *_unsettled_runs(database, place, changed)]
    for begin in range(0, len(stale), _BATCH):
        if watch is not None:
            watch(begin, len(stale))
        heads = [(file, read) for file in stale[begin : begin + _BATCH] for read in _read(root, file)]
        with database.writing():
            for file, read in heads:
                store_run(database, file, read)
    _forget(database, changed, gone)
    _refresh_remarks(database, root, changed)


def _changed_folders(database: Database, root: str, *, everything: bool) -> tuple[Changed, list[str]]:
    """List the folders in which something has changed, and name those that are gone."""
    rows = database.rows("SELECT path, stamp, seen, settled FROM folders")
    known = {path: _Known(stamp, seen, bool(fixed)) for path, stamp, seen, fixed in rows}
    changed: Changed = []
    gone: list[str] = []
    ahead = list({HERE: None, **dict.fromkeys(known)})
    for folder in ahead:  # which grows meanwhile
        looked = time.time_ns()
        stamp = stamp_folder(place_of(root, folder), follow=folder == HERE)
        if stamp is None:
            gone.append(folder)
            continue
        before = known.get(folder)
        same = before is not None and before.stamp == stamp.text
        if same and before is not None and before.settled and not everything:
            continue
        listing = list_folder(place_of(root, folder))
        seen = before.seen_ns if same and before is not None else looked
        changed.append((Seen(folder, "", stamp, seen, looked), listing))
        ahead += [inner for name in listing.folders if (inner := join(folder, name)) not in known]
    return changed, gone


def _stale_runs(database: Database, changed: Changed) -> Iterator[Seen]:
    """Yield the runs in changed folders that have to be read."""
    for folder, listing in changed:
        query = "SELECT name, stamp, seen, settled, status FROM runs WHERE folder = ?"
        known = {name: _Known(*facts) for name, *facts in database.rows(query, (folder.folder,))}
        for name, stamp in listing.runs.items():
            yield from _stale(folder.folder, name, stamp, known.get(name))


def _unsettled_runs(database: Database, root: str, changed: Changed) -> Iterator[Seen]:
    """Yield the runs in unchanged folders that have to be read: those that grow, or were just written."""
    listed = {folder.folder for folder, _ in changed}
    query = "SELECT folder, name, stamp, seen, settled, status FROM runs WHERE volatile"
    for folder, name, *facts in database.rows(query):
        stamp = stamp_file(place_of(root, folder, name)) if folder not in listed else None
        if stamp is not None:
            yield from _stale(folder, name, stamp, _Known(*facts))


def _stale(folder: str, name: str, stamp: Stamp, known: _Known | None) -> Iterator[Seen]:
    """Yield a file if what is known of it may not be true."""
    now = time.time_ns()
    if known is None or known.stamp != stamp.text:
        yield Seen(folder, name, stamp, now, now)
    elif known.status in _ELSEWHERE or not known.settled:
        yield Seen(folder, name, stamp, known.seen_ns, now)


def _read(root: Path, file: Seen) -> Iterator[RunHead | Unread]:
    """Yield the head of a run, or why there is none; nothing for a file that is gone."""
    path = root / file.folder / file.name
    try:
        yield read_head(path)
    except RunBusyError as error:
        yield Unread("running", str(error))
    except (RunFileError, *READ_FAULTS) as error:
        if path.exists():
            yield Unread("unreadable", str(error))


def _forget(database: Database, changed: Changed, gone: Iterable[str]) -> None:
    """Remove what is no longer there, and keep how the folders looked."""
    if not changed and not gone:
        return
    with database.writing():
        for path in gone:
            database.change("DELETE FROM runs WHERE folder = ?", (path,))
            database.change("DELETE FROM folders WHERE path = ?", (path,))
        for folder, listing in changed:
            query = "SELECT number, name FROM runs WHERE folder = ? AND read <= ?"
            for number, name in database.rows(query, (folder.folder, folder.read_ns)):
                if name not in listing.runs:
                    database.change("DELETE FROM runs WHERE number = ?", (number,))
            database.change(
                "INSERT INTO folders (path, stamp, seen, listed, settled) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (path) DO UPDATE SET stamp = excluded.stamp, seen = excluded.seen, "
                "listed = excluded.listed, settled = excluded.settled WHERE excluded.listed >= listed",
                (folder.folder, folder.stamp.text, folder.seen_ns, folder.read_ns, folder.settled),
            )


def _refresh_remarks(database: Database, root: Path, changed: Changed) -> None:
    """Read what people have said since; remarks grow in place, so all that are known are looked at."""
    query = (
        "SELECT folder, name, remarks.stamp, remarks.seen, remarks.settled FROM remarks "
        "JOIN runs ON number = run"
    )
    known = {(folder, _remarks_of(name)): _Known(*facts) for folder, name, *facts in database.rows(query)}
    stamps = {place: stamp_file(place_of(str(root), *place)) for place in known}
    stamps |= {(seen.folder, name): at for seen, listing in changed for name, at in listing.remarks.items()}
    stale: list[Seen] = []
    for (folder, name), stamp in stamps.items():
        if stamp is not None:
            stale += _stale(folder, name, stamp, known.get((folder, name)))
    lost = [place for place, stamp in stamps.items() if stamp is None]
    if not stale and not lost:
        return
    said = [(file, remarks) for file in stale for remarks in _remarks(root, file)]
    with database.writing():
        for folder, name in lost:
            forget_remarks(database, folder, name.removesuffix(ENDING))
        for file, remarks in said:
            store_remarks(database, file, file.name.removesuffix(ENDING), remarks)


def _remarks_of(name: str) -> str:
    """Return the name of the remarks of a run."""
    return name.rpartition(".")[0] + ENDING


def _remarks(root: Path, file: Seen) -> Iterator[Remarks]:
    """Yield remarks; nothing if they cannot be read now."""
    with suppress(DataError):
        yield read_remarks(root / file.folder / file.name.replace(ENDING, FINISHED))
