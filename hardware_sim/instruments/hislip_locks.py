"""The locks of HiSLIP: one client alone, or several that name the same key.

Source: IVI-6.1 (HiSLIP), revision 1.1, section 6.5.
"""

from __future__ import annotations

from enum import IntEnum


class LockAnswer(IntEnum):
    """Control codes of AsyncLockResponse."""

    FAILURE = 0
    SUCCESS = 1  # an exclusive lock, at its release too
    SHARED_RELEASED = 2
    ERROR = 3


class Locks:
    """Which clients hold an instrument; clients are known by their session ids."""

    def __init__(self) -> None:
        self._exclusive: int | None = None
        self._sharing: set[int] = set()
        self._key = b""

    @property
    def exclusive(self) -> bool:
        """Whether a client holds the instrument alone."""
        return self._exclusive is not None

    @property
    def holders(self) -> int:
        """How many clients hold a lock."""
        return len(self._sharing | ({self._exclusive} - {None}))

    def holds(self, client: int, key: bytes) -> bool:
        """Return whether a client holds the lock of this key already, the exclusive one if it is empty."""
        return client in self._sharing if key else client == self._exclusive

    def grant(self, client: int, key: bytes) -> bool:
        """Lock for a client if that is possible now.

        Args:
            client: Session id.
            key: Key of a shared lock; empty for an exclusive one.

        Returns:
            Whether the client has the lock.
        """
        if self._exclusive not in (None, client):
            return False
        if key:
            if self._sharing and key != self._key:
                return False
            self._key = key
            self._sharing.add(client)
            return True
        if self._sharing and client not in self._sharing:
            return False
        self._exclusive = client
        return True

    def release(self, client: int) -> LockAnswer:
        """Give one lock of a client back, the exclusive one first."""
        if client == self._exclusive:
            self._exclusive = None
            return LockAnswer.SUCCESS
        if client in self._sharing:
            self._sharing.remove(client)
            return LockAnswer.SHARED_RELEASED
        return LockAnswer.ERROR

    def forget(self, client: int) -> None:
        """Give back all locks of a client that is gone."""
        while self.release(client) is not LockAnswer.ERROR:
            pass

    def bars(self, client: int) -> bool:
        """Return whether the messages of a client must wait for the locks of others."""
        if self._exclusive is not None:
            return client != self._exclusive
        return bool(self._sharing) and client not in self._sharing
