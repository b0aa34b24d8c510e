"""What the frames of a run's journal hold, as bytes and back.

A journal begins with the head of the run, twice, since nothing can be understood without it. A point is
opened with its values, its batches of shots follow, and its row of the scan closes it; readings and messages
come in between, and how the run ended comes last. Rows of columns are laid down as they are, each column at a
multiple of 8 bytes; all else is msgpack.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple

import msgspec
import numpy as np

from data.header import PointForm, RunHeader, storable
from data.layout import TABLE_SIZES, Column, columns_of
from data.points import Rows
from data.readings import InstrumentReading, Message
from data.results import Encoded

ENTRIES: Final = 1
"""Version of what is told here."""

_ALIGNMENT: Final = 8  # of the rows of a column in a payload, so that they can be used where they lie
TABLES: Final = (*TABLE_SIZES, "scan")
"""All tables, in the order in which payloads tell their rows."""

_PLACES: Final = struct.Struct(f"<{4 + len(TABLES)}q")


class Kind(enum.IntEnum):
    """What a frame holds."""

    HEAD = 1
    OPEN = 2  # of a point
    BATCH = 3  # of its shots
    POINT = 4  # its row of the scan: it is complete
    READINGS = 5
    MESSAGE = 6
    END = 7


@dataclass(frozen=True, slots=True)
class Head:
    """The first entry.

    Attributes:
        run: id.
        header: of the run, without its seed.
        seed: decimal text, which may have more than 64 bits; empty for none.
        destination: path of the run file that is to be made.
        machine: on which the run is going on.
        entries: version of the entries.
    """

    run: str
    header: RunHeader
    seed: str
    destination: str
    machine: str
    entries: int = ENTRIES

    @classmethod
    def of(cls, run: str, header: RunHeader, destination: str, machine: str) -> Head:
        """Return the first entry of a run."""
        seed = "" if header.seed is None else str(header.seed)
        return cls(run, replace(header, seed=None), seed, destination, machine)

    def whole_header(self) -> RunHeader:
        """Return the header with its seed."""
        return replace(self.header, seed=int(self.seed) if self.seed else None)


@dataclass(frozen=True, slots=True)
class Version:
    """What can be read of every first entry, whatever else it holds.

    Attributes:
        entries: version of the entries.
    """

    entries: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A point that begins.

    Attributes:
        index: of the point.
        opening: how many points were opened before.
        values: of its axes.
    """

    index: int
    opening: int
    values: dict[str, float | str]


@dataclass(frozen=True, slots=True)
class StoredArray:
    """A numpy array among bytes.

    Attributes:
        kind: its dtype as numpy writes it.
        shape: of the array.
        content: its elements in C order.
    """

    kind: str
    shape: tuple[int, ...]
    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended.

    Attributes:
        status: "complete", "interrupted" or "failed".
        message: what there is to say about it.
        ended: when.
        results: of an analysis as JSON (`data.results`); empty for none.
        arrays: that the results refer to.
    """

    status: str
    message: str
    ended: datetime
    results: str = ""
    arrays: dict[str, StoredArray] = field(default_factory=dict)

    @classmethod
    def of(cls, status: str, message: str, ended: datetime, encoded: Encoded | None) -> End:
        """Return the last entry of a run."""
        if encoded is None:
            return cls(status, message, ended)
        arrays = {
            name: StoredArray(array.dtype.str, array.shape, array.tobytes())
            for name, array in encoded.arrays.items()
        }
        return cls(status, message, ended, encoded.text, arrays)

    def array(self, name: str) -> np.ndarray[Any, Any]:
        """Return an array that the results refer to."""
        stored = self.arrays[name]
        return np.frombuffer(stored.content, stored.kind).reshape(stored.shape).copy()


class RowKey(NamedTuple):
    """Where rows belong.

    Attributes:
        point: its number in the run.
        opening: how many points were opened before: one that was given up and is measured again is another.
        batch: number of the batch; of the row that closes the point, the number of its batches.
    """

    point: int
    opening: int
    batch: int


def pack(entry: Head | Opening | End | Message | Sequence[InstrumentReading]) -> list[bytes]:
    """Return an entry as the payload of a frame."""
    try:
        return [msgspec.msgpack.encode(entry)]
    except UnicodeEncodeError:  # a name of a file, or a message of the system, that is no UTF-8
        return [
            msgspec.msgpack.encode(_storable(msgspec.to_builtins(entry, builtin_types=(bytes, datetime))))
        ]


def _storable(value: Any) -> Any:
    """Return plain data with what is no UTF-8 written out as escapes."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


def unpack(payload: memoryview, kind: type[Any]) -> Any:
    """Return the entry that a payload holds.

    Raises:
        msgspec.DecodeError: the bytes are no such entry.
    """
    return msgspec.msgpack.decode(payload, type=kind)


def pack_rows(key: RowKey, rows: Rows, form: PointForm, duration_ps: int = 0) -> list[Any]:
    """Return rows of some columns as the payload of a frame: their numbers, then each column's bytes.

    Args:
        key: where they belong.
        rows: path of a column -> rows, for all columns of the tables or all of the scan.
        form: of every point.
        duration_ps: laboratory time that a batch took.
    """
    sizes = dict.fromkeys(TABLES, 0)
    buffers: list[Any] = []
    for column in columns_of(form):
        if column.path in rows:
            values = np.ascontiguousarray(rows[column.path])
            sizes[column.table] = len(values)
            if values.nbytes:
                buffers += [values.reshape(-1).view(np.uint8), bytes(-values.nbytes % _ALIGNMENT)]
    return [_PLACES.pack(*key, duration_ps, *sizes.values()), *buffers]


@dataclass(frozen=True, slots=True)
class RowPlaces:
    """Where the rows of columns lie in a payload.

    Attributes:
        key: where they belong.
        duration_ps: laboratory time of the batch.
        sizes: rows of each table, in the order of `TABLES`.
    """

    BYTES: ClassVar[int] = _PLACES.size

    key: RowKey
    duration_ps: int
    sizes: tuple[int, ...]

    @classmethod
    def read(cls, payload: memoryview) -> RowPlaces:
        """Read how many rows a payload holds.

        Raises:
            struct.error: it is too short.
        """
        point, opening, batch, duration_ps, *sizes = _PLACES.unpack_from(payload)
        return cls(RowKey(point, opening, batch), duration_ps, tuple(sizes))

    def rows(self, table: str) -> int:
        """Count the rows of a table."""
        return self.sizes[TABLES.index(table)]

    def place(self, path: str, columns: Sequence[Column]) -> int:
        """Return where the rows of a column begin in the payload.

        Args:
            path: of the column.
            columns: all, in order.
        """
        place = _PLACES.size
        for column in columns:
            if column.path == path:
                break
            size = self.rows(column.table) * column.row_bytes
            place += size + -size % _ALIGNMENT
        return place

    def length(self, columns: Sequence[Column]) -> int:
        """Return the bytes of the whole payload."""
        return self.place("", columns)
