"""Commands that run until they are stopped: Ctrl-C and requests of the system to end, told to who waits."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

STOPPING: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
"""Ctrl-C, `kill`, and the end of the terminal; Windows has no such thing as the last."""


@contextmanager
def stop_wish() -> Iterator[threading.Event]:
    """Give an event that is set by Ctrl-C and by the system's request to end, for as long as the block runs.

    Whoever waits for it can give instruments and ports back in peace. If that takes too long for somebody, a
    second Ctrl-C interrupts as usual.

    Example:
        >>> with stop_wish() as wish:
        ...     signal.raise_signal(signal.SIGTERM)
        ...     wish.is_set()
        True
    """
    wish = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if wish.is_set():
            raise KeyboardInterrupt
        wish.set()

    before = {number: signal.signal(number, note) for number in STOPPING}
    try:
        yield wish
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
