"""Serves an instrument on a TCP port, as its LAN socket or a serial-to-network adapter would."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import time
from collections.abc import Callable
from typing import Literal

from hardware_sim.instruments.endpoint import Endpoint, SeveralChannels
from hardware_sim.instruments.loopback import HOST, LoopbackServer, bound_socket

READ_SIZE = 4096  # bytes; some hundred commands, so that no client holds up the others for long
SecondClient = Literal["accept", "refuse", "kick"]


class SocketChannel:
    """A connected TCP client."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection

    def fileno(self) -> int:
        """Return the file descriptor of the socket."""
        return self._connection.fileno()

    def read(self) -> bytes | None:
        """Return what came, ``b""`` if it was nothing after all, None once the client is gone."""
        try:
            return self._connection.recv(READ_SIZE) or None
        except BlockingIOError:
            return b""
        except OSError:
            return None

    def write(self, data: bytes) -> int:
        """Send without waiting and return how many bytes were taken.

        Raises:
            OSError: If the client is gone.
        """
        try:
            return self._connection.send(data)
        except BlockingIOError:
            return 0

    def close(self, abort: bool = False) -> None:
        """Close with FIN, or with RST if ``abort``."""
        if abort:
            no_linger = struct.pack("ii", 1, 0)
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self._connection.close()


class TcpServer(LoopbackServer):
    """An instrument on a TCP port; made by `serve_tcp`.

    Attributes:
        second_client: What happens to a client that calls while another is connected; may be changed.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Callable[[], float],
        speed: float,
        port: int,
        second_client: SecondClient,
    ) -> None:
        super().__init__(endpoint, clock, speed, port)
        self.second_client = second_client
        self._start()

    @property
    def resource(self) -> str:
        """Resource string, e.g. ``TCPIP::127.0.0.1::40001::SOCKET`` or ``socket://127.0.0.1:40001``."""
        return self.endpoint.tcp_resource.format(host=HOST, port=self._port)

    def _open(self) -> None:
        self._socket.listen(16)
        self._selector.register(self._socket, selectors.EVENT_READ)

    def _shut(self, abort: bool) -> None:
        for descriptor in list(self._lines):
            self._drop_line(descriptor, abort)
        with contextlib.suppress(KeyError):  # not listening while the instrument boots
            self._selector.unregister(self._socket)
        self._socket.close()
        if not self._closing:
            self._socket = bound_socket(self._port)

    def _accept(self, descriptor: int) -> None:
        try:
            connection, _ = self._socket.accept()
        except OSError:  # the client gave up, or the listener was closed in the same round
            return
        channel = SocketChannel(connection)
        policy = "accept" if self._completes_client() else self.second_client
        if self._lines and policy == "refuse":
            channel.close()
            return
        if policy == "kick":
            for other in list(self._lines):
                self._drop_line(other)
        self._add_line(channel)

    def _completes_client(self) -> bool:
        """Return whether the client that calls is one that is connected already."""
        with self.endpoint.lock:
            return isinstance(self.endpoint, SeveralChannels) and self.endpoint.awaits_channel()


def serve_tcp(
    endpoint: Endpoint,
    clock: Callable[[], float] = time.monotonic,
    speed: float = 1.0,
    port: int = 0,
    second_client: SecondClient = "accept",
) -> TcpServer:
    """Serve an instrument on loopback TCP, from now until `Server.close`.

    Args:
        endpoint: The instrument.
        clock: Gives seconds of wall time, or those of a clock moved by hand, whose mover calls `Server.wake`.
        speed: Lab seconds per second of the clock.
        port: TCP port; 0 takes a free one.
        second_client: What happens to a client that calls while another is connected: it is accepted too, it
            is refused, or it kicks the first one out. Serial-to-network adapters do any of the three.

    Returns:
        The running server.

    Raises:
        InstrumentSetupError: If ``speed`` is not a positive number.
        OSError: If the port is taken.
    """
    return TcpServer(endpoint, clock, speed, port, second_client)
