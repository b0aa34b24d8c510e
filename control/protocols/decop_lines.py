"""The two lines of TOPTICA's controllers: one for questions, one on which values are pushed.

On the command line, one expression is one line, ended by LF; the answer is some lines of text and a prompt,
"> " at the beginning of a line. Whoever connects is welcomed with a prompt too. On the monitoring line, a
second TCP port, a controller pushes the parameters that it was asked for, at once and whenever they change.

Source:
    The framing of toptica-lasersdk 3.3 (TOPTICA Photonics AG); QMI's DLC pro driver (QuTech).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar

from control.device import Device
from control.device.happenings import Severity
from control.errors import BadReply, LinkError, Refused
from control.protocols.decop import (
    DecopValue,
    assign,
    find_failure,
    read_update,
    read_value,
    refer,
    spell,
)
from control.protocols.text import plain
from control.transport import Deadline, Link
from control.transport.serial_line import SerialLink

PROMPT = b"\n> "
WAKE_SERIAL = b"\x12\x03"
"""Echo off, and cancel what was half typed: how to begin on a serial line. Two prompts follow."""

RETRY_SECONDS = 10.0  # between attempts to open a monitoring line that broke; questions do meanwhile
SUBSCRIBE_SECONDS = 1.0  # for sending some hundred bytes
MOST_CHUNKS = 256  # taken from the monitoring line at once: 16 MB are a talker without end

Kind = TypeVar("Kind", float, bool, str, int)
_KINDS = {float: "a number", bool: "#t or #f", str: "a text", int: "a whole number"}


def checked(tried: str, value: DecopValue, kind: type[Kind]) -> Kind:
    """Return a value as the kind that it must be; a whole number is a number too.

    Args:
        tried: how it was come by, for messages.
        value: as the controller has it.
        kind: float, bool, str or int.

    Raises:
        BadReply: it is of another kind.
    """
    if type(value) is kind:
        return value
    if kind is float and type(value) is int:
        return kind(value)
    raise BadReply(tried=tried, reply=spell(value).encode(), expected=_KINDS[kind])


class DecopDevice(Device):
    """An instrument with a command line; the arguments are those of `Device`."""

    _conversation = 0  # the link's count of openings for which the welcome was read

    def _begin(self) -> None:
        """Wait for the first prompt: the welcome must not be taken for an answer. Once a connection."""
        if self._conversation == self._link.openings and not self._dirty:
            return
        deadline = Deadline.after(self.ANSWER_SECONDS)
        if isinstance(self._link, SerialLink):
            self._link.send(WAKE_SERIAL, deadline)
            self._link.receive(PROMPT, deadline)
        self._link.receive(PROMPT, deadline)
        self._conversation = self._link.openings

    def _put(self, name: str, value: DecopValue) -> None:
        """Set a parameter; a warning goes into the logbook, and what it means shows in the read-back.

        Raises:
            Refused: the controller said no.
        """
        request = assign(name, value)
        *said, verdict = self._ask(request).splitlines() or [""]
        try:
            code = int(verdict)
        except ValueError:
            raise BadReply(
                tried=f"ask {request}", reply=verdict.encode(), expected="a whole number"
            ) from None
        text = " ".join(said) or "no reason given"
        if code < 0:
            raise Refused(command=request, code=code, text=text)
        if code > 0:
            self.logbook.add(Severity.WARNING, f"{request} was taken with warning {code}: {text}")

    def _ask_value(self, name: str, kind: type[Kind]) -> Kind:
        """Return a parameter, which must be of a kind."""
        request = refer(name)
        reply = self._ask(request)
        try:
            value = read_value(reply)
        except ValueError:
            raise BadReply(tried=f"ask {request}", reply=reply.encode(), expected="a value") from None
        return checked(f"ask {request}", value, kind)

    def _ask(self, request: str) -> str:
        """Return the reply to a request, without the prompt behind it.

        Raises:
            Refused: the reply is an error.
        """
        reply = self._link.exchange(f"{request}\n".encode("ascii"), PROMPT, self.ANSWER_SECONDS)
        text = plain(reply, f"ask {request}")
        failure = find_failure(text)
        if failure is not None:
            code, words = failure
            raise Refused(command=request, code=code, text=words)
        return text


class MonitoringLine:
    """What a controller pushes, as far as it has come. It is opened when it is first listened to.

    A parameter is pushed when it is subscribed and whenever it changes. So a line that breaks, or on which
    anything was garbled, is worth nothing any more: everything is forgotten and subscribed anew.

    Args:
        link: to the second port.
        intervals: parameter -> seconds between two pushes of it at least.
        clock: monotonic time in seconds.
    """

    def __init__(self, link: Link, intervals: Mapping[str, float], clock: Callable[[], float]) -> None:
        self._link = link
        self._intervals = intervals
        self._clock = clock
        self._retry_at = clock()
        self._subscribed = 0  # the link's count of openings for which everything was subscribed
        self._values: dict[str, DecopValue | None] = {}
        self._since: dict[str, float] = {}
        self._listened_at = clock()
        self._rest = b""

    def value(self, name: str) -> DecopValue | None:
        """Return what was pushed last for a parameter; None if nothing was."""
        return self._values.get(name)

    def age(self, name: str) -> float:
        """Return how long ago a parameter was pushed last at most, s; infinity if it never was."""
        return self._clock() - self._since.get(name, -math.inf)

    def listen(self) -> None:
        """Take in what has come. A line that is broken stays without values until it can be opened again."""
        # What is heard now was not there yet when the line was listened to before, or was opened.
        since, self._listened_at = self._listened_at, self._clock()
        subscribed = self._subscribed
        try:
            if not self._is_subscribed():
                return
            if subscribed != self._subscribed:
                since = self._listened_at
            for _ in range(MOST_CHUNKS):
                heard = self._link.receive_any(Deadline.after(0.0))
                if not heard:
                    return
                self._take_in(heard, since)
            raise ValueError("it does not stop talking")
        except (LinkError, ValueError):
            self.distrust()

    def distrust(self) -> None:
        """Forget everything, and subscribe anew on another connection some time later."""
        self._link.close()
        self._forget()
        self._subscribed = 0
        self._retry_at = self._clock() + RETRY_SECONDS

    def _is_subscribed(self) -> bool:
        """Return whether values are being pushed, having seen to that unless it was tried a moment ago."""
        if self._link.is_open and self._subscribed == self._link.openings:
            return True
        if not self._link.is_open:
            if self._clock() < self._retry_at:
                return False
            self._link.open()
        self._forget()
        requests = "".join(
            f"(add '{name} {round(interval * 1e3)})\n" for name, interval in self._intervals.items()
        )
        # in one piece: what has come when a request is sent is thrown away
        self._link.send(requests.encode("ascii"), Deadline.after(SUBSCRIBE_SECONDS))
        self._subscribed = self._link.openings
        return True

    def _forget(self) -> None:
        self._values.clear()
        self._since.clear()
        self._rest = b""

    def _take_in(self, heard: bytes, since: float) -> None:
        *lines, self._rest = (self._rest + heard).split(b"\n")
        for line in lines:
            text = line.decode("ascii").strip()
            if text:
                update = read_update(text)
                self._values[update.name] = update.value
                self._since[update.name] = since
