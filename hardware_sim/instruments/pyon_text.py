"""PYON, the text of ARTIQ's remote procedure calls, in both versions: what an instrument's controller needs.

Version 2 is JSON in which an object with the only key ``__jsonclass__`` stands for what JSON lacks. Version 1
is a Python expression; it is read with a parser, never evaluated.

Source: the wire of sipyco and ARTIQ 8 and 9, as captured.
"""

from __future__ import annotations

import ast
import base64
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

MARK: Final = "__jsonclass__"
NAMES: Final[Mapping[str, object]] = {
    "null": None,
    "true": True,
    "false": False,
    "None": None,
    "True": True,
    "False": False,
    "inf": math.inf,
    "nan": math.nan,
}


class PyonError(ValueError):
    """Some text is no PYON, or holds what this controller has no use for."""


def encode_v2(value: object) -> str:
    """Write a value in version 2.

    Example:
        >>> encode_v2((0, 3.5e14, np.zeros(0)))
        '{"__jsonclass__":["tuple",[[0,350000000000000.0,{"__jsonclass__":["nparray",[[0],"<f8",""]]}]]]}'
    """
    return json.dumps(_dress(value), separators=(",", ":"))


def decode_v2(text: str) -> object:
    """Read a value in version 2.

    Raises:
        PyonError: If it is none.
    """
    try:
        value: object = json.loads(text, object_hook=_undress)
    except (ValueError, RecursionError) as error:
        raise PyonError(str(error)) from None
    return value


def encode_v1(value: object) -> str:
    """Write a value in version 1.

    Example:
        >>> encode_v1({"status": "ok", "ret": (1.5, None, (True,))})
        '{"status": "ok", "ret": (1.5, null, (true, ))}'
    """
    if isinstance(value, np.ndarray):
        data = base64.b64encode(value.tobytes())
        return f"nparray({encode_v1(value.shape)}, {json.dumps(value.dtype.str)}, {data!r})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{encode_v1(key)}: {encode_v1(each)}" for key, each in value.items()) + "}"
    if isinstance(value, tuple | list | set):
        members = ", ".join(map(encode_v1, sorted(value) if isinstance(value, set) else value))
        lone = isinstance(value, tuple) and len(value) == 1
        frames = {tuple: f"({members}, )" if lone else f"({members})", list: f"[{members}]"}
        return frames.get(type(value), f"{{{members}}}")
    return repr(value) if isinstance(value, float) else json.dumps(value)


def decode_v1(text: str) -> object:
    """Read a value in version 1.

    Raises:
        PyonError: If it is none.

    Example:
        >>> decode_v1('{"action": "call", "args": (-1, null)}')
        {'action': 'call', 'args': (-1, None)}
    """
    try:
        return _read(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        raise PyonError(str(error)) from None


def _dress(value: object) -> object:
    def tag(name: str, *arguments: object) -> dict[str, object]:
        return {MARK: [name, list(arguments)]}

    if isinstance(value, tuple | set):
        members = [_dress(each) for each in (sorted(value) if isinstance(value, set) else value)]
        return tag(type(value).__name__, members)
    if isinstance(value, list):
        return [_dress(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _dress(each) for key, each in value.items()}
    if isinstance(value, np.ndarray):
        data = base64.b64encode(value.tobytes()).decode("ascii")
        return tag("nparray", list(value.shape), value.dtype.str, data)
    return value


def _undress(fields: dict[str, Any]) -> object:
    if MARK not in fields:
        return fields
    makers: dict[str, Callable[..., object]] = {
        "tuple": tuple,
        "set": set,
        "npscalar": _scalar,
        "nparray": lambda shape, kind, data: np.frombuffer(base64.b64decode(data), kind).reshape(shape),
    }
    try:
        name, arguments = fields[MARK]
        return makers[name](*arguments)
    except (KeyError, TypeError, ValueError) as error:
        raise PyonError(f"{fields[MARK]!r} is nothing that is known: {error}") from None


def _scalar(kind: str, data: str | bytes) -> object:
    value: object = np.frombuffer(base64.b64decode(data), kind)[0].item()
    return value


def _read(node: ast.expr) -> object:
    match node:
        case ast.Constant(value):
            return value
        case ast.Name(name) if name in NAMES:
            return NAMES[name]
        case ast.UnaryOp(ast.USub(), operand):
            return -_read(operand)  # type: ignore[operator]  # a TypeError is what decode_v1 expects
        case ast.Tuple(members) | ast.List(members):
            return (tuple if isinstance(node, ast.Tuple) else list)(_read(each) for each in members)
        case ast.Dict(keys, values) if None not in keys:
            return {_read(key): _read(each) for key, each in zip(keys, values, strict=True) if key}
        case ast.Call(ast.Name("npscalar"), [ast.Constant(str(kind)), ast.Constant(bytes(data))], []):
            return _scalar(kind, data)
    raise PyonError(f"{ast.unparse(node)} is nothing that is known")
