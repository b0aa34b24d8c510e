"""A simulated Pfeiffer TPG 361 or TPG 362, the controller of one or two vacuum gauges.

A command is acknowledged, and its answer comes when the client sends ENQ; each further ENQ brings a new
answer to the same command. After ``COM`` the controller talks by itself until somebody sends it anything.

Source: Pfeiffer TPG 261/262 manual BG 5195, pp. 67 and 68; TPG 361/362 manual BG 5510; commands and their
values as published clients (pylablib) use them. The numbers in `GaugeSpecification` and `Gauge` are ASSUMED.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, TypeAlias

from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.shared_line import SharedLine

Pressure: TypeAlias = Callable[[float], float]
Answer: TypeAlias = Callable[[float], str]
Command: TypeAlias = Callable[[list[str], float], Answer]

RETURN, ENQUIRY, CLEAR, ACKNOWLEDGED, REFUSED = 0x0D, 0x05, 0x03, b"\x06\r\n", b"\x15\r\n"
LINE_FEED: Final = 0x0A
IGNORED: Final = b" \n"
LONGEST_LINE: Final = 64  # bytes; more is noise; free choice
UNITS: Final = ("mbar", "Torr", "Pa", "micron")
PASCALS: Final = (100.0, 133.322, 1.0, 0.133322)
PERIODS: Final = (0.1, 1.0, 60.0)  # s, of ``COM,0`` to ``COM,2``
# Status of a reading.
GOOD, UNDER, OVER, BROKEN, OFF, MISSING = range(6)
# Error word: bits of its four digits, from the left.
CONTROLLER, HARDWARE, PARAMETER, SYNTAX = 8, 4, 2, 1


@dataclass(frozen=True, slots=True)
class Gauge:
    """One gauge.

    Attributes:
        kind: Its name in ``TID``.
        lowest: Pressure in Pa below which it is under-range; 5e-11 mbar for a cold cathode.
        highest: Pressure in Pa above which it is over-range.
        factor: What it shows over the true pressure; a cold cathode is right within 30 %.
        ignition: Time from switching on to the first reading in s; it is under-range until then.
    """

    kind: str = "IKR"
    lowest: float = 5e-9
    highest: float = 1.0
    factor: float = 1.0
    ignition: float = 5.0


@dataclass(frozen=True, slots=True)
class GaugeSpecification:
    """One controller with its gauges, as the lab left it.

    Attributes:
        model: Of the controller, the first field of ``AYT``.
        part: Part number.
        serial_number: Its serial number.
        firmware: As ``AYT`` and ``PNR`` have it.
        hardware: As ``AYT`` has it.
        gauges: One or two.
        boot_time: From power-on to the first answer in s.
        chatter: Which of ``COM,0`` to ``COM,2`` is active after power-on, None if it is silent.
    """

    model: str = "TPG362"
    part: str = "PTG28290"
    serial_number: str = "44998061"
    firmware: str = "010300"
    hardware: str = "010100"
    gauges: tuple[Gauge, ...] = (Gauge(),)
    boot_time: float = 3.0
    chatter: int | None = None


@dataclass(frozen=True, slots=True)
class Socket:
    """The state of one gauge socket.

    Attributes:
        gauge: What is plugged in, None if nothing is.
        on: Whether the gauge is on.
        since: Lab time in s at which it was switched on.
        broken: Whether it has failed.
        calibration: Factor of ``CAL``.
        filter: Number of the filter, 0 to 2.
    """

    gauge: Gauge | None
    on: bool = True
    since: float = -math.inf
    broken: bool = False
    calibration: float = 1.0
    filter: int = 1


class CommandError(Exception):
    """A command is refused; its argument is the bit of the error word that tells why."""


class SimulatedGauge(SharedLine):
    r"""A controller with one or two gauges; serve it with `serve_tcp` or `serve_pty`.

    Attributes:
        specification: What it is.

    Example:
        >>> line = SimulatedGauge(lambda now: 1.23e-8).connect()
        >>> line.receive(b"PR1\r", now=0.0), line.receive(b"\x05", now=0.0)
        (b'\x06\r\n', b'0,+1.2300E-10\r\n')
    """

    KNOBS: ClassVar[tuple[str, ...]] = ("sensor 1", "sensor 2", "plug 1", "plug 2", "unit")
    """Whether a gauge is on; whether its cable is in, with a new gauge at the end; one of `UNITS`, of the
    display and of all answers."""
    FAULTS: ClassVar[tuple[str, ...]] = ("sensor 1 error", "sensor 2 error")
    """A gauge fails until another one is plugged in."""
    loses_link = True  # USB and Ethernet are in the box

    def __init__(self, *pressures: Pressure, specification: GaugeSpecification | None = None) -> None:
        """Switch the controller on.

        Args:
            pressures: Pressure in Pa at each gauge at a lab time in s; 2e-8 Pa where there is none.
            specification: What it is; a TPG 362 with as many gauges as there are pressures if None.

        Raises:
            InstrumentSetupError: If there are more than two gauges.
        """
        gauges = (Gauge(),) * max(len(pressures), 1)
        self.specification = specification or GaugeSpecification(gauges=gauges)
        count = max(len(self.specification.gauges), len(pressures))
        if count > 2:
            raise InstrumentSetupError("gauges", count, "1 or 2", "use a second controller")
        super().__init__(self.specification.boot_time)
        self._pressures: tuple[Pressure, ...] = (*pressures, *[lambda now: 2e-8] * (2 - len(pressures)))
        plugged = (*self.specification.gauges, None)[:2]
        # Replaced as a whole, never changed: the lab world reads it from another thread.
        self._sockets = tuple(Socket(gauge) for gauge in plugged)
        self._values = {"UNI": 0, "SCT": 0, "DCD": 2, "BAU": 0, "SAV": 0}
        self._points = {number: (0 if number < 3 else 1, 1e-7, 2e-7) for number in range(1, 5)}
        self._buffer = b""
        self._errors = 0
        self._asked: Answer = self._take_errors
        self._spoken_at: float | None = None  # when it last talked by itself, None if it does not
        self._period = PERIODS[1]
        self._commands: dict[str, Command] = {
            "PR1": self._quantity(lambda now: self._reading(0, now)),
            "PR2": self._quantity(lambda now: self._reading(1, now)),
            "PRX": self._quantity(self._all_readings),
            "TID": self._quantity(lambda now: ",".join(map(self._kind, self._sockets))),
            "PNR": self._quantity(lambda now: self.specification.firmware),
            "AYT": self._quantity(lambda now: self._identity()),
            "SPS": self._quantity(self._switch_states),
            "ERR": self._quantity(self._take_errors),
            "RES": self._reset,
            "SEN": self._set_sensors,
            "CAL": self._set_calibrations,
            "FIL": self._set_filters,
            "COM": self._start_chatter,
            "UNI": self._choice("UNI", 3),
            "SCT": self._choice("SCT", 1),
            "DCD": self._choice("DCD", 3),
            "BAU": self._choice("BAU", 4),
            "SAV": self._choice("SAV", 1),
        }
        for number in self._points:
            self._commands[f"SP{number}"] = self._switch_point(number)
        if self.specification.chatter is not None:
            self._chatter(self.specification.chatter, 0.0)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): gauges ignite anew, settings were kept."""
        super().switch_on(now)
        self._buffer, self._errors, self._asked = b"", 0, self._take_errors
        self._spoken_at = None
        self._sockets = tuple(replace(socket, on=True, since=now) for socket in self._sockets)
        if self.specification.chatter is not None:
            self._chatter(self.specification.chatter, now)

    def due(self) -> float | None:
        """Return the lab time in s at which it talks by itself next, None if it does not."""
        return None if self._spoken_at is None else self._spoken_at + self._period

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        if knob == "unit":
            if value not in UNITS:
                raise InstrumentSetupError.choice(knob, value, UNITS)
            self._values["UNI"] = UNITS.index(str(value))
            return
        index = int(knob[-1]) - 1
        if knob.startswith("sensor"):
            self._change(index, on=bool(value), since=now)
        else:
            new = (*self.specification.gauges, Gauge())[index] if value else None
            self._change(index, gauge=new, broken=False, since=now)

    def _suffer(self, fault: str, now: float) -> None:
        self._change(int(fault.split()[1]) - 1, broken=True)

    def _converse(self, data: bytes, now: float) -> bytes:
        said = b""
        for byte in data:
            if byte != LINE_FEED:
                self._spoken_at = None  # whatever comes ends its chatter, but for the end of a line
            said += self._take_byte(byte, now)
        due = self.due()
        if due is not None and now >= due:
            self._spoken_at = now
            said += self._line(self._all_readings(now))
        return said

    def _take_byte(self, byte: int, now: float) -> bytes:
        if byte == ENQUIRY:
            self._buffer = b""
            return self._line(self._asked(now))
        if byte == CLEAR:
            self._buffer = b""
        elif byte == RETURN:
            line, self._buffer = self._buffer, b""
            return self._obey(line, now) if line else b""
        elif byte not in IGNORED and len(self._buffer) <= LONGEST_LINE:
            self._buffer += bytes([byte])
        return b""

    @staticmethod
    def _line(text: str) -> bytes:
        return text.encode("ascii") + b"\r\n"

    def _obey(self, line: bytes, now: float) -> bytes:
        name, *arguments = line.decode("latin-1").split(",")
        try:
            if name not in self._commands:
                raise CommandError(SYNTAX)
            self._asked = self._commands[name](arguments, now)
        except CommandError as error:
            self.complaints.append(line.decode("latin-1"))
            self._errors |= int(error.args[0])
            self._asked = self._take_errors
            return REFUSED
        return ACKNOWLEDGED

    def _change(self, index: int, **changes: Any) -> None:
        sockets = list(self._sockets)
        sockets[index] = replace(sockets[index], **changes)
        self._sockets = tuple(sockets)

    def _reading(self, index: int, now: float) -> str:
        """Return status and pressure of a gauge as they are sent."""
        status, pascals = self._measure(index, now)
        return f"{status},{pascals / PASCALS[self._values['UNI']]:+.4E}"

    def _all_readings(self, now: float) -> str:
        return f"{self._reading(0, now)},{self._reading(1, now)}"

    def _measure(self, index: int, now: float) -> tuple[int, float]:
        """Return the status of a gauge, and what it shows in Pa."""
        socket = self._sockets[index]
        gauge = socket.gauge
        if gauge is None:
            return MISSING, 0.0
        if not socket.on:
            return OFF, 0.0
        if socket.broken:
            return BROKEN, 0.0
        pressure = self._pressures[index](now) * gauge.factor
        if pressure < gauge.lowest or now < socket.since + gauge.ignition:
            return UNDER, gauge.lowest
        if pressure > gauge.highest:
            return OVER, gauge.highest
        return GOOD, pressure * socket.calibration

    @staticmethod
    def _kind(socket: Socket) -> str:
        return "noSEn" if socket.gauge is None else socket.gauge.kind

    def _identity(self) -> str:
        kind = self.specification
        return ",".join((kind.model, kind.part, kind.serial_number, kind.firmware, kind.hardware))

    def _switch_states(self, now: float) -> str:
        """Return which relays are closed: the pressure is below their lower threshold."""
        states = []
        for index, low, _ in self._points.values():
            status, pressure = self._measure(index, now)
            states.append(str(int(status in (GOOD, UNDER) and pressure < low)))
        return ",".join(states)

    def _reset(self, arguments: list[str], now: float) -> Answer:
        """Obey ``RES``: list the gauges that failed; ``RES,1`` clears the error word too."""
        if 1 in _integers(arguments, 1, 1):
            self._errors = 0
        return self._failures

    def _failures(self, now: float) -> str:
        numbers = ("9", "11")  # sensor errors of gauge 1 and 2 (pylablib)
        return ",".join(numbers[index] for index in (0, 1) if self._sockets[index].broken) or "0"

    def _set_sensors(self, arguments: list[str], now: float) -> Answer:
        for index, wish in enumerate(_integers(arguments, 2, 2)):
            if wish and self._sockets[index].gauge is None:
                raise CommandError(HARDWARE)
            if wish and (wish == 2) != self._sockets[index].on:
                self._change(index, on=wish == 2, since=now)
        return lambda now: ",".join(
            "0" if socket.gauge is None else "2" if socket.on else "1" for socket in self._sockets
        )

    def _set_calibrations(self, arguments: list[str], now: float) -> Answer:
        for index, factor in enumerate(_numbers(arguments, 2)):
            if not 0.1 <= factor <= 10.0:  # manual BG 5195
                raise CommandError(PARAMETER)
            self._change(index, calibration=factor)
        return lambda now: ",".join(f"{socket.calibration:.3f}" for socket in self._sockets)

    def _set_filters(self, arguments: list[str], now: float) -> Answer:
        for index, number in enumerate(_integers(arguments, 2, 2)):
            self._change(index, filter=number)
        return lambda now: ",".join(str(socket.filter) for socket in self._sockets)

    def _start_chatter(self, arguments: list[str], now: float) -> Answer:
        chosen = _integers(arguments, 1, 2)
        self._chatter(chosen[0] if chosen else 1, now)
        return self._all_readings

    def _chatter(self, choice: int, now: float) -> None:
        self._period, self._spoken_at = PERIODS[choice], now

    @staticmethod
    def _quantity(
        read: Answer,
    ) -> Command:
        def ask(arguments: list[str], now: float) -> Answer:
            if arguments:
                raise CommandError(PARAMETER)
            return read

        return ask

    def _choice(self, name: str, highest: int) -> Command:
        def obey(arguments: list[str], now: float) -> Answer:
            chosen = _integers(arguments, 1, highest)
            if chosen:
                self._values[name] = chosen[0]
            return lambda now: str(self._values[name])

        return obey

    def _switch_point(self, number: int) -> Command:
        def obey(arguments: list[str], now: float) -> Answer:
            if arguments:
                channel, low, high = _numbers(arguments, 3)
                if channel not in (0, 1) or not 0.0 < low < high:
                    raise CommandError(PARAMETER)
                unit = PASCALS[self._values["UNI"]]
                self._points[number] = (int(channel), low * unit, high * unit)
            return read

        def read(now: float) -> str:
            unit = PASCALS[self._values["UNI"]]
            index, low, high = self._points[number]
            return f"{index},{low / unit:+.4E},{high / unit:+.4E}"

        return obey

    def _take_errors(self, now: float) -> str:
        errors, self._errors = self._errors, 0
        return f"{errors:04b}"


def _numbers(arguments: list[str], count: int) -> list[float]:
    """Read the values of a command, none or all of them.

    Raises:
        CommandError: If their number is wrong or they are no numbers.
    """
    if len(arguments) not in (0, count):
        raise CommandError(PARAMETER)
    try:
        numbers = [float(argument) for argument in arguments]
    except ValueError:
        raise CommandError(PARAMETER) from None
    if not all(map(math.isfinite, numbers)):
        raise CommandError(PARAMETER)
    return numbers


def _integers(arguments: list[str], count: int, highest: int) -> list[int]:
    """Read the values of a command that are numbers from 0 to a highest one, none or all of them.

    Raises:
        CommandError: If their number is wrong or they are something else.
    """
    if len(arguments) not in (0, count) or not all(
        argument.isascii() and argument.isdigit() and int(argument) <= highest for argument in arguments
    ):
        raise CommandError(PARAMETER)
    return [int(argument) for argument in arguments]
