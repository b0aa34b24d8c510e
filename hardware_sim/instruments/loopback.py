"""TCP ports of this computer on which simulated instruments are served."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from hardware_sim.instruments.endpoint import Endpoint
from hardware_sim.instruments.server import Server

HOST: Final = "127.0.0.1"
"""Loopback only: a simulated instrument must never be reachable from the network."""


class LoopbackServer(Server):
    """An instrument on a TCP port that stays its own, whatever becomes of power and cables."""

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float], speed: float, port: int) -> None:
        """Take the port; the transport calls `_start` once it is ready.

        Args:
            endpoint: The instrument.
            clock: Gives seconds of wall time, or those of a clock moved by hand, whose mover calls `wake`.
            speed: Lab seconds per second of the clock, above 0.
            port: TCP port; 0 takes a free one.

        Raises:
            InstrumentSetupError: If ``speed`` is not a positive number.
            OSError: If the port is taken.
        """
        super().__init__(endpoint, clock, speed)
        try:
            # A bound socket that does not listen keeps the port ours and refuses clients, as a booting
            # instrument does.
            self._socket = bound_socket(port)
        except OSError:
            super()._release()  # of a subclass that would close the socket
            raise
        self._port: int = self._socket.getsockname()[1]

    @property
    def port(self) -> int:
        """TCP port; it stays the same over power cycles and pulled cables."""
        return self._port


def bound_socket(port: int) -> socket.socket:
    """Return a socket that has a loopback port (0: a free one) and does not wait.

    Raises:
        OSError: If the port is taken.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    try:
        bound.bind((HOST, port))
    except OSError:
        bound.close()
        raise
    return bound
