"""VXI-11, the message-based LAN protocol of older instruments, around any simulated instrument.

A client opens a link and then calls procedures: write, read, read the status byte, trigger, clear, lock. A
read waits on the instrument's side until there is a response or the client's timeout is over; a late response
is there for the next read, and lost at the next write.

Only the core channel is there, on one known port: no port mapper, no abort, no interrupts.

Source: VXI-11, TCP/IP Instrument Protocol Specification, revision 1.0, section B.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from enum import IntEnum

from hardware_sim.instruments.endpoint import Endpoint, SessionEndedError
from hardware_sim.instruments.message_exchange import (
    MESSAGE_AVAILABLE,
    TRIGGER,
    MessageExchange,
    MessagePort,
    read_status,
)
from hardware_sim.instruments.onc_rpc import (
    Acceptance,
    Call,
    RecordError,
    RecordReader,
    pack_opaque,
    unpack_opaque,
)

CORE_PROGRAM, CORE_VERSION = 0x0607AF, 1
LARGEST_WRITE = 1 << 16  # bytes a call; free choice, the rule is 1024 or more
DEVICE_NAME = b"inst0"
WAIT_FOR_LOCK, END, STOP_AT_CHARACTER = 1 << 0, 1 << 3, 1 << 7  # flags (B.5.3)
# Why a read ended (B.6.4).
COUNT_REACHED, CHARACTER_FOUND, END_REACHED = 1 << 0, 1 << 1, 1 << 2


class Procedure(IntEnum):
    """Procedures of the core channel (B.6)."""

    NULL = 0
    CREATE_LINK = 10
    WRITE = 11
    READ = 12
    READ_STATUS = 13
    TRIGGER = 14
    CLEAR = 15
    REMOTE = 16
    LOCAL = 17
    LOCK = 18
    UNLOCK = 19
    ENABLE_SERVICE_REQUESTS = 20
    DO_COMMAND = 22
    DESTROY_LINK = 23
    CREATE_INTERRUPT_CHANNEL = 25
    DESTROY_INTERRUPT_CHANNEL = 26


class Failure(IntEnum):
    """Error codes in results (B.5.2)."""

    NONE = 0
    NOT_ACCESSIBLE = 3
    INVALID_LINK = 4
    PARAMETER = 5
    NOT_SUPPORTED = 8
    LOCKED = 11
    NOT_LOCKED = 12
    TIMEOUT = 15


# Results of a failed call have these words of zeros after the error code.
EMPTY_WORDS = {
    Procedure.CREATE_LINK: 3,
    Procedure.WRITE: 1,
    Procedure.READ: 2,
    Procedure.READ_STATUS: 1,
    Procedure.DO_COMMAND: 1,
}


class CallFailedError(Exception):
    """A procedure ends with an error code."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class Link:
    """One link to the instrument.

    Attributes:
        number: What the client calls it.
        responses: Responses that were not read yet, or the rest of one.
    """

    def __init__(self, number: int, instrument: Endpoint) -> None:
        self.number = number
        self.responses: deque[bytes] = deque()
        self._exchange = MessageExchange(instrument)
        self._writes = 0

    def write(self, data: bytes, end: bool) -> None:
        """Give the instrument a message or a part of one; responses that nobody read are lost."""
        self.responses.clear()
        self._writes += 1
        self._exchange.put(self._writes, data, end)

    def advance(self, now: float) -> None:
        """Let the instrument work until lab time ``now`` (s)."""
        for response in self._exchange.advance(now):
            if response.tag == self._writes:
                self.responses.append(response.data)

    def due(self) -> float | None:
        """Return the lab time in s of the next response, None if there is none to come."""
        return self._exchange.due()

    def clear(self) -> None:
        """Forget what was asked and answered."""
        self.responses.clear()
        self._exchange.clear()

    def close(self) -> None:
        """End the link."""
        self._exchange.close()


class Vxi11Endpoint(MessagePort):
    """An instrument behind VXI-11; serve it with `serve_tcp`.

    Attributes:
        holder: Number of the link that has locked the instrument, None if it is free.

    Example:
        >>> from hardware_sim.instruments.smc100a import SimulatedSmc100a
        >>> Vxi11Endpoint(SimulatedSmc100a()).tcp_resource.format(host="127.0.0.1", port=40001)
        'TCPIP::127.0.0.1,40001::inst0::INSTR'
    """

    tcp_resource = "TCPIP::{host},{port}::inst0::INSTR"

    def __init__(self, inner: Endpoint, speed: float = 1.0) -> None:
        super().__init__(inner, speed)
        self.holder: int | None = None
        self._number = 0

    def connect(self) -> Vxi11Session:
        """Accept a client."""
        return Vxi11Session(self)

    def open_link(self) -> Link:
        """Return a new link."""
        self._number += 1
        return Link(self._number, self.inner)

    def close_link(self, link: Link) -> None:
        """End a link and its lock."""
        link.close()
        if self.holder == link.number:
            self.holder = None


class Vxi11Session:
    """One client's connection: its links, and the call that it waits for."""

    def __init__(self, endpoint: Vxi11Endpoint) -> None:
        self._endpoint = endpoint
        self._reader = RecordReader()
        self._links: dict[int, Link] = {}
        self._calls: deque[tuple[Call, float]] = deque()  # calls and when they came
        self._deadline: float | None = None
        self._procedures: dict[int, Callable[[bytes, float, float], bytes | None]] = {
            Procedure.NULL: lambda *_: b"",
            Procedure.CREATE_LINK: self._create_link,
            Procedure.WRITE: self._write,
            Procedure.READ: self._read,
            Procedure.READ_STATUS: self._read_status,
            Procedure.TRIGGER: self._trigger,
            Procedure.CLEAR: self._clear,
            Procedure.REMOTE: self._await_turn,
            Procedure.LOCAL: self._await_turn,
            Procedure.LOCK: self._lock,
            Procedure.UNLOCK: self._unlock,
            Procedure.ENABLE_SERVICE_REQUESTS: self._decline,
            Procedure.DO_COMMAND: self._decline,
            Procedure.DESTROY_LINK: self._destroy_link,
            Procedure.CREATE_INTERRUPT_CHANNEL: self._decline,
            Procedure.DESTROY_INTERRUPT_CHANNEL: self._decline,
        }

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes of the client and return the replies to the calls that are done.

        Args:
            data: Bytes from the client.
            now: Lab time in s.

        Raises:
            SessionEndedError: If the client sends no records.
        """
        try:
            records = self._reader.feed(data)
        except RecordError:
            self._endpoint.complaints.append("no record")
            raise SessionEndedError from None
        for record in records:
            call = Call.parse(record)
            if call is None:
                self._endpoint.complaints.append("no call")
            else:
                self._calls.append((call, now))
        for link in self._links.values():
            link.advance(now)
        sent = b""
        while self._calls:
            reply = self._carry_out(*self._calls[0], now)
            if reply is None:
                break
            self._calls.popleft()
            sent += reply
        return sent

    def due(self) -> float | None:
        """Return the lab time in s of the next reply, None if the instrument waits for the client."""
        times = [due for link in self._links.values() if (due := link.due()) is not None]
        if self._calls and self._deadline is not None:
            times.append(self._deadline)
        return min(times, default=None)

    def close(self) -> None:
        """Forget this client, its links and its locks."""
        for link in self._links.values():
            self._endpoint.close_link(link)
        self._links.clear()

    def _carry_out(self, call: Call, came: float, now: float) -> bytes | None:
        refusal = self._refusal(call)
        if refusal is not None:
            self._endpoint.complaints.append(f"procedure {call.procedure}: {refusal.name}")
            return call.refuse(refusal)
        try:
            results = self._procedures[call.procedure](call.arguments, came, now)
        except CallFailedError as error:
            return call.reply(
                struct.pack(f"!I{4 * EMPTY_WORDS.get(Procedure(call.procedure), 0)}x", error.failure)
            )
        except struct.error:
            return call.refuse(Acceptance.GARBAGE_ARGUMENTS)
        return None if results is None else call.reply(results)

    def _refusal(self, call: Call) -> Acceptance | None:
        if call.program != CORE_PROGRAM:
            return Acceptance.PROGRAM_UNAVAILABLE
        if call.version != CORE_VERSION:
            return Acceptance.PROGRAM_MISMATCH
        return None if call.procedure in self._procedures else Acceptance.PROCEDURE_UNAVAILABLE

    def _await_turn(self, arguments: bytes, came: float, now: float) -> bytes | None:
        number, flags, lock_timeout, _ = struct.unpack_from("!4I", arguments)
        return None if self._turn(number, flags, lock_timeout, came, now) is None else _results()

    def _create_link(self, arguments: bytes, came: float, now: float) -> bytes | None:
        _, locks, lock_timeout = struct.unpack_from("!3I", arguments)
        if unpack_opaque(arguments[12:]).lower() != DEVICE_NAME:
            raise CallFailedError(Failure.NOT_ACCESSIBLE)
        if locks and not self._is_free(WAIT_FOR_LOCK, lock_timeout, came, now):
            return None
        link = self._endpoint.open_link()
        self._links[link.number] = link
        if locks:
            self._endpoint.holder = link.number
        return _results(link.number, 0, LARGEST_WRITE)  # 0: there is no abort channel

    def _destroy_link(self, arguments: bytes, came: float, now: float) -> bytes:
        link = self._find(*struct.unpack_from("!I", arguments))
        del self._links[link.number]
        self._endpoint.close_link(link)
        return _results()

    def _write(self, arguments: bytes, came: float, now: float) -> bytes | None:
        number, _, lock_timeout, flags = struct.unpack_from("!4I", arguments)
        data = unpack_opaque(arguments[16:])
        link = self._turn(number, flags, lock_timeout, came, now)
        if link is None:
            return None
        if len(data) > LARGEST_WRITE:
            raise CallFailedError(Failure.PARAMETER)
        link.write(data, end=bool(flags & END))
        link.advance(now)
        return _results(len(data))

    def _read(self, arguments: bytes, came: float, now: float) -> bytes | None:
        number, size, io_timeout, lock_timeout, flags, character = struct.unpack_from("!6I", arguments)
        link = self._turn(number, flags, lock_timeout, came, now)
        if link is None:
            return None
        if link.responses:
            return self._take(link, size, character & 0xFF if flags & STOP_AT_CHARACTER else None)
        self._deadline = came + self._lab_time(io_timeout)
        if now >= self._deadline:
            raise CallFailedError(Failure.TIMEOUT)
        return None

    def _take(self, link: Link, size: int, character: int | None) -> bytes:
        response = link.responses.popleft()
        found = -1 if character is None else response[:size].find(character)
        data = response[: size if found < 0 else found + 1]
        rest = response[len(data) :]
        if rest:
            link.responses.appendleft(rest)
        reason = COUNT_REACHED if len(data) == size else 0
        reason |= CHARACTER_FOUND if found >= 0 else 0
        return _results(reason | (0 if rest else END_REACHED)) + pack_opaque(data)

    def _read_status(self, arguments: bytes, came: float, now: float) -> bytes | None:
        number, flags, lock_timeout, _ = struct.unpack_from("!4I", arguments)
        link = self._turn(number, flags, lock_timeout, came, now)
        if link is None:
            return None
        return _results(read_status(self._endpoint.inner, now) | (MESSAGE_AVAILABLE if link.responses else 0))

    def _trigger(self, arguments: bytes, came: float, now: float) -> bytes | None:
        number, flags, lock_timeout, _ = struct.unpack_from("!4I", arguments)
        link = self._turn(number, flags, lock_timeout, came, now)
        if link is None:
            return None
        link.write(TRIGGER, end=True)
        link.advance(now)
        return _results()

    def _clear(self, arguments: bytes, came: float, now: float) -> bytes | None:
        number, flags, lock_timeout, _ = struct.unpack_from("!4I", arguments)
        link = self._turn(number, flags, lock_timeout, came, now)
        if link is None:
            return None
        link.clear()
        return _results()

    def _lock(self, arguments: bytes, came: float, now: float) -> bytes | None:
        number, flags, lock_timeout = struct.unpack_from("!3I", arguments)
        link = self._turn(number, flags, lock_timeout, came, now)
        if link is None:
            return None
        if self._endpoint.holder == link.number:
            raise CallFailedError(Failure.LOCKED)  # a link cannot lock twice (B.6.10)
        self._endpoint.holder = link.number
        return _results()

    def _unlock(self, arguments: bytes, came: float, now: float) -> bytes:
        link = self._find(*struct.unpack_from("!I", arguments))
        if self._endpoint.holder != link.number:
            raise CallFailedError(Failure.NOT_LOCKED)
        self._endpoint.holder = None
        return _results()

    def _decline(self, arguments: bytes, came: float, now: float) -> bytes:
        raise CallFailedError(Failure.NOT_SUPPORTED)

    def _find(self, number: int) -> Link:
        if number not in self._links:
            raise CallFailedError(Failure.INVALID_LINK)
        return self._links[number]

    def _turn(self, number: int, flags: int, lock_timeout: int, came: float, now: float) -> Link | None:
        """Return a link that may act now, None if it is to wait for another's lock."""
        link = self._find(number)
        if self._endpoint.holder == number or self._is_free(flags, lock_timeout, came, now):
            return link
        return None

    def _is_free(self, flags: int, lock_timeout: int, came: float, now: float) -> bool:
        if self._endpoint.holder is None:
            return True
        patience = self._lab_time(lock_timeout) if flags & WAIT_FOR_LOCK else 0.0
        self._deadline = came + patience
        if now >= self._deadline:
            raise CallFailedError(Failure.LOCKED)
        return False

    def _lab_time(self, milliseconds: int) -> float:
        return milliseconds / 1e3 * self._endpoint.speed


def _results(*words: int) -> bytes:
    return struct.pack(f"!{1 + len(words)}I", Failure.NONE, *words)
