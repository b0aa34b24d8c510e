"""Log records as lines of text, and their way from many programs into one.

A record is ``LEVEL:name:message``. One of k lines is ``LEVEL<k>:name:first line`` and k - 1 further lines as
they are. What a program prints without such a head counts as information from "print". On their way to a log
server records are headed by the name of their source.

Example:
    >>> print(format_entry(Entry(logging.INFO, "control.lab", "ions are lost")))
    INFO:control.lab:ions are lost
    >>> parser = EntryParser("controller(psu)")
    >>> parser.feed("WARNING<2>:control.device:it answers")  # and goes on
    >>> print(parser.feed("too late").message)
    it answers
    too late
    >>> parser.feed("Traceback (most recent call last):").name
    'print'
"""

from __future__ import annotations

import logging
import re
import ssl
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from control.errors import quote
from control.rpc.closing import Serving
from control.rpc.lines import LineSocket, LineStream, address_of
from control.rpc.listener import LOOPBACK, Listener, Rejected
from control.transport import Deadline

logger = logging.getLogger(__name__)

BANNER = b"ARTIQ logging"
TRACE = 5  # a level below DEBUG, which ARTIQ adds
LEVELS: Final = {
    "CRITICAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "WARN": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": TRACE,
}
HEAD = re.compile(rf"({'|'.join(LEVELS)})(?:<([0-9]{{1,6}})>)?:([^:]*):(.*)", re.DOTALL)
LONGEST_LINE = 1 << 20  # bytes
MOST_LINES = 10_000  # of one record: what is longer is cut
LONGEST_RECORD = 1 << 20  # characters of one that comes from elsewhere; cut at the end of a line
MOST_WAITING = 1000  # records that wait for a log server that is away
RETRY = 5.0  # s
PATIENCE = 1.0  # s for connecting and sending; who logs at the end of a program does not want to wait longer


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of a log.

    Attributes:
        level: as Python counts them.
        name: of the logger, "print" for what is none's.
        message: its text, without the last line end.
        source: which program it comes from, such as "controller(psu)".
    """

    level: int
    name: str
    message: str
    source: str = ""

    def broadcast(self, received: float) -> tuple[int, str, float, str]:
        """Return what is broadcast of it under the name "log".

        Args:
            received: when it came, in s since 1970.
        """
        return self.level, self.source, received, f"{self.name}:{self.message}"


class EntryParser:
    """Makes records of lines; one for each stream of them.

    Args:
        source: given to all records.
    """

    def __init__(self, source: str = "") -> None:
        self._source = source
        self._begun: Entry | None = None
        self._lines: list[str] = []
        self._missing = self._room = 0

    @property
    def is_within(self) -> bool:
        """Whether a record is incomplete: the next line continues it."""
        return self._missing > 0

    def feed(self, line: str) -> Entry | None:
        """Return the record that a line completes, if it does.

        Args:
            line: without its end.
        """
        if self._missing > 0:
            self._room -= len(line) + 1
            if len(self._lines) < MOST_LINES and self._room >= 0:
                self._lines.append(line)
            self._missing -= 1
            return None if self._missing else self.end()
        head = HEAD.fullmatch(line)
        if head is None:
            return Entry(logging.INFO, "print", line, self._source)
        level, count, name, message = head.groups()
        self._begun = Entry(LEVELS[level], name, message, self._source)
        self._lines, self._room = [message], LONGEST_RECORD - len(message)
        self._missing = int(count or 1) - 1
        return None if self._missing > 0 else self.end()

    def end(self) -> Entry | None:
        """Return the record that is incomplete at the end of a stream, with the lines that came."""
        begun, self._begun, self._missing = self._begun, None, 0
        return begun and replace(begun, message="\n".join(self._lines))


def format_entry(entry: Entry) -> str:
    """Return a record as text, headed by its source if it has one, without the last line end."""
    level = next((word for word, value in LEVELS.items() if value <= entry.level), "TRACE")
    lines = entry.message.replace("\r", "").split("\n")[:MOST_LINES]
    count = f"<{len(lines)}>" if len(lines) > 1 else ""
    source = f"{_word(entry.source)}:" if entry.source else ""
    return f"{source}{level}{count}:{_word(entry.name)}:" + "\n".join(lines)


class LineFormatter(logging.Formatter):
    """Makes text of the form above from Python's own records; for handlers that write to stderr or a file."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        return format_entry(Entry(record.levelno, record.name, super().format(record)))


class LogServer(Serving):
    """Takes the records of other programs from now until `close`.

    Args:
        on_entry: called with each record, in the thread of the server. What it raises is logged.
        host: address or addresses to listen on, "*" for all.
        port: TCP port; 0 takes a free one. ARTIQ's is 1066.
        ssl: for TLS; None for plain TCP.

    Raises:
        CannotListen: the port is taken.
    """

    def __init__(
        self,
        on_entry: Callable[[Entry], object],
        host: str | Sequence[str] = LOOPBACK,
        port: int = 0,
        ssl: ssl.SSLContext | None = None,
    ) -> None:
        self._on_entry = on_entry
        self._listener = Listener("log server", BANNER, self._converse, host, port, ssl)
        self._listener.start()

    async def _converse(self, stream: LineStream) -> None:
        parser = EntryParser()
        try:
            while True:
                line = (await stream.read_line(LONGEST_LINE)).decode("utf-8", "replace")
                if not parser.is_within:
                    source, colon, line = line.partition(":")
                    if not colon:
                        raise Rejected(f"it sent {quote(source.encode())}, which names no source")
                    parser = EntryParser(source)
                self._hand_on(parser.feed(line))
        finally:
            self._hand_on(parser.end())

    def _hand_on(self, entry: Entry | None) -> None:
        if entry is None:
            return
        try:
            self._on_entry(entry)
        except Exception:
            logger.exception("what the log server hands its records to failed")


class LogForwarder(logging.Handler):
    """Sends the records of this program to a log server, from now until `close`.

    Logging never waits for the network. While the server is away, records wait; beyond a thousand the oldest
    are dropped, and how many is told when the connection is back.

    Args:
        source: the name of this program, such as "controller(psu)".
        host: name or address of the log server.
        port: its TCP port. ARTIQ's is 1066.
        retry: s after which a lost connection is opened anew.
        ssl: for TLS; None for plain TCP.
    """

    def __init__(
        self,
        source: str,
        host: str,
        port: int,
        retry: float = RETRY,
        ssl: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__()
        self._source, self._peer, self._retry, self._ssl = source, (host, port), retry, ssl
        self._waiting: deque[bytes] = deque()
        self._dropped = 0
        self._changed = threading.Condition()
        self._closing = False
        self._line: LineSocket | None = None
        name = f"log forwarder to {address_of(host, port)}"
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record; called by the logging module."""
        try:
            self.send(Entry(record.levelno, record.name, self.format(record)))
        except Exception:
            self.handleError(record)

    def send(self, entry: Entry) -> None:
        """Queue a record that may have a source of its own, as one handed on for a child process has."""
        text = format_entry(entry if entry.source else replace(entry, source=self._source))
        with self._changed:
            self._waiting.append(text.encode("utf-8", "replace") + b"\n")
            self._drop_oldest()
            self._changed.notify()

    def close(self) -> None:
        """Send what waits if the server takes it at once, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        super().close()

    def _run(self) -> None:
        while not self._is_done():
            if not self._send_waiting():
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, self._retry)
                    if self._closing and self._line is None:
                        break
        self._hang_up()

    def _is_done(self) -> bool:
        """Wait until there is something to do; True at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            return not self._waiting

    def _send_waiting(self) -> bool:
        """Send what waits; False if the server is not there, and it has to wait on."""
        with self._changed:
            batch, dropped = list(self._waiting), self._dropped
            self._waiting.clear()
        lost = Entry(logging.WARNING, __name__, f"{dropped} records were lost here", self._source)
        head = format_entry(lost).encode() + b"\n" if dropped else b""
        try:
            if self._line is not None and self._line.has_ended():
                self._hang_up()
            if self._line is None:
                self._line = LineSocket(*self._peer, Deadline.after(PATIENCE), self._ssl)
                head = BANNER + b"\n" + head
            self._line.send(head + b"".join(batch), Deadline.after(PATIENCE))
        except OSError:
            self._hang_up()
            with self._changed:
                self._waiting.extendleft(reversed(batch))
                self._drop_oldest()
            return False
        with self._changed:
            self._dropped -= dropped
        return True

    def _drop_oldest(self) -> None:
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._dropped += 1

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


def _word(text: str) -> str:
    """Return a text that can stand before a colon."""
    return re.sub(r"[:\s]", "_", text)
