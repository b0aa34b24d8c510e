"""Ctrl-C during a run: at a moment that suits, and never lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Self


class Interrupts:
    """Remembers that Ctrl-C was pressed; use it in a `with` block.

    Python drops an interrupt that comes while an object is being cleared away, and some libraries drop it
    when they try things out. h5py does the former all the time while it writes: about every sixth Ctrl-C of
    a run with short points was lost. What is dropped is raised at the end of the next `held` block.

    Example:
        >>> done = []
        >>> with Interrupts() as interrupts:
        ...     try:
        ...         with interrupts.held():
        ...             signal.raise_signal(signal.SIGINT)
        ...             done.append("the step")
        ...     except KeyboardInterrupt:
        ...         done.append("interrupted")
        >>> done
        ['the step', 'interrupted']
    """

    def __init__(self) -> None:
        self._before = signal.getsignal(signal.SIGINT)
        # Others are never interrupted; what is not a function ignores Ctrl-C, or is not Python's to put back.
        self._installs = threading.current_thread() is threading.main_thread() and callable(self._before)
        self._pressed = False
        self._held = False

    def __enter__(self) -> Self:
        if self._installs:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._installs:
            signal.signal(signal.SIGINT, self._before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let a Ctrl-C wait until the block has ended; if the block fails, that is told and not the Ctrl-C.

        Raises:
            KeyboardInterrupt: pressed within the block, or before it and dropped.
        """
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._pressed:
            raise KeyboardInterrupt

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._pressed = True
        if not self._held:
            raise KeyboardInterrupt
