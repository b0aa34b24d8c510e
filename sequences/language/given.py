"""What authors give beside numbers and blocks: names, and one of several words."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from sequences.errors import DurationError
from sequences.sources import caller

_Word = TypeVar("_Word", bound=StrEnum)


def one_of(words: type[_Word], given: Any, what: str) -> _Word:
    """Return one of several words, which may be given as text.

    Raises:
        DurationError: it is none of them.
    """
    try:
        return words(given)
    except ValueError:
        raise DurationError(caller(), what, repr(given), f"one of {', '.join(words)}") from None


def name_given(of: str, given: object) -> str:
    """Return a name.

    Raises:
        DurationError: it is no text.
    """
    if not isinstance(given, str):
        raise DurationError(caller(), f"the name of {of}", repr(given), "text")
    return given
