"""What the frames of a run's journal hold, as bytes and back.

A journal begins with the head of the run, twice, since nothing can be understood without it. A point is
opened with its values, its batches of shots follow, and its row of the scan closes it; readings and messages
come in between, and how the run ended comes last. Rows of columns are packed (`data.packing`), each column at
a multiple of 8 bytes; all else is msgpack.
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
from data.packing import Packing, pack_column
from data.points import Rows
from data.readings import InstrumentReading, Message
from data.results import Encoded

ENTRIES: Final = 1
"""Version of what is told here."""

_ALIGNMENT: Final = 8  # of the rows of a column in a payload, so that they can be used where they lie
TABLES: Final = (*TABLE_SIZES, "scan")
"""All tables, in the order in which payloads tell their rows."""

_PLACES: Final = struct.Struct(f"<{4 + len(TABLES)}q")
_PACKING: Final = struct.Struct("<3q")


class Kind(enum.IntEnum):
    """What a frame holds."""

    HEAD = 1
    OPEN = 2  # of a point
    BATCH = 3  # of its shots, and the row of the scan if no other follows
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
    """Return rows of some columns as the payload of a frame: their numbers, how they are packed, their bytes.

    Args:
        key: where they belong.
        rows: path of a column -> rows, for all columns of the scan, and for all of the tables or none.
        form: of every point.
        duration_ps: laboratory time that a batch took.
    """
    sizes = dict.fromkeys(TABLES, 0)
    packings, buffers = bytearray(), []
    for column in columns_of(form):
        values = rows.get(column.path)
        if values is not None and len(values):
            sizes[column.table] = len(values)
            packing, content = pack_column(values)
            packings += _PACKING.pack(*packing)
            buffers += [content.view(np.uint8), bytes(-content.nbytes % _ALIGNMENT)]
    return [_PLACES.pack(*key, duration_ps, *sizes.values()), packings, *buffers]


@dataclass(frozen=True, slots=True)
class RowPlaces:
    """What a payload holds of rows; where a column lies is found when it is read, to save memory.

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
    def read(cls, payload: bytes | memoryview) -> RowPlaces:
        """Read how many rows a payload holds.

        Raises:
            struct.error: it is too short.
        """
        point, opening, batch, duration_ps, *sizes = _PLACES.unpack_from(payload)
        return cls(RowKey(point, opening, batch), duration_ps, tuple(sizes))

    def rows(self, table: str) -> int:
        """Count the rows of a table."""
        return self.sizes[TABLES.index(table)]

    def head_bytes(self, columns: Sequence[Column]) -> int:
        """Return the bytes before the first column."""
        return self.BYTES + _PACKING.size * sum(self.rows(column.table) > 0 for column in columns)

    def place(self, path: str, columns: Sequence[Column], head: bytes | memoryview) -> tuple[int, Packing]:
        """Return where a column that has rows begins in the payload, and how it is packed.

        Args:
            path: of the column; empty for the end of the payload.
            columns: all, in order.
            head: of the payload, as many bytes as `head_bytes` says.

        Raises:
            struct.error: the head is too short.
        """
        place, at = self.head_bytes(columns), self.BYTES
        packing = Packing(0, 0, 0)
        for column in columns:
            if rows := self.rows(column.table):
                packing = Packing(*_PACKING.unpack_from(head, at))
                if column.path == path:
                    break
                size = rows * column.row_elements * packing.width
                place += size + -size % _ALIGNMENT
                at += _PACKING.size
        return place, packing

    def length(self, columns: Sequence[Column], head: bytes | memoryview) -> int:
        """Return the bytes of the whole payload.

        Raises:
            struct.error: the head is too short.
        """
        return self.place("", columns, head)[0]
