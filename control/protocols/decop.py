"""DeCoP, the language of TOPTICA's controllers: Scheme expressions.

A controller has a tree of parameters, as `laser1:dl:cc:current-set`, which are referred to, set and executed
by expressions. This file writes and reads them; `control.protocols.decop_lines` sends them.

Source:
    The requests and values of toptica-lasersdk 3.3 (TOPTICA Photonics AG).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

DecopValue: TypeAlias = bool | int | float | str | bytes | tuple["DecopValue", ...]

_TOKEN = re.compile(
    r"""\s*(?: (?P<switch>\#[tf])
             | (?P<real>[+-]?(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][+-]?\d+)?)
             | (?P<whole>[+-]?\d+)
             | "(?P<text>(?:[^"\\]|\\.)*)"
             | &(?P<binary>[A-Za-z0-9+/]*={0,2})
             | (?P<open>\()
             | (?P<close>\)) )(?=[\s()]|$|(?<=\())""",
    re.VERBOSE,
)
_UPDATE = re.compile(r"\((?P<time>\d{4}-\S+)\s+'(?P<name>[^\s()']+)\s+(?P<value>.+)\)")
_REFUSED_UPDATE = re.compile(r"\(Error:.*?\(\S+\s+'(?P<name>[^\s()']+)\).*\)", re.IGNORECASE)
_FAILURE = re.compile(r"error:?\s*(?P<code>[+-]?\d+)?\s*(?P<text>.*)", re.IGNORECASE)


def spell(value: DecopValue) -> str:
    """Write a value as it stands in an expression.

    Example:
        >>> spell(True), spell(5), spell(71.25), spell(2e-05), spell("a"), spell((1, 2.0))
        ('#t', '5', '71.25', '0.00002', '"a"', "'(1 2.0)")
    """
    quote = "'" if isinstance(value, tuple) else ""
    return f"{quote}{_spell_inside(value)}"


def _spell_inside(value: DecopValue) -> str:
    if isinstance(value, bool):
        return "#t" if value else "#f"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        digits = format(Decimal(repr(value)), "f")
        return digits if "." in digits else f"{digits}.0"  # without a point it would be a whole number
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, bytes):
        return f"&{b64encode(value).decode()}"
    return f"({' '.join(map(_spell_inside, value))})"


def read_value(text: str) -> DecopValue:
    """Read a value as a controller writes it.

    Raises:
        ValueError: it is none, or something follows it.

    Example:
        >>> read_value("#f"), read_value("71.25"), read_value('("DLC pro" 3 (1 2))')
        (False, 71.25, ('DLC pro', 3, (1, 2)))
    """
    value, end = _read_at(text, 0)
    if text[end:].strip():
        raise ValueError(f"{text[end:].strip()!r} follows the value")
    return value


def _read_at(text: str, start: int) -> tuple[DecopValue, int]:
    """Return the value at a place and where it ends."""
    token = _TOKEN.match(text, start)
    if token is None or token["close"]:
        raise ValueError(f"no value in {text[start:]!r}")
    kind, found = token.lastgroup, token[token.lastgroup or 0]
    if kind == "open":
        return _read_items(text, token.end())
    if kind == "switch":
        return found == "#t", token.end()
    if kind == "whole":
        return int(found), token.end()
    if kind == "real":
        return float(found), token.end()
    if kind == "binary":
        return b64decode(found, validate=True), token.end()
    return re.sub(r"\\(.)", r"\1", found), token.end()


def _read_items(text: str, at: int) -> tuple[tuple[DecopValue, ...], int]:
    """Return the items of a tuple behind its opening parenthesis, and where it ends."""
    items: list[DecopValue] = []
    while not ((token := _TOKEN.match(text, at)) and token["close"]):
        item, at = _read_at(text, at)
        items.append(item)
    return tuple(items), token.end()


def refer(*names: str) -> str:
    """Write the request for the value of a parameter, or for the values of several at once.

    Example:
        >>> refer("uptime"), refer("a", "b")
        ("(param-ref 'uptime)", "`(,(param-ref 'a),(param-ref 'b))")
    """
    if len(names) == 1:
        return f"(param-ref '{names[0]})"
    return f"`({''.join(f',{refer(name)}' for name in names)})"


def assign(name: str, value: DecopValue) -> str:
    """Write the request that sets a parameter.

    Example:
        >>> assign("laser1:dl:pc:voltage-set", 71.25)
        "(param-set! 'laser1:dl:pc:voltage-set 71.25)"
    """
    return f"(param-set! '{name} {spell(value)})"


def execute(name: str, *arguments: DecopValue) -> str:
    """Write the request that executes a command of the tree.

    Example:
        >>> execute("laser1:dl:lock:open")
        "(exec 'laser1:dl:lock:open)"
        >>> print(execute("change-ul", 3, ""))
        (exec 'change-ul 3 "")
    """
    return " ".join([f"(exec '{name}", *map(spell, arguments)]) + ")"


def find_failure(reply: str) -> tuple[int, str] | None:
    """Return code and text if a reply is a failure: its first or last line begins with "Error".

    Example:
        >>> find_failure("Error: -3 unknown parameter"), find_failure("71.25")
        ((-3, 'unknown parameter'), None)
    """
    lines = reply.splitlines() or [""]
    for line in (lines[0], lines[-1]):
        if line.lower().startswith("error") and (said := _FAILURE.fullmatch(line)):
            return int(said["code"] or -1), said["text"] or "no reason given"
    return None


@dataclass(frozen=True, slots=True)
class Update:
    """What was pushed on the monitoring line.

    Attributes:
        name: of the parameter.
        value: what it is now; None if the controller refuses to push it.
    """

    name: str
    value: DecopValue | None


def read_update(line: str) -> Update:
    """Read a line of the monitoring line.

    Raises:
        ValueError: it is no update.

    Example:
        >>> read_update("(2026-11-23T06:01:02.123Z 'laser1:dl:lock:state 5)")
        Update(name='laser1:dl:lock:state', value=5)
    """
    if said := _UPDATE.fullmatch(line):
        return Update(said["name"], read_value(said["value"]))
    if said := _REFUSED_UPDATE.fullmatch(line):
        return Update(said["name"], None)
    raise ValueError(f"{line!r} is no update")
