"""PYON v2: JSON, and an object with the one key ``__jsonclass__`` for each value that JSON cannot carry.

What an application should know of it: a numpy float64 is a Python float and arrives as one; named tuples
arrive as tuples, mappings as dicts, members of enumerations as their numbers. All other values arrive as they
were sent; arrays are fresh and can be written to.

Example:
    >>> encode({"counts": (3, 4), "gate": b"x"})
    '{"counts":{"__jsonclass__":["tuple",[[3,4]]]},"gate":{"__jsonclass__":["bytes",["eA=="]]}}'
    >>> decode(_)
    {'counts': (3, 4), 'gate': b'x'}

Source: the wire, as sipyco 1.10 was seen to write it; the tests keep the texts.
"""

from __future__ import annotations

import binascii
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from control.rpc.arrays import pack_array, pack_scalar, unpack_array, unpack_scalar
from control.rpc.bounds import glimpse, read_dict, read_fraction, read_items, read_set
from control.rpc.errors import BadPyon, NotEncodable

TAG = "__jsonclass__"
LONG = 4096  # characters of base64; JSON would look at each of them whether it has to be escaped
MARK = secrets.token_hex(16)  # stands for long base64 meanwhile; random, so that no other text can hold it
DEEPEST = 100  # containers within containers; data of experiments have five
VERSION = "v2"


def encode(value: Any) -> str:
    """Return the text of a value: ASCII, without a line break.

    Args:
        value: anything of the types of this dialect.

    Raises:
        NotEncodable: it holds something else, or is nested too deeply.
    """
    long: list[str] = []
    try:
        text = _JSON.encode(_plain(value, DEEPEST, long))
        if not long:
            return text
        pairs = zip(text.split(MARK), [*long, ""], strict=True)
        return "".join([part for pair in pairs for part in pair])
    except (ValueError, RuntimeError) as error:  # more digits than Python writes; a dict that others change
        reason = f"{type(error).__name__}: {error}"
        raise NotEncodable(kind="a value", version=VERSION, reason=reason) from None


def decode(text: str) -> Any:
    """Return the value of a text.

    Args:
        text: of whatever origin: nothing in it is evaluated.

    Raises:
        BadPyon: it is not of this dialect.
    """
    try:
        return _DECODER.decode(text)
    except (RecursionError, MemoryError):
        raise BadPyon(reason="nested too deeply", version=VERSION, text=text) from None
    except ValueError as error:
        if isinstance(error, BadPyon):
            raise
        raise BadPyon(reason=str(error), version=VERSION, text=text) from None


def _plain(value: Any, depth: int, long: list[str]) -> Any:
    """Return the value in terms of what JSON has; what is long is put aside, and a mark in its place."""
    if type(value) in _AS_JSON:
        return value
    if depth == 0:
        reason = f"It is nested more than {DEEPEST} deep, or contains itself."
        raise NotEncodable(kind=type(value).__name__, version=VERSION, reason=reason)
    if isinstance(value, (list, tuple, set)):
        items = [item if type(item) in _AS_JSON else _plain(item, depth - 1, long) for item in value]
        if isinstance(value, list):
            return items
        return {TAG: ["tuple" if isinstance(value, tuple) else "set", [items]]}
    if isinstance(value, dict):
        return _plain_mapping(value, depth - 1, long)
    if isinstance(value, (int, float, str)):
        return value
    return {TAG: _tagged(value, depth - 1, long)}


def _plain_mapping(value: dict[Any, Any], depth: int, long: list[str]) -> Any:
    if all(isinstance(key, str) for key in value):
        if TAG in value:
            reason = f"A dict must not have the key {TAG!r}, which marks values that JSON does not have."
            raise NotEncodable(kind=type(value).__name__, version=VERSION, reason=reason)
        return {key: _plain(item, depth, long) for key, item in value.items()}
    pairs = [[_plain(key, depth, long), _plain(item, depth, long)] for key, item in value.items()]
    return {TAG: ["dict", [pairs]]}


def _tagged(value: Any, depth: int, long: list[str]) -> list[Any]:
    """Return name and arguments of a value that is neither JSON's nor a container."""
    if isinstance(value, slice):
        return ["slice", [_plain(end, depth, long) for end in (value.start, value.stop, value.step)]]
    for kind, name, pack in _PACKERS:
        if isinstance(value, kind):
            try:
                return [name, [_set_aside(part, long) for part in pack(value)]]
            except TypeError as error:
                raise NotEncodable(kind=type(value).__name__, version=VERSION, reason=str(error)) from None
    raise NotEncodable(kind=type(value).__name__, version=VERSION)


def _set_aside(part: Any, long: list[str]) -> Any:
    """Return a part of a packed value, or a mark for a long text: that is base64, with nothing to escape."""
    if not isinstance(part, str) or len(part) <= LONG:
        return part
    long.append(part)
    return MARK


def _revive(found: dict[str, Any]) -> Any:
    """Return the value that a JSON object stands for, innermost objects first."""
    if TAG not in found:
        return found
    try:
        name, arguments = found[TAG]
        return _UNPACKERS[name](*arguments)
    except (KeyError, TypeError, ValueError, ArithmeticError, MemoryError) as error:
        reason = f"nothing can be made of {TAG} {glimpse(found[TAG])} ({type(error).__name__}: {error})"
        raise BadPyon(reason=reason, version=VERSION) from None


# Numpy first: some of its scalars are Python numbers and bytes as well.
_PACKERS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (np.ndarray, "nparray", pack_array),
    (np.generic, "npscalar", pack_scalar),
    (complex, "complex", lambda value: (value.real, value.imag)),
    (bytes, "bytes", lambda value: (binascii.b2a_base64(value, newline=False).decode("ascii"),)),
    (Fraction, "Fraction", lambda value: (value.numerator, value.denominator)),
)
_UNPACKERS: dict[str, Callable[..., Any]] = {
    "nparray": unpack_array,
    "npscalar": unpack_scalar,
    "complex": complex,
    "bytes": binascii.a2b_base64,
    "tuple": lambda items: tuple(read_items(items)),
    "set": read_set,
    "dict": read_dict,
    "OrderedDict": lambda pairs: OrderedDict(read_dict(pairs)),
    "slice": slice,
    "Fraction": read_fraction,
}
_AS_JSON = frozenset({type(None), bool, int, float, str})
_JSON = json.JSONEncoder(separators=(",", ":"), check_circular=False)
_DECODER = json.JSONDecoder(object_hook=_revive)
