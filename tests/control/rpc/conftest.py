"""A server, and raw connections to servers: bytes in, lines out, as they are on the wire."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from control.rpc import Server

# Tests import what they have in common.
sys.path.insert(0, str(Path(__file__).parent))

from served_device import Device

PATIENCE = 5.0  # s that a broken test may hang


class Wire:
    """A connection that says and hears bytes."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), timeout=PATIENCE)
        self.heard = self.socket.makefile("rb")

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def line(self) -> bytes:
        """Return the next line with its end, nothing if the server hung up."""
        try:
            return self.heard.readline()
        except ConnectionResetError:
            return b""

    def ask(self, data: bytes) -> bytes:
        self.say(data)
        return self.line()

    def close(self) -> None:
        self.heard.close()
        self.socket.close()


@pytest.fixture
def wire() -> Iterator[Callable[..., Wire]]:
    opened: list[Wire] = []

    def connect(port: int, *greetings: bytes, host: str = "127.0.0.1") -> Wire:
        opened.append(Wire(port, host))
        opened[-1].say(b"".join(greetings))
        return opened[-1]

    yield connect
    for each in opened:
        each.close()


@pytest.fixture
def device() -> Device:
    """An object with methods of all kinds."""
    return Device()


@pytest.fixture
def dev(device: Device) -> Iterator[Server]:
    """Serve it as the target ``dev``."""
    with Server({"dev": device}) as running:
        yield running
