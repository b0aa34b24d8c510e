"""A point as the rows that it adds to each column of a run, and back.

A point may come in batches, each a `Record` of some more of its shots: their rows of the tables are made
batch by batch, the one row of the scan from what the batches add up to.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.columns import Attempts, Record
from data.errors import PointError
from data.gates import Gates, gates_of, tags_of
from data.header import Axis, PointForm, averages_of, storable
from data.layout import (
    ATTEMPTS,
    AXIS_TEXT,
    COUNTS,
    GATES,
    LOG,
    NOTE_TEXT,
    PHOTON_DATA,
    SCAN,
    SHOTS,
    TABLE_SIZES,
    columns_of,
)

PointValues: TypeAlias = Mapping[str, float | str]
ChannelValues: TypeAlias = Mapping[str, float]
Rows: TypeAlias = dict[str, NDArray[Any]]

# A character of UTF-8 has at most 4 bytes, a row of the log 400.
_NOTE_CHARACTERS: Final = 100


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and scatter of counts that come batch by batch.

    Attributes:
        shots: how many.
        mean: (width,) of the counts.
        squares: (width,) sum of the squared deviations from the mean.
    """

    shots: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    def joined(self, counts: NDArray[np.int32]) -> Spread:
        """Return the spread of these shots and those of another batch.

        Source:
            Chan, Golub, LeVeque, The American Statistician 37, 242 (1983), eq. 2.1: no digits cancel.
        """
        if not len(counts):
            return self
        shots, mean = self.shots + len(counts), counts.mean(axis=0)
        step = mean - self.mean
        squares = self.squares + np.square(counts - mean).sum(axis=0)
        return Spread(
            shots,
            self.mean + step * (len(counts) / shots),
            squares + np.square(step) * (self.shots * len(counts) / shots),
        )

    def averages(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and standard error of a shot, each (1, width); NaN for too few shots."""
        unknown = np.full((1, len(self.mean)), np.nan)
        mean = self.mean[None] if self.shots > 0 else unknown
        error = np.sqrt(self.squares / max(self.shots - 1, 1) / max(self.shots, 1))[None]
        return mean, error if self.shots > 1 else unknown


@dataclass(slots=True)
class Totals:
    """What the batches of a point add up to: all that its row of the scan needs of them.

    Attributes:
        sizes: table -> rows so far.
        duration_ps: laboratory time so far.
        spreads: readout -> its counts so far.
        images: camera -> pixels so far.
        notes: of the batches so far.
    """

    sizes: dict[str, int]
    duration_ps: int
    spreads: dict[str, Spread]
    images: dict[str, NDArray[np.uint32]]
    notes: set[str] = field(default_factory=set)

    @classmethod
    def none(cls, form: PointForm) -> Totals:
        """Return the totals of no batch."""
        return cls(
            sizes=dict.fromkeys(TABLE_SIZES, 0),
            duration_ps=0,
            spreads={r.name: Spread(0, np.zeros(r.width), np.zeros(r.width)) for r in form.readouts},
            images={c.name: np.zeros((c.rows, c.columns), np.uint32) for c in form.cameras},
        )

    def joined(
        self,
        rows: Rows,
        duration_ps: int,
        images: Mapping[str, NDArray[np.uint32]] = MappingProxyType({}),
        notes: Iterable[str] = (),
    ) -> Totals:
        """Return the totals with one more batch, whose rows `table_rows` made."""
        return Totals(
            sizes={table: size + len(rows[_A_COLUMN[table]]) for table, size in self.sizes.items()},
            duration_ps=self.duration_ps + duration_ps,
            spreads={name: spread.joined(rows[f"{COUNTS}/{name}"]) for name, spread in self.spreads.items()},
            images={name: image + images.get(name, np.uint32(0)) for name, image in self.images.items()},
            notes=self.notes.union(notes),
        )


# By its length a batch tells how many rows it has.
_A_COLUMN: Final = {
    "shots": f"{SHOTS}/start",
    "attempts": f"{ATTEMPTS}/start",
    "gates": f"{GATES}/open",
    "photons": f"{PHOTON_DATA}/timestamps",
    "log": f"{LOG}/note",
}


def table_rows(index: int, record: Record, form: PointForm, before: Totals) -> Rows:
    """Turn a batch of shots into the rows that it adds to the tables.

    Args:
        index: number of the point in its run.
        record: what was seen; its shots are counted from 0.
        form: of every point.
        before: what earlier batches of the same point add up to.

    Returns:
        Path of a column of a table -> its new rows, in the types of the file.

    Raises:
        PointError: if the batch does not fit the form or its columns do not fit together.
    """
    notes = [note for note in record.notes if note not in before.notes]
    _check_images(index, record, form)
    rows = {
        **_shot_rows(index, record, form, before.sizes["shots"]),
        **_attempt_rows(index, record, before.sizes["shots"]),
        **_photon_rows(index, record, before.sizes),
        **_log_rows(index, notes, before.sizes["log"]),
    }
    return _fitted_rows(index, rows, form)


def check_values(index: int, point: PointValues, channels: ChannelValues, form: PointForm) -> None:
    """Refuse the values of a point, before it is measured, that do not fit the form.

    Raises:
        PointError: if they do not.
    """
    _axis_rows(index, point, form.axes)
    _channel_rows(index, channels, form)


def scan_row(
    index: int, point: PointValues, channels: ChannelValues, form: PointForm, totals: Totals
) -> Rows:
    """Return the row that a point adds to the scan.

    Args:
        index: number of the point in its run.
        point: value of each axis.
        channels: value of each channel.
        form: of every point.
        totals: of all batches of the point.

    Raises:
        PointError: if the values do not fit the form.
    """
    rows: dict[str, ArrayLike] = {
        f"{SCAN}/point": [index],
        **_axis_rows(index, point, form.axes),
        **{f"{SCAN}/{column}": [totals.sizes[table]] for table, column in TABLE_SIZES.items()},
        f"{SCAN}/point_duration": [totals.duration_ps],
        **_channel_rows(index, channels, form),
        **{f"{SCAN}/{name}": image[None] for name, image in totals.images.items()},
    }
    for name, spread in totals.spreads.items():
        rows |= dict(zip((f"{SCAN}/{a}" for a in averages_of(name)), spread.averages(), strict=True))
    return _fitted_rows(index, rows, form)


def record_of(rows: Rows, form: PointForm) -> Record:
    """Make the record of a point again from its rows."""

    def column(path: str, dtype: type[np.generic]) -> NDArray[Any]:
        return rows[path].astype(dtype, copy=False)

    gates = Gates(
        shot=column(f"{GATES}/shot", np.int64),
        attempt=rows[f"{GATES}/attempt"],
        readout=rows[f"{GATES}/readout"],
        open_ps=rows[f"{GATES}/open"],
        photons=column(f"{GATES}/photons", np.int64),
    )
    return Record(
        shots=int(rows[f"{SCAN}/point_shots"][0]),
        start_ps=rows[f"{SHOTS}/start"],
        duration_ps=int(rows[f"{SCAN}/point_duration"][0]),
        counts={readout.name: rows[f"{COUNTS}/{readout.name}"] for readout in form.readouts},
        attempts=Attempts(
            shot=column(f"{ATTEMPTS}/shot", np.int64),
            attempt=rows[f"{ATTEMPTS}/attempt"],
            start_ps=rows[f"{ATTEMPTS}/start"],
            heralded=column(f"{ATTEMPTS}/heralded", np.bool_),
        ),
        tags=tags_of(gates, rows[f"{PHOTON_DATA}/timestamps"], rows[f"{PHOTON_DATA}/detectors"]),
        notes=joined_notes(rows[f"{LOG}/note"].tolist(), rows[f"{LOG}/text"]),
        images={camera.name: rows[f"{SCAN}/{camera.name}"][0] for camera in form.cameras},
    )


def _shot_rows(index: int, record: Record, form: PointForm, shots_before: int) -> dict[str, ArrayLike]:
    if record.shots < 0 or len(record.start_ps) != record.shots:
        raise PointError(
            index, "start_ps", f"of {len(record.start_ps)} shots", f"one start for each of {record.shots}"
        )
    _check_names(index, "counts", record.counts, (readout.name for readout in form.readouts))
    for readout in form.readouts:
        shape, expected = np.shape(record.counts[readout.name]), (record.shots, readout.width)
        if shape != expected:
            raise PointError(index, f"counts of {readout.name!r}", f"of shape {shape}", f"shape {expected}")
    return {
        f"{SHOTS}/point": np.full(record.shots, index, np.int32),
        f"{SHOTS}/shot": np.arange(shots_before, shots_before + record.shots),
        f"{SHOTS}/start": record.start_ps,
        **{f"{COUNTS}/{name}": counts for name, counts in record.counts.items()},
    }


def _attempt_rows(index: int, record: Record, shots_before: int) -> dict[str, ArrayLike]:
    attempts = record.attempts
    rows: dict[str, NDArray[Any]] = {
        "shot": attempts.shot,
        "attempt": attempts.attempt,
        "start": attempts.start_ps,
        "heralded": attempts.heralded,
    }
    _check_table(index, "attempts", rows, record.shots)
    rows |= {
        "point": np.full(len(attempts), index, np.int32),
        "shot": attempts.shot + shots_before,
        "heralded": np.asarray(attempts.heralded, dtype=np.uint8),
    }
    return {f"{ATTEMPTS}/{name}": values for name, values in rows.items()}


def _photon_rows(index: int, record: Record, before: Mapping[str, int]) -> dict[str, ArrayLike]:
    tags = record.tags
    columns: dict[str, NDArray[Any]] = {
        "shot": tags.shot,
        "attempt": tags.attempt,
        "readout": tags.readout,
        "window": tags.window_ps,
    }
    _check_table(index, "tags", columns | {"t_ps": tags.t_ps, "channel": tags.channel}, record.shots)
    gates = gates_of(tags)
    rows: dict[str, ArrayLike] = {
        "gate": np.arange(before["gates"], before["gates"] + len(gates), dtype=np.int32),
        "point": np.full(len(gates), index, np.int32),
        "shot": gates.shot + before["shots"],
        "attempt": gates.attempt,
        "readout": gates.readout,
        "open": gates.open_ps,
        "photons": gates.photons,
    }
    return {
        **{f"{GATES}/{name}": values for name, values in rows.items()},
        f"{PHOTON_DATA}/timestamps": tags.t_ps,
        f"{PHOTON_DATA}/detectors": tags.channel,
    }


def _check_table(index: int, table: str, rows: Mapping[str, NDArray[Any]], shots: int) -> None:
    lengths = {name: len(values) for name, values in rows.items()}
    if len(set(lengths.values())) > 1:
        raise PointError(index, table, f"ragged {lengths}", "one length of all columns")
    shot = rows["shot"]
    if len(shot) and not (shot.min() >= 0 and shot.max() < shots):
        raise PointError(
            index, f"{table}.shot", f"{shot.min()} to {shot.max()}", f"a shot from 0 to {shots - 1}"
        )


def _check_images(index: int, record: Record, form: PointForm) -> None:
    _check_names(index, "images", record.images, (camera.name for camera in form.cameras))
    for camera in form.cameras:
        shape, expected = np.shape(record.images[camera.name]), (camera.rows, camera.columns)
        if shape != expected:
            raise PointError(index, f"image of {camera.name!r}", f"of shape {shape}", f"shape {expected}")


def _log_rows(index: int, notes: Sequence[str], notes_before: int) -> dict[str, ArrayLike]:
    pieces = _pieces(notes)
    return {
        f"{LOG}/point": np.full(len(pieces), index, np.int32),
        f"{LOG}/note": np.array([notes_before + number for number, _ in pieces], dtype=np.int32),
        f"{LOG}/text": np.array([text.encode() for _, text in pieces], dtype=NOTE_TEXT),
    }


def _pieces(notes: Sequence[str]) -> list[tuple[int, str]]:
    """Cut notes into (number of the note, piece) that fit into the rows of the log."""
    return [
        (number, note[begin : begin + _NOTE_CHARACTERS])
        for number, note in enumerate(map(storable, notes))
        for begin in range(0, max(len(note), 1), _NOTE_CHARACTERS)
    ]


def joined_notes(numbers: Iterable[Hashable], texts: NDArray[np.bytes_]) -> tuple[str, ...]:
    """Return notes from the rows of the log.

    Args:
        numbers: (rows,) what is the same for all pieces of a note.
        texts: (rows,) pieces.
    """
    notes: dict[Hashable, str] = {}
    for number, text in zip(numbers, texts.tolist(), strict=True):
        notes[number] = notes.get(number, "") + text.decode()
    return tuple(notes.values())


def _axis_rows(index: int, point: PointValues, axes: tuple[Axis, ...]) -> dict[str, ArrayLike]:
    names = {axis.name for axis in axes}
    if set(point) != names:
        raise PointError(index, "point", f"of {_listed(point)}", f"a value for each of {_listed(names)}")
    return {f"{SCAN}/{axis.name}": _axis_value(index, axis, point[axis.name]) for axis in axes}


def _axis_value(index: int, axis: Axis, value: float | str) -> NDArray[Any]:
    if axis.text:
        if isinstance(value, str) and len(value.encode()) <= AXIS_TEXT.itemsize:
            return np.array([value.encode()], dtype=AXIS_TEXT)
        raise PointError(index, axis.name, repr(value), "a text of at most 64 bytes")
    if isinstance(value, str) or not math.isfinite(value):
        raise PointError(
            index, axis.name, repr(value), f"a finite number{f' in {axis.unit}' if axis.unit else ''}"
        )
    return np.array([value], dtype=np.float64)


def unknown_channels(form: PointForm) -> dict[str, float]:
    """Return the value of each channel as long as nothing is known of it."""
    return {channel.name: math.nan for channel in form.channels}


def _channel_rows(index: int, channels: ChannelValues, form: PointForm) -> dict[str, ArrayLike]:
    """Return a row a channel; a number that could not be had is NaN."""
    _check_names(index, "channels", channels, (channel.name for channel in form.channels))
    return {f"{SCAN}/{name}": np.array([value], dtype=np.float64) for name, value in channels.items()}


def _check_names(index: int, what: str, given: Iterable[str], needed: Iterable[str]) -> None:
    found, names = set(given), set(needed)
    if found != names:
        raise PointError(index, what, f"of {_listed(found)}", f"{what} of {_listed(names)}")


def _fitted_rows(index: int, rows: Mapping[str, ArrayLike], form: PointForm) -> Rows:
    """Return rows in the order and the types of their columns."""
    return {
        column.path: _fitted(index, column.path, rows[column.path], column.dtype)
        for column in columns_of(form)
        if column.path in rows
    }


def _fitted(index: int, path: str, values: ArrayLike, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values in the type of their column, if that changes none of them."""
    given = np.asarray(values)
    if np.can_cast(given.dtype, dtype, "safe") or _fits(given, dtype):
        return given.astype(dtype, copy=False)
    raise PointError(index, path, f"of type {given.dtype}", f"type {dtype} without rounding or overflow")


def _fits(given: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Tell whether integers lie within the range of a narrower type."""
    if given.dtype.kind not in "iu" or dtype.kind not in "iu":
        return False
    limits = np.iinfo(dtype)
    return not given.size or (int(given.min()) >= limits.min and int(given.max()) <= limits.max)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
