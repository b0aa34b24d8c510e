"""A point as the rows that it adds to each column of a run file, and back."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.columns import Attempts, Record, TimeTags
from data.errors import PointError
from data.header import Axis, Readout, RunHeader, averages_of, storable
from data.layout import (
    ATTEMPTS,
    AXIS_TEXT,
    COUNTS,
    LOG,
    NOTE_TEXT,
    PHOTON_DATA,
    PHOTONS,
    SCAN,
    SHOTS,
    columns_of,
)

PointValues: TypeAlias = Mapping[str, float | str]
Rows: TypeAlias = dict[str, NDArray[Any]]

CHECKSUM: Final = f"{SCAN}/point_checksum"

# A character of UTF-8 has at most 4 bytes, a row of the log 400.
_NOTE_CHARACTERS: Final = 100


def rows_of(index: int, point: PointValues, record: Record, header: RunHeader) -> Rows:
    """Turn a point into the rows that it adds to each column.

    Args:
        index: number of the point in its run.
        point: value of each axis.
        record: what was seen.
        header: of the run.

    Returns:
        Path of a column -> its new rows, in the types of the file.

    Raises:
        PointError: if the point does not fit the header or its columns do not fit together.
    """
    rows: dict[str, ArrayLike] = {
        **_shot_rows(index, record, header),
        **_attempt_rows(index, record),
        **_photon_rows(index, record),
        **_log_rows(index, record.notes),
        **_axis_rows(index, point, header.axes),
    }
    sizes = {
        "point": index,
        "point_shots": record.shots,
        "point_attempts": len(record.attempts),
        "point_photons": len(record.tags),
        "point_log_lines": len(_pieces(record.notes)),
        "point_duration": record.duration_ps,
    }
    rows |= {f"{SCAN}/{name}": [size] for name, size in sizes.items()}
    for readout in header.readouts:
        means = [f"{SCAN}/{name}" for name in averages_of(readout.name)]
        rows |= dict(zip(means, _averages(record.counts[readout.name]), strict=True))
    exact: Rows = {}
    for column in columns_of(header.axes, header.readouts):
        if column.path != CHECKSUM:
            exact[column.path] = _fitted(index, column.path, rows[column.path], column.dtype)
    exact[CHECKSUM] = np.array([checksum(exact)], dtype="<u4")
    return exact


def record_of(rows: Rows, readouts: tuple[Readout, ...]) -> Record:
    """Make the record of a point again from its rows."""

    def column(path: str, dtype: type[np.generic]) -> NDArray[Any]:
        return rows[path].astype(dtype, copy=False)

    return Record(
        shots=int(rows[f"{SCAN}/point_shots"][0]),
        start_ps=rows[f"{SHOTS}/start"],
        duration_ps=int(rows[f"{SCAN}/point_duration"][0]),
        counts={readout.name: rows[f"{COUNTS}/{readout.name}"] for readout in readouts},
        attempts=Attempts(
            shot=column(f"{ATTEMPTS}/shot", np.int64),
            attempt=rows[f"{ATTEMPTS}/attempt"],
            start_ps=rows[f"{ATTEMPTS}/start"],
            heralded=column(f"{ATTEMPTS}/heralded", np.bool_),
        ),
        tags=TimeTags(
            t_ps=rows[f"{PHOTON_DATA}/timestamps"],
            channel=rows[f"{PHOTON_DATA}/detectors"],
            shot=column(f"{PHOTONS}/shot", np.int64),
            attempt=rows[f"{PHOTONS}/attempt"],
            readout=rows[f"{PHOTONS}/readout"],
            window_ps=rows[f"{PHOTONS}/window"],
        ),
        notes=_joined(rows[f"{LOG}/note"], rows[f"{LOG}/text"]),
    )


def checksum(rows: Rows) -> int:
    """Return the CRC-32 of a point's rows, columns in the order of their paths, itself left out."""
    crc = 0
    for path in sorted(rows):
        if path != CHECKSUM:
            crc = zlib.crc32(rows[path].tobytes(), crc)
    return crc


def _shot_rows(index: int, record: Record, header: RunHeader) -> dict[str, ArrayLike]:
    if record.shots < 0 or len(record.start_ps) != record.shots:
        raise PointError(
            index, "start_ps", f"of {len(record.start_ps)} shots", f"one start for each of {record.shots}"
        )
    names = {readout.name for readout in header.readouts}
    if set(record.counts) != names:
        raise PointError(index, "counts", f"of {_listed(record.counts)}", f"counts of {_listed(names)}")
    for readout in header.readouts:
        shape, expected = np.shape(record.counts[readout.name]), (record.shots, readout.width)
        if shape != expected:
            raise PointError(index, f"counts of {readout.name!r}", f"of shape {shape}", f"shape {expected}")
    return {
        f"{SHOTS}/point": np.full(record.shots, index),
        f"{SHOTS}/shot": np.arange(record.shots),
        f"{SHOTS}/start": record.start_ps,
        **{f"{COUNTS}/{name}": counts for name, counts in record.counts.items()},
    }


def _attempt_rows(index: int, record: Record) -> dict[str, ArrayLike]:
    attempts = record.attempts
    rows: dict[str, NDArray[Any]] = {
        "shot": attempts.shot,
        "attempt": attempts.attempt,
        "start": attempts.start_ps,
        "heralded": attempts.heralded,
    }
    _check_table(index, "attempts", rows, record.shots)
    rows |= {
        "point": np.full(len(attempts), index),
        "heralded": np.asarray(attempts.heralded, dtype=np.uint8),
    }
    return {f"{ATTEMPTS}/{name}": values for name, values in rows.items()}


def _photon_rows(index: int, record: Record) -> dict[str, ArrayLike]:
    tags = record.tags
    rows: dict[str, NDArray[Any]] = {
        "shot": tags.shot,
        "attempt": tags.attempt,
        "readout": tags.readout,
        "window": tags.window_ps,
    }
    _check_table(index, "tags", rows | {"t_ps": tags.t_ps, "channel": tags.channel}, record.shots)
    rows["point"] = np.full(len(tags), index)
    return {
        f"{PHOTON_DATA}/timestamps": tags.t_ps,
        f"{PHOTON_DATA}/detectors": tags.channel,
        **{f"{PHOTONS}/{name}": values for name, values in rows.items()},
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


def _log_rows(index: int, notes: Sequence[str]) -> dict[str, ArrayLike]:
    pieces = _pieces(notes)
    return {
        f"{LOG}/point": np.full(len(pieces), index),
        f"{LOG}/note": np.array([number for number, _ in pieces], dtype=np.int32),
        f"{LOG}/text": np.array([text.encode() for _, text in pieces], dtype=NOTE_TEXT),
    }


def _pieces(notes: Sequence[str]) -> list[tuple[int, str]]:
    """Cut notes into (number of the note, piece) that fit into the rows of the log."""
    return [
        (number, note[begin : begin + _NOTE_CHARACTERS])
        for number, note in enumerate(map(storable, notes))
        for begin in range(0, max(len(note), 1), _NOTE_CHARACTERS)
    ]


def _joined(numbers: NDArray[np.int32], texts: NDArray[np.bytes_]) -> tuple[str, ...]:
    notes: dict[int, str] = {}
    for number, text in zip(numbers.tolist(), texts.tolist(), strict=True):
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


def _averages(counts: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard error over the shots, of shape (1, width); NaN for too few shots."""
    shots, width = counts.shape
    unknown = np.full((1, width), np.nan)
    mean = counts.mean(axis=0, keepdims=True) if shots > 0 else unknown
    error = counts.std(axis=0, ddof=1, keepdims=True) / math.sqrt(shots) if shots > 1 else unknown
    return mean, error


def _fitted(index: int, path: str, values: ArrayLike, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return values in the type of their column, if that changes none of them."""
    given = np.asarray(values)
    exact = given.astype(dtype, copy=False)
    integers = given.dtype.kind in "iu" and dtype.kind in "iu"
    if np.can_cast(given.dtype, dtype, "safe") or (integers and np.array_equal(exact, given)):
        return exact
    raise PointError(index, path, f"of type {given.dtype}", f"type {dtype} without rounding or overflow")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
