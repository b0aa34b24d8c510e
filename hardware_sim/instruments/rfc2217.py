"""RFC 2217, a serial port over the network: telnet with an option that sets baud rate and control lines.

This is the far end of ``rfc2217://`` in pyserial: a terminal server with an instrument on its serial port.
What clients set is kept in `Rfc2217Endpoint.settings`; with `required` settings, an instrument hears nothing
that is sent to it at another baud rate.

Source: RFC 854 and 855 (telnet), RFC 856 (binary transmission), RFC 858 (suppress go ahead), RFC 2217.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final

from hardware_sim.instruments.endpoint import Endpoint, Session
from hardware_sim.instruments.port import Port

# Telnet commands (RFC 854).
SUBNEGOTIATION_END, SUBNEGOTIATION = 0xF0, 0xFA
WILL, WONT, DO, DONT, ESCAPE = 0xFB, 0xFC, 0xFD, 0xFE, 0xFF
BINARY, SUPPRESS_GO_AHEAD, COM_PORT = 0, 3, 44
SUPPORTED: Final = (BINARY, SUPPRESS_GO_AHEAD, COM_PORT)
ANSWER = 100  # added to the number of a client's command (RFC 2217, section 3)
SIGNATURE_TEXT = b"ionloom simulated terminal server"
LONGEST_SUBNEGOTIATION = 256  # bytes; free choice
CTS_AND_DSR = 0x30  # an instrument is connected and ready (RFC 2217, NOTIFY-MODEMSTATE)
CTS_AND_DSR_CHANGED = 0x03
BITS = {5, 6, 7, 8}
PARITIES = {1: "none", 2: "odd", 3: "even", 4: "mark", 5: "space"}
STOP_BITS = {1: 1.0, 2: 2.0, 3: 1.5}


class ComCommand(IntEnum):
    """Commands of a client (RFC 2217, section 3)."""

    SIGNATURE = 0
    BAUD_RATE = 1
    DATA_BITS = 2
    PARITY = 3
    STOP_BITS = 4
    CONTROL = 5
    LINE_STATE = 6
    MODEM_STATE = 7
    SUSPEND = 8
    RESUME = 9
    LINE_STATE_MASK = 10
    MODEM_STATE_MASK = 11
    PURGE = 12


@dataclass(frozen=True, slots=True)
class SerialSettings:
    """Settings of a serial port.

    Attributes:
        baud_rate: In bits per second.
        data_bits: 5 to 8.
        parity: ``none``, ``odd``, ``even``, ``mark`` or ``space``.
        stop_bits: 1, 1.5 or 2.
        flow_control: ``none``, ``software`` or ``hardware``.
        break_state: Whether the client holds the line in a break.
        dtr: Control line "data terminal ready".
        rts: Control line "request to send".
    """

    baud_rate: int = 9600
    data_bits: int = 8
    parity: str = "none"
    stop_bits: float = 1.0
    flow_control: str = "none"
    break_state: bool = False
    dtr: bool = False
    rts: bool = False

    @property
    def framing(self) -> tuple[int, int, str, float]:
        """What both ends of the line must agree on to understand each other."""
        return self.baud_rate, self.data_bits, self.parity, self.stop_bits


# What the values of SET-CONTROL set, and which of them ask for the present state (RFC 2217, section 3).
CONTROLS: dict[int, tuple[str, Any]] = {
    1: ("flow_control", "none"), 2: ("flow_control", "software"), 3: ("flow_control", "hardware"),
    5: ("break_state", True), 6: ("break_state", False),
    8: ("dtr", True), 9: ("dtr", False), 11: ("rts", True), 12: ("rts", False),
}  # fmt: skip
CONTROL_QUERIES = {0: "flow_control", 4: "break_state", 7: "dtr", 10: "rts"}


class Rfc2217Endpoint(Port[Endpoint]):
    """An instrument on the serial port of a terminal server; serve it with `serve_tcp`.

    Attributes:
        settings: How the last client set the port.
        required: Settings of the instrument, which is deaf and dumb when the port is framed otherwise; None
            if it understands all.
        complaints: The last 1000 violations of the protocol.

    Example:
        >>> from hardware_sim.instruments.smc100a import SimulatedSmc100a
        >>> Rfc2217Endpoint(SimulatedSmc100a()).tcp_resource.format(host="127.0.0.1", port=40001)
        'rfc2217://127.0.0.1:40001'
    """

    tcp_resource = "rfc2217://{host}:{port}"
    loses_link = False  # the terminal server has a supply of its own

    def __init__(self, inner: Endpoint, required: SerialSettings | None = None) -> None:
        """Connect an instrument to the serial port."""
        super().__init__(inner)
        self.required = required
        self.settings = SerialSettings()
        self.complaints: deque[str] = deque(maxlen=1000)

    @property
    def understood(self) -> bool:
        """Whether the port is set as the instrument needs it."""
        fits = self.required is None or self.required.framing == self.settings.framing
        return fits and not self.settings.break_state

    def connect(self) -> Rfc2217Session:
        """Accept a client."""
        return Rfc2217Session(self)

    def control(self, command: int, value: bytes) -> bytes | None:
        """Set or ask a setting of the port.

        Args:
            command: One of `ComCommand` that concerns a setting.
            value: Its value as sent; 0 asks.

        Returns:
            The value that holds now, as it is sent; None if the command is not understood.
        """
        match command:
            case ComCommand.BAUD_RATE if len(value) == 4:
                self._change(baud_rate=int.from_bytes(value, "big") or self.settings.baud_rate)
                return self.settings.baud_rate.to_bytes(4, "big")
            case ComCommand.DATA_BITS if len(value) == 1:
                if value[0] in BITS:
                    self._change(data_bits=value[0])
                return bytes([self.settings.data_bits])
            case ComCommand.PARITY if len(value) == 1:
                self._change(parity=PARITIES.get(value[0], self.settings.parity))
                return _code(PARITIES, self.settings.parity)
            case ComCommand.STOP_BITS if len(value) == 1:
                self._change(stop_bits=STOP_BITS.get(value[0], self.settings.stop_bits))
                return _code(STOP_BITS, self.settings.stop_bits)
            case ComCommand.CONTROL if len(value) == 1:
                return self._control_line(value[0])
        return None

    def _control_line(self, value: int) -> bytes | None:
        if value in CONTROLS:
            name, state = CONTROLS[value]
            self._change(**{name: state})
            return bytes([value])
        if value not in CONTROL_QUERIES:
            return None
        name = CONTROL_QUERIES[value]
        return _code(CONTROLS, (name, getattr(self.settings, name)))

    def _change(self, **changes: Any) -> None:
        self.settings = replace(self.settings, **changes)


class Rfc2217Session:
    """One client of the terminal server: its telnet stream and its way to the instrument."""

    def __init__(self, endpoint: Rfc2217Endpoint) -> None:
        self._endpoint = endpoint
        self._instrument: Session = endpoint.inner.connect()
        self._ours: set[int] = set()  # options that we use
        self._theirs: set[int] = set()  # options that the client uses
        self._escape = b""  # an incomplete telnet command
        self._suspended = False
        self._held = b""
        # The offer that terminal servers greet with; pyserial wants eight clean bits.
        self._replies = bytes([ESCAPE, WILL, BINARY, ESCAPE, DO, BINARY])
        self._asked = {(WILL, BINARY), (DO, BINARY)}

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes of the client and give what comes back.

        Args:
            data: Bytes from the client, with telnet commands between them.
            now: Lab time in s.
        """
        plain = self._separate(data)
        understood = self._endpoint.understood
        said = self._instrument.receive(plain if understood else b"", now)
        if understood:
            self._held += said.replace(bytes([ESCAPE]), bytes([ESCAPE, ESCAPE]))
        replies, self._replies = self._replies, b""
        if self._suspended:
            return replies
        replies, self._held = replies + self._held, b""
        return replies

    def due(self) -> float | None:
        """Return the lab time in s of the next output, None if the instrument waits for the client."""
        return self._instrument.due()

    def close(self) -> None:
        """Forget this client; the port keeps its settings."""
        self._instrument.close()

    def _separate(self, data: bytes) -> bytes:
        """Return what is meant for the instrument, and obey the telnet commands in between."""
        plain = bytearray()
        for byte in data:
            if not self._escape and byte != ESCAPE:
                plain.append(byte)
                continue
            self._escape += bytes([byte])
            if self._escape == bytes([ESCAPE, ESCAPE]):
                plain.append(ESCAPE)
                self._escape = b""
            elif self._is_complete():
                self._obey(self._escape)
                self._escape = b""
        return bytes(plain)

    def _is_complete(self) -> bool:
        if len(self._escape) < 2:
            return False
        if self._escape[1] == SUBNEGOTIATION:
            content = self._escape[2:].replace(bytes([ESCAPE, ESCAPE]), b"")
            ended = content.endswith(bytes([ESCAPE, SUBNEGOTIATION_END]))
            return ended or len(content) > LONGEST_SUBNEGOTIATION
        return len(self._escape) == (3 if self._escape[1] in (WILL, WONT, DO, DONT) else 2)

    def _obey(self, command: bytes) -> None:
        if command[1] == SUBNEGOTIATION:
            content = command[2:-2].replace(bytes([ESCAPE, ESCAPE]), bytes([ESCAPE]))
            if len(content) >= 2 and content[0] == COM_PORT:
                self._obey_com_port(content[1], content[2:])
            else:
                self._endpoint.complaints.append(f"unknown subnegotiation {content!r}")
        elif len(command) == 3:
            self._negotiate(command[1], command[2])
        # Other commands (no operation, are you there, ...) have no meaning for a serial port.

    def _negotiate(self, verb: int, option: int) -> None:
        """Agree or disagree to an option; what is agreed already is not answered, or it would never end."""
        enabled, yes, no = (self._theirs, DO, DONT) if verb in (WILL, WONT) else (self._ours, WILL, WONT)
        wanted = verb in (WILL, DO)
        answer = yes if wanted and option in SUPPORTED else no
        if wanted == (option in enabled):
            self._asked.discard((yes, option))  # it is refused, then
            return
        if answer == yes:
            enabled.add(option)
        else:
            enabled.discard(option)
        if (yes, option) in self._asked:
            self._asked.remove((yes, option))
        else:
            self._replies += bytes([ESCAPE, answer, option])
        if option == COM_PORT and verb == WILL:
            self._tell(ComCommand.MODEM_STATE, bytes([CTS_AND_DSR | CTS_AND_DSR_CHANGED]))

    def _obey_com_port(self, command: int, value: bytes) -> None:
        answer: bytes | None = value
        match command:
            case ComCommand.SIGNATURE:
                answer = None if value else SIGNATURE_TEXT
            case ComCommand.LINE_STATE:
                answer = b"\0"
            case ComCommand.MODEM_STATE:
                answer = bytes([CTS_AND_DSR])
            case ComCommand.SUSPEND | ComCommand.RESUME:
                self._suspended = command == ComCommand.SUSPEND
                return
            case ComCommand.PURGE:
                self._held = b""
            case ComCommand.LINE_STATE_MASK | ComCommand.MODEM_STATE_MASK:
                pass
            case _:
                answer = self._endpoint.control(command, value)
                if answer is None:
                    self._endpoint.complaints.append(f"COM port command {command} {value!r}")
        if answer is not None:
            self._tell(command, answer)

    def _tell(self, command: int, value: bytes) -> None:
        content = bytes([COM_PORT, command + ANSWER]) + value
        escaped = content.replace(bytes([ESCAPE]), bytes([ESCAPE, ESCAPE]))
        self._replies += bytes([ESCAPE, SUBNEGOTIATION]) + escaped + bytes([ESCAPE, SUBNEGOTIATION_END])


def _code(table: dict[int, Any], value: object) -> bytes:
    """Return the number under which a table has a value."""
    return bytes([next(code for code, known in table.items() if known == value)])
