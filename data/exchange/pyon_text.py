"""Texts of PYON, in which ARTIQ stores the description of an experiment: read, never evaluated.

Since ARTIQ 9 such a text is JSON, with an object of the one key `__jsonclass__` for what JSON does not have.
Before, it had the syntax of Python expressions; of these only literals and the six constructors that ARTIQ
wrote are understood here.

Source: sipyco (pyon.py, pyon_v1.py)
"""

from __future__ import annotations

import ast
import base64
import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

import numpy as np

_TAG: Final = "__jsonclass__"
_CONTAINERS: Final[dict[type[ast.expr], Callable[..., Any]]] = {
    ast.List: list,
    ast.Tuple: tuple,
    ast.Set: set,
}
_NAMES: Final = {"null": None, "true": True, "false": False, "inf": np.inf, "nan": np.nan}


def read_pyon(text: str) -> Any:
    """Return the value of a text, in either dialect.

    Args:
        text: of whatever origin.

    Returns:
        None, truth values, numbers, texts, bytes, lists, tuples, sets, mappings, numpy arrays.

    Raises:
        ValueError: it is neither.

    Example:
        >>> read_pyon('{"arguments": {"shape": {"__jsonclass__": ["tuple", [[2, 3]]]}}}')
        {'arguments': {'shape': (2, 3)}}
        >>> read_pyon('{"wait": -inf, "ratio": Fraction(1, 2), 3: (null, )}')
        {'wait': -inf, 'ratio': Fraction(1, 2), 3: (None,)}
        >>> read_pyon('__import__("os").getcwd()')
        Traceback (most recent call last):
        ...
        ValueError: neither JSON nor PYON: line 1 holds more than literals
    """
    try:
        return json.loads(text, object_hook=_revive)
    except (json.JSONDecodeError, RecursionError):
        pass
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError, TypeError, ArithmeticError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError | MemoryError) else error
        raise ValueError(f"neither JSON nor PYON: {reason}") from None


def _revive(found: dict[str, Any]) -> Any:
    """Return the value that a JSON object stands for, innermost objects first."""
    if set(found) != {_TAG}:
        return found
    try:
        name, arguments = found[_TAG]
        return _CONSTRUCTORS[name](*arguments)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise ValueError(f"neither JSON nor PYON: nothing can be made of {_TAG} ({error})") from None


def _value(node: ast.expr) -> Any:
    """Return the value of a literal expression."""
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return _CONTAINERS[type(node)](map(_value, items))
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_value(key): _value(item) for key, item in zip(keys, values, strict=True) if key}
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _CONSTRUCTORS:
            return _CONSTRUCTORS[name](*map(_value, arguments))
    return _signed(node)


def _signed(node: ast.expr) -> Any:
    """Return a number with a sign, or a complex number as a sum."""
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(_value(operand))
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
            imaginary = _number(_value(right))
            return _number(_value(left)) + (imaginary if isinstance(sign, ast.Add) else -imaginary)
    raise ValueError(f"neither JSON nor PYON: line {node.lineno} holds more than literals")


def _number(value: Any) -> Any:
    if isinstance(value, int | float | complex):
        return value
    raise ValueError(f"neither JSON nor PYON: {type(value).__name__} is no number")


def _array(shape: Any, dtype: str, data: str | bytes) -> Any:
    kind = np.dtype(dtype)
    if kind.hasobject:
        raise ValueError("an array of objects")
    return np.frombuffer(base64.b64decode(data), kind).reshape(shape)


def _slice_text(start: Any, stop: Any, step: Any = None) -> str:
    return f"slice({start}, {stop}, {step})"


_CONSTRUCTORS: Final[dict[str, Callable[..., Any]]] = {
    "tuple": tuple,
    "set": set,
    "dict": dict,
    "OrderedDict": dict,
    "complex": complex,
    "bytes": base64.b64decode,
    "slice": _slice_text,
    "Fraction": Fraction,
    "nparray": _array,
    "npscalar": lambda dtype, data: _array((), dtype, data)[()],
}
