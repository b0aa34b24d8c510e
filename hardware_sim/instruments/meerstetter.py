"""A simulated Meerstetter TEC-1091, which holds the temperature of a cavity, crystal or filter.

It speaks MeCom: frames of capital hex digits with a checksum, a sequence number and an address. What is
not meant for it, or arrives damaged, it does not answer at all.

Source: Meerstetter MeCom protocol 5117 and TEC parameters 5136 as the clients mecompyapi and pyMeCom use
them. Ranges, error numbers, times and the switches behind the stable flag are ASSUMED and stand in the tables
below.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

import numpy as np

from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.instrument import Instrument
from hardware_sim.instruments.line_buffer import LineBuffer
from hardware_sim.instruments.meerstetter_plant import PlantSpecification, Regulation, ThermalLoop
from hardware_sim.instruments.outbox import Outbox

BROADCAST, SILENT_BROADCAST = 0, 255
LONGEST_FRAME = 256  # bytes without an end; free choice
HEX: Final = frozenset(b"0123456789ABCDEF")

# Error codes of the protocol (mecompyapi).
UNKNOWN_COMMAND, WRONG_FORMAT, UNKNOWN_PARAMETER, READ_ONLY, OUT_OF_RANGE, UNKNOWN_INSTANCE = 1, 4, 5, 6, 7, 8

# Values of parameter 104.
INIT, READY, RUN, ERROR = 0, 1, 2, 3

STABLE_TOLERANCE = 0.1  # K; factory value of parameter 4040. ASSUMED
STABLE_TIME = 10.0  # s; factory value of parameter 4041. ASSUMED

SAVING_OFF = 108
OUTPUT_ENABLE, CURRENT_LIMIT, VOLTAGE_LIMIT, CURRENT_THRESHOLD = 2010, 2030, 2031, 2032
ADDRESS = 2051
TARGET, RAMP, GAIN, INTEGRAL_TIME, DERIVATIVE_TIME = 3000, 3003, 3010, 3011, 3012


@dataclass(frozen=True, slots=True)
class TecSetting:
    """A parameter that can be set.

    Attributes:
        default: Factory value, an int for integer parameters and a float for the others.
        lowest: Smallest value.
        highest: Largest value.
        saved: Whether the flash memory keeps it.
    """

    default: int | float
    lowest: float
    highest: float
    saved: bool = True


# All ranges and defaults ASSUMED, within what a TEC-1091 can drive (4 A, 21 V).
SETTINGS: Final[dict[int, TecSetting]] = {
    SAVING_OFF: TecSetting(0, 0, 1, saved=False),
    2000: TecSetting(2, 2, 2),  # temperature control is all that is simulated
    OUTPUT_ENABLE: TecSetting(1, 0, 1),
    CURRENT_LIMIT: TecSetting(2.0, 0.1, 4.0),
    VOLTAGE_LIMIT: TecSetting(8.0, 0.1, 21.0),
    CURRENT_THRESHOLD: TecSetting(4.5, 0.1, 5.0),
    2033: TecSetting(22.0, 0.1, 23.0),
    2040: TecSetting(0, 0, 2),
    2050: TecSetting(57_600, 4_800, 1_000_000),
    ADDRESS: TecSetting(2, 1, 254),
    TARGET: TecSetting(25.0, -50.0, 150.0),
    RAMP: TecSetting(0.1, 1e-4, 1000.0),
    GAIN: TecSetting(20.0, 0.0, 1e4),
    INTEGRAL_TIME: TecSetting(20.0, 0.0, 1e4),
    DERIVATIVE_TIME: TecSetting(0.0, 0.0, 1e4),
    3020: TecSetting(0, 0, 3),
    4034: TecSetting(0, 0, 7),
}


@dataclass(frozen=True, slots=True)
class TecSpecification:
    """One controller as it was delivered, and what it is connected to.

    Attributes:
        identity: Reply to ``?IF``, 20 characters. ASSUMED form.
        device_type: Parameter 100.
        hardware: Hardware version in hundredths, parameter 101.
        serial_number: Parameter 102.
        firmware: Firmware version in hundredths, parameter 103.
        reply_time: From a frame to its answer in s.
        boot_time: From power-on or reset to the first answer in s. ASSUMED.
        start_time: From the first answer until it regulates in s. ASSUMED.
        plant: The object and its surroundings.
    """

    identity: str = "TEC-1091            "
    device_type: int = 1091
    hardware: int = 142
    serial_number: int = 21_007
    firmware: int = 350
    reply_time: float = 5e-3
    boot_time: float = 2.0
    start_time: float = 1.0
    plant: PlantSpecification = field(default_factory=PlantSpecification)


@dataclass(frozen=True, slots=True)
class TecFault:
    """A condition that stops the output until a reset.

    Attributes:
        number: Parameter 105. ASSUMED.
        instance: Parameter 106.
        parameter: Parameter 107. ASSUMED.
    """

    number: int
    instance: int = 1
    parameter: int = 0


FAULT_NUMBERS: Final = {
    "sensor break": TecFault(30, parameter=1000),
    "over-current": TecFault(108, parameter=1020),
    "over-temperature": TecFault(60, parameter=1063),
}


class TecError(Exception):
    """A refusal, with the code that the answer carries."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class SimulatedTec(Instrument):
    r"""A temperature controller on a serial line or network; serve it with `serve_pty` or `serve_tcp`.

    Attributes:
        specification: The instrument as delivered.
        flash_writes: How often a setting was written to the flash memory, which wears.

    Example:
        >>> line = SimulatedTec().connect()
        >>> line.receive(b"#0215AB?VR03E80134D8\r", now=0.0), line.receive(b"", now=0.01)
        (b'', b'!0215AB41C80000A903\r')
    """

    KNOBS: ClassVar[tuple[str, ...]] = ("target", "output")
    """Temperature in degC, and whether the output is on, set with the maker's service software."""
    FAULTS: ClassVar[tuple[str, ...]] = tuple(FAULT_NUMBERS)
    """The output stops with an error that lasts until a reset; what caused it is gone by then."""
    tcp_resource = "socket://{host}:{port}"
    loses_link = False  # the serial adapter is fed by the computer

    def __init__(self, specification: TecSpecification | None = None) -> None:
        """Find the controller as it has regulated for a long time.

        Args:
            specification: The instrument as delivered; a TEC-1091 at address 2 if None.
        """
        self.specification = specification or TecSpecification()
        super().__init__(self.specification.boot_time)
        self.flash_writes = 0
        self._flash = {number: setting.default for number, setting in SETTINGS.items() if setting.saved}
        self._settings = {number: setting.default for number, setting in SETTINGS.items()}
        self._address = int(self._settings[ADDRESS])
        self._awake_at = self._running_at = -math.inf
        self._starting = False
        self._fault: TecFault | None = None
        self._loop = ThermalLoop(self.specification.plant, self._regulation())
        self._readings = self._own_readings()

    def connect(self) -> TecSession:
        """Listen to the line."""
        return TecSession(self)

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s); the object drifts to the temperature of the room."""
        self._advance(now)
        super().switch_off(now)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s) with what the flash memory holds."""
        self._advance(now)
        super().switch_on(now)
        self._restart(now)

    def object_temperature(self, now: float) -> float:
        """Return the temperature of the object in degC at lab time ``now`` (s)."""
        with self.lock:
            self._advance(now)
            return self._loop.temperature

    def stable(self, now: float) -> bool:
        """Return whether the controller calls the temperature stable at lab time ``now`` (s)."""
        with self.lock:
            self._advance(now)
            return self._tell_stable(now) == 2

    def answer(self, frame: bytes, now: float) -> bytes:
        """Take one frame.

        Args:
            frame: From ``#`` to the checksum, without the end.
            now: Lab time in s.

        Returns:
            The answer with its end; empty if there is none.
        """
        if not self.powered or now < self._awake_at:
            return b""
        if len(frame) < 11 or not HEX.issuperset(frame[1:7]) or not HEX.issuperset(frame[-4:]):
            self.complaints.append(f"{frame!r}: no frame")
            return b""
        if frame[-4:] != checksum(frame[:-4]):
            self.complaints.append(f"{frame!r}: wrong checksum")
            return b""
        address = int(frame[1:3], 16)
        if address not in (self._address, BROADCAST, SILENT_BROADCAST):
            return b""
        self._advance(now)
        try:
            payload = self._obey(frame[7:-4].decode("latin-1"), now)
        except TecError as error:
            self.complaints.append(f"{frame!r}: error {error.code}")
            payload = f"+{error.code:02X}"
        if address == SILENT_BROADCAST:
            return b""
        reply = b"!" + frame[1:7] + payload.encode("ascii")
        # What has nothing to tell is acknowledged with the checksum of the request, not its own.
        return reply + (checksum(reply) if payload else frame[-4:]) + b"\r"

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        number = TARGET if knob == "target" else OUTPUT_ENABLE
        setting = SETTINGS[number]
        if not setting.lowest <= float(value) <= setting.highest:
            limits = f"{setting.lowest:g} to {setting.highest:g}"
            raise InstrumentSetupError(knob, value, limits, "set what the controller takes")
        self._advance(now)
        self._store(number, float(value) if knob == "target" else int(value))

    def _suffer(self, fault: str, now: float) -> None:
        self._advance(now)
        self._fault = FAULT_NUMBERS[fault]

    def _obey(self, payload: str, now: float) -> str:
        if payload in ("?IF", "?IF01"):  # mecompyapi names the instance, the protocol does not ask for it
            return f"{self.specification.identity:20.20}"
        if payload == "RS":
            self._restart(now + self.boot_time)
            return ""
        if payload == "ES":
            self._settings[OUTPUT_ENABLE] = 0  # and not in the flash memory
            return ""
        if payload.startswith("?VR"):
            number = self._parse_parameter(payload[3:], 6)
            return pack(self._read(number, now))
        if payload.startswith("VS"):
            self._write(self._parse_parameter(payload[2:], 14), bytes.fromhex(payload[8:]))
            return ""
        raise TecError(UNKNOWN_COMMAND)

    def _parse_parameter(self, digits: str, length: int) -> int:
        if len(digits) != length or not HEX.issuperset(digits.encode("latin-1")):
            raise TecError(WRONG_FORMAT)
        number = int(digits[:4], 16)
        if number not in SETTINGS and number not in self._readings:
            raise TecError(UNKNOWN_PARAMETER)
        if int(digits[4:6], 16) != 1:
            raise TecError(UNKNOWN_INSTANCE)
        return number

    def _read(self, number: int, now: float) -> int | float:
        return self._settings[number] if number in SETTINGS else self._readings[number](now)

    def _write(self, number: int, data: bytes) -> None:
        if number not in SETTINGS:
            raise TecError(READ_ONLY)
        setting = SETTINGS[number]
        value: int | float = struct.unpack(">f" if isinstance(setting.default, float) else ">i", data)[0]
        # It counts in single precision, where 1e-4 is a little less. NaN is not within, either.
        if not np.float32(setting.lowest) <= value <= np.float32(setting.highest):
            raise TecError(OUT_OF_RANGE)
        self._store(number, value)

    def _store(self, number: int, value: int | float) -> None:
        was_on = self._settings[OUTPUT_ENABLE]
        self._settings[number] = value
        if SETTINGS[number].saved and not self._settings[SAVING_OFF] and self._flash[number] != value:
            self._flash[number] = value
            self.flash_writes += 1
        if number == OUTPUT_ENABLE and value and not was_on:
            self._loop.switch_on()

    def _restart(self, awake_at: float) -> None:
        self._settings = {
            number: self._flash.get(number, setting.default) for number, setting in SETTINGS.items()
        }
        self._address = int(self._settings[ADDRESS])
        self._fault = None
        self._awake_at = awake_at
        self._running_at = awake_at + self.specification.start_time
        self._starting = True

    def _regulation(self) -> Regulation:
        settings = self._settings
        idle = self._starting or not self.powered or self._fault is not None
        return Regulation(
            settings[OUTPUT_ENABLE] == 1 and not idle,
            settings[TARGET],
            settings[RAMP],
            settings[GAIN],
            settings[INTEGRAL_TIME],
            settings[DERIVATIVE_TIME],
            min(settings[CURRENT_LIMIT], settings[VOLTAGE_LIMIT] / self.specification.plant.resistance),
        )

    def _advance(self, now: float) -> None:
        if self._starting and now >= self._running_at:
            self._loop.advance(self._running_at, self._regulation(), STABLE_TOLERANCE)
            self._loop.switch_on()
            self._starting = False
        self._loop.advance(now, self._regulation(), STABLE_TOLERANCE)
        if abs(self._loop.current) > self._settings[CURRENT_THRESHOLD] and self._fault is None:
            self._fault = FAULT_NUMBERS["over-current"]

    def _tell_status(self, _: float) -> int:
        if self._fault is not None:
            return ERROR
        if self._starting:
            return INIT
        return RUN if self._settings[OUTPUT_ENABLE] else READY

    def _tell_stable(self, now: float) -> int:
        if not self._regulation().on:
            return 0
        return 2 if now - self._loop.near_since >= STABLE_TIME else 1

    def _tell_object(self, _: float) -> float:
        broken = self._fault is FAULT_NUMBERS["sensor break"]
        return math.nan if broken else self._loop.temperature

    def _tell_voltage(self, _: float) -> float:
        plant, current = self.specification.plant, self._loop.current
        difference = plant.sink(current) - self._loop.temperature
        return plant.resistance * current - plant.seebeck * difference

    def _own_readings(self) -> dict[int, Callable[[float], int | float]]:
        own, plant = self.specification, self.specification.plant
        return {
            100: lambda _: own.device_type,
            101: lambda _: own.hardware,
            102: lambda _: own.serial_number,
            103: lambda _: own.firmware,
            104: self._tell_status,
            105: lambda _: self._fault.number if self._fault else 0,
            106: lambda _: self._fault.instance if self._fault else 0,
            107: lambda _: self._fault.parameter if self._fault else 0,
            109: lambda _: 2 if self._settings[SAVING_OFF] else 0,
            1000: self._tell_object,
            1001: lambda _: plant.sink(self._loop.current),
            1010: lambda _: float(self._settings[TARGET]),
            1011: lambda _: self._loop.nominal,
            1020: lambda _: self._loop.current,
            1021: self._tell_voltage,
            1032: lambda _: self._loop.output,
            1063: lambda _: plant.ambient + 5.0,  # a board that is a little warmer than the room
            1200: self._tell_stable,
        }


class TecSession:
    """One client of the line: finds the frames in its bytes and holds the answers until they are due."""

    __slots__ = ("_lines", "_outbox", "_tec")

    def __init__(self, tec: SimulatedTec) -> None:
        self._tec = tec
        self._lines = LineBuffer(b"\r", limit=LONGEST_FRAME)
        self._outbox = Outbox()

    def receive(self, data: bytes, now: float) -> bytes:
        """Take bytes, obey the frames that are complete, and give the answers that are due.

        Args:
            data: Bytes from the client; a frame begins with ``#`` and ends with CR.
            now: Lab time in s.
        """
        self._lines.put(data)
        for frame in iter(self._lines.take, None):
            answer = self._tec.answer(frame[max(frame.rfind(b"#"), 0) :], now)
            if answer:
                self._outbox.put(now + self._tec.specification.reply_time, answer)
        if lost := self._lines.overflow():
            self._tec.complaints.append(f"{lost[:20]!r}...: {len(lost)} bytes without CR")
        return self._outbox.take(now)

    def due(self) -> float | None:
        """Return the lab time in s of the next answer, None if there is none to come."""
        return self._outbox.due()

    def close(self) -> None:
        """Leave the line."""


def checksum(data: bytes) -> bytes:
    """Return the checksum of a frame: CRC-16/XMODEM (polynomial 1021h, from 0) as four capital hex digits.

    Example:
        >>> checksum(b"#0215AB?VR03E801")
        b'34D8'
    """
    remainder = 0
    for byte in data:
        remainder ^= byte << 8
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x1021 if remainder & 0x8000 else 0)
        remainder &= 0xFFFF
    return b"%04X" % remainder


def pack(value: int | float) -> str:
    """Write a parameter as eight hex digits: 32 bits, a signed integer or an IEEE float.

    Example:
        >>> pack(25.0), pack(2)
        ('41C80000', '00000002')
    """
    return struct.pack(">f" if isinstance(value, float) else ">i", value).hex().upper()
