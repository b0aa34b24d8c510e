"""Finds the line of the author's code that made a block, so that every error can name it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType
from typing import Final

from sequences.errors import Source

_ROOM: Final = str(Path(__file__).parent) + os.sep
_UNKNOWN: Final = Source("<unknown>", 0)

_ours: dict[str, bool] = {}
"""File name -> whether its code is this room's. Every block asks, so the answers are kept."""

_places: dict[tuple[str, int], Source] = {}
"""One value for each line of an author's that made blocks."""


def caller() -> Source:
    """Return the innermost place on the call stack that lies outside of this room.

    Blocks are made through the language and the library, both in this room; the first frame outside of it
    is the line that the author wrote. The ``__init__`` that `dataclasses` writes has no file of its own.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - documented, and far cheaper than `inspect`
    while frame is not None:
        code = frame.f_code
        file = code.co_filename
        ours = _ours.get(file)
        if ours is None:
            ours = _ours.setdefault(file, file.startswith(_ROOM))
        if not (ours or (file == "<string>" and code.co_name == "__init__")):
            place = file, frame.f_lineno
            return _places.get(place) or _places.setdefault(place, Source(file, frame.f_lineno))
        frame = frame.f_back
    return _UNKNOWN
