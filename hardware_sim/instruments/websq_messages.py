r"""Finding the JSON objects in what a client of a WebSQ sends, which no terminator ends.

Source: the maker's client sends ``json.dumps(...)`` as it is and splits what it receives at ETB.
"""

from __future__ import annotations

import math
from typing import Any, Final

ETB: Final = b"\x17"
LONGEST_OBJECT = 65_536  # bytes; free choice


class WebSqError(Exception):
    """What the driver tells a client under the label ``Error``."""


def find_objects(data: bytes) -> tuple[list[str], bytes]:
    r"""Cut a stream into objects by their braces; quoted braces do not count.

    What lies between objects makes an object of its own, which is then refused, as are endless ones.

    Args:
        data: Bytes so far.

    Returns:
        The complete pieces, and the bytes of one that is not complete yet.

    Example:
        >>> find_objects(b'{"a": "}"}{"b": {}} {"c"')
        (['{"a": "}"}', '{"b": {}}'], b'{"c"')
    """
    pieces: list[str] = []
    start = depth = 0
    quoted = escaped = False
    for index, byte in enumerate(data):
        symbol = chr(byte)
        if depth and quoted:
            quoted = escaped or symbol != '"'
            escaped = symbol == "\\" and not escaped
        elif depth and symbol == '"':
            quoted = True
        elif symbol == "{":
            if not depth:
                pieces += _between(data[start:index])
                start = index
            depth += 1
        elif depth and symbol == "}":
            depth -= 1
            if not depth:
                pieces.append(data[start : index + 1].decode("utf-8", "replace"))
                start = index + 1
    rest = data[start:]
    if not depth or len(rest) > LONGEST_OBJECT:
        pieces += _between(rest)
        rest = b""
    return pieces, rest


def _between(data: bytes) -> list[str]:
    text = data[:LONGEST_OBJECT].decode("utf-8", "replace").strip()
    return [text] if text else []


def parse_numbers(value: Any, label: str, count: int | None, low: float, high: float) -> list[float]:
    """Read a list of numbers.

    Args:
        value: As JSON had it.
        label: What it is for.
        count: How many there must be.
        low: Smallest that is allowed.
        high: Largest that is allowed.

    Raises:
        WebSqError: If it is anything else.
    """
    if not isinstance(value, list) or len(value) != count:
        raise WebSqError(f"{label} takes a list of {count} numbers")
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise WebSqError(f"{label} takes numbers, not {number}")
        if not low <= number <= high:
            raise WebSqError(f"{label} {number:g} is out of bounds {low:g} to {high:g}")
    return [float(number) for number in value]
