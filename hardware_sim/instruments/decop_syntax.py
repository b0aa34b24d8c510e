"""The language of TOPTICA's command line (DeCoP): expressions in parentheses, values, errors.

Source: requests as TOPTICA's own Python client (toptica-lasersdk 3.3.0) sends them, and values as it reads
them. The numbers of the errors are those of TOPTICA's open DeCoF2 with a minus sign; ASSUMED to be the DLC
pro's.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | bytes | tuple[Value, ...]"
Expression: TypeAlias = "bool | int | float | str | bytes | Symbol | Marked | tuple[Expression, ...]"

_PIECE = re.compile(r"""\s*(?:([()'`,])|("(?:[^"\\]|\\.)*")|([^\s()'`,"]+))""", re.DOTALL)
_INTEGER = re.compile(r"[+-]?\d+")
_REAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


class ErrorCode(IntEnum):
    """Numbers of errors, negative on the line (DeCoF2). ASSUMED for the DLC pro."""

    UNKNOWN = 1
    PARSE = 2
    ACCESS_DENIED = 3
    INVALID_PARAMETER = 4
    WRONG_TYPE = 5
    INVALID_VALUE = 6
    UNKNOWN_OPERATION = 7
    INVALID_USER_LEVEL = 8
    NOT_SUBSCRIBED = 9


@dataclass(eq=False)
class DecopError(Exception):
    """A complaint of the command line.

    Attributes:
        code: Kind of the complaint.
        detail: What it is about.

    Example:
        >>> str(DecopError(ErrorCode.INVALID_PARAMETER, "laser3:emission"))
        'Error: -4 invalid parameter: laser3:emission'
    """

    code: ErrorCode
    detail: str

    def __str__(self) -> str:
        return f"Error: {-self.code} {self.text}"

    @property
    def text(self) -> str:
        """The complaint in words."""
        return f"{self.code.name.lower().replace('_', ' ')}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Symbol:
    """A name, such as that of a parameter."""

    name: str


@dataclass(frozen=True, slots=True)
class Marked:
    """An expression behind a mark.

    Attributes:
        mark: ``'`` quotes, `` ` `` quotes all but what is behind a ``,``.
        body: What is marked.
    """

    mark: str
    body: Expression


def parse_expression(text: str) -> Expression:
    """Read one expression.

    Args:
        text: The expression; white space around it does not count.

    Raises:
        DecopError: If it is none, or more than one.

    Example:
        >>> parse_expression("(param-ref 'uptime)")
        (Symbol(name='param-ref'), Marked(mark="'", body=Symbol(name='uptime')))
    """
    pieces = _split(text)
    expression = _read(pieces)
    for surplus in pieces:
        raise DecopError(ErrorCode.PARSE, f"{surplus} after the end of the expression")
    return expression


def is_open(text: str) -> bool:
    """Return whether an expression still waits for a closing parenthesis or quotation mark.

    Example:
        >>> is_open("(param-ref 'uptime"), is_open("(param-ref 'uptime)"), is_open('(exec "')
        (True, False, True)
    """
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL)
    return '"' in bare or bare.count("(") > bare.count(")")


def format_value(value: Value) -> str:
    r"""Write a value; reals always have a point, so that a client can tell them from integers.

    Example:
        >>> format_value((True, 5, 70.0, 1e-7, "DL pro", b"\x00\x01"))
        '(#t 5 70.0 1.0e-07 "DL pro" &AAE=)'
    """
    if isinstance(value, bool):
        return "#t" if value else "#f"
    if isinstance(value, float):
        mantissa, mark, exponent = f"{value:.12g}".partition("e")
        return mantissa + ("" if "." in mantissa else ".0") + mark + exponent
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bytes):
        return "&" + base64.b64encode(value).decode("ascii")
    if isinstance(value, tuple):
        return "(" + " ".join(map(format_value, value)) + ")"
    return str(value)


def constant(expression: Expression) -> Value:
    """Return the value of an argument: a literal, or a quoted list of literals.

    Raises:
        DecopError: If it is neither.
    """
    if isinstance(expression, Marked) and expression.mark == "'":
        expression = expression.body
    if isinstance(expression, tuple):
        return tuple(constant(each) for each in expression)
    if isinstance(expression, Symbol | Marked):
        raise DecopError(ErrorCode.WRONG_TYPE, "a value is needed, not a name")
    return expression


def quoted_name(expression: Expression) -> str:
    """Return the name in an argument such as ``'laser1:emission``.

    Raises:
        DecopError: If it is no quoted name.
    """
    if isinstance(expression, Marked) and expression.mark == "'" and isinstance(expression.body, Symbol):
        return expression.body.name
    raise DecopError(ErrorCode.PARSE, "a name with a quote before it is needed")


def _split(text: str) -> Iterator[str]:
    place = 0
    while text[place:].strip():
        piece = _PIECE.match(text, place)
        if piece is None:
            raise DecopError(ErrorCode.PARSE, "a string has no end")
        place = piece.end()
        yield piece[1] or piece[2] or piece[3]


def _read(pieces: Iterator[str]) -> Expression:
    piece = next(pieces, ")")
    if piece == ")":
        raise DecopError(ErrorCode.PARSE, "an expression is missing")
    if piece in ("'", "`", ","):
        return Marked(piece, _read(pieces))
    return _read_list(pieces) if piece == "(" else _read_atom(piece)


def _read_list(pieces: Iterator[str]) -> tuple[Expression, ...]:
    members: list[Expression] = []
    for piece in pieces:
        if piece == ")":
            return tuple(members)
        if piece in ("'", "`", ","):
            members.append(Marked(piece, _read(pieces)))
        else:
            members.append(_read_list(pieces) if piece == "(" else _read_atom(piece))
    raise DecopError(ErrorCode.PARSE, "a closing parenthesis is missing")


def _read_atom(piece: str) -> Expression:
    if piece.lower() in ("#t", "#f"):
        return piece.lower() == "#t"
    if piece.startswith('"'):
        return re.sub(r"\\(.)", r"\1", piece[1:-1], flags=re.DOTALL)
    if piece.startswith("&"):
        try:
            return base64.b64decode(piece[1:], validate=True)
        except binascii.Error:
            raise DecopError(ErrorCode.PARSE, f"{piece} is no base64") from None
    if _INTEGER.fullmatch(piece):
        return int(piece)
    return float(piece) if _REAL.fullmatch(piece) else Symbol(piece)
