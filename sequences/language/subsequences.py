"""Subsequences: functions that return a block, with a name that pictures show."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, ParamSpec

from sequences.errors import RecursiveError, Source
from sequences.ir import Block, Named
from sequences.language.joining import named

_Arguments = ParamSpec("_Arguments")

_calls: Final[ContextVar[tuple[Callable[..., Block], ...]]] = ContextVar("being built", default=())
"""The subsequences that are being built just now, outermost first."""


def subsequence(build: Callable[_Arguments, Block]) -> Callable[_Arguments, Named]:
    """Make a function that returns a block into a subsequence: its blocks bear its name in pictures.

    Raises:
        RecursiveError: (of the function) it calls itself, directly or through other subsequences.

    Example:
        >>> from sequences.language.joining import delay
        >>> @subsequence
        ... def pause(times: int) -> Block:
        ...     return delay(times * 1e-6)
        >>> pause(3).name
        'pause'
    """

    @functools.wraps(build)
    def built(*args: _Arguments.args, **keywords: _Arguments.kwargs) -> Named:
        calls = _calls.get()
        if build in calls:
            chain = tuple(call.__name__ for call in (*calls, build))
            code = build.__code__
            raise RecursiveError(Source(code.co_filename, code.co_firstlineno), chain)
        token = _calls.set((*calls, build))
        try:
            return named(build.__name__, build(*args, **keywords))
        finally:
            _calls.reset(token)

    return built
