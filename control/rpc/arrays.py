"""Numpy arrays and scalars as the words that both versions of PYON carry: shape, type, bytes in base64."""

from __future__ import annotations

import binascii
import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from control.rpc.bounds import glimpse

# Byte order, kind and size, and the unit of times. No object (it would be a pickle), no record of fields.
DTYPE = re.compile(r"[<>|=][?biufcmMSUV][0-9]*(\[[0-9]*[a-zA-Z]+\])?")
LONGEST_EMPTY = 1 << 20  # length of an axis of an array without items, which costs nothing to send


def pack_array(array: NDArray[Any]) -> tuple[list[int], str, str]:
    """Return shape, dtype and base64 of an array, C order.

    Args:
        array: of any shape and strides.

    Raises:
        TypeError: a dtype whose bytes mean nothing elsewhere: objects, and records, which lose their names;
            or a mask, which would be lost.

    Example:
        >>> pack_array(np.arange(4, dtype="<f4").reshape(2, 2))
        ([2, 2], '<f4', 'AAAAAAAAgD8AAABAAABAQA==')
    """
    dtype = array.dtype
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError("A masked array would lose its mask; send its data and its mask.")
    if not _is_plain(dtype):
        raise TypeError(f"An array of dtype {dtype} cannot be sent; send a dict with one array a column.")
    return list(array.shape), dtype.str, _base64(array.tobytes())


def unpack_array(shape: Any, dtype: Any, data: Any) -> NDArray[Any]:
    """Return the array that was packed, as a fresh one that can be written to.

    Args:
        shape: lengths of the axes.
        dtype: as `numpy.dtype.str` tells it.
        data: base64, as text or bytes.

    Raises:
        ValueError: the three do not fit together.
    """
    kind = _dtype(dtype)
    raw = bytearray(binascii.a2b_base64(data))
    lengths = tuple(shape)
    if not all(type(length) is int and length >= 0 for length in lengths):
        raise ValueError(f"not the shape of an array: {lengths}")
    items = math.prod(lengths)
    if items and not kind.itemsize:
        raise ValueError(f"{items} items without a byte")
    if items == 0 and max(lengths) > LONGEST_EMPTY:
        raise ValueError(f"an axis of more than {LONGEST_EMPTY} without items")
    if items * kind.itemsize != len(raw):
        raise ValueError(f"{len(raw)} bytes do not fill an array of {lengths} x {kind.itemsize} bytes")
    if not raw:
        return np.zeros(lengths, kind)
    return np.frombuffer(raw, kind).reshape(lengths)


def pack_scalar(scalar: np.generic) -> tuple[str, str]:
    """Return dtype and base64 of a numpy scalar.

    Raises:
        TypeError: a scalar of another machine's making: long double, object, or record.

    Example:
        >>> pack_scalar(np.int32(5))
        ('<i4', 'BQAAAA==')
    """
    dtype = scalar.dtype
    if not _is_plain(dtype) or isinstance(scalar, (np.longdouble, np.clongdouble)):
        raise TypeError(f"A numpy scalar of dtype {dtype} cannot be sent.")
    return dtype.str, _base64(scalar.tobytes()[: dtype.itemsize])  # numpy adds a byte to empty texts


def unpack_scalar(dtype: Any, data: Any) -> Any:
    """Return the numpy scalar that was packed.

    Raises:
        ValueError: the bytes are not those of one scalar.
    """
    kind = _dtype(dtype)
    raw = binascii.a2b_base64(data)
    if len(raw) != kind.itemsize:
        raise ValueError(f"{len(raw)} bytes are not one {kind}")
    if raw:
        return np.frombuffer(raw, kind)[0]
    return np.void(b"") if kind.kind == "V" else kind.type()


def _is_plain(dtype: np.dtype[Any]) -> bool:
    return not dtype.hasobject and dtype.names is None and DTYPE.fullmatch(dtype.str) is not None


def _dtype(name: Any) -> np.dtype[Any]:
    if not isinstance(name, str) or not DTYPE.fullmatch(name):
        raise ValueError(f"not the dtype of an array: {glimpse(name)!r}")
    try:
        return np.dtype(name)
    except TypeError as error:
        raise ValueError(str(error)) from None


def _base64(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode("ascii")
