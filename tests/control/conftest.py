"""The command line as a function, and devices on scripted instruments on real sockets and pseudo-terminals.

A script is a list of steps `(request, *answers)`: the peer waits for exactly those bytes, then sends the
answers one by one with a pause between, so that each arrives by itself. `HANG_UP` ends the connection. A byte
that the script does not have fails the test, and so does a step that was never reached.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import tty
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from control.cli import main
from control.device import Device
from control.device.patience import PatientDevice
from control.errors import ControlError
from control.transport import open_link

Call = Callable[..., tuple[int, str, str]]
Step = tuple[bytes, ...]
HANG_UP: Step = ()
PATIENCE = 5.0  # s that a broken test may hang
GAP = 0.002  # s between the fragments of an answer


class Peer(ABC):
    """The far end of a link, following a script in a thread of its own."""

    resource: str

    def __init__(self, script: tuple[Step, ...]) -> None:
        self.steps = deque(script)
        self.complaints: list[str] = []
        self._wake, self._waker = os.pipe()
        self._done = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @abstractmethod
    def say(self, data: bytes) -> None:
        """Send bytes that nobody asked for."""

    def finish(self) -> None:
        self._done.wait(PATIENCE if self.steps and not self.complaints else 0.0)
        self._stop.set()
        os.write(self._waker, b".")
        self._thread.join(PATIENCE)
        os.close(self._wake)
        os.close(self._waker)
        self._release()
        assert self.complaints == []
        assert list(self.steps) == [], "steps that were never reached"

    def _run(self) -> None:
        try:
            while self.steps and not self._stop.is_set():
                self._serve()
        except OSError as error:
            self.complaints.append(f"{type(error).__name__}: {error}")
        self._done.set()

    def _play(self, fd: int, receive: Callable[[], bytes]) -> None:
        """Follow the script until it ends, or the client leaves, or the script hangs up."""
        heard = b""
        while self.steps:
            step = self.steps[0]
            if step == HANG_UP:
                self.steps.popleft()
                return
            request, *answers = step
            while len(heard) < len(request):
                if not self._readable(fd) or not (chunk := receive()):
                    return
                heard += chunk
            if not heard.startswith(request):
                self.complaints.append(f"heard {heard!r}, expected {request!r}")
                self.steps.clear()
                return
            heard = heard[len(request) :]
            self._answer(answers)
            self.steps.popleft()
        self._done.set()
        while self._readable(fd):
            extra = receive()
            if not extra:
                return
            self.complaints.append(f"heard {extra!r} after the end of the script")

    def _answer(self, answers: list[bytes]) -> None:
        for index, answer in enumerate(answers):
            if index:
                self._stop.wait(GAP)
            self.say(answer)

    def _readable(self, fd: int) -> bool:
        ready, _, _ = select.select([fd, self._wake], [], [], PATIENCE)
        return fd in ready

    @abstractmethod
    def _serve(self) -> None:
        """Follow the script with whoever connects."""

    @abstractmethod
    def _release(self) -> None:
        """Close what the peer opened."""


class TcpPeer(Peer):
    def __init__(self, script: tuple[Step, ...]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.resource = f"tcp://127.0.0.1:{self.port}"
        self.visa_resource = f"TCPIP::127.0.0.1::{self.port}::SOCKET"
        self.serial_resource = f"socket://127.0.0.1:{self.port}"
        self._connection: socket.socket | None = None
        super().__init__(script)

    def say(self, data: bytes) -> None:
        assert self._connection is not None
        self._connection.sendall(data)

    def _serve(self) -> None:
        if not self._readable(self._listener.fileno()):
            return
        self._connection, _ = self._listener.accept()
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._connection as connection:
            self._play(connection.fileno(), self._receive)

    def _receive(self) -> bytes:
        assert self._connection is not None
        try:
            return self._connection.recv(4096)
        except ConnectionResetError:
            return b""  # the client left without having read everything

    def _release(self) -> None:
        self._listener.close()


class PtyPeer(Peer):
    def __init__(self, script: tuple[Step, ...]) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.resource = os.ttyname(self._slave)
        super().__init__(script)

    def say(self, data: bytes) -> None:
        os.write(self._master, data)

    def _serve(self) -> None:
        self._play(self._master, lambda: os.read(self._master, 4096))
        if not self._stop.is_set():
            os.close(self._master)
            self._master = -1
            self.complaints += [f"hung up before {step!r}" for step in self.steps]
            self.steps.clear()

    def _release(self) -> None:
        os.close(self._slave)
        if self._master >= 0:
            with suppress(OSError):
                os.close(self._master)


@pytest.fixture
def tcp_peer() -> Iterator[Callable[..., TcpPeer]]:
    peers: list[TcpPeer] = []

    def start(*script: Step) -> TcpPeer:
        peers.append(TcpPeer(script))
        return peers[-1]

    yield start
    for peer in peers:
        peer.finish()


@pytest.fixture
def pty_peer() -> Iterator[Callable[..., PtyPeer]]:
    peers: list[PtyPeer] = []

    def start(*script: Step) -> PtyPeer:
        peers.append(PtyPeer(script))
        return peers[-1]

    yield start
    for peer in peers:
        peer.finish()


class Time:
    """A clock that only goes on when somebody sleeps, by what he asks for or in strides."""

    def __init__(self, stride: float | None) -> None:
        self.now = 100.0
        self.naps: list[float] = []
        self._stride = stride

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += self._stride or seconds


@pytest.fixture
def begin() -> Iterator[Callable[..., Any]]:
    """Make a device with less patience than in the lab, that asks once: `begin(Driver, peer, **options)`.

    Its peer is kept as `device.peer`; if it waits, it does so in a time of its own, `device.time`.
    """
    devices: list[Device] = []

    def make(
        kind: type[Device],
        peer: Any,
        *,
        resource: str = "",
        name: str = "it",
        stride: float | None = None,
        **options: Any,
    ) -> Any:
        hasty: Any = type(f"Hasty{kind.__name__}", (kind,), {"ANSWER_SECONDS": 0.2, "CHECKED": True})
        where = resource or peer.resource
        link = open_link(where, name, shared=kind.ON_BUS, line=kind.LINE, make=kind.link_to)
        time = Time(stride)
        if issubclass(kind, PatientDevice):
            options = {"clock": time.clock, "sleep": time.sleep, **options}
        try:
            device = hasty(name, link, **options)
        except ControlError:
            link.release(name)
            raise
        device.peer, device.time = peer, time
        devices.append(device)
        return device

    yield make
    for device in devices:
        device.close()


@pytest.fixture
def pieces() -> Callable[[bytes], list[bytes]]:
    """Cut bytes into pieces, as a slow network brings them."""

    def cut(data: bytes) -> list[bytes]:
        return [data[start : start + 7] for start in range(0, len(data), 7)]

    return cut


@pytest.fixture
def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line and return exit code, stdout and stderr."""

    def run_command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err + captured.out
        code = ended.value.code
        assert isinstance(code, int)
        return code, captured.out, captured.err

    return run_command
