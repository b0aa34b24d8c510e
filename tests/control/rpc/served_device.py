"""What the tests of servers have in common: an object that is served, and ways to ask for its methods."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

from control.errors import LimitError, UnknownName
from control.rpc import pyon

BANNER = b"ARTIQ pc_rpc\n"


class Custom(Exception):  # noqa: N818
    pass


class Textless(Exception):  # noqa: N818
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Changing(dict[Any, Any]):
    def __iter__(self) -> Any:
        raise OSError("not now")

    def values(self) -> Any:
        raise OSError("not now")

    items = keys = values


class Device:
    """Device docstring."""

    attribute = 5

    def __init__(self) -> None:
        self.entered, self.leave = threading.Event(), threading.Event()
        self.threads: set[int] = set()

    def ping(self) -> bool:
        return True

    def echo(self, x):
        """Echo x."""
        self.threads.add(threading.get_ident())
        return x

    def add(self, a: int, b: float = 2.0, *args, c=3, **kw) -> str:
        return f"{a} {b} {args} {c} {kw}"

    async def later(self, x):
        return x

    async def later_boom(self):
        raise ValueError("later")

    def boom(self):
        raise ValueError("bad\nvalue")

    def key(self):
        raise KeyError("k")

    def custom(self):
        raise Custom("my message", 4)

    def undecodable(self):
        b"\xff".decode()

    def stop_iteration(self):
        raise StopIteration

    def limit(self):
        raise LimitError(setting="voltage", value=3.0, unit="V", low=0.0, high=1.0, origin="site")

    def unsendable(self):
        return object()

    def wait(self) -> bool:
        self.entered.set()
        return self.leave.wait(5.0)

    def leave_now(self):
        self.leave.set()

    def exit(self):
        sys.exit()

    async def cancelled(self):
        raise asyncio.CancelledError

    async def interrupted(self):
        raise KeyboardInterrupt

    def textless(self):
        raise Textless

    def unknown(self):
        raise UnknownName(kind="setting", name=5, known=("angle",))  # type: ignore[arg-type]

    def huge(self):
        return 2**20_000

    def changing(self):
        return Changing()

    def _hidden(self):
        raise AssertionError("called")

    @property
    def temperature(self) -> float:
        raise AssertionError("a property was read")


METHODS = {
    "ping", "echo", "add", "later", "later_boom", "boom", "key", "custom", "undecodable", "stop_iteration",
    "limit", "unsendable", "wait", "leave_now", "exit", "cancelled", "interrupted", "textless", "unknown",
    "huge", "changing",
}  # fmt: skip


def request(name: str, *args: Any, **kwargs: Any) -> bytes:
    asked = {"action": "call", "name": name, "args": args, "kwargs": kwargs}
    return pyon.encode(asked).encode() + b"\n"


def failure(client: Any, asked: bytes) -> dict[str, Any]:
    reply = pyon.decode(client.ask(asked).decode())
    assert reply["status"] == "failed"
    found: dict[str, Any] = reply["exception"]
    return found
