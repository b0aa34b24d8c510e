"""PYON v1, of ARTIQ up to 8: a value as a Python expression, here read without ever evaluating it.

Other programs evaluate it, so that whoever can send them a line can make them do anything. Here it is parsed
into a syntax tree, and only what stands for a value is taken from that.

Example:
    >>> encode({"counts": (3,), "valid": True})
    '{"counts": (3, ), "valid": true}'
    >>> decode(_)
    {'counts': (3,), 'valid': True}

Source: the wire, as ARTIQ 8 was seen to write it. Two things are better here: characters beyond the basic
plane arrive whole, and subclasses are sent as what they derive from. One cannot be mended: an empty set
arrives as ``{}``.
"""

from __future__ import annotations

import ast
import json
import math
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from control.rpc.arrays import pack_array, pack_scalar, unpack_array, unpack_scalar
from control.rpc.bounds import read_dict, read_fraction, read_set, require_modest, unlike
from control.rpc.errors import BadPyon, NotEncodable

DEEPEST = 100  # containers within containers, as in v2; Python's own parser stops at 200
VERSION = "v1"


def encode(value: Any) -> str:
    """Return the text of a value: ASCII, without a line break.

    Args:
        value: anything of the types of this dialect.

    Raises:
        NotEncodable: it holds something else, or is nested too deeply.
    """
    try:
        return _write(value, DEEPEST)
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
        require_modest(text)
        return _read(ast.parse(text.strip(), mode="eval").body)
    except (RecursionError, MemoryError):
        raise BadPyon(reason="nested too deeply", version=VERSION, text=text) from None
    except (SyntaxError, TypeError, ValueError, ArithmeticError) as error:
        if isinstance(error, BadPyon):
            raise
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise BadPyon(reason=reason, version=VERSION, text=text) from None


def _write(value: Any, depth: int) -> str:
    if depth == 0:
        reason = f"It is nested more than {DEEPEST} deep, or contains itself."
        raise NotEncodable(kind=type(value).__name__, version=VERSION, reason=reason)
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            try:
                return write(value, depth - 1)
            except NotEncodable:
                raise
            except TypeError as error:
                raise NotEncodable(kind=type(value).__name__, version=VERSION, reason=str(error)) from None
    raise NotEncodable(kind=type(value).__name__, version=VERSION)


def _write_items(items: Any, depth: int) -> str:
    return ", ".join([_write(item, depth) for item in items])


def _write_tuple(value: tuple[Any, ...], depth: int) -> str:
    return f"({_write_items(value, depth)}{', ' if len(value) == 1 else ''})"


def _write_dict(value: dict[Any, Any], depth: int) -> str:
    pairs = [f"{_write(key, depth)}: {_write(item, depth)}" for key, item in value.items()]
    return "{" + ", ".join(pairs) + "}"


def _write_ordered(value: OrderedDict[Any, Any], depth: int) -> str:
    return f"OrderedDict({_write(list(value.items()), depth)})"


def _write_float(value: float, _: int) -> str:
    return repr(float(value))  # "inf", "-inf" and "nan" are the names it has for them


def _write_array(value: np.ndarray[Any, Any], depth: int) -> str:
    shape, dtype, data = pack_array(value)
    return f'nparray({_write_tuple(tuple(shape), depth)}, "{dtype}", b"{data}")'


def _write_scalar(value: np.generic, _: int) -> str:
    if value.dtype.kind not in "iufc":
        raise TypeError(f"The old dialect has no {type(value).__name__} of numpy; make it a Python value.")
    dtype, data = pack_scalar(value)
    return f'npscalar("{dtype}", b"{data}")'


def _write_slice(value: slice, depth: int) -> str:
    parts = [None if part is None else _write(part, depth) for part in (value.start, value.stop, value.step)]
    return f"slice({parts[0]}, {parts[1]}, {parts[2]})"  # None, not null: a slice is written as Python does


# Numpy first: some of its scalars are Python numbers and strings as well. A bool is an int: before int.
_WRITERS: tuple[tuple[type, Callable[[Any, int], str]], ...] = (
    (np.ndarray, _write_array),
    (np.generic, _write_scalar),
    (type(None), lambda value, _: "null"),
    (bool, lambda value, _: "true" if value else "false"),
    (int, lambda value, _: int.__repr__(value)),
    (float, _write_float),
    (complex, lambda value, _: complex.__repr__(value)),
    (str, lambda value, _: json.dumps(value)),
    (bytes, lambda value, _: bytes.__repr__(value)),
    (tuple, _write_tuple),
    (list, lambda value, depth: f"[{_write_items(value, depth)}]"),
    # An empty set has no literal, and none of the calls that a v1 peer knows makes one.
    (set, lambda value, depth: "{" + _write_items(value, depth) + "}"),
    (OrderedDict, _write_ordered),
    (dict, _write_dict),
    (slice, _write_slice),
    (Fraction, lambda value, _: f"Fraction({value.numerator}, {value.denominator})"),
)


def _read(node: ast.expr | None) -> Any:
    reader = _READERS.get(type(node))
    if reader is None:
        raise BadPyon(reason=f"a {type(node).__name__} is not a value", version=VERSION)
    return reader(node)


def _read_constant(node: ast.Constant) -> Any:
    if node.value is ...:
        raise BadPyon(reason="an ellipsis is not a value", version=VERSION)
    return _whole(node.value) if isinstance(node.value, str) else node.value


def _read_name(node: ast.Name) -> Any:
    if node.id not in _NAMES:
        raise BadPyon(reason=f"the name {node.id!r:.60} is not a value", version=VERSION)
    return _NAMES[node.id]


def _read_dict(node: ast.Dict) -> dict[Any, Any]:
    # A ** has no key, and nothing reads that.
    keys = unlike([_read(key) for key in node.keys])
    return dict(zip(keys, map(_read, node.values), strict=True))


def _read_call(node: ast.Call) -> Any:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in _CALLS or node.keywords:
        raise BadPyon(reason=f"a call of {name[:60] or 'an expression'} is not a value", version=VERSION)
    return _CALLS[name](*[_read(argument) for argument in node.args])


def _read_sign(node: ast.UnaryOp) -> Any:
    if not isinstance(node.op, ast.USub):
        raise BadPyon(reason=f"a {type(node.op).__name__} is not a sign", version=VERSION)
    number = _number(node.operand)
    # -0.5j is how a number without real part is written; Python would give it one of -0.0.
    return complex(0.0, -number.imag) if isinstance(number, complex) else -number


def _read_sum(node: ast.BinOp) -> complex:
    """Return a ± bj, the one sum that stands for a value."""
    negative = isinstance(node.left, ast.UnaryOp)
    real = _number(node.left.operand if isinstance(node.left, ast.UnaryOp) else node.left)
    imaginary = _number(node.right)
    if (
        isinstance(real, complex)
        or not isinstance(imaginary, complex)
        or not isinstance(node.op, (ast.Add, ast.Sub))
    ):
        raise BadPyon(reason="no sum but that of a complex number is a value", version=VERSION)
    # From its parts: -0.0 + 1j would lose the sign of its zero.
    upright = imaginary.imag if isinstance(node.op, ast.Add) else -imaginary.imag
    return complex(-float(real) if negative else float(real), upright)


def _number(node: ast.expr) -> Any:
    if isinstance(node, (ast.Constant, ast.Name)):
        value = _read(node)
        if isinstance(value, (int, float, complex)) and not isinstance(value, bool):
            return value
    raise BadPyon(reason="a sign or a sum of what is no number", version=VERSION)


def _whole(text: str) -> str:
    """Return a text in which characters that were sent as two surrogates are one again."""
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_NAMES: dict[str, Any] = {
    "null": None,
    "true": True,
    "false": False,
    "inf": math.inf,
    "nan": math.nan,
    "infj": complex(0, math.inf),
    "nanj": complex(0, math.nan),
}
_CALLS: dict[str, Callable[..., Any]] = {
    "slice": slice,
    "Fraction": read_fraction,
    "OrderedDict": lambda pairs: OrderedDict(read_dict(pairs)),
    "nparray": unpack_array,
    "npscalar": unpack_scalar,
}
# Any of them gets the kind of node that it is listed with.
_READERS: dict[type, Callable[[Any], Any]] = {
    ast.Constant: _read_constant,
    ast.Name: _read_name,
    ast.Tuple: lambda node: tuple([_read(item) for item in node.elts]),
    ast.List: lambda node: [_read(item) for item in node.elts],
    ast.Set: lambda node: read_set([_read(item) for item in node.elts]),
    ast.Dict: _read_dict,
    ast.Call: _read_call,
    ast.UnaryOp: _read_sign,
    ast.BinOp: _read_sum,
}
