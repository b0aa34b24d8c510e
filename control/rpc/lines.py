"""Lines of text over TCP, from both sides: a stream of an event loop, and a socket that waits."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, cast

from control.rpc.errors import LineTooLong
from control.transport import Deadline
from control.transport.tcp import tune

END = b"\n"
CHUNK = 1 << 18  # bytes taken from the system at once
READ_AHEAD = 1 << 18  # bytes that may wait while nobody asks for a line; TCP holds back what follows
FAREWELL_SECONDS = 0.2  # a client between two calls does not notice that TLS wants to say goodbye
CLOSING_SECONDS = 1.0  # until a peer has to have taken the last bytes; then the connection is cut


def address_of(host: str, port: int) -> str:
    """Return host and port as one word.

    Example:
        >>> address_of("::1", 3251)
        '[::1]:3251'
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class LineStream(asyncio.Protocol):
    """One client's connection, in the thread of the loop that serves it.

    Attributes:
        peer: address of the client.
        greet_by: when its greeting must be complete, in the time of the loop.

    Args:
        attend: the conversation; the connection is its caller's to close.
    """

    def __init__(self, attend: Callable[[LineStream], Coroutine[Any, Any, None]]) -> None:
        self.peer = ""
        self.greet_by = math.inf
        self._attend = attend
        self._buffer = bytearray()
        self._searched = 0
        self._ended = self._reading_paused = self._is_secret = False
        self._line_waiter: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the conversation. Called by the loop, as the next five."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = address_of(*(transport.get_extra_info("peername") or ("?", 0))[:2])
        tune(transport.get_extra_info("socket"))
        self._transport.pause_reading()  # until somebody asks; what comes before may have to go through TLS
        self._reading_paused = True
        self.task = asyncio.get_running_loop().create_task(self._attend(self))

    def data_received(self, data: bytes) -> None:
        """Keep what came; stop listening to a peer that is far ahead of its answers."""
        self._buffer += data
        if self._line_waiter is None and len(self._buffer) > READ_AHEAD and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """Note that no more will come; answers may still go out, but not over TLS."""
        self._ended = True
        self._wake()
        return not self._is_secret

    def connection_lost(self, error: Exception | None) -> None:
        """Wake whoever waits."""
        self._ended = True
        self._wake()
        self._writable.set()
        self._closed.set()

    def pause_writing(self) -> None:
        """Hold back who writes: the peer does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let who writes go on."""
        self._writable.set()

    async def encrypt(self, context: ssl.SSLContext) -> None:
        """Go on over TLS; nothing may have been read or written.

        Raises:
            OSError: the client cannot do that, or is not trusted.
            TimeoutError: its greeting takes too long.
        """
        self._is_secret = True
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(self.greet_by):
                secured = await loop.start_tls(
                    self._transport,
                    self,
                    context,
                    server_side=True,
                    ssl_shutdown_timeout=FAREWELL_SECONDS,
                )
        except BaseException:
            self.connection_lost(None)  # the loop does not tell us of one that never was
            raise
        if secured is None:
            raise ConnectionResetError("it hung up")
        self._transport, self._reading_paused = secured, False

    async def read_greeting(self, limit: int) -> bytes:
        """Return the next line, which belongs to the greeting; for the rest see `read_line`.

        Raises:
            TimeoutError: the greeting takes too long.
        """
        async with asyncio.timeout_at(self.greet_by):
            return await self.read_line(limit)

    def has_ended(self) -> bool:
        """Return whether the peer has hung up, or at least will not say any more."""
        return self._ended

    async def read_line(self, limit: int) -> bytes:
        """Return the next line, without its end.

        Args:
            limit: bytes of the longest line that is taken.

        Raises:
            EOFError: the peer hung up.
            LineTooLong: no line end within the limit.
        """
        while (end := self._buffer.find(END, self._searched)) < 0:
            self._searched = len(self._buffer)
            if self._searched > limit:
                break
            if self._ended:
                raise EOFError
            await self._more()
        if end < 0 or end > limit:
            raise LineTooLong(address=self.peer, tried="receive a line", limit=limit)
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    def write(self, data: bytes) -> None:
        """Send without waiting; nothing happens once the connection is gone."""
        if not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait while the peer is behind with reading.

        Raises:
            EOFError: it hung up.
        """
        await self._writable.wait()
        if self._closed.is_set():
            raise EOFError

    def backlog(self) -> int:
        """Return how many bytes the peer has not taken."""
        return self._transport.get_write_buffer_size()

    def abort(self) -> None:
        """Cut the connection; what is not sent is lost."""
        self._transport.abort()

    async def close(self) -> None:
        """Close the connection, when the last bytes are taken or it takes too long."""
        if not self._transport.is_closing():  # over TLS a second close would disarm the abort
            self._transport.close()
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._closed.wait()
        except TimeoutError:
            self._transport.abort()

    async def _more(self) -> None:
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()
        self._line_waiter = asyncio.get_running_loop().create_future()
        try:
            await self._line_waiter
        finally:
            self._line_waiter = None

    def _wake(self) -> None:
        if self._line_waiter is not None and not self._line_waiter.done():
            self._line_waiter.set_result(None)


class LineSocket:
    """A connection that its thread waits for.

    Attributes:
        address: of the peer.

    Args:
        host: name or address, IPv4 or IPv6.
        port: TCP port.
        deadline: by when the connection must stand.
        context: of TLS, None for plain TCP.

    Raises:
        OSError: nobody there.
    """

    def __init__(
        self, host: str, port: int, deadline: Deadline, context: ssl.SSLContext | None = None
    ) -> None:
        self.address = address_of(host, port)
        self._buffer = bytearray()
        self._searched = 0
        self._socket = socket.create_connection((host, port), timeout=_patience(deadline))
        try:
            tune(self._socket)
            if context is not None:
                self._socket = context.wrap_socket(self._socket, server_hostname=host)
        except BaseException:
            self._socket.close()
            raise

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all bytes.

        Raises:
            OSError: the connection is lost, or the deadline passed.
        """
        self._socket.settimeout(_patience(deadline))
        self._socket.sendall(data)

    def read_line(self, deadline: Deadline, limit: int) -> bytes:
        """Return the next line, without its end.

        Args:
            deadline: by when it must be complete.
            limit: bytes of the longest line that is taken.

        Raises:
            EOFError: the peer hung up.
            LineTooLong: no line end within the limit.
            OSError: the connection is lost, or the deadline passed.
        """
        while (end := self._buffer.find(END, self._searched)) < 0:
            self._searched = len(self._buffer)
            if self._searched > limit:
                raise LineTooLong(address=self.address, tried="receive a line", limit=limit)
            self._socket.settimeout(_patience(deadline))
            data = self._socket.recv(CHUNK)
            if not data:
                raise EOFError
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line

    def has_ended(self) -> bool:
        """Return whether the peer is known to have hung up; for who sends and never reads."""
        try:
            self._socket.settimeout(0.0)
            # Past TLS: what it has to say is not ours to read.
            return not socket.socket.recv(self._socket, 1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def hang_up(self) -> None:
        """End the connection from another thread; who waits for a line is woken."""
        with contextlib.suppress(OSError):  # ended already
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; closing twice does no harm."""
        self._socket.close()


def _patience(deadline: Deadline) -> float | None:
    """Return the seconds left as sockets want them: None for ever, never zero, which is "do not wait"."""
    left = deadline.left()
    if left == math.inf:
        return None
    if left == 0.0:
        raise TimeoutError
    return left
