"""Texts that somebody else wrote, made safe for a terminal: names, comments, units, messages of instruments.

A file from elsewhere may hold anything, such as the bytes with which a terminal is told to clear itself, to
take another title, or to write over the line before.
"""

from __future__ import annotations

import re
from typing import Final

import click

_ACTING: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but for tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # those that turn the direction of writing
    "\ud800-\udfff]"  # halves of characters, which no stream takes: bytes of a name that are no text
)
"""Characters that do something instead of being seen."""


def escaped(text: str) -> str:
    r"""Return a text with what a terminal would act on written out, as Python writes it.

    Example:
        >>> escaped("done\r\x1b[2Jall is well\n")
        'done\\r\\x1b[2Jall is well\n'
    """
    return _ACTING.sub(lambda found: ascii(found[0])[1:-1], text)


def escaped_json(text: str) -> str:
    r"""Return a JSON text of the same meaning without such characters, of which JSON allows some.

    Example:
        >>> escaped_json('"\x9b2J"')
        '"\\u009b2J"'
    """
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: object, *, err: bool = False) -> None:
    """Print a line on stdout, or on stderr, whoever wrote what is in it."""
    click.echo(escaped(str(text)), err=err)
