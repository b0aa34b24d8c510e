"""Writes views into files; the ending of the name says how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from control.errors import UsageError
from control.views.html import html
from control.views.layout import Window, lay_out
from control.views.panel import Panel
from control.views.png import png
from control.views.svg import svg

FORMATS: Final = (".html", ".png", ".svg")
"""Endings of the files that a view can be written into."""


def check_format(path: Path, formats: Iterable[str] = FORMATS, what: str = "a timeline") -> str:
    """Return the ending of a file's name, in small letters.

    Args:
        path: of a file that is to be written.
        formats: endings that are known, with their dots.
        what: is to be written.

    Raises:
        UsageError: the name ends otherwise, or its folder is not there.
    """
    ending = path.suffix.lower()
    if ending not in formats:
        told = f"{what} cannot be written as {ending}" if ending else "the name has no ending"
        raise UsageError(what=f"{path}: {told}", advice=f"Let the name end with {' or '.join(formats)}.")
    if not path.parent.is_dir():
        raise UsageError(what=f"{path}: there is no folder {path.parent}", advice="Make it first.")
    return ending


def save_view(panels: Sequence[Panel], path: Path, window: Window | None = None) -> Path:
    """Write panels above each other into a file.

    Args:
        panels: at least one.
        path: ends with one of `FORMATS`.
        window: what is shown (a page shows it at first); None for the whole.

    Returns:
        The file.

    Raises:
        UsageError: the name ends otherwise.
        MissingExtra: a PNG needs matplotlib, which is not installed.
    """
    match check_format(path):
        case ".html":
            path.write_text(html(panels, window), encoding="utf-8")
        case ".svg":
            path.write_text(svg(lay_out(panels, window)), encoding="utf-8")
        case _:
            path.write_bytes(png(lay_out(panels, window)))
    return path
