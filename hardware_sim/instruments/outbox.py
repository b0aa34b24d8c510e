"""Holds what an instrument sends until it is time."""

from __future__ import annotations

from collections import deque


class Outbox:
    """Answers to one client, each with the lab time in s at which it leaves, in the order of these.

    Example:
        >>> outbox = Outbox()
        >>> outbox.put(0.5, b"done")
        >>> outbox.take(now=0.4), outbox.due(), outbox.take(now=0.5), outbox.due()
        (b'', 0.5, b'done', None)
    """

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        """Begin empty."""
        self._waiting: deque[tuple[float, bytes]] = deque()

    def put(self, due: float, data: bytes) -> None:
        """Keep an answer until lab time ``due`` (s), which is not before that of the last one."""
        self._waiting.append((due, data))

    def take(self, now: float) -> bytes:
        """Remove and return what is due at lab time ``now`` (s)."""
        sent = b""
        while self._waiting and self._waiting[0][0] <= now:
            sent += self._waiting.popleft()[1]
        return sent

    def due(self) -> float | None:
        """Return the lab time in s of the next answer, None if there is none to come."""
        return self._waiting[0][0] if self._waiting else None

    def clear(self) -> None:
        """Forget what was not sent yet."""
        self._waiting.clear()
