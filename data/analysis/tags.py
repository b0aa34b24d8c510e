"""Columns of time tags as estimators take them: whole picoseconds, in order of time where order matters."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.errors import RangeError, ShapeError

PICOSECOND: Final = 1e-12
"""Of a second; the unit of time tags."""

_EARLIEST: Final = -(2**63)
_LATEST: Final = 2**63 - 1


def check_times(name: str, times: ArrayLike, expected: str = "(clicks,)") -> NDArray[np.int64]:
    """Return a column of picoseconds, refusing other shapes, fractions and NaN.

    Args:
        name: Of the column, for the message.
        times: Integers of any type that fits into 64 bits with a sign (not uint64), in any order.
        expected: Shape it must have.

    Raises:
        ShapeError: If it is not one column.
        RangeError: If it does not hold such integers.
    """
    column = np.asarray(times)
    if column.ndim != 1:
        raise ShapeError(name, column.shape, expected)
    if column.size and not (np.issubdtype(column.dtype, np.integer) and np.can_cast(column.dtype, np.int64)):
        limit = "an integer type that fits into int64"
        raise RangeError(f"dtype of {name}", column.dtype, limit, "give int64 picoseconds")
    return np.ascontiguousarray(column, dtype=np.int64)


def check_tags(name: str, times: ArrayLike) -> NDArray[np.int64]:
    """Return a column of picoseconds in order of time; equal times may follow each other.

    Raises:
        ShapeError: If it is not one column.
        RangeError: If it does not hold integers, or a tag is earlier than the one before it.
    """
    column = check_times(name, times, "(tags,)")
    in_order = column[1:] >= column[:-1]
    if not in_order.all():
        late = int(np.argmin(in_order))
        limit = f">= {column[late]} ps, the time of the tag before it"
        raise RangeError(f"{name}[{late + 1}]", f"{column[late + 1]} ps", limit, "sort the tags by time")
    return column


def whole_picoseconds(name: str, seconds: float) -> int:
    """Return a time as the whole number of picoseconds that it is.

    Raises:
        RangeError: If it is off any whole number by more than a thousandth, or not finite.

    Example:
        >>> whole_picoseconds("width", 100e-12)
        100
    """
    picoseconds = seconds / PICOSECOND
    if not (np.isfinite(picoseconds) and abs(picoseconds - round(picoseconds)) <= 1e-3):
        raise RangeError(name, f"{seconds} s", "a whole number of picoseconds", "tags have no finer times")
    return round(picoseconds)


def first_from(times: NDArray[np.int64], earliest: int) -> int:
    """Return the index of the first tag at or after a time, which may lie beyond what 64 bits hold.

    Args:
        times: In order.
        earliest: Picoseconds, any whole number.
    """
    if earliest > _LATEST:
        return len(times)
    return int(np.searchsorted(times, max(earliest, _EARLIEST)))
