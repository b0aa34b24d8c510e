"""One line of a program's text, taken apart word by word; every surprise is told with the line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

from sequences.errors import TextError, UnitError, nearest
from sequences.text.grammar import TOKEN
from sequences.units import parse_exactly, spellings


class Line:
    """One line, taken apart from left to right.

    Attributes:
        number: of the line, from 1.
        text: without the blanks around it.
        depth: blanks before it.
    """

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.text = text.strip()
        self.depth = len(text) - len(text.lstrip())
        self._tokens = TOKEN.findall(text)[::-1]

    @property
    def first(self) -> str:
        """The next word, or nothing at the end of the line."""
        return self._tokens[-1] if self._tokens else ""

    def wrong(self, reason: str) -> TextError:
        """Return the error that tells what is wrong with this line."""
        return TextError(self.number, self.text, reason)

    def take(self, expected: str) -> str:
        """Return the next word, without its quotes."""
        if not self._tokens:
            raise self.wrong(f"expected {expected} at the end of the line")
        token: str = self._tokens.pop()
        if not token.startswith('"'):
            return token
        try:
            return str(json.loads(token))
        except ValueError:
            raise self.wrong(f"expected {expected}, found a quoted name that cannot be read") from None

    def keyword(self, *words: str) -> str:
        """Return the next word, which must be one of these."""
        expected = " or ".join(repr(str(word)) for word in words)
        found = self.take(expected)
        if found not in words:
            raise self.wrong(f"expected {expected}, found {found!r}")
        return found

    def skip(self, word: str) -> bool:
        """Pass over the next word if it is this one; tell whether it was."""
        if self.first != word:
            return False
        self._tokens.pop()
        return True

    def among(self, what: str, known: Mapping[str, int]) -> int:
        """Return what a known name stands for."""
        found = self.take(f"a {what}")
        if found not in known:
            raise self.wrong(f"unknown {what} {found!r}{nearest(found, known)}")
        return known[found]

    def whole(self, what: str, least: int = 0) -> int:
        """Return the next word as a whole number."""
        found = self.take(what)
        if not found.isdecimal() or int(found) < least:
            raise self.wrong(f"expected {what}, a whole number from {least} on, found {found!r}")
        return int(found)

    def span(self, what: str) -> tuple[int, int | None]:
        """Return the next word as a least whole number and, after two dots, a largest one."""
        found = self.take(what)
        low, dots, high = found.partition("..")
        least = 0 if dots else 1
        if not low.isdecimal() or int(low) < least or (dots and not high.isdecimal()):
            raise self.wrong(f"expected {what}, a whole number from {least} on, found {found!r}")
        return int(low), int(high) if dots else None

    def quantity(self, what: str, unit: str) -> float:
        """Return the next number, with its unit if there is one, in the base unit."""
        return float(self.exact(what, unit))

    def exact(self, what: str, unit: str) -> Decimal:
        """Return the next number, with its unit if there is one, in the base unit and with all its digits."""
        text = self.take(what)
        if unit:
            text += " " + self.take(f"a unit ({', '.join(spellings(unit))})")
        try:
            return parse_exactly(text, unit)
        except UnitError as error:
            raise self.wrong(f"expected {what}: {error}") from None

    def more(self) -> bool:
        """Tell whether there are words left."""
        return bool(self._tokens)

    def end(self) -> None:
        """Make sure that there are none."""
        if self._tokens:
            raise self.wrong(f"expected nothing more, found {self.first!r}")
