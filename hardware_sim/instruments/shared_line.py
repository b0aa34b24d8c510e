"""A serial line on which every client hears every word of the instrument, as they share one pair of wires."""

from __future__ import annotations

from abc import abstractmethod

from hardware_sim.instruments.instrument import Instrument


class SharedLine(Instrument):
    """An instrument with one serial line."""

    tcp_resource = "socket://{host}:{port}"

    def __init__(self, boot_time: float) -> None:
        """Switch the instrument on; nobody listens.

        Args:
            boot_time: Time from power-on to the first answer in s.
        """
        super().__init__(boot_time)
        self._sessions: list[LineSession] = []

    def connect(self) -> LineSession:
        """Listen to the line; all clients hear every word, as they share one pair of wires."""
        session = LineSession(self)
        self._sessions.append(session)
        return session

    def disconnect(self, session: LineSession) -> None:
        """Stop sending to a client."""
        self._sessions.remove(session)

    def take(self, data: bytes, now: float) -> None:
        """Take bytes from any client and let all hear what the instrument says.

        Args:
            data: Bytes from the client, empty to hear what has come due.
            now: Lab time in s.
        """
        if self.powered:
            said = self._converse(data, now)
            for session in self._sessions:
                session.hear(said)

    @abstractmethod
    def due(self) -> float | None:
        """Return the lab time in s of the next word that is said unasked, None if there is none to come."""

    @abstractmethod
    def _converse(self, data: bytes, now: float) -> bytes:
        """Take bytes at lab time ``now`` (s) and return what the instrument says."""


class LineSession:
    """One client of the line."""

    __slots__ = ("_heard", "_line")

    def __init__(self, line: SharedLine) -> None:
        self._line = line
        self._heard = b""

    def hear(self, data: bytes) -> None:
        """Keep what was said on the line until the client collects it."""
        self._heard += data

    def receive(self, data: bytes, now: float) -> bytes:
        """Put bytes on the line and return what was heard on it since the last call.

        Args:
            data: Bytes from the client.
            now: Lab time in s.
        """
        self._line.take(data, now)
        heard, self._heard = self._heard, b""
        return heard

    def due(self) -> float | None:
        """Return the lab time in s of the next output, None if the instrument waits for the client."""
        return self._line.due() if self._line.powered else None

    def close(self) -> None:
        """Leave the line."""
        self._line.disconnect(self)
