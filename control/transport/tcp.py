"""A plain TCP connection: `tcp://host:port`."""

from __future__ import annotations

import socket

from control.transport.link import Link

CHUNK = 65_536  # bytes taken from the system at once
KEEPALIVE_IDLE = 5  # s of silence after which the system asks whether the other end still lives
KEEPALIVE_INTERVAL = 2  # s between such questions
KEEPALIVE_COUNT = 3  # unanswered questions until the connection counts as lost: a pulled cable shows in 11 s


def tune(connection: socket.socket) -> None:
    """Set a TCP socket up for short questions and answers.

    Without NODELAY the system holds back the second of two short commands until the first is acknowledged,
    about 40 ms later.

    Args:
        connection: a connected TCP socket.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (
        ("TCP_KEEPIDLE", KEEPALIVE_IDLE),
        ("TCP_KEEPALIVE", KEEPALIVE_IDLE),  # what macOS calls it
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL),
        ("TCP_KEEPCNT", KEEPALIVE_COUNT),
    ):
        # Not every operating system has all three.
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class TcpLink(Link):
    """A plain TCP connection.

    It is resynchronised by connecting anew: a late answer goes down with the old connection.

    Args:
        resource: the resource string, for messages.
        host: name or address, IPv4 or IPv6.
        port: TCP port.
    """

    def __init__(self, resource: str, host: str, port: int) -> None:
        super().__init__(resource)
        self._peer = (host, port)
        self._socket: socket.socket | None = None

    def _connect(self, seconds: float) -> None:
        self._socket = socket.create_connection(self._peer, timeout=seconds)
        tune(self._socket)

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _write(self, data: bytes, seconds: float) -> None:
        connection = self._connected()
        connection.settimeout(max(seconds, 1e-3))  # zero would mean "never wait" to the system
        connection.sendall(data)

    def _read(self, seconds: float) -> bytes:
        connection = self._connected()
        connection.settimeout(seconds)
        try:
            data = connection.recv(CHUNK)
        except (TimeoutError, BlockingIOError):
            return b""
        if not data:
            raise EOFError
        return data

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionError("it is closed")
        return self._socket
