"""A simulated MOGLabs ARF421 (ARF021, XRF): two channels of RF for acousto- and electro-optic modulators.

Lines end with CR LF both ways, and the next one must wait for the answer.

Source: MOGLabs ARF manual chapter 3 and appendix C, and what the maker's client mogdevice 1.2.1 expects on
the wire. What neither settles is in `ArfSpecification`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import ClassVar, Final

from hardware_sim.instruments.instrument import Instrument
from hardware_sim.instruments.line_buffer import LineBuffer
from hardware_sim.instruments.moglabs_channel import ArfChannel, ArfSpecification, RfSignal
from hardware_sim.instruments.moglabs_syntax import ArfError
from hardware_sim.instruments.outbox import Outbox

CHANNELS: Final = (1, 2)
INPUT_BUFFER = 1024  # bytes without a line end; free choice


class SimulatedArf(Instrument):
    r"""A two-channel RF source; serve it with `serve_tcp`.

    Attributes:
        specification: The instrument as delivered.

    Example:
        >>> source = SimulatedArf()
        >>> line = source.connect()
        >>> line.receive(b"FREQ,1,80MHz\r\n", now=0.0), line.receive(b"", now=0.01)
        (b'', b'OK: CH1 freq now 80.00000007 MHz (0x147AE148)\r\n')
    """

    KNOBS: ClassVar[tuple[str, ...]] = tuple(
        f"{name}_{channel}" for channel in CHANNELS for name in ("frequency", "power", "output")
    )
    """Frequency in Hz, power in dBm, and whether the output is on, within the same limits as a command."""
    FAULTS: ClassVar[tuple[str, ...]] = ("over-temperature",)
    """The amplifiers stay off until they are cool."""
    REFUSAL: ClassVar[type[Exception]] = ArfError
    tcp_resource = "TCPIP::{host}::{port}::SOCKET"
    loses_link = True

    def __init__(self, specification: ArfSpecification | None = None) -> None:
        """Switch the source on.

        Args:
            specification: The instrument as delivered; an ARF421 if None.
        """
        self.specification = specification or ArfSpecification()
        super().__init__(self.specification.boot_time)
        self._channels = {str(number): ArfChannel(number, self.specification) for number in CHANNELS}
        self._queries: dict[str, Callable[[float], str]] = {
            "INFO": lambda _: f"MOGLabs {self.specification.model}, {self.specification.serial_number}",
            "VERSION": lambda _: f"UC: {self.specification.firmware}, FPGA: {self.specification.firmware}",
            "TEMP": self._tell_temperatures,
        }

    def connect(self) -> ArfSession:
        """Accept a client; all clients share the instrument's state."""
        return ArfSession(self)

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s); tables and settings are lost, limits are not."""
        for channel in self._channels.values():
            channel.lose_power(now)
        super().switch_off(now)

    def signal(self, channel: int, now: float) -> RfSignal:
        """Return what leaves an output.

        Args:
            channel: 1 or 2.
            now: Lab time in s.
        """
        with self.lock:
            return self._channels[str(channel)].signal(now)

    def limit(self, channel: int) -> float:
        """Return the largest power of a channel in dBm."""
        return self._channels[str(channel)].limit

    def temperature(self, channel: int, now: float) -> float:
        """Return the temperature of a channel's amplifier in degC at lab time ``now`` (s)."""
        with self.lock:
            return self._channels[str(channel)].temperature(now)

    def trigger(self, channel: int, now: float) -> None:
        """Give the trigger input of a channel the edge that it waits for, at lab time ``now`` (s)."""
        with self.lock:
            if self.powered:
                self._channels[str(channel)].trigger(now)

    def answer(self, line: bytes, now: float) -> bytes:
        """Obey one line.

        Args:
            line: Command without its line end.
            now: Lab time in s.

        Returns:
            The answer: a line with its end, or the length and bytes of a dump.
        """
        try:
            if not line.isascii():
                raise ArfError("Command not defined")
            answer = self._obey(line.decode("ascii"), now)
        except ArfError as error:
            self.complaints.append(f"{line!r}: {error}")
            answer = f"ERR: {error}"
        if isinstance(answer, bytes):
            return struct.pack("<I", len(answer)) + answer
        return answer.encode("ascii") + b"\r\n"

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        name, channel = knob.split("_")
        lines = {"frequency": f"FREQ,{channel},{value} Hz", "power": f"POW,{channel},{value}"}
        self._obey(lines.get(name, f"{'ON' if value else 'OFF'},{channel}"), now)

    def _suffer(self, fault: str, now: float) -> None:
        for channel in self._channels.values():
            channel.overheat(now)

    def _obey(self, line: str, now: float) -> str | bytes:
        verb, *arguments = (word.strip() for word in line.split(","))
        verb = verb.upper()
        if verb in self._queries:
            return self._queries[verb](now)
        in_table = verb == "TABLE"
        if in_table:
            verb, *arguments = arguments or [""]
            verb = verb.upper()
        known = next(iter(self._channels.values()))
        if verb not in (known.table_commands.keys() | {"DUMP"} if in_table else known.commands):
            raise ArfError("Command not defined")
        channel = self._channels.get(arguments[0] if arguments else "")
        if channel is None:
            raise ArfError("Invalid channel")
        if in_table and verb == "DUMP":
            return channel.dump()
        commands = channel.table_commands if in_table else channel.commands
        return commands[verb](arguments[1:], now)

    def _tell_temperatures(self, now: float) -> str:
        return ",".join(f"ch{n}:{channel.temperature(now):.1f} C" for n, channel in self._channels.items())


class ArfSession:
    """One client: it has to wait for each answer before it sends more."""

    __slots__ = ("_arf", "_lines", "_outbox")

    def __init__(self, arf: SimulatedArf) -> None:
        self._arf = arf
        self._lines = LineBuffer(b"\r\n", limit=INPUT_BUFFER)
        self._outbox = Outbox()

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes, obey a line that is complete, and give the answer that is ready.

        What comes while an answer is outstanding is lost, as the instrument reads no further meanwhile.

        Args:
            data: Bytes from the client; a line ends with CR LF.
            now: Lab time in s.

        Returns:
            The answer, empty if it is not ready.
        """
        if not self._arf.powered:
            self._lines.clear()
            self._outbox.clear()
            return b""
        sent = self._outbox.take(now)
        self._lines.put(data)
        if self._outbox.due() is not None:
            self._complain_of_haste()
        elif (line := self._lines.take()) is not None:
            self._outbox.put(now + self._arf.specification.reply_time, self._arf.answer(line, now))
            self._complain_of_haste()
        elif lost := self._lines.overflow():
            self._arf.complaints.append(f"{lost[:20]!r}...: {len(lost)} bytes without CR LF")
        return sent

    def due(self) -> float | None:
        """Return the lab time in s of the next output, None if the instrument waits for the client."""
        return self._outbox.due()

    def close(self) -> None:
        """Forget this client."""

    def _complain_of_haste(self) -> None:
        if lost := self._lines.clear():
            self._arf.complaints.append(f"{lost!r}: sent before the answer")
