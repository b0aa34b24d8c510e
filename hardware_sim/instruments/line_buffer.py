"""Cuts the bytes of a client into lines, however they arrive."""

from __future__ import annotations

import re


class LineBuffer:
    r"""What a client has sent and the instrument has not read yet.

    Example:
        >>> buffer = LineBuffer(b"\r", b"\n", limit=80)
        >>> buffer.put(b"*CLS\r*ID")
        >>> list(iter(buffer.take, None))
        [b'*CLS']
        >>> buffer.put(b"N?\n")
        >>> buffer.take(), buffer.take()
        (b'*IDN?', None)
    """

    __slots__ = ("_end", "_limit", "_rest")

    def __init__(self, *ends: bytes, limit: int) -> None:
        """Begin empty.

        Args:
            ends: What ends a line, one or the other.
            limit: Bytes without an end that are kept.
        """
        self._end = re.compile(b"|".join(map(re.escape, ends)))
        self._limit = limit
        self._rest = b""

    def put(self, data: bytes) -> None:
        """Append bytes of the client."""
        self._rest += data

    def take(self) -> bytes | None:
        """Remove the next line and return it without its end, None if none is complete."""
        found = self._end.search(self._rest)
        if found is None:
            return None
        line, self._rest = self._rest[: found.start()], self._rest[found.end() :]
        return line

    def holds_line(self) -> bool:
        """Return whether a line is complete."""
        return self._end.search(self._rest) is not None

    def overflow(self) -> bytes:
        """Forget a line that is too long without end, and return what was lost, nothing if it is not.

        Ask only when no line is complete.
        """
        return self.clear() if len(self._rest) > self._limit else b""

    def clear(self) -> bytes:
        """Forget everything, and return what was lost."""
        lost, self._rest = self._rest, b""
        return lost
