"""A simulated Agilent IPCMini, the supply of an ion pump, and its bigger sister 4UHV with up to four pumps.

The current of an ion pump is its pressure gauge: current over sensitivity is the pressure that the controller
shows, leakage included. Software may write only while the front panel is not in charge.

Source: Agilent 4UHV manual 87-900-137, pp. 73 to 75 (window protocol); windows and their ranges as published
clients (agilent-vacuum, oxart) use them. Windows of the channels 2 to 4, and the numbers of
`IonPumpSpecification`, are ASSUMED.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Final, TypeAlias

from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.shared_line import SharedLine
from hardware_sim.instruments.window_messages import WindowReader, WindowRequest, answer

Pressure: TypeAlias = Callable[[float], float]

PASCALS: Final = (133.322, 100.0, 1.0)  # Torr, mbar and pascal: the units of window 600
CHANNELS: Final = 4
MODES: Final = ("serial", "remote", "local", "lan")
WRITABLE_MODES: Final = (0, 3)
# Windows that say how the controller behaves, and the highest numbers that they take.
MODE, ADDRESS, ON_BUS, UNIT, AUTOSTART, PROTECT = 8, 503, 504, 600, 601, 602
HIGHEST: Final = {MODE: 3, 108: 4, ADDRESS: 31, UNIT: 2}
STOPPED, RUNNING, FAILED = 0, 5, 6  # status, window 205
SMALLEST_CURRENT: Final = 1e-10  # A; the range of window 811 begins here
MICROAMPERE: Final = 1e-6  # A; unit of the protection current, window 614


class Code(IntEnum):
    """Single-character answers (manual p. 75)."""

    DONE = 0x06
    FAILED = 0x15
    UNKNOWN_WINDOW = 0x32
    WRONG_TYPE = 0x33
    OUT_OF_RANGE = 0x34
    DISABLED = 0x35


class PumpFault(IntEnum):
    """Error bits of window 206."""

    OVER_TEMPERATURE = 0x04
    INTERLOCK = 0x20
    SHORT_CIRCUIT = 0x40
    PROTECTION = 0x80


FAULT_BITS: Final = {
    "interlock": PumpFault.INTERLOCK,
    "short circuit": PumpFault.SHORT_CIRCUIT,
    "over-temperature": PumpFault.OVER_TEMPERATURE,
    "current trip": PumpFault.PROTECTION,
}
OVERHEATED: Final = 85.0  # degC, shown while the controller is too hot; ASSUMED


@dataclass(frozen=True, slots=True)
class IonPumpSpecification:
    """One controller with its pumps, as the lab left it.

    Attributes:
        model: Reply of window 319.
        serial_number: Reply of window 323.
        address: On an RS-485 bus, 0 to 31; on a line of its own every controller is number 0.
        bus: Whether it is on an RS-485 bus.
        sensitivity: Current over pressure in A/Pa at full voltage; a small diode pump.
        leakage: Current without gas in A, which looks like pressure.
        rise_time: Of the voltage from 0 to its target in s.
        temperature: Of the controller in degC.
        running: Whether high voltage is on at the start.
        autostart: Whether it comes back by itself after a loss of power.
        boot_time: From power-on to the first answer in s.
        tells_bad_checksum: Whether a frame with a wrong checksum is answered, as failed.
    """

    model: str = "IPCMini"
    serial_number: str = "IT2310L021"
    address: int = 1
    bus: bool = False
    sensitivity: float = 0.1
    leakage: float = 0.0
    rise_time: float = 5.0
    temperature: float = 31.0
    running: bool = True
    autostart: bool = False
    boot_time: float = 5.0
    tells_bad_checksum: bool = True


@dataclass(frozen=True, slots=True)
class Supply:
    """The state of one pump's high voltage.

    Attributes:
        on: Whether it is wanted.
        since: Lab time in s at which it was switched on.
        target: Voltage in V.
        protection: Current in A above which it switches off, where that is enabled.
        device: Number of the kind of pump.
        power: Largest power in W.
        threshold: Set point of the relay in the unit of window 600.
        fault: What made it fail, a bit of window 206.
    """

    on: bool = False
    since: float = -math.inf
    target: int = 7000
    protection: float = 10e-3
    device: int = 5
    power: int = 40
    threshold: float = 1e-8
    fault: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """One window: how it is written and read.

    Attributes:
        pattern: What its data look like when they are written.
        read: Gives its data at a lab time (s).
        write: Obeys its data at a lab time (s), False if they are out of range; None if it is read-only.
        locked: Whether it cannot be written while the front panel is in charge.
    """

    pattern: re.Pattern[str]
    read: Callable[[float], str]
    write: Callable[[str, float], bool] | None = None
    locked: bool = True


LOGIC = re.compile("[01]")
NUMBER = re.compile("[0-9]{6}")
EXPONENT = re.compile("[0-9][.][0-9]E[+-]?[0-9]{2}")
TEXT = re.compile("[ -~]{0,10}")


class SimulatedIonPump(SharedLine):
    r"""A controller with one to four ion pumps; serve it with `serve_pty` or `serve_tcp`.

    Attributes:
        specification: What it is.

    Example:
        >>> pump = SimulatedIonPump(lambda now: 2.1e-8)
        >>> pump.connect().receive(b"\x02\x808120\x0388", now=0.0)
        b'\x02\x8081202.1E-10\x03CC'
        >>> pump.current(0.0)
        2.1e-09
    """

    KNOBS: ClassVar[tuple[str, ...]] = ("mode", "high voltage", "interlock")
    """One of `MODES`; whether all pumps are on; whether the high-voltage cables are in."""
    FAULTS: ClassVar[tuple[str, ...]] = tuple(FAULT_BITS)
    """``interlock`` pulls the high-voltage cables, the knob puts them in again; the others are what the
    controller believes to see at all pumps. Switching high voltage off and on again clears them."""
    loses_link = False  # the serial adapter is fed by the computer

    def __init__(self, *pressures: Pressure, specification: IonPumpSpecification | None = None) -> None:
        """Switch the controller on.

        Args:
            pressures: Pressure in Pa at each pump at a lab time in s; one pump at 2e-8 Pa if there are none.
            specification: What it is; an IPCMini if None, a 4UHV if there are several pumps.

        Raises:
            InstrumentSetupError: If there are more pumps than a controller can have.
        """
        if len(pressures) > CHANNELS:
            raise InstrumentSetupError("pumps", len(pressures), f"1 to {CHANNELS}", "use a second controller")
        self._pressures = pressures or (lambda now: 2e-8,)
        several = IonPumpSpecification(model="4UHV") if len(self._pressures) > 1 else IonPumpSpecification()
        self.specification = specification or several
        super().__init__(self.specification.boot_time)
        self._reader = WindowReader()
        self._label = "TRAP"
        self._switches = {
            ON_BUS: self.specification.bus,
            AUTOSTART: self.specification.autostart,
            PROTECT: True,
            603: False,
        }
        self._numbers = {MODE: 0, 108: 1, ADDRESS: self.specification.address, UNIT: 1}
        self._cable = True
        # Replaced as a whole, never changed: the lab world reads it from another thread.
        self._supplies = tuple(Supply(on=self.specification.running) for _ in self._pressures)
        self._windows = self._controller_windows()
        for channel in range(1, len(self._pressures) + 1):
            self._windows |= self._pump_windows(channel)

    def voltage(self, now: float, channel: int = 1) -> float:
        """Return the voltage at a pump in V at lab time ``now`` (s)."""
        supply = self._supplies[channel - 1]
        if not (self.powered and supply.on):
            return 0.0
        rise = min(max((now - supply.since) / self.specification.rise_time, 0.0), 1.0)
        full = self._full_current(now, channel)
        # The supply gives no more than its power: V * full * V / target.
        most = math.sqrt(supply.power * supply.target / full) if full else math.inf
        return min(supply.target * rise, most)

    def current(self, now: float, channel: int = 1) -> float:
        """Return the current of a pump in A at lab time ``now`` (s); it falls with the voltage."""
        supply = self._supplies[channel - 1]
        return self._full_current(now, channel) * self.voltage(now, channel) / supply.target

    def pumping(self, channel: int = 1) -> bool:
        """Return whether high voltage is on."""
        return self.powered and self._supplies[channel - 1].on

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s)."""
        super().switch_off(now)
        self._reader.restart()

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s): high voltage is off unless autostart brings it back."""
        super().switch_on(now)
        again = self._switches[AUTOSTART]
        self._supplies = tuple(
            replace(supply, on=supply.on and again, since=now, fault=0) for supply in self._supplies
        )

    def due(self) -> float | None:
        """Return None: the controller speaks only when it is asked."""
        return None

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        if knob == "mode":
            if value not in MODES:
                raise InstrumentSetupError.choice(knob, value, MODES)
            self._numbers[MODE] = MODES.index(str(value))
        elif knob == "high voltage":
            for channel in range(1, len(self._supplies) + 1):
                self._switch(channel, bool(value), now)
        else:
            self._cable = bool(value)
            if not self._cable:
                self._fail_all(PumpFault.INTERLOCK)

    def _suffer(self, fault: str, now: float) -> None:
        if fault == "interlock":
            self._cable = False
        self._fail_all(FAULT_BITS[fault])

    def _converse(self, data: bytes, now: float) -> bytes:
        requests = self._reader.feed(data)
        self._protect(now)
        return b"".join(self._obey(request, now) for request in requests)

    def _obey(self, request: WindowRequest, now: float) -> bytes:
        if request.address != (self._numbers[ADDRESS] if self._switches[ON_BUS] else 0):
            return b""  # another controller on the bus is meant
        if not request.sound:
            self.complaints.append(f"window {request.window}: wrong checksum")
            return answer(request.address, chr(Code.FAILED)) if self.specification.tells_bad_checksum else b""
        window = self._windows.get(request.window)
        if window is not None and not request.write:
            return answer(request.address, f"{request.window:03}0", window.read(now))
        code = Code.UNKNOWN_WINDOW if window is None else self._write(window, request.data, now)
        if code is not Code.DONE:
            self.complaints.append(f"window {request.window}: {code.name}")
        return answer(request.address, chr(code))

    def _write(self, window: Window, data: str, now: float) -> Code:
        if window.write is None or (window.locked and self._numbers[MODE] not in WRITABLE_MODES):
            return Code.DISABLED
        if not window.pattern.fullmatch(data):
            return Code.WRONG_TYPE
        return Code.DONE if window.write(data, now) else Code.OUT_OF_RANGE

    def _full_current(self, now: float, channel: int) -> float:
        """Return the current in A that a pump would draw at its full voltage."""
        return self.specification.sensitivity * self._pressures[channel - 1](now) + self.specification.leakage

    def _shown_current(self, now: float, channel: int) -> float:
        return max(self.current(now, channel), SMALLEST_CURRENT) if self.voltage(now, channel) else 0.0

    def _shown_pressure(self, now: float, channel: int) -> float:
        """Return the pressure in the chosen unit that the controller makes of the current."""
        voltage = self.voltage(now, channel)
        if not voltage:
            return 0.0
        full = self._shown_current(now, channel) * self._supplies[channel - 1].target / voltage
        return full / self.specification.sensitivity / PASCALS[self._numbers[UNIT]]

    def _status(self, now: float) -> int:
        if any(supply.fault for supply in self._supplies):
            return FAILED
        return RUNNING if any(supply.on for supply in self._supplies) else STOPPED

    def _faults(self) -> int:
        return reduce(or_, (supply.fault for supply in self._supplies))

    def _temperature(self, now: float) -> int:
        hot = self._faults() & PumpFault.OVER_TEMPERATURE
        return round(OVERHEATED if hot else self.specification.temperature)

    def _change(self, channel: int, **changes: Any) -> None:
        supplies = list(self._supplies)
        supplies[channel - 1] = replace(supplies[channel - 1], **changes)
        self._supplies = tuple(supplies)

    def _switch(self, channel: int, on: bool, now: float) -> bool:
        """Switch high voltage; on clears what made it fail, but for a cable that is still out."""
        fault = PumpFault.INTERLOCK if on and not self._cable else 0
        if on != self._supplies[channel - 1].on or fault or not on:
            self._change(channel, on=on and not fault, since=now, fault=int(fault))
        return True

    def _fail_all(self, fault: PumpFault) -> None:
        for channel, supply in enumerate(self._supplies, start=1):
            self._change(channel, on=False, fault=supply.fault | fault)

    def _protect(self, now: float) -> None:
        """Switch off what draws too much current, where protection is enabled."""
        for channel, supply in enumerate(self._supplies, start=1):
            if self._switches[PROTECT] and self.current(now, channel) > supply.protection:
                self._change(channel, on=False, fault=int(PumpFault.PROTECTION))

    def _controller_windows(self) -> dict[int, Window]:
        kind = self.specification
        windows = {
            205: Window(NUMBER, lambda now: f"{self._status(now):06}"),
            206: Window(NUMBER, lambda now: f"{self._faults():06}"),
            319: Window(TEXT, lambda now: kind.model),
            323: Window(TEXT, lambda now: kind.serial_number),
            800: Window(NUMBER, lambda now: f"{self._temperature(now):06}"),
            801: Window(NUMBER, lambda now: f"{self._temperature(now):06}"),
            804: Window(LOGIC, lambda now: str(int(self._below_threshold(now)))),
            890: Window(TEXT, lambda now: self._label, self._set_label),
        }
        windows |= {number: self._logic(number) for number in self._switches}
        windows |= {number: self._kept_number(number, highest) for number, highest in HIGHEST.items()}
        windows[MODE] = replace(windows[MODE], locked=False)  # the way out of the other modes
        return windows

    def _pump_windows(self, channel: int) -> dict[int, Window]:
        first = 10 * (channel - 1)

        def setting(name: str, lowest: int, highest: int, unit: float = 1) -> Window:
            return self._number(
                lambda: round(getattr(self._supplies[channel - 1], name) / unit),
                lambda value: self._change(channel, **{name: value * unit}),
                lowest,
                highest,
            )

        def set_threshold(data: str, now: float) -> bool:
            self._change(channel, threshold=float(data))
            return True

        return {
            10 + channel: Window(
                LOGIC,
                lambda now: str(int(self._supplies[channel - 1].on)),
                lambda data, now: self._switch(channel, data == "1", now),
            ),
            610 + first: setting("device", 0, 20),
            612 + first: setting("power", 10, 40),
            613 + first: setting("target", 3000, 7000),
            614 + first: setting("protection", 1, 10_000, MICROAMPERE),
            615 + first: Window(
                EXPONENT, lambda now: f"{self._supplies[channel - 1].threshold:.1E}", set_threshold
            ),
            810 + first: Window(NUMBER, lambda now: f"{round(self.voltage(now, channel), -2):06.0f}"),
            811 + first: Window(EXPONENT, lambda now: f"{self._shown_current(now, channel):.1E}"),
            812 + first: Window(EXPONENT, lambda now: f"{self._shown_pressure(now, channel):.1E}"),
        }

    def _below_threshold(self, now: float) -> bool:
        return bool(self.voltage(now)) and self._shown_pressure(now, 1) < self._supplies[0].threshold

    def _logic(self, number: int) -> Window:
        def write(data: str, now: float) -> bool:
            self._switches[number] = data == "1"
            return True

        return Window(LOGIC, lambda now: str(int(self._switches[number])), write)

    def _kept_number(self, number: int, highest: int) -> Window:
        def change(value: int) -> None:
            self._numbers[number] = value

        return self._number(lambda: self._numbers[number], change, 0, highest)

    @staticmethod
    def _number(read: Callable[[], int], change: Callable[[int], None], lowest: int, highest: int) -> Window:
        def write(data: str, now: float) -> bool:
            fits = lowest <= int(data) <= highest
            if fits:
                change(int(data))
            return fits

        return Window(NUMBER, lambda now: f"{read():06}", write)

    def _set_label(self, data: str, now: float) -> bool:
        self._label = data
        return True
