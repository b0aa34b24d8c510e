"""The core of every SCPI instrument: IEEE 488.2 common commands, status registers, error queue, line framing.

Source: IEEE 488.2-1992 chapters 10 and 11, SCPI-99 volume 2 chapter 21. The lengths of queue and input buffer
are free choices of the simulator.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from hardware_sim.instruments.instrument import Instrument
from hardware_sim.instruments.line_buffer import LineBuffer
from hardware_sim.instruments.scpi_commands import Command, action_command
from hardware_sim.instruments.scpi_syntax import (
    MessageUnit,
    ScpiError,
    compile_header,
    parse_message,
    parse_number,
)

ERROR_QUEUE_LENGTH = 30  # errors; free choice
INPUT_BUFFER = 65_536  # bytes without a line end; free choice
FIRST_EXECUTION_ERROR = -200  # errors above are command errors (SCPI-99 volume 2, 21.8)
NO_ERROR = '0,"No error"'

# Event status register (IEEE 488.2, 11.5.1).
OPERATION_COMPLETE, POWER_ON = 1 << 0, 1 << 7
COMMAND_ERROR, EXECUTION_ERROR, DEVICE_ERROR, QUERY_ERROR = 1 << 5, 1 << 4, 1 << 3, 1 << 2
BIT_BY_HUNDRED = {1: COMMAND_ERROR, 2: EXECUTION_ERROR, 4: QUERY_ERROR}  # all others are the device's
# Status byte (IEEE 488.2, 11.2; bit 2 after SCPI-99 volume 2, 20.1).
ERROR_AVAILABLE, EVENT_SUMMARY, MASTER_SUMMARY = 1 << 2, 1 << 5, 1 << 6


class ScpiInstrument(Instrument):
    """The state that all SCPI instruments share, and the execution of lines.

    Attributes:
        busy_until: Lab time in s before which it starts no further line.
        settled_at: Lab time in s at which the outputs have settled; ``*OPC?`` and ``*WAI`` wait for it.
        line_end: What ends a line of a client; white space around the line does not count.
        reply_end: What ends a line of replies.
        no_error: What an empty error queue replies.
        terse_errors: Whether its errors have no detail after the standard text.
        returns_to_root: Whether it looks up from the root what it does not know under an inherited path.
    """

    REFUSAL: ClassVar[type[Exception]] = ScpiError
    tcp_resource = "TCPIP::{host}::{port}::SOCKET"
    loses_link = True
    line_end: ClassVar[bytes] = b"\n"
    reply_end: ClassVar[bytes] = b"\n"
    no_error: ClassVar[str] = NO_ERROR
    terse_errors: ClassVar[bool] = False
    returns_to_root: ClassVar[bool] = False

    def __init__(self, identity: str, boot_time: float, commands: Iterable[Command]) -> None:
        """Switch the instrument on.

        Args:
            identity: Reply to ``*IDN?``: maker, model, serial number, firmware.
            boot_time: Time from power-on to the first answer in s.
            commands: The instrument's own commands.
        """
        super().__init__(boot_time)
        self.busy_until = self.settled_at = -math.inf
        self._identity = identity
        self._errors: deque[str] = deque()
        self._events, self._event_mask, self._service_mask = POWER_ON, 0, 0
        self._completes_at: float | None = None
        self._commands = [
            (compile_header(each.header), each) for each in (*self._common_commands(), *commands)
        ]

    def connect(self) -> ScpiSession:
        """Accept a client; all clients share the instrument's state."""
        return ScpiSession(self)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): queue and registers are new, the power-on bit is set."""
        super().switch_on(now)
        self.busy_until = self.settled_at = -math.inf
        self._errors.clear()
        self._events, self._event_mask, self._service_mask = POWER_ON, 0, 0
        self._completes_at = None

    @abstractmethod
    def reset(self, now: float) -> None:
        """Obey ``*RST`` at lab time ``now`` (s)."""

    def trigger(self, now: float) -> None:
        """Obey ``*TRG`` at lab time ``now`` (s)."""
        raise ScpiError(-211, "*TRG")

    def execute(self, line: str, now: float) -> str:
        """Obey one line.

        Args:
            line: Commands and queries, without line end.
            now: Lab time in s.

        Returns:
            The replies to its queries joined by semicolons; empty if there were none.
        """
        replies: list[str] = []
        try:
            for unit in parse_message(line):
                replies += self._attempt(unit, now)
        except ScpiError as error:
            self.report(error)
        return ";".join(replies)

    def report(self, error: ScpiError) -> None:
        """Put an error into the queue and its bit into the event status register."""
        self.complaints.append(str(error))
        self._events |= BIT_BY_HUNDRED.get(-error.code // 100, DEVICE_ERROR)
        if len(self._errors) == ERROR_QUEUE_LENGTH:
            self._errors[-1] = str(ScpiError(-350))
        else:
            self._errors.append(error.terse if self.terse_errors else str(error))

    def _attempt(self, unit: MessageUnit, now: float) -> list[str]:
        try:
            reply = self._perform(unit, now)
        except ScpiError as error:
            if error.code > FIRST_EXECUTION_ERROR:
                raise  # what follows a command error in a line is not obeyed (IEEE 488.2, 11.5.1.1.4)
            self.report(error)
            return []
        return [] if reply is None else [reply]

    def _perform(self, unit: MessageUnit, now: float) -> str | None:
        command = self._find(unit.header)
        if command is None and self.returns_to_root:
            command = self._find(unit.written)
        if command is None or (command.read if unit.query else command.write) is None:
            raise ScpiError(-113, unit.header + "?" * unit.query)
        argument = command.check_arguments(unit)
        if unit.query and command.read is not None:
            return command.read(argument, now)
        if command.write is not None:
            command.write(argument, now)
        return None

    def _find(self, spelling: str) -> Command | None:
        return next((each for header, each in self._commands if header.fullmatch(spelling)), None)

    def _common_commands(self) -> list[Command]:
        return [
            Command("*IDN", read=lambda *_: self._identity),
            action_command("*RST", self.reset),
            action_command("*CLS", self._clear_status),
            Command("*OPC", self._await_completion, self._note_completion, write_argument=False),
            action_command("*WAI", self._wait),
            action_command("*TRG", self.trigger),
            Command("*TST", read=lambda *_: "0"),
            Command("*ESR", read=lambda _, now: self._take_events(now)),
            Command("*ESE", lambda *_: str(self._event_mask), self._set_event_mask),
            Command("*STB", read=lambda _, now: str(self._status_byte(now))),
            Command("*SRE", lambda *_: str(self._service_mask), self._set_service_mask),
            Command("SYSTem:ERRor[:NEXT]", read=lambda *_: self._next_error()),
            Command("SYSTem:ERRor:ALL", read=lambda *_: self._all_errors()),
        ]

    def _clear_status(self, now: float) -> None:
        self._errors.clear()
        self._events = 0
        self._completes_at = None

    def _wait(self, now: float) -> None:
        self.busy_until = max(self.busy_until, self.settled_at)

    def _await_completion(self, _: str, now: float) -> str:
        self._wait(now)
        return "1"

    def _note_completion(self, _: str, now: float) -> None:
        self._completes_at = max(now, self.settled_at)

    def _events_at(self, now: float) -> int:
        if self._completes_at is not None and now >= self._completes_at:
            self._completes_at = None
            self._events |= OPERATION_COMPLETE
        return self._events

    def _take_events(self, now: float) -> str:
        events = self._events_at(now)
        self._events = 0
        return str(events)

    def _status_byte(self, now: float) -> int:
        status = ERROR_AVAILABLE if self._errors else 0
        if self._events_at(now) & self._event_mask:
            status |= EVENT_SUMMARY
        return status | (MASTER_SUMMARY if status & self._service_mask else 0)

    def _set_event_mask(self, argument: str, now: float) -> None:
        self._event_mask = _parse_mask(argument)

    def _set_service_mask(self, argument: str, now: float) -> None:
        # Bit 6 cannot be set (IEEE 488.2, 11.3.2).
        self._service_mask = _parse_mask(argument) & ~MASTER_SUMMARY

    def _next_error(self) -> str:
        return self._errors.popleft() if self._errors else self.no_error

    def _all_errors(self) -> str:
        text = ",".join(self._errors) or self.no_error
        self._errors.clear()
        return text


class ScpiSession:
    """One client of a SCPI instrument: cuts its bytes into lines and holds what must wait."""

    __slots__ = ("_instrument", "_lines", "_reply")

    def __init__(self, instrument: ScpiInstrument) -> None:
        self._instrument = instrument
        self._lines = LineBuffer(instrument.line_end, limit=INPUT_BUFFER)
        self._reply: tuple[float, bytes] | None = None

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes, obey the lines that are complete, and give the replies that are ready.

        Args:
            data: Bytes from the client.
            now: Lab time in s.

        Returns:
            Replies, each with the instrument's line end.
        """
        if not self._instrument.powered:
            self._lines.clear()
            self._reply = None
            return b""
        self._lines.put(data)
        sent = b""
        while True:
            if self._reply is not None and now >= self._reply[0]:
                sent += self._reply[1]
                self._reply = None
            if now < self._instrument.busy_until or (line := self._next_line()) is None:
                return sent
            reply = self._instrument.execute(line, now)
            if reply:
                sealed = reply.encode("latin-1") + self._instrument.reply_end
                self._reply = (self._instrument.busy_until, sealed)

    def due(self) -> float | None:
        """Return the lab time in s of the next output, None if the instrument waits for the client."""
        if self._reply is not None:
            return self._reply[0]
        return self._instrument.busy_until if self._lines.holds_line() else None

    def close(self) -> None:
        """Forget this client."""

    def _next_line(self) -> str | None:
        line = self._lines.take()
        if line is None:
            if self._lines.overflow():
                self._instrument.report(ScpiError(-363))
            return None
        if not line.isascii():
            self._instrument.report(ScpiError(-101))
            return ""
        return line.decode("ascii").strip()


def _parse_mask(argument: str) -> int:
    value = round(parse_number(argument, {}))
    if not 0 <= value <= 255:
        raise ScpiError(-222, f"{argument} is not within 0 to 255")
    return value
