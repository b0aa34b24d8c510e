"""Serves an instrument that speaks in whole messages on a ZeroMQ reply port.

Each message of a client is one call of `Session.receive`, and what that returns is one message back. A
client's session lives from its request to the reply: otherwise a reply port knows nothing of its clients.

Faults of the line strike messages: one is lost or comes twice as a whole, never a byte of it; it is late; its
bytes are corrupted, and garbage is put in front. A lost reply is the trap of this transport: a client that
sticks to request and reply must throw its socket away.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from hardware_sim.instruments.endpoint import Endpoint
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.faults import HEALTHY, LineFaults
from hardware_sim.instruments.loopback import HOST, LoopbackServer
from hardware_sim.instruments.server import READ, Line


@dataclass(frozen=True, slots=True)
class MessageFaults(LineFaults):
    """The same faults as of a stream of bytes, but what is lost or doubled is a whole message."""

    def shape(self, reply: bytes, now: float) -> list[tuple[float, bytes]]:
        """Turn a reply into the messages that arrive and when.

        Args:
            reply: One message.
            now: Lab time at which the instrument sends it in s.

        Returns:
            Pairs of lab time in s and message.
        """
        copies = 1
        if self.rng is not None:
            copies += int(self.rng.random() < self.doubled)
            copies *= int(self.rng.random() >= self.lost)
        damaged = dataclasses.replace(self, lost=0.0, doubled=0.0)
        return LineFaults.shape(damaged, reply, now) * copies


class ZmqChannel:
    """The way back to the client that made one request."""

    def __init__(self, router: zmq.Socket[bytes], envelope: list[bytes], number: int) -> None:
        self._router, self._envelope, self._number = router, envelope, number

    def fileno(self) -> int:
        """Return the number of the request; the descriptor is that of the port."""
        return self._number

    def read(self) -> bytes | None:
        """Return nothing: requests are read at the port."""
        return b""

    def write(self, data: bytes) -> int:
        """Send one message; a client that is gone or does not read loses it."""
        self._router.send_multipart([*self._envelope, data], zmq.DONTWAIT)
        return len(data)

    def close(self, abort: bool = False) -> None:
        """Do nothing: the connection belongs to the port."""


class ZmqServer(LoopbackServer):
    """An instrument on a ZeroMQ reply port; made by `serve_zmq`."""

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float], speed: float, port: int) -> None:
        super().__init__(endpoint, clock, speed, port)
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._requests_taken = 0
        self._start()

    @property
    def resource(self) -> str:
        """Resource string, e.g. ``zmq://127.0.0.1:40001``."""
        return f"zmq://{HOST}:{self._port}"

    def inject(self, faults: LineFaults = HEALTHY) -> None:
        """Give the line these faults from now on; without argument, heal it.

        Raises:
            InstrumentSetupError: If messages are to be fragmented.
        """
        if faults.fragment:
            raise InstrumentSetupError(
                "LineFaults.fragment", faults.fragment, "0", "messages arrive whole or not at all"
            )
        values = {field.name: getattr(faults, field.name) for field in dataclasses.fields(LineFaults)}
        super().inject(MessageFaults(**values))

    def _open(self) -> None:
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.linger = 0
        try:
            self._router.bind(f"tcp://{HOST}:{self._port}")
        except zmq.ZMQError as error:
            self._end_context()
            raise OSError(error.errno, str(error)) from error
        self._selector.register(self._router.fileno(), READ)

    def _shut(self, abort: bool) -> None:
        for number in list(self._lines):
            self._drop_line(number, abort)
        if self._context is not None:  # None while the instrument boots
            self._selector.unregister(self._router.fileno())
            self._end_context()

    def _end_context(self) -> None:
        self._router.close()
        if self._context is not None:
            self._context.term()  # waits until the port is free for the next one
        self._context = None

    def _release(self) -> None:
        super()._release()
        self._socket.close()

    def _accept(self, descriptor: int) -> None:
        self._take_requests()

    def _drop_line(self, descriptor: int, abort: bool = False) -> None:
        line = self._lines.pop(descriptor)
        with self.endpoint.lock:
            line.session.close()

    def _collect(self) -> None:
        for number, line in list(self._lines.items()):
            self._exchange(line, b"")
            line.flush(self.now())
            if line.due() is None:
                self._drop_line(number)
        self._take_requests()  # sending may have swallowed the signal of the next one

    def _take_requests(self) -> None:
        while self._context is not None:
            try:
                frames = self._router.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            # As a reply port does, drop what has no empty frame between the address and one message.
            if len(frames) == 3 and not frames[1] and not self._faults.stalled:
                self._take(frames[:2], frames[2])

    def _take(self, envelope: list[bytes], message: bytes) -> None:
        self._requests_taken += 1
        number = -self._requests_taken  # no descriptor is negative
        with self.endpoint.lock:
            session = self.endpoint.connect()
        line = Line(ZmqChannel(self._router, envelope, number), session)
        self._lines[number] = line
        self._exchange(line, message)


def serve_zmq(
    endpoint: Endpoint, clock: Callable[[], float] = time.monotonic, speed: float = 1.0, port: int = 0
) -> ZmqServer:
    """Serve an instrument on a loopback ZeroMQ reply port, from now until `Server.close`.

    Args:
        endpoint: The instrument; each call of its sessions' `receive` gets a whole message.
        clock: Gives seconds of wall time, or those of a clock moved by hand, whose mover calls `Server.wake`.
        speed: Lab seconds per second of the clock.
        port: TCP port; 0 takes a free one.

    Returns:
        The running server.

    Raises:
        InstrumentSetupError: If ``speed`` is not a positive number.
        OSError: If the port is taken.
    """
    return ZmqServer(endpoint, clock, speed, port)
