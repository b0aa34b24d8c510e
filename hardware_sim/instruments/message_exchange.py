"""The message exchange of message-based transports: one program message at a time, each with its response.

A byte stream cannot tell to which question an answer belongs; VXI-11 and HiSLIP can, because they know where
a message ends. This module turns the byte stream of a `Session` into such an exchange.

Source: IEEE 488.2-1992, chapter 6 (message exchange control protocol).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from hardware_sim.instruments.endpoint import Endpoint
from hardware_sim.instruments.port import Port

MESSAGE_AVAILABLE = 1 << 4  # of the status byte (IEEE 488.2, 11.2.1.2)
TRIGGER = b"*TRG\n"
STATUS_QUERY = b"*STB?\n"


class MessagePort(Port[Endpoint]):
    """An instrument behind a protocol that has timeouts of its own; serve it with `serve_tcp`.

    Attributes:
        speed: Lab seconds per second of the client, in which it counts its timeouts.
        complaints: The last 1000 violations of the protocol.
    """

    loses_link = True

    def __init__(self, inner: Endpoint, speed: float = 1.0) -> None:
        """Put an instrument behind the protocol.

        Args:
            inner: The instrument, which must know ``*STB?`` and ``*TRG``.
            speed: Lab seconds per second of the client, as given to the server.
        """
        super().__init__(inner)
        self.speed = speed
        self.complaints: deque[str] = deque(maxlen=1000)


@dataclass(frozen=True, slots=True)
class Response:
    """What the instrument answered.

    Attributes:
        tag: Tag of the program message that it answers.
        data: The answer with its line end.
    """

    tag: int
    data: bytes


class MessageExchange:
    """One client's exchange with an instrument.

    The instrument gets a message only when it has nothing more to say about the one before; that is how its
    answers can be told apart.
    """

    def __init__(self, instrument: Endpoint) -> None:
        """Open a session with the instrument."""
        self._instrument = instrument
        self._session = instrument.connect()
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._tag = 0

    def put(self, tag: int, data: bytes, end: bool) -> None:
        """Give the instrument a message, or a part of one.

        Args:
            tag: What its response shall carry.
            data: The bytes.
            end: Whether they end the message; END stands for a line end that is not there.
        """
        self._waiting.append((tag, data + b"\n" if end and not data.endswith(b"\n") else data))

    def advance(self, now: float) -> Iterator[Response]:
        """Let the instrument work.

        Args:
            now: Lab time in s.

        Yields:
            Its responses. A message that waits is taken only once the caller has seen the response before it.
        """
        while True:
            data = self._session.receive(b"", now)
            if data:
                yield Response(self._tag, data)
            if not self._waiting or self._session.due() is not None:
                return
            self._tag, message = self._waiting.popleft()
            data = self._session.receive(message, now)
            if data:
                yield Response(self._tag, data)

    def due(self) -> float | None:
        """Return the lab time in s of the next response, None if the instrument waits for the client."""
        return self._session.due()

    def clear(self) -> None:
        """Forget what was asked and not answered, as after a device clear."""
        self._waiting.clear()
        self._session.close()
        self._session = self._instrument.connect()

    def close(self) -> None:
        """End the session."""
        self._session.close()


def read_status(instrument: Endpoint, now: float) -> int:
    """Return the status byte of an instrument, 0 while it is too busy to tell.

    It is asked on a session of its own, so that no client's question is disturbed.

    Args:
        instrument: An instrument that knows ``*STB?``.
        now: Lab time in s.
    """
    session = instrument.connect()
    reply = session.receive(STATUS_QUERY, now).strip()
    session.close()
    return int(reply) & 0xFF if reply.isdigit() else 0
