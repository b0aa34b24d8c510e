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


def caller() -> Source:
    """Return the innermost place on the call stack that lies outside of this room.

    Blocks are made through the language and the library, both in this room; the first frame outside of it
    is the line that the author wrote. The ``__init__`` that `dataclasses` writes has no file of its own.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - documented, and far cheaper than `inspect`
    while frame is not None:
        code = frame.f_code
        written_by_dataclasses = code.co_filename == "<string>" and code.co_name == "__init__"
        if not (written_by_dataclasses or code.co_filename.startswith(_ROOM)):
            return Source(code.co_filename, frame.f_lineno)
        frame = frame.f_back
    return _UNKNOWN
