"""Broadcasters against captured receivers, receivers against captured broadcasters."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from control.errors import ControlError
from control.rpc import V1, Broadcaster, Receiver
from control.rpc.errors import BadPyon, ControllerDown, NotEncodable

SOON = 5.0  # s that a broken test may hang
HEAD = b"ARTIQ broadcast\nlog\n"
RECORD = (20, "worker(10,data.py)", 1795413884.4737215, "print:stdout line")
LINE = b'{"__jsonclass__":["tuple",[[20,"worker(10,data.py)",1795413884.4737215,"print:stdout line"]]]}\n'
OLD_LINE = b'(20, "worker(10,data.py)", 1795413884.4737215, "print:stdout line")\n'


class Heard:
    """Messages, and a way to wait for so many of them."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.changed = threading.Condition()

    def __call__(self, message: Any) -> None:
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def wait(self, count: int) -> bool:
        with self.changed:
            return self.changed.wait_for(lambda: len(self.messages) >= count, SOON)


def joined(broadcaster: Broadcaster, count: int, name: str = "log") -> bool:
    """Wait until so many listen: joining is not answered."""
    waiting = threading.Event()
    return any(broadcaster.count(name) == count or waiting.wait(0.002) for _ in range(2000))


@pytest.mark.parametrize(("options", "line"), [({}, LINE), ({"dialect": V1}, OLD_LINE)], ids=["v2", "v1"])
def test_lines_are_those_captured(wire: Callable[..., Any], options: dict[str, Any], line: bytes) -> None:
    with Broadcaster(**options) as broadcaster:
        client, other = wire(broadcaster.port, HEAD), wire(broadcaster.port, b"ARTIQ broadcast\nccb\n")
        assert joined(broadcaster, 1)
        assert joined(broadcaster, 1, "ccb")
        broadcaster.send("log", RECORD)
        broadcaster.send("ccb", {"service": "disable_applet"})
        assert client.line() == line
        assert b"disable_applet" in other.line()
        with pytest.raises(NotEncodable):
            broadcaster.send("log", object())
        client.close()
        assert joined(broadcaster, 0)


@pytest.mark.parametrize("line", [LINE, OLD_LINE], ids=["v2", "v1"])
def test_a_receiver_hears_what_was_captured(tcp_peer: Callable[..., Any], line: bytes) -> None:
    heard = Heard()
    peer = tcp_peer((HEAD, line + line[:10], line[10:]))
    with Receiver("log", "127.0.0.1", peer.port, heard):
        assert heard.wait(2)
    assert heard.messages == [RECORD, RECORD]


def test_who_does_not_keep_up_misses_messages(
    wire: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()
    with Broadcaster(backlog=1_000_000) as broadcaster:
        slow = wire(broadcaster.port, HEAD)
        with Receiver("log", "127.0.0.1", broadcaster.port, heard):
            assert joined(broadcaster, 2)
            for number in range(100):  # the system itself takes a few megabytes
                broadcaster.send("log", [number, "x" * 300_000])
                assert heard.wait(number + 1)
        numbers = []
        while len(numbers) < 3 or numbers[-1] == numbers[-2] + 1:
            broadcaster.send("log", [1000, ""])
            numbers.append(int(slow.line()[1:].split(b",")[0]))
        assert numbers[:3] == [0, 1, 2]
    assert caplog.text.count("does not keep up with log and misses messages") == 1


def test_a_receiver_tells_the_end(tcp_peer: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    lost: list[ControlError] = []
    ended = threading.Event()
    broadcaster = Broadcaster()
    receiver = Receiver(
        "log", "127.0.0.1", broadcaster.port, Heard(), lambda error: (lost.append(error), ended.set())
    )
    assert joined(broadcaster, 1)
    broadcaster.close()
    assert ended.wait(SOON)
    receiver.close()
    assert isinstance(lost[0], ControllerDown)
    ended.clear()
    peer = tcp_peer((HEAD, b"nonsense\n"))
    with Receiver("log", "127.0.0.1", peer.port, Heard(), lambda error: (lost.append(error), ended.set())):
        assert ended.wait(SOON)
    assert isinstance(lost[1], BadPyon)


def test_a_callback_that_fails_does_not_stop_the_receiver(
    tcp_peer: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    heard = Heard()

    def fail(message: Any) -> None:
        heard(message)
        raise ZeroDivisionError

    with Receiver("log", "127.0.0.1", tcp_peer((HEAD, b"1\n2\n")).port, fail):
        assert heard.wait(2)
    assert "a receiver's own function failed" in caplog.text


def test_names_that_nobody_listens_to_any_more_are_forgotten(wire: Callable[..., Any]) -> None:
    with Broadcaster() as broadcaster:
        for number in range(20):
            gone = wire(broadcaster.port, b"ARTIQ broadcast\n%d\n" % number, b"x" * 5000)
            while gone.line():
                pass
        wire(broadcaster.port, HEAD)
        assert joined(broadcaster, 1)
        assert list(broadcaster._audience._listeners) == ["log"]
