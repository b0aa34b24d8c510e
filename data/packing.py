"""Integers in few bytes: a straight line, and what is left of each in the narrowest type that holds it.

Most columns of some shots are constant, are counted up, or grow at an even rate. So they take a byte or two
an element instead of eight, and what has to be checked and written is that much less. Any element can be read
without those before it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_WIDTHS: Final = (1, 2, 4)
"""Bytes that the rest of an element may take."""


class Packing(NamedTuple):
    """How the elements of a column are laid down.

    Element ``i`` is ``base + step * i + rest[i]``, modulo 2**64.

    Attributes:
        base: of the line.
        step: by which the line grows from element to element.
        width: bytes of each rest, an unsigned integer; 0 if there is none. If it is as many bytes as an
            element has, the elements lie there as they are.
    """

    base: int
    step: int
    width: int


def pack_column(values: NDArray[Any]) -> tuple[Packing, NDArray[Any]]:
    """Return a column in fewer bytes, if it is one of integers that allow it.

    Args:
        values: at least one row.

    Returns:
        How it is packed, and its rests in one dimension.

    Example:
        >>> packing, rest = pack_column(np.array([1000, 1010, 1025, 1030]))
        >>> packing, rest
        (Packing(base=1000, step=10, width=1), array([0, 0, 5, 0], dtype=uint8))
        >>> unpack_column(packing, rest[1:3].tobytes(), np.dtype("<i8"), 1, 3)
        array([1010, 1025])
    """
    flat = np.ascontiguousarray(values).reshape(-1)
    if flat.dtype.kind in "iu" and flat.size > 1:
        step = _step_of(flat)
        rest = _less_line(flat, step) if step else flat
        low, high = rest.min(), rest.max()
        width = _width_of(int(high) - int(low))
        if width < flat.itemsize:
            # Without "unsafe" there would be one more pass; what wraps is right modulo the width.
            narrow = np.subtract(rest, low, dtype=f"<u{width}", casting="unsafe") if width else rest[:0]
            return Packing(int(low), step, width), narrow
    return Packing(0, 0, flat.itemsize), flat


def unpack_column(
    packing: Packing, content: bytes | memoryview, dtype: np.dtype[Any], begin: int, end: int
) -> NDArray[Any]:
    """Return elements of a column again.

    Args:
        packing: of the column.
        content: the rests of these elements.
        dtype: of the column.
        begin: first element.
        end: element after the last.
    """
    base, step, width = packing
    if width == dtype.itemsize:
        return np.frombuffer(content, dtype)
    values: NDArray[Any] = np.arange(begin, end) if step else np.full(end - begin, base, dtype)
    if step:
        values *= step
        values += base
    if width:
        np.add(values, np.frombuffer(content, f"<u{width}"), out=values, casting="unsafe")
    return values.astype(dtype, copy=False)


def _step_of(flat: NDArray[Any]) -> int:
    """Return how much integers grow from one to the next, from the first to the last of them."""
    # As arrays they wrap where their bits do not suffice: every step is right, some only take more room.
    first, last = _signed(flat[:1]), _signed(flat[-1:])
    rise = int((last - first)[0])
    step = abs(rise) // (flat.size - 1)
    return step if rise > 0 else -step


def _less_line(flat: NDArray[Any], step: int) -> NDArray[Any]:
    """Return what a line from 0 on leaves of integers, modulo their bits."""
    signed = _signed(flat)
    line: NDArray[Any] = np.arange(flat.size).astype(signed.dtype, copy=False)
    line *= step
    np.subtract(signed, line, out=line)
    return line


def _signed(flat: NDArray[Any]) -> NDArray[Any]:
    return flat.view(f"<i{flat.itemsize}")


def _width_of(span: int) -> int:
    """Return the bytes that the numbers from 0 to a span need; 8 if it is none of the widths."""
    if span == 0:
        return 0
    return next((width for width in _WIDTHS if span < 256**width), 8)
