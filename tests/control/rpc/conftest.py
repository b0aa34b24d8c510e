"""Raw connections to servers: bytes in, lines out, as they are on the wire."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import pytest

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
