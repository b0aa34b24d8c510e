"""Answers of plain text, and the numbers in them."""

from __future__ import annotations

import math
import re

from control.errors import BadReply

_WHOLE = re.compile(r"\+?\d{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def plain(reply: bytes, tried: str) -> str:
    r"""Return an answer as text, without the blanks around it.

    Args:
        reply: as it came.
        tried: what was being done, for messages.

    Raises:
        BadReply: it is not plain ASCII.

    Example:
        >>> plain(b" 1.5\r", "ask FREQ?")
        '1.5'
    """
    try:
        return reply.decode("ascii").strip()
    except UnicodeDecodeError:
        raise BadReply(tried=tried, reply=reply, expected="plain ASCII") from None


def number_in(text: str) -> float | None:
    """Return the finite decimal number that a text is; None if it is none.

    Python would read more than instruments write: "nan", "1_0" and digits of other scripts.

    Example:
        >>> number_in("+2.1E-10"), number_in("1_0"), number_in("1e999")
        (2.1e-10, None, None)
    """
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def whole_number_in(text: str) -> int | None:
    """Return the whole number, not below zero, that a text is; None if it is none.

    Example:
        >>> whole_number_in("+07"), whole_number_in("7.0"), whole_number_in("-1")
        (7, None, None)
    """
    return int(text) if _WHOLE.fullmatch(text) else None
