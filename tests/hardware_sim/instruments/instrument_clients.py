"""What tests of several instruments need: clients on sockets, by pyvisa and in pieces, and a clock."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pyvisa
from pyvisa.resources import MessageBasedResource

from hardware_sim.instruments.endpoint import Session
from hardware_sim.instruments.loopback import LoopbackServer
from hardware_sim.instruments.server import Server

PATIENCE = 5.0  # s of wall time after which a reply that must come counts as lost


class HandClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float, server: Server) -> None:
        self.time += seconds
        server.wake()


def dial(server: LoopbackServer) -> socket.socket:
    """Return a client; close it."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def read_until(client: socket.socket, end: bytes) -> bytes:
    """Return what a client hears, up to an end."""
    heard = b""
    while not heard.endswith(end):
        piece = client.recv(4096)
        assert piece, heard
        heard += piece
    return heard


@contextlib.contextmanager
def pyvisa_client(server: Server, **terminations: Any) -> Iterator[MessageBasedResource]:
    """Open an instrument as its users do."""
    manager = pyvisa.ResourceManager("@py")
    resource = manager.open_resource(server.resource, timeout=PATIENCE * 1e3, **terminations)
    assert isinstance(resource, MessageBasedResource)
    try:
        yield resource
    finally:
        with contextlib.suppress(OSError):  # the other end may be gone
            resource.close()


def feed(session: Session, data: bytes, size: int, now: float = 0.0) -> bytes:
    """Give an instrument bytes in pieces of a size, and return what it says."""
    return b"".join(session.receive(data[at : at + size], now) for at in range(0, len(data), size))
