"""A controller whose instrument is busy: its manager pings it, and kills who does not answer."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import pytest

from control.drivers.ell14 import Ell14
from control.errors import LinkDown
from control.rpc import Client, Server, server
from control.service import Service
from control.transport.tcp import TcpLink

SOON = 5.0  # s that a broken test may hang


class Ramping(Ell14):
    """A mount with something that takes its time."""

    ACTIONS: ClassVar[tuple[str, ...]] = ("ramp",)
    entered: ClassVar[threading.Event] = threading.Event()
    leave: ClassVar[threading.Event] = threading.Event()

    def ramp(self) -> bool:
        with self._link.lock:
            self.entered.set()
            return self.leave.wait(SOON)


def test_a_ping_is_answered_during_a_ramp(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "BUSY_SECONDS", 0.02)
    device = Ramping("plate", TcpLink(f"tcp://127.0.0.1:{free_port}", "127.0.0.1", free_port))
    answers: list[Any] = []
    with (
        Server({"plate": Service(device)}) as running,
        Client("127.0.0.1", running.port) as slow,
        Client("127.0.0.1", running.port) as manager,
    ):
        assert manager.methods.isdisjoint({"rpc_while_busy", "rpc_methods"})
        ramping = threading.Thread(target=lambda: answers.append(slow.ramp()))
        ramping.start()
        assert Ramping.entered.wait(SOON)
        assert manager.ping() is True
        assert answers == []
        Ramping.leave.set()
        ramping.join()
        assert answers == [True]
        with pytest.raises(LinkDown):  # now it is asked, and there is none
            manager.ping()
    device.close()
