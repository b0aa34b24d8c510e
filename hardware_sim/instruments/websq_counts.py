"""The port of a WebSQ that sends the counts of each measurement period, and nothing else.

Source: the maker's Python client as mirrored in qcodes_contrib_drivers (SingleQuantum.py).
"""

from __future__ import annotations

import math
from typing import Final, Protocol

from hardware_sim.instruments.endpoint import Powered
from hardware_sim.instruments.port import Port

TCP_RESOURCE: Final = "TCPIP::{host}::{port}::SOCKET"


class CountingDriver(Powered, Protocol):
    """What the port needs to know of the driver behind it."""

    @property
    def powered(self) -> bool:
        """Whether it is switched on and has booted."""
        ...

    def advance(self, now: float) -> None:
        """End the measurement periods that are over at lab time ``now`` (s)."""
        ...

    def period_end(self) -> float:
        """Return the lab time in s at which the present measurement period ends."""
        ...


class WebSqCounts(Port[CountingDriver]):
    """The port that sends the counts; what clients say to it is not heard."""

    tcp_resource = TCP_RESOURCE
    loses_link = True

    def __init__(self, websq: CountingDriver) -> None:
        """Belong to a driver.

        Args:
            websq: The driver.
        """
        super().__init__(websq)
        self._sessions: list[WebSqCountsSession] = []

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._sessions)

    def connect(self) -> WebSqCountsSession:
        """Accept a client."""
        session = WebSqCountsSession(self)
        self._sessions.append(session)
        return session

    def disconnect(self, session: WebSqCountsSession) -> None:
        """Stop sending to a client."""
        self._sessions.remove(session)

    def tell(self, line: bytes) -> None:
        """Give every client a line."""
        for session in self._sessions:
            session.tell(line)

    def forget(self) -> None:
        """Lose what was not yet sent."""
        for session in self._sessions:
            session.forget()

    def switch_off(self, now: float) -> None:
        """Cut the power of the driver at lab time ``now`` (s), unless it is off already."""
        if self.inner.powered:
            super().switch_off(now)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s), unless the control port did so already."""
        if not self.inner.powered:
            super().switch_on(now)


class WebSqCountsSession:
    """One client of the port that sends the counts."""

    __slots__ = ("_lines", "_port")

    def __init__(self, port: WebSqCounts) -> None:
        self._port = port
        self._lines = b""

    def tell(self, line: bytes) -> None:
        """Keep a line until it is collected."""
        self._lines += line

    def forget(self) -> None:
        """Lose what was not yet sent."""
        self._lines = b""

    def receive(self, data: bytes, now: float) -> bytes:
        """Give the lines of the periods that are over; ``data`` is not heard.

        Args:
            data: Bytes from the client.
            now: Lab time in s.
        """
        self._port.inner.advance(now)
        lines, self._lines = self._lines, b""
        return lines

    def due(self) -> float | None:
        """Return the lab time in s of the next line, None while the driver is off."""
        if not self._port.inner.powered:
            return None
        return -math.inf if self._lines else self._port.inner.period_end()

    def close(self) -> None:
        """Hang up."""
        self._port.disconnect(self)
