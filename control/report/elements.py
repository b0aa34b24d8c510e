"""Pieces of a page: a text becomes part of one only escaped, whatever it says.

`Html` is text that may stand in a page as it is. What functions of this module return is such text; all else
is plain, and is escaped when it is put into an element.

Example:
    >>> element("p", "a < b & ", element("b", "bold"), class_="note")
    '<p class="note">a &lt; b &amp; <b>bold</b></p>'
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from control.experiments.tables import Table

_EMPTY: Final = frozenset({"br", "hr", "img", "link", "meta"})
_KEPT: Final = "\n\t"
_UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"


class Html(str):
    """Text that is a piece of a page already."""

    __slots__ = ()


def escaped(text: str) -> Html:
    """Return a text as a page shows it; characters that no page may hold become one that says so."""
    if isinstance(text, Html):
        return text
    return Html(escape("".join(map(_allowed, text))))


def element(tag: str, *content: str, **attributes: str) -> Html:
    """Return an element.

    Args:
        tag: its name.
        content: elements, and texts, which are escaped.
        attributes: by name; an underscore behind a name that is a word of Python is left away.
    """
    told = "".join(f' {name.rstrip("_")}="{escaped(str(value))}"' for name, value in attributes.items())
    if tag in _EMPTY:
        return Html(f"<{tag}{told}/>")
    return Html(f"<{tag}{told}>{''.join(map(escaped, content))}</{tag}>")


def joined(pieces: Iterable[str]) -> Html:
    """Return pieces one after the other."""
    return Html("".join(map(escaped, pieces)))


def table_element(table: Table, *, head_first: bool = True) -> Html:
    """Return a table.

    Args:
        table: of texts.
        head_first: whether the first cell of a row says what the row is about.
    """
    heads = (element("th", heading, scope="col") for heading in table.columns)
    rows = (
        element(
            "tr",
            *(
                element("th", cell, scope="row") if head_first and not place else element("td", cell)
                for place, cell in enumerate(row)
            ),
        )
        for row in table.rows
    )
    caption = (element("caption", table.title),) if table.title else ()
    return element(
        "div",
        element("table", *caption, element("thead", element("tr", *heads)), element("tbody", *rows)),
        class_="table",
    )


def folded(title: str, *content: str, **attributes: str) -> Html:
    """Return content that is shown when somebody asks for it."""
    return element("details", element("summary", title), *content, **attributes)


def _allowed(letter: str) -> str:
    """Return a character, or another one for those that HTML forbids: controls, surrogates, non-characters.

    Source: HTML Living Standard, 13.1.4 "Character references" and 13.2.3.5 "Preprocessing the input stream".
    """
    code = ord(letter)
    forbidden = code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000
    forbidden |= 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
    return letter if letter in _KEPT or not forbidden else _UNKNOWN
