"""What a transport needs to know of an instrument: bytes in, bytes out, and the time of the next output.

Instruments are *sans-IO*: they own no socket and no clock. A transport calls `Session.receive` with the bytes
that came and the lab time; with no bytes it collects what has come due since.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(eq=False)
class SessionEndedError(Exception):
    """Raised by `Session.receive` when the instrument itself ends a client's session.

    Attributes:
        parting: Bytes for the client ahead of the end of the connection.
    """

    parting: bytes = b""

    def __str__(self) -> str:
        return f"the instrument hangs up after {self.parting!r}"


class Session(Protocol):
    """One client's line to an instrument."""

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes from the client and give what the instrument sends.

        Args:
            data: Bytes from the client; empty to collect output that has come due.
            now: Lab time in s.

        Returns:
            Bytes for the client, empty if there are none yet.

        Raises:
            SessionEndedError: If the instrument hangs up; the transport sends its parting words, then closes.
        """
        ...

    def due(self) -> float | None:
        """Return the lab time in s of the next output, None if the instrument waits for the client."""
        ...

    def close(self) -> None:
        """Forget this client; the instrument keeps its state."""
        ...


class Powered(Protocol):
    """Something with a power switch."""

    @property
    def lock(self) -> AbstractContextManager[bool]:
        """Held by a transport during each call, as several transports may serve one instrument."""
        ...

    @property
    def boot_time(self) -> float:
        """Time from power-on to the first answer in s."""
        ...

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s)."""
        ...

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s)."""
        ...


class Endpoint(Powered, Protocol):
    """An instrument that transports can serve."""

    @property
    def tcp_resource(self) -> str:
        """Resource string on TCP, with the fields ``{host}`` and ``{port}``."""
        ...

    @property
    def loses_link(self) -> bool:
        """Whether the link belongs to the instrument and dies with its power."""
        ...

    def connect(self) -> Session:
        """Accept a client."""
        ...


@runtime_checkable
class SeveralChannels(Protocol):
    """An endpoint whose clients each open several connections, as those of HiSLIP do."""

    def awaits_channel(self) -> bool:
        """Return whether the next connection belongs to a client that has one already."""
        ...
