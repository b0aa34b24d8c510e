"""What a text from anywhere may demand: small ones can stand for values that take hours or all memory.

The readers of both versions of PYON make of what they read only what passes here.
"""

from __future__ import annotations

import re
import reprlib
from collections import Counter
from fractions import Fraction
from itertools import islice
from typing import Any

MOST_BITS = 1 << 14  # of a part of a fraction, which is reduced in a time that grows with their square
MOST_ALIKE = 64  # keys of one hash: a table compares each of them with all others
MOST_TOKENS = 200_000  # of an expression: its syntax tree takes 500 bytes for each
LONGEST_GLIMPSE = 80  # characters; a message is to be read by somebody

# What programs write, and nothing that nests, warns or hides its end: no prefix but b, no three quotes.
_STRING = re.compile(
    r"""\bb'(?!'')[^'\\\r\n]*(?:\\[\\'"abfnrtvx0][^'\\\r\n]*)*'"""
    r"""|\bb"(?!"")[^"\\\r\n]*(?:\\[\\'"abfnrtvx0][^"\\\r\n]*)*\""""
    r"""|'(?!'')[^'\\\r\n]*(?:\\[\\'"abfnrtvxuUN0][^'\\\r\n]*)*'"""
    r"""|"(?!"")[^"\\\r\n]*(?:\\[\\'"abfnrtvxuUN0][^"\\\r\n]*)*\""""
)
_PLACE = "\0"  # stands where a string was; Python itself refuses it anywhere
_NO_VALUE = re.compile(
    r"""["'#\r]|\w\0|(?<![\w.])\.?[0-9][\w.]*[ilnrst]"""
)  # the last is a word after a number
_TOKEN = re.compile(r"\w+|[^\w\s]")
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')  # of JSON


def read_fraction(numerator: Any, denominator: Any) -> Fraction:
    """Return a fraction of its parts.

    Raises:
        ValueError: they are no integers, or too long.
        ZeroDivisionError: the denominator is zero.
    """
    for part in (numerator, denominator):
        if type(part) is not int or part.bit_length() > MOST_BITS:
            raise ValueError(f"a part of a fraction is an integer of at most {MOST_BITS} bits")
    return Fraction(numerator, denominator)


def read_items(items: Any) -> list[Any]:
    """Return the items of a container.

    Raises:
        ValueError: they are not a list; a text or an array would be blown up to an object for each byte.
    """
    if not isinstance(items, list):
        raise ValueError(f"the items are a {type(items).__name__}")
    return items


def read_set(items: Any) -> set[Any]:
    """Return a set of a list of items.

    Raises:
        ValueError: they are not a list, or made to have the same hash.
    """
    return set(unlike(read_items(items)))


def read_dict(pairs: Any) -> dict[Any, Any]:
    """Return a dict of a list of pairs.

    Raises:
        ValueError: they are not a list, or the keys are made to have the same hash.
    """
    found = [(key, value) for key, value in read_items(pairs)]
    unlike([key for key, _ in found])
    return dict(found)


def unlike(keys: list[Any]) -> list[Any]:
    """Return keys that do not all have the same hash.

    Raises:
        ValueError: they do; all hashes but those of texts can be foreseen.
    """
    if len(keys) > MOST_ALIKE and max(Counter(map(hash, keys)).values()) > MOST_ALIKE:
        raise ValueError(f"more than {MOST_ALIKE} keys have the same hash")
    return keys


def require_modest(expression: str) -> None:
    """Refuse a Python expression whose syntax tree would fill the memory, before anything is made of it.

    Args:
        expression: any text.

    Raises:
        ValueError: it has too many tokens, or something by which their number could be hidden.

    Example:
        >>> require_modest('{"a": (1, b"x"), }')
        >>> require_modest('f"{1, 2}"')
        Traceback (most recent call last):
        ValueError: strings with a prefix, comments and words after numbers are no values
    """
    bare = _STRING.sub(_PLACE, expression)
    if _NO_VALUE.search(bare):
        raise ValueError("strings with a prefix, comments and words after numbers are no values")
    if next(islice(_TOKEN.finditer(bare), MOST_TOKENS, None), None) is not None:
        raise ValueError(f"more than {MOST_TOKENS} words and signs; send long lists as arrays")


def glimpse(value: Any) -> str:
    """Return a value as it is shown in a message: never all of it, and never an error.

    Example:
        >>> glimpse(["tuple", list(range(100))]), glimpse("a name")
        ("['tuple', [0, 1, 2, 3, 4, 5, ...]]", 'a name')
    """
    try:
        shown = value if isinstance(value, str) else reprlib.repr(value)
    except Exception:  # an array of dates that no calendar has
        shown = f"a {type(value).__name__}"
    return shown[:LONGEST_GLIMPSE]


def count_parts(line: bytes) -> int:
    """Return how many values a line of JSON can hold at most.

    Example:
        >>> count_parts(b'{"a, b, c":[1,2,3]}')
        4
    """
    return sum(map(_TEXT.sub(b"", line).count, (b",", b"[", b"{")))
