"""A ZeroMQ request socket: `zmq://host:port`, one message a question, one message its answer.

ZeroMQ connects when it pleases and tells nobody that nobody is there, and a request whose reply was lost
blocks the socket for good. So here a plain TCP connection is tried first, the handshake is waited for, the
socket's own reports are watched for the end of the connection, and after a time-out a new socket is taken.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from control.transport.link import LONGEST_REPLY, Deadline, Link
from control.transport.tcp import KEEPALIVE_COUNT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL

if TYPE_CHECKING:
    import zmq


class ZmqLink(Link):
    """A REQ socket.

    Messages have no terminator: ask for `end=b""` to receive one whole message.

    Args:
        resource: the resource string, for messages.
        host: name or address.
        port: TCP port.
    """

    def __init__(self, resource: str, host: str, port: int) -> None:
        super().__init__(resource)
        self._peer = (host, port)
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None

    def receive(self, end: bytes, deadline: Deadline) -> bytes:
        """Receive one answer; with `end=b""` one whole message, which may be empty."""
        if end:
            return super().receive(end, deadline)
        with self.lock, self._breaking(deadline):
            message = self._await_message(deadline.left())
            if message is None:
                raise TimeoutError
            return message

    def _connect(self, seconds: float) -> None:
        import zmq  # noqa: PLC0415 (late: `ionloom --help` must not wait for it)

        deadline = Deadline.after(seconds)
        socket.create_connection(self._peer, timeout=seconds).close()
        with _translated():
            self._context = zmq.Context()
            self._socket = self._context.socket(zmq.REQ)
            self._tune(self._socket)
            self._monitor = self._socket.get_monitor_socket(
                zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            )
            host, port = self._peer
            self._socket.connect(f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}")
            self._await_handshake(deadline)

    def _tune(self, opened: zmq.Socket[bytes]) -> None:
        import zmq  # noqa: PLC0415

        for option, value in (
            (zmq.LINGER, 0),  # to close must not wait for an instrument that is gone
            (zmq.IPV6, int(":" in self._peer[0])),
            (zmq.MAXMSGSIZE, LONGEST_REPLY),
            (zmq.TCP_KEEPALIVE, 1),
            (zmq.TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE),
            (zmq.TCP_KEEPALIVE_INTVL, KEEPALIVE_INTERVAL),
            (zmq.TCP_KEEPALIVE_CNT, KEEPALIVE_COUNT),
        ):
            opened.setsockopt(option, value)

    def _await_handshake(self, deadline: Deadline) -> None:
        import zmq  # noqa: PLC0415

        monitor = self._connected(self._monitor)
        if not monitor.poll(_milliseconds(deadline.left())):
            raise ConnectionError("something accepts connections there, but it does not speak ZeroMQ")
        if self._next_event() != zmq.EVENT_HANDSHAKE_SUCCEEDED:
            raise ConnectionError("what accepts connections there does not speak ZeroMQ, or is in use")

    def _disconnect(self) -> None:
        opened, monitor, context = self._socket, self._monitor, self._context
        self._socket = self._monitor = self._context = None
        if opened is not None:
            opened.disable_monitor()
            opened.close(linger=0)
        if monitor is not None:
            monitor.close(linger=0)
        if context is not None:
            context.term()

    def _write(self, data: bytes, seconds: float) -> None:
        import zmq  # noqa: PLC0415

        with _translated():
            opened = self._connected(self._socket)
            if not opened.poll(_milliseconds(seconds), zmq.POLLOUT):
                raise TimeoutError
            opened.send(data, zmq.NOBLOCK)

    def _read(self, seconds: float) -> bytes:
        return self._await_message(seconds) or b""

    def _await_message(self, seconds: float) -> bytes | None:
        """Return the next message, None if there is none in time; the end of the connection is an error."""
        import zmq  # noqa: PLC0415

        with _translated():
            opened, monitor = self._connected(self._socket), self._connected(self._monitor)
            poller = zmq.Poller()
            poller.register(opened, zmq.POLLIN)
            poller.register(monitor, zmq.POLLIN)
            ready = dict(poller.poll(_milliseconds(seconds)))
            if opened in ready:
                return b"".join(opened.recv_multipart(zmq.NOBLOCK))
            if monitor in ready:
                raise EOFError
        return None

    def _next_event(self) -> int:
        from zmq.utils.monitor import recv_monitor_message  # noqa: PLC0415

        event: int = recv_monitor_message(self._connected(self._monitor))["event"]
        return event

    def _connected(self, part: zmq.Socket[bytes] | None) -> zmq.Socket[bytes]:
        if part is None:
            raise ConnectionError("it is closed")
        return part


def _milliseconds(seconds: float) -> int:
    return math.ceil(seconds * 1e3)


@contextmanager
def _translated() -> Iterator[Any]:
    """Let trouble with ZeroMQ leave this file as `OSError`."""
    import zmq  # noqa: PLC0415

    try:
        yield
    except zmq.ZMQError as error:
        raise ConnectionError(str(error)) from error
