"""The thread that moves bytes between clients and one simulated instrument, and the faults of its line.

One thread serves one instrument: it sleeps in a selector until a client sends, an output comes due or
`Server.wake` is called. Lab time is ``speed * clock()``, so a motion of a second takes 10 ms of wall time at
``speed=100``.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Protocol, Self

from hardware_sim.instruments.endpoint import Endpoint, Session, SessionEndedError
from hardware_sim.instruments.errors import InstrumentSetupError, ServerClosedError
from hardware_sim.instruments.faults import HEALTHY, LineFaults

# Reads for each client and round: enough to see that it hung up, too few for a flood to hold up the rest.
READS = 4
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Channel(Protocol):
    """The operating system's end of one client's line."""

    def fileno(self) -> int:
        """Return the file descriptor to wait on."""
        ...

    def read(self) -> bytes | None:
        """Return what came, ``b""`` if it was nothing after all, None at the end of the stream."""
        ...

    def write(self, data: bytes) -> int:
        """Send without waiting and return how many bytes were taken."""
        ...

    def close(self, abort: bool = False) -> None:
        """Close, at once and with a reset if ``abort``."""
        ...


class Line:
    """One client: its channel, its session with the instrument, and what is still to be sent."""

    __slots__ = ("blocked", "channel", "ended", "outgoing", "session")

    def __init__(self, channel: Channel, session: Session) -> None:
        self.channel = channel
        self.session = session
        self.outgoing: deque[tuple[float, bytes]] = deque()
        self.blocked = False  # the client does not read: wait for it, not for the time
        self.ended = False  # the instrument hangs up as soon as all is sent

    def due(self) -> float | None:
        """Return the lab time of the next output in s, None if there is none to come."""
        times = [self.outgoing[0][0]] if self.outgoing and not self.blocked else []
        own = None if self.ended else self.session.due()
        return min([*times, own] if own is not None else times, default=None)

    def converse(self, data: bytes, now: float) -> bytes:
        """Give bytes of the client to the session and return its reply, its last one if it ends with that."""
        if self.ended:
            return b""
        try:
            return self.session.receive(data, now)
        except SessionEndedError as end:
            self.ended = True
            return end.parting

    def flush(self, now: float) -> None:
        """Send what is due at lab time ``now`` (s); what the client does not take stays in front."""
        self.blocked = False
        while self.outgoing and self.outgoing[0][0] <= now:
            due, data = self.outgoing.popleft()
            taken = self.channel.write(data)
            if taken < len(data):
                self.outgoing.appendleft((due, data[taken:]))
                self.blocked = True
                return


class Server(ABC):
    """Serves one instrument until `close`; use it as a context manager where that fits."""

    def __init__(self, endpoint: Endpoint, clock: Callable[[], float], speed: float) -> None:
        """Start no thread yet: the transport calls `_start` once its port is open.

        Args:
            endpoint: The instrument.
            clock: Gives seconds of wall time, or those of a clock moved by hand, whose mover calls `wake`.
            speed: Lab seconds per second of the clock, above 0.

        Raises:
            InstrumentSetupError: If ``speed`` is not a positive number.
        """
        if not 0.0 < speed < float("inf"):
            raise InstrumentSetupError(
                "speed", speed, "above 0 lab seconds per second", "use 1 for real time"
            )
        self.endpoint = endpoint
        self._clock, self._speed = clock, speed
        self._lines: dict[int, Line] = {}
        self._faults, self._replies_left = HEALTHY, 0
        self._booted_at: float | None = None
        self._plugged = True
        self._requests: deque[tuple[Callable[[], None], Future[None]]] = deque()
        self._closing = False
        self._selector = selectors.DefaultSelector()
        self._waker, self._wakeable = socket.socketpair()
        self._waker.setblocking(False)
        self._selector.register(self._wakeable, READ)
        self._thread = threading.Thread(
            target=self._run, name=f"{type(endpoint).__name__} server", daemon=True
        )

    @property
    @abstractmethod
    def resource(self) -> str:
        """Resource string under which a client opens the instrument."""

    @abstractmethod
    def _open(self) -> None:
        """Open the port, and be ready to accept clients."""

    @abstractmethod
    def _shut(self, abort: bool) -> None:
        """Close the port and its clients; a later `_open` finds the same address."""

    @abstractmethod
    def _accept(self, descriptor: int) -> None:
        """Take the client that waits at a descriptor which is no line's."""

    def now(self) -> float:
        """Return the lab time in s."""
        return self._speed * self._clock()

    def wake(self) -> None:
        """Look at the clock again, for a clock that was moved by hand."""
        with contextlib.suppress(OSError):  # full of wake-ups already, or closed
            self._waker.send(b"\0")

    def inject(self, faults: LineFaults = HEALTHY) -> None:
        """Give the line these faults from now on; without argument, heal it."""
        self._do(lambda: self._set_faults(faults))

    def drop_link(self, abort: bool = False) -> None:
        """Pull the cable and plug it in again: clients lose their connection, new ones are accepted.

        Args:
            abort: Reset (RST) instead of an orderly end (FIN). A pseudo-terminal knows only one way.
        """

        def drop() -> None:
            if self._has_port:
                self._shut(abort)
                self._open()

        self._do(drop)

    def unplug(self, abort: bool = False) -> None:
        """Pull the cable: clients lose their connection and none is accepted until `plug`.

        Args:
            abort: Reset (RST) instead of an orderly end (FIN). A pseudo-terminal knows only one way.
        """

        def pull() -> None:
            if self._has_port:
                self._shut(abort)
            self._plugged = False

        self._do(pull)

    def plug(self) -> None:
        """Plug the cable in again; nothing happens if it is."""

        def push() -> None:
            if not self._plugged:
                self._plugged = True
                if self._has_port:
                    self._open()

        self._do(push)

    def power_cycle(self, boot_time: float | None = None) -> None:
        """Switch the instrument off and on; it answers again after its boot time.

        Args:
            boot_time: Time without answer in s of lab time; the instrument's own if None.
        """
        duration = self.endpoint.boot_time if boot_time is None else boot_time

        def cut() -> None:
            with self.endpoint.lock:
                self.endpoint.switch_off(self.now())
            if self._has_port and self.endpoint.loses_link:
                self._shut(abort=True)
            self._booted_at = self.now() + duration
            self._boot()

        self._do(cut)

    @property
    def _has_port(self) -> bool:
        """Whether clients can connect: the cable is in and the link has power."""
        return self._plugged and (self._booted_at is None or not self.endpoint.loses_link)

    def close(self) -> None:
        """Stop serving; thread, port and clients are gone when this returns."""
        self._closing = True
        if self._thread.is_alive():
            self.wake()
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        try:
            self._open()
        except OSError:
            self._closing = True
            self._shut(abort=False)
            self._release()
            raise
        self._thread.start()

    def _do(self, action: Callable[[], None]) -> None:
        done: Future[None] = Future()
        self._requests.append((action, done))
        if self._closing:
            raise ServerClosedError(self.resource)
        self.wake()
        try:
            done.result()
        except CancelledError:
            raise ServerClosedError(self.resource) from None

    def _set_faults(self, faults: LineFaults) -> None:
        self._faults = faults
        self._replies_left = -1 if faults.replies is None else faults.replies

    def _add_line(self, channel: Channel) -> None:
        with self.endpoint.lock:
            session = self.endpoint.connect()
        self._lines[channel.fileno()] = Line(channel, session)
        self._selector.register(channel.fileno(), READ)

    def _drop_line(self, descriptor: int, abort: bool = False) -> None:
        line = self._lines.pop(descriptor)
        self._selector.unregister(descriptor)
        with self.endpoint.lock:
            line.session.close()
        line.channel.close(abort)

    def _run(self) -> None:
        try:
            while not self._closing:
                self._serve_round()
        finally:
            self._closing = True
            self._shut(abort=False)
            self._release()

    def _release(self) -> None:
        self._selector.close()
        self._waker.close()
        self._wakeable.close()
        while self._requests:
            _, done = self._requests.popleft()
            done.cancel()

    def _serve_round(self) -> None:
        ready = [key.fd for key, events in self._selector.select(self._patience()) if events & READ]
        self._boot()  # before reading, so that bytes sent after the boot are heard
        # New clients last: one that hung up before the next one called must be gone by then.
        for descriptor in sorted(ready, key=lambda fd: fd not in self._lines):
            if descriptor == self._wakeable.fileno():
                self._wakeable.recv(4096)
            elif descriptor in self._lines:
                self._read(descriptor)
            else:
                self._accept(descriptor)
        self._serve_requests()
        self._collect()

    def _patience(self) -> float | None:
        times = [due for line in self._lines.values() if (due := line.due()) is not None]
        if self._booted_at is not None:
            times.append(self._booted_at)
        if not times:
            return None
        return max((min(times) - self.now()) / self._speed, 0.0)

    def _read(self, descriptor: int) -> None:
        line = self._lines[descriptor]
        for _ in range(READS):
            data = line.channel.read()
            if data is None:
                self._drop_line(descriptor)
            elif data and not self._faults.stalled:
                self._exchange(line, data)
            if not data:
                return

    def _exchange(self, line: Line, data: bytes) -> None:
        now = self.now()
        with self.endpoint.lock:
            reply = line.converse(data, now)
        if not reply:
            return
        line.outgoing.extend(self._faults.shape(reply, now))
        if self._replies_left > 0:
            self._replies_left -= 1
            if self._replies_left == 0:
                self._set_faults(HEALTHY)

    def _serve_requests(self) -> None:
        while self._requests:
            action, done = self._requests.popleft()
            try:
                action()
            except Exception as error:  # told to who asked
                done.set_exception(error)
            else:
                done.set_result(None)

    def _boot(self) -> None:
        if self._booted_at is None or self.now() < self._booted_at:
            return
        self._booted_at = None
        with self.endpoint.lock:
            self.endpoint.switch_on(self.now())
        if self._has_port and self.endpoint.loses_link:
            self._open()

    def _collect(self) -> None:
        for descriptor, line in list(self._lines.items()):
            try:
                self._exchange(line, b"")
                line.flush(self.now())
                self._selector.modify(descriptor, READ | WRITE if line.blocked else READ)
                over = line.ended and not line.outgoing
            except OSError:
                over = True
            if over:
                self._drop_line(descriptor)
                self.wake()  # other lines may have waited for this one
