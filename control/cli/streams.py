"""The streams of a command: closed by who called it, left by who read them, or kept for JSON alone."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, Final, TextIO, cast

_MODES: Final = {"stdin": "r", "stdout": "w", "stderr": "w"}
"""In the order of their numbers."""


def open_closed() -> None:
    """Open streams that are closed, as after `>&-`, to nowhere: else the next file gets the number of one."""
    for name, mode in _MODES.items():
        if getattr(sys, name) is None:
            nowhere = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - as long as the program
            setattr(sys, name, nowhere)


class StreamError(OSError):
    """A stream cannot be written: no `BrokenPipeError`, at which click and rich end the program.

    Attributes:
        stream: the stream.
        reason: what the system says.
    """

    def __init__(self, stream: TextIO, reason: OSError) -> None:
        super().__init__(str(reason))
        self.stream = stream
        self.reason = reason


class _Watched:
    """A stream whose errors cannot be taken for those of files and sockets."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError as error:
            raise StreamError(self._stream, error) from error

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError as error:
            raise StreamError(self._stream, error) from error


@contextmanager
def watched_streams() -> Iterator[None]:
    """Have what stdout and stderr refuse in the block raised as `StreamError`."""
    with (
        redirect_stdout(cast("TextIO", _Watched(sys.stdout))),
        redirect_stderr(cast("TextIO", _Watched(sys.stderr))),
    ):
        yield


def lead_to_nowhere(stream: TextIO) -> None:
    """Have a stream written to nowhere: else the interpreter, at its exit, would tell that it cannot be."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def stdout_for_json(wanted: bool) -> Iterator[None]:
    """Send to stderr what a user's code prints in the block, also from other processes, if JSON is wanted.

    Example:
        >>> with stdout_for_json(False):
        ...     print("for people")
        for people
    """
    if not wanted:
        yield
        return
    sys.stdout.flush()
    with redirect_stdout(sys.stderr):
        kept = os.dup(1)
        try:
            with suppress(OSError):  # no stderr: there is nobody to tell
                os.dup2(2, 1)
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)
