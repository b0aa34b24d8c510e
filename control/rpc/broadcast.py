"""Messages to whoever listens: nothing is kept for who comes later, or for who does not keep up."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Sequence
from typing import Any

from control.rpc.audience import LONGEST_LINE, Audience
from control.rpc.closing import Closing, Serving
from control.rpc.dialects import V2, Dialect, as_text, sniff
from control.rpc.feed import TIMEOUT, Feed, Lost
from control.rpc.lines import LineStream
from control.rpc.listener import LOOPBACK, Listener

logger = logging.getLogger(__name__)

BANNER = b"ARTIQ broadcast"
MOST_BACKLOG = 1 << 20  # bytes that wait for a receiver: some thousand lines of a log


class Broadcaster(Serving):
    """Sends messages from now until `close`.

    Args:
        host: address or addresses to listen on, "*" for all.
        port: TCP port; 0 takes a free one.
        ssl: for TLS; None for plain TCP.
        dialect: the version of PYON to speak: `V1` for programs of ARTIQ up to 8.
        backlog: bytes that may wait for a receiver; beyond, he misses messages.

    Raises:
        CannotListen: the port is taken.
    """

    def __init__(
        self,
        host: str | Sequence[str] = LOOPBACK,
        port: int = 0,
        ssl: ssl.SSLContext | None = None,
        dialect: Dialect = V2,
        backlog: int = MOST_BACKLOG,
    ) -> None:
        self._dialect = dialect
        self._behind: set[LineStream] = set()
        self._listener = Listener("broadcaster", BANNER, self._converse, host, port, ssl)
        self._audience = Audience(self._listener.do, self._pass_over, backlog)
        self._listener.start()

    def send(self, name: str, message: Any) -> None:
        """Send a message to all who listen to a name; from any thread, without waiting.

        Args:
            name: what they listen to, such as "log".
            message: anything that PYON can carry.

        Raises:
            NotEncodable: it cannot be sent.
        """
        self._audience.send(name, self._dialect.line(message))

    def count(self, name: str) -> int:
        """Return how many listen to a name."""
        return self._audience.count(name)

    async def _converse(self, stream: LineStream) -> None:
        name = as_text(await stream.read_greeting(LONGEST_LINE))
        self._audience.join(name, stream)
        try:
            await self._audience.await_end(name, stream)
        finally:
            self._behind.discard(stream)

    def _pass_over(self, stream: LineStream, name: str) -> None:
        if stream not in self._behind:  # told once
            logger.warning("broadcaster: %s does not keep up with %s and misses messages", stream.peer, name)
            self._behind.add(stream)


class Receiver(Closing):
    """Hears the messages of a name from now until `close`.

    Args:
        name: what to listen to. Every name is right: a broadcaster does not tell which it uses.
        host: name or address of the broadcaster.
        port: its TCP port.
        on_message: called with each message. What it raises is logged.
        on_lost: called when the connection is lost, with the error.
        retry: s after which a lost connection is opened anew, None for never.
        timeout: for connecting, in s.
        ssl: for TLS; None for plain TCP.

    Raises:
        ControllerDown, CallTimeout: no broadcaster there.
    """

    def __init__(
        self,
        name: str,
        host: str,
        port: int,
        on_message: Callable[[Any], object],
        on_lost: Lost | None = None,
        retry: float | None = None,
        timeout: float = TIMEOUT,
        ssl: ssl.SSLContext | None = None,
    ) -> None:
        self._on_message = on_message
        self._feed = Feed(BANNER, name, host, port, self._hear, on_lost, False, retry, timeout, ssl)

    def close(self) -> None:
        """Stop listening; closing twice does no harm."""
        self._feed.close()

    def _hear(self, line: bytes) -> None:
        message = sniff(line)
        try:
            self._on_message(message)
        except Exception:
            logger.exception("a receiver's own function failed")
