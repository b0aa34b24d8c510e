"""A link: bytes to and from one instrument, with a deadline for each exchange.

The contract that every kind of link keeps:

- A time-out (`LinkTimeout`) and the end of the stream (`LinkDown`) are different things.
- After a time-out the link is *dirty*: the answer may still come and would be taken for the answer to the
  next command. It is resynchronised before anything else is sent.
- What has arrived before a command was sent is not its answer, and is thrown away.
- One lock spans sending and receiving; who needs several exchanges in one piece holds `Link.lock` meanwhile.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, NoReturn

from control.errors import BadReply, LinkDown, LinkTimeout, quote

OPEN_SECONDS = 2.0  # a LAN instrument accepts within milliseconds; a silent address must not hold up the rest
LONGEST_REPLY = 1 << 20  # bytes; a longer "answer" is a talker without terminators, not an instrument's line


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment by which something must be done.

    Attributes:
        seconds: the time that was given.
        at: the moment, on the monotonic clock of this process.
    """

    seconds: float
    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline `seconds` from now."""
        return cls(seconds, time.monotonic() + seconds)

    def left(self) -> float:
        """Return the seconds left, zero when it has passed."""
        return max(0.0, self.at - time.monotonic())


class PortTrouble(ConnectionError):  # noqa: N818 (it never leaves the transport)
    """A connection that cannot be opened for a reason that is known, and so is what to do.

    Args:
        reason: in a few words.
        advice: in a sentence.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.advice = advice


class Link(ABC):
    """Bytes to and from one instrument.

    A kind of link writes the four underscored methods at the end. They raise `EOFError` at the end of the
    stream and `OSError` for any other trouble; all the rest is done here, once.

    Attributes:
        resource: where the instrument is, as the setup file says.
        lock: held by who has the link to itself; re-entrant.
        openings: how often the link was opened. Who remembers the number notices that it was closed between,
            and so that the instrument may have been without power.
        users: names of the devices that use it; the last one to leave closes it.
        shared: whether more than one may use it, because the instruments have bus addresses.
        GUARDED: whether it notices itself when a byte is harmed on the way, as networks and USB do.
    """

    GUARDED: ClassVar[bool] = True

    def __init__(self, resource: str) -> None:
        self.resource = resource
        self.lock = threading.RLock()
        self.openings = 0
        self.users: set[str] = set()
        self.shared = False
        self._buffer = bytearray()
        self._tried = "open it"
        self._open_now = False
        self._dirty = False

    @property
    def is_open(self) -> bool:
        """Whether the link was opened and has not been found broken since."""
        return self._open_now

    @property
    def is_dirty(self) -> bool:
        """Whether an answer that nobody waits for may still come."""
        return self._dirty

    def mark_dirty(self) -> None:
        """Note that the answers can no longer be trusted to belong to the questions."""
        self._dirty = True

    def open(self, seconds: float = OPEN_SECONDS) -> None:
        """Open the link, or open it anew.

        Args:
            seconds: how long to try.

        Raises:
            LinkDown: nobody there, or the resource is in use.
            LinkTimeout: no sign of life in time.
        """
        with self.lock:
            self.close()
            self._tried = "open it"
            try:
                self._connect(seconds)
            except (EOFError, OSError) as error:
                self._break(error, seconds)
            self.openings += 1
            self._open_now = True

    def close(self) -> None:
        """Close the link; closing twice does no harm."""
        with self.lock:
            self._open_now = self._dirty = False
            self._buffer.clear()
            self._disconnect()

    def release(self, user: str) -> None:
        """Give the link back; it is closed when nobody else uses it.

        Args:
            user: the name under which it was opened.
        """
        with self.lock:
            self.users.discard(user)
            if not self.users:
                self.close()

    def resynchronise(self, seconds: float = OPEN_SECONDS) -> None:
        """Make sure that no old answer is on its way any more.

        Args:
            seconds: how long to try.

        Raises:
            LinkDown, LinkTimeout: as for `open`.
        """
        with self.lock:
            if not self._open_now:
                self.open(seconds)
                return
            self._dirty = True
            self._tried = "resynchronise"
            try:
                self._settle(seconds)
            except (EOFError, OSError) as error:
                self._break(error, seconds)
            self._buffer.clear()
            self._dirty = False

    def send(self, request: bytes, deadline: Deadline) -> None:
        """Send bytes, after throwing away what came unasked.

        Args:
            request: the bytes, with their terminator if the instrument wants one.
            deadline: by when they must be gone.

        Raises:
            LinkDown: the link is closed or broken.
            LinkTimeout: the bytes do not go out.
        """
        with self.lock:
            if self._dirty:
                self.resynchronise()
            self._tried = f"send {quote(request)}"
            try:
                self._require_open()
                self._throw_away()
                self._write(request, deadline.left())
            except (EOFError, OSError) as error:
                self._break(error, deadline.seconds)

    def receive(self, end: bytes, deadline: Deadline) -> bytes:
        """Receive one answer.

        Args:
            end: the bytes that end it.
            deadline: by when it must be complete.

        Returns:
            The answer without `end`. What follows it stays for the next call.

        Raises:
            LinkDown: the link is closed, or the other end hung up.
            LinkTimeout: incomplete at the deadline; the link is dirty now.
            BadReply: more than a megabyte without `end`; the link is dirty now.
        """
        with self.lock:
            with self._breaking(deadline):
                while (at := self._buffer.find(end)) < 0:
                    self._take_more(deadline)
            answer = bytes(self._buffer[:at])
            del self._buffer[: at + len(end)]
            return answer

    def receive_exactly(self, count: int, deadline: Deadline) -> bytes:
        """Receive so many bytes, for messages that say how long they are.

        Args:
            count: how many.
            deadline: by when they must be there.

        Returns:
            The bytes. What follows them stays for the next call.

        Raises:
            LinkDown, LinkTimeout: as for `receive`.
            BadReply: more than a megabyte was asked for, as a corrupted length does; the link is dirty now.
        """
        with self.lock:
            with self._breaking(deadline):
                while len(self._buffer) < count:
                    self._take_more(deadline)
            answer = bytes(self._buffer[:count])
            del self._buffer[:count]
            return answer

    def receive_any(self, deadline: Deadline) -> bytes:
        """Receive what is there, waiting for the first of it; for instruments that talk unasked.

        Args:
            deadline: how long to wait.

        Returns:
            At least one byte, or nothing if nothing came: no answer was promised, so that is no time-out.

        Raises:
            LinkDown: as for `receive`.
        """
        with self.lock:
            with self._breaking(deadline):
                while not self._buffer:
                    left = deadline.left()
                    self._buffer += self._read(left)  # some lines look for less time than they are given
                    if left == 0.0:
                        break
            heard = bytes(self._buffer)
            self._buffer.clear()
            return heard

    def receive_until_quiet(self, quiet: float, deadline: Deadline) -> bytes:
        """Receive whatever comes until nothing has come for a while; for instruments that talk unasked.

        Args:
            quiet: how long nothing must come, s.
            deadline: when to stop listening in any case.

        Returns:
            All that came.

        Raises:
            LinkDown: as for `receive`.
        """
        heard = b""
        while deadline.left() and (more := self.receive_any(Deadline.after(quiet))):
            heard += more
        return heard

    def exchange(self, request: bytes, end: bytes, seconds: float) -> bytes:
        """Send a request and receive its answer, in one piece.

        Args:
            request: the bytes to send, with their terminator.
            end: the bytes that end the answer.
            seconds: for both together.

        Returns:
            The answer without `end`.
        """
        deadline = Deadline.after(seconds)
        with self.lock:
            self.send(request, deadline)
            return self.receive(end, deadline)

    @contextmanager
    def _breaking(self, deadline: Deadline) -> Iterator[None]:
        """Let trouble with an open line leave this file in our words."""
        try:
            self._require_open()
            yield
        except (EOFError, OSError) as error:
            self._break(error, deadline.seconds)

    def _require_open(self) -> None:
        if not self._open_now:
            raise ConnectionError("it is closed")

    def _take_more(self, deadline: Deadline) -> None:
        """Add what has come to the buffer, or raise when it is too late or too much."""
        if len(self._buffer) > LONGEST_REPLY:
            self._dirty = True
            raise BadReply(
                address=self.resource,
                tried=self._tried,
                reply=bytes(self._buffer),
                expected=f"a line of less than {LONGEST_REPLY} bytes",
            )
        left = deadline.left()
        if left == 0.0:
            raise TimeoutError
        self._buffer += self._read(left)

    def _throw_away(self) -> None:
        thrown = len(self._buffer)
        self._buffer.clear()
        while thrown < LONGEST_REPLY and (late := self._read(0.0)):
            thrown += len(late)

    def _break(self, error: Exception, seconds: float) -> NoReturn:
        """Say in our words what went wrong, and note the state in which it leaves the link."""
        heard = bytes(self._buffer)
        late = isinstance(error, TimeoutError)
        if late and self._open_now:
            self._dirty = True
        else:
            self.close()
        if late:
            raise LinkTimeout(
                address=self.resource, tried=self._tried, seconds=seconds, heard=heard
            ) from None
        reason = "the other end hung up" if isinstance(error, EOFError) else _reason(error)
        known = {"advice": error.advice} if isinstance(error, PortTrouble) else {}
        raise LinkDown(address=self.resource, tried=self._tried, reason=reason, **known) from error

    def _settle(self, seconds: float) -> None:
        """Get rid of late answers. A new connection does it, where the old one takes them along."""
        self.open(seconds)

    @abstractmethod
    def _connect(self, seconds: float) -> None:
        """Open the connection, giving up after `seconds`."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Close the connection if there is one; never raise."""

    @abstractmethod
    def _write(self, data: bytes, seconds: float) -> None:
        """Send all bytes; raise `TimeoutError` if they are not gone after `seconds`."""

    @abstractmethod
    def _read(self, seconds: float) -> bytes:
        """Return what has come as soon as there is something; nothing if that takes more than `seconds`."""


def _reason(error: Exception) -> str:
    """Return what the operating system said, as the rest of a sentence."""
    said: str = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return said[0].lower() + said[1:]
