"""A thread that listens on a port and holds one conversation with each client: what all servers here have.

A client says first which protocol it wants; who says something else, or nothing, is sent away. Nothing that
one client does reaches another: a broken line, a flood or a fault ends that one's connection, with a line in
the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any

from control.errors import ControlError, quote
from control.rpc.errors import CannotListen
from control.rpc.failures import text_of
from control.rpc.lines import LineStream, address_of

logger = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "::1")  # both: "localhost" is the one for some clients and the other for the rest
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 (only who writes "*" gets these)
BANNER_SECONDS = (
    10.0  # for the whole greeting: every client speaks at once, or holds a connection for nothing
)
MOST_STREAMS = 150  # clients at a time: a process may have only 256 files, and its instruments need some
BACKLOG = 64  # clients that wait to be taken, and are taken together
LONGEST_REPROACH = 400  # characters that the log says of what a stranger did
LONGEST_BANNER = 64  # bytes; the banners of the four protocols have about 20
ATTEMPTS = 8  # to find a port that is free for IPv4 and IPv6
# What the system says where IPv6 is not compiled in, switched off, or has no loopback address.
NO_IPV6 = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}

Conversation = Callable[[LineStream], Coroutine[Any, Any, None]]


class Rejected(Exception):  # noqa: N818 (what happens to a client; it never leaves the server)
    """A client said what this server does not take; the text says what."""


class Listener:
    """Has the port from now on, and listens from `start` until `close`.

    Args:
        name: what is served, for the names of threads and the log.
        banner: the first line of a client.
        converse: the conversation after that.
        host: address or addresses to listen on, "*" for all.
        port: TCP port; 0 takes a free one.
        ssl: for connections over TLS, None for plain TCP.

    Raises:
        CannotListen: the port is taken, or an address is not this machine's.
    """

    def __init__(
        self,
        name: str,
        banner: bytes,
        converse: Conversation,
        host: str | Sequence[str] = LOOPBACK,
        port: int = 0,
        ssl: ssl.SSLContext | None = None,
    ) -> None:
        self._name, self._banner, self._converse = name, banner, converse
        self._sockets = _open(host, port)
        self.port: int = self._sockets[0].getsockname()[1]
        self.addresses = tuple(address_of(*found.getsockname()[:2]) for found in self._sockets)
        self._ssl = ssl
        self._streams: set[LineStream] = set()
        self._is_full = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to listen; what the conversation needs has to be there."""
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(started,), name=f"{self._name} on port {self.port}", daemon=True
        )
        self._thread.start()
        started.result()

    def do(self, function: Callable[..., object], *arguments: object) -> bool:
        """Have a function called in the thread of the server; False if that has ended."""
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # the loop is closed
            return False
        return True

    def stop(self) -> None:
        """Ask the server to end, from any thread and without waiting."""
        self.do(self._stopping.set)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the server has ended.

        Args:
            timeout: how long in s, None for as long as it takes.

        Returns:
            Whether it has ended.
        """
        if self._thread is None or self._thread is threading.current_thread():
            return False
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self) -> None:
        """End the server; its port and all connections are closed when this returns."""
        self.stop()
        self.join()

    def _run(self, started: Future[None]) -> None:
        try:
            asyncio.run(self._serve(started))
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    async def _serve(self, started: Future[None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        servers = [
            await self._loop.create_server(lambda: LineStream(self._accept), sock=listening, backlog=BACKLOG)
            for listening in self._sockets
        ]
        started.set_result(None)
        await self._stopping.wait()
        for server in servers:
            server.close()
        tasks = [stream.task for stream in self._streams]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in tuple(self._streams):  # those who were cancelled before they began
            await stream.close()

    def _accept(self, stream: LineStream) -> Coroutine[Any, Any, None]:
        if len(self._streams) >= MOST_STREAMS:
            return self._refuse(stream)
        self._is_full = False
        self._streams.add(stream)
        stream.greet_by = self._loop.time() + BANNER_SECONDS
        return self._attend(stream)

    async def _refuse(self, stream: LineStream) -> None:
        if not self._is_full:  # told once: whoever floods the port must not flood the log
            logger.warning(
                "%s: %s and others are refused: %d are connected", self._name, stream.peer, MOST_STREAMS
            )
        self._is_full = True
        stream.abort()

    async def _attend(self, stream: LineStream) -> None:
        """Hold the conversation with one client, and survive whatever it says."""
        try:
            with contextlib.suppress(EOFError, asyncio.CancelledError):
                await self._greet(stream)
                await self._converse(stream)
        except TimeoutError:
            self._reproach(stream, f"its greeting was not complete after {BANNER_SECONDS:g} s")
        except (Rejected, ControlError) as error:
            self._reproach(stream, text_of(error))
        except Exception:
            logger.exception("%s: hung up on %s after an error of its own", self._name, stream.peer)
        finally:
            await stream.close()
            self._streams.discard(stream)

    def _reproach(self, stream: LineStream, reason: str) -> None:
        logger.warning("%s: hung up on %s: %s", self._name, stream.peer, reason[:LONGEST_REPROACH])

    async def _greet(self, stream: LineStream) -> None:
        if self._ssl is not None:
            try:
                await stream.encrypt(self._ssl)
            except TimeoutError:
                raise
            except OSError as error:  # of TLS, too
                raise Rejected(f"no TLS with it: {error.strerror or error}") from None
        heard = await stream.read_greeting(LONGEST_BANNER)
        if heard != self._banner:
            raise Rejected(f"it said {quote(heard)} instead of {quote(self._banner)}")


def _open(host: str | Sequence[str], port: int) -> list[socket.socket]:
    """Return sockets bound to the same port on all the addresses."""
    addresses = _expand((host,) if isinstance(host, str) else host)
    for attempt in range(ATTEMPTS):
        bound: list[socket.socket] = []
        for family, address in addresses:
            wanted = port or (bound[0].getsockname()[1] if bound else 0)
            try:
                bound.append(_bind(family, address, wanted))
            except OSError as error:
                if family == socket.AF_INET6 and error.errno in NO_IPV6 and len(addresses) > 1:
                    continue
                for other in bound:
                    other.close()
                if port == 0 and bound and attempt < ATTEMPTS - 1:
                    break  # free for the first address, taken for the next: try another
                reason = error.strerror or str(error)
                raise CannotListen(address=address_of(address[0], wanted), reason=reason.lower()) from error
        else:
            return bound
    raise AssertionError("the last attempt raises")


def _expand(hosts: Sequence[str]) -> list[tuple[socket.AddressFamily, Any]]:
    """Return family and address of all that names stand for, each once."""
    found: dict[tuple[socket.AddressFamily, Any], None] = {}
    for host in EVERYWHERE if "*" in hosts else hosts:
        try:
            told = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            advice = "Is this the name or an address of this machine? * listens on all."
            raise CannotListen(address=host, reason=reason, advice=advice) from error
        found.update({(family, address): None for family, _, _, _, address in told})
    return list(found)


def _bind(family: socket.AddressFamily, address: Any, port: int) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((address[0], port, *address[2:]))
        bound.listen(BACKLOG)  # now: only this tells for sure that nobody else does
    except BaseException:
        bound.close()
        raise
    return bound
