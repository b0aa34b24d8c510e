"""The database of a catalogue: where it lies, what its tables are, and how it is replaced when it is broken.

It is a copy of what the files of runs say, and can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import platformdirs

from data.layout import SCHEMA

T = TypeVar("T")

Values: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""Of the question marks, or of the names, in a statement."""

CACHE_VARIABLE: Final = "IONLOOM_CACHE"
"""Environment variable that names another folder for what can be made again."""

_CONTENTS: Final = 2
"""Raised when other things are written into the same tables."""

_PATIENCE: Final = 60.0  # s that another process may take to write a batch of heads, which takes it 0.1 s

_BROKEN: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""What SQLite says of bytes that are no database, or no longer one."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS folders (
    path TEXT PRIMARY KEY, stamp TEXT, seen INTEGER, listed INTEGER, settled INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY, folder TEXT, name TEXT,
    stamp TEXT, seen INTEGER, read INTEGER, settled INTEGER, volatile INTEGER,
    id TEXT, experiment TEXT, started INTEGER, ended INTEGER, status TEXT, message TEXT,
    points INTEGER, shots INTEGER, seed TEXT, source TEXT, revision TEXT,
    key_name TEXT, key_value REAL, key_error REAL, key_unit TEXT,
    UNIQUE (folder, name)
);
CREATE INDEX IF NOT EXISTS runs_by_time ON runs (started, id);
CREATE INDEX IF NOT EXISTS runs_by_experiment ON runs (experiment, started, id);
CREATE INDEX IF NOT EXISTS runs_by_status ON runs (status, started, id);
CREATE INDEX IF NOT EXISTS runs_by_id ON runs (id);
CREATE INDEX IF NOT EXISTS volatile_runs ON runs (number) WHERE volatile;
CREATE TABLE IF NOT EXISTS quantities (
    number INTEGER PRIMARY KEY, kind TEXT, name TEXT, unit TEXT, UNIQUE (kind, name, unit)
);
CREATE TABLE IF NOT EXISTS parameters (
    run INTEGER REFERENCES runs ON DELETE CASCADE, quantity INTEGER,
    number, text TEXT, origin TEXT, maker TEXT,
    PRIMARY KEY (run, quantity)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS parameters_by_number ON parameters (quantity, number);
CREATE INDEX IF NOT EXISTS parameters_by_text ON parameters (quantity, text) WHERE text IS NOT NULL;
CREATE INDEX IF NOT EXISTS parameters_by_maker ON parameters (maker) WHERE maker IS NOT NULL;
CREATE TABLE IF NOT EXISTS results (
    run INTEGER REFERENCES runs ON DELETE CASCADE, quantity INTEGER, place INTEGER, number REAL, error REAL,
    PRIMARY KEY (run, quantity)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS results_by_number ON results (quantity, number);
CREATE TABLE IF NOT EXISTS axes (
    run INTEGER REFERENCES runs ON DELETE CASCADE, quantity INTEGER,
    PRIMARY KEY (run, quantity)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS axes_by_quantity ON axes (quantity);
CREATE TABLE IF NOT EXISTS remarks (
    run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
    stamp TEXT, seen INTEGER, read INTEGER, settled INTEGER, comment TEXT
);
CREATE TABLE IF NOT EXISTS tags (
    run INTEGER REFERENCES runs ON DELETE CASCADE, tag TEXT,
    PRIMARY KEY (run, tag)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_by_tag ON tags (tag);
"""

# With other tables a database is another one, and so it is when run files have a layout that used to be
# unreadable. A positive number of 31 bits, as SQLite keeps one in the head of a database.
_VERSION: Final = zlib.crc32(f"{_CONTENTS} {SCHEMA} {_TABLES}".encode()) >> 1


def cache_folder() -> Path:
    """Return where databases lie: a folder on a disk of this computer, of this user."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("ionloom"))


def database_path(folder: Path, cache: Path) -> Path:
    """Return the database of a folder of runs.

    The name of this computer is a part of its name, since homes are shared over the network where SQLite's
    log of writes cannot be.
    """
    place = f"{platform.node()}\0{folder.resolve()}"
    name = hashlib.sha256(place.encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return cache / "catalogues" / f"{name}-{_VERSION:08x}.sqlite"


class Database:
    """A connection to the database of one folder of runs.

    Args:
        path: of the database.

    Attributes:
        note: why the database is in memory only; empty if it is kept.
    """

    def __init__(self, path: Path) -> None:
        self.note = ""
        self._path = path
        self._quantities: dict[tuple[str, str, str], int] = {}
        self._connection = self._open()

    def close(self) -> None:
        """Close the connection; what was written stays."""
        self._connection.close()

    def rows(self, query: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """Return all rows of a query."""
        return self._connection.execute(query, values).fetchall()

    def change(self, statement: str, values: Values = ()) -> int:
        """Change rows, and return the number of the row that was inserted last."""
        return self._connection.execute(statement, values).lastrowid or 0

    def change_many(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        """Change many rows."""
        self._connection.executemany(statement, rows)

    def number_of(self, kind: str, name: str, unit: str) -> int:
        """Return the number of a quantity, which it is given when it is first met."""
        key = (kind, name, unit)
        if key not in self._quantities:
            self.change("INSERT OR IGNORE INTO quantities (kind, name, unit) VALUES (?, ?, ?)", key)
            query = "SELECT number FROM quantities WHERE kind = ? AND name = ? AND unit = ?"
            self._quantities[key] = self.rows(query, key)[0][0]
        return self._quantities[key]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make all changes of a block at once, while no other process changes anything."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._quantities.clear()
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def saved(self, work: Callable[[], T]) -> T:
        """Do something that reads and writes; with an empty database if this one turns out to be broken.

        Args:
            work: to do; may be done twice.
        """
        try:
            return work()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            self._quantities.clear()
            if _is_broken(error):
                _remove(self._path)
                self._connection = self._open()
            else:
                self._connection = self._in_memory(error)
        return work()

    def _open(self) -> sqlite3.Connection:
        """Open the database on the disk, or one in memory if that cannot be."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return _connect(self._path)
            except sqlite3.DatabaseError as error:
                # The tables are ours: where they cannot be made there are others of the same names.
                if not (_is_broken(error) or error.sqlite_errorcode == sqlite3.SQLITE_ERROR):
                    raise
                _remove(self._path)
                return _connect(self._path)
        except (OSError, sqlite3.Error) as error:
            return self._in_memory(error)

    def _in_memory(self, error: Exception) -> sqlite3.Connection:
        self.note = (
            f"cannot keep the catalogue in {self._path.parent}: {error}; so every file of a run is read each "
            f"time; make that folder writable, or name another one in {CACHE_VARIABLE}"
        )
        return _connect(None)


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", timeout=_PATIENCE, isolation_level=None)
    try:
        # Readers and a writer do not wait for each other; after a power cut the last batches are read again.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
            connection.executescript(f"BEGIN IMMEDIATE; {_TABLES} PRAGMA user_version = {_VERSION}; COMMIT")
            if path is not None:
                _remove_older(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_broken(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _BROKEN  # the low byte says what, the others in which way


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + ending).unlink()


def _remove_older(path: Path) -> None:
    """Remove the databases of the same folder that an ionloom with other tables has made."""
    folder_of_runs = path.name.partition("-")[0]
    for other in path.parent.glob(f"{folder_of_runs}-*"):
        if not other.name.startswith(path.name):
            with suppress(OSError):
                other.unlink()
