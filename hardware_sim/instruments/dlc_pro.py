r"""A simulated TOPTICA DLC pro, the controller of one or two diode lasers.

The instrument itself is its command line, TCP port 1998 of the real controller. The monitoring line, port
1999, is `SimulatedDlcPro.stream`: serve both.

Source: names and types of its parameters as TOPTICA's Python client (toptica-lasersdk 3.3.0) has them.
ASSUMED: passwords, and what key and button do after a loss of power (light only after the button was
pressed).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from hardware_sim.instruments.decop_syntax import DecopError, ErrorCode, Value
from hardware_sim.instruments.dlc_command_line import CommandLine
from hardware_sim.instruments.dlc_laser import DiodeLaser, DiodeLaserSpecification
from hardware_sim.instruments.dlc_monitor import MonitoringLine
from hardware_sim.instruments.dlc_parameters import SYSTEM, UserLevel
from hardware_sim.instruments.errors import InstrumentSetupError
from hardware_sim.instruments.instrument import Instrument

LASER_FAULTS = ("mode hop", "unlock", "rail")
LASER_KNOBS = {"current": "dl:cc:current-set", "piezo": "dl:pc:voltage-set", "temperature": "dl:tc:temp-set"}
HEALTH_INTERLOCK = 1  # bit of system-health; ASSUMED


@dataclass(frozen=True, slots=True)
class DlcProSpecification:
    """One controller as it was delivered.

    Attributes:
        lasers: One or two lasers.
        serial_number: Reply to ``serial-number``.
        firmware: Reply to ``fw-ver``.
        label: First ``system-label``.
        boot_time: From power-on to the first answer in s. ASSUMED.
        running: Whether its lasers were left lit and locked, as those of a lab are; else cold and dark.
        passwords: By user level; normal and read-only need none. ASSUMED.
        epoch: The date at lab time 0, for the monitoring line.
    """

    lasers: tuple[DiodeLaserSpecification, ...] = (
        DiodeLaserSpecification("866 nm"),
        DiodeLaserSpecification("854 nm"),
    )
    serial_number: str = "DLC PRO_012345"
    firmware: str = "3.2.0"
    label: str = "repumpers"
    boot_time: float = 40.0
    running: bool = True
    passwords: dict[UserLevel, str] = field(
        default_factory=lambda: {UserLevel.MAINTENANCE: "CAUTION", UserLevel.SERVICE: "SERVICE"}
    )
    epoch: datetime = datetime(2026, 1, 1, tzinfo=UTC)


class SimulatedDlcPro(Instrument):
    r"""A controller that speaks DeCoF; serve it and its `stream` with `serve_tcp`.

    Attributes:
        specification: The controller as delivered.
        stream: The monitoring line, an endpoint of its own.

    Example:
        >>> dlc = SimulatedDlcPro()
        >>> line = dlc.connect()
        >>> line.receive(b"(param-ref 'laser1:dl:pc:voltage-set)\n", now=0.0)
        b'Welcome to DLC pro DeCoF Command Line\r\n> 70.0\r\n> '
        >>> dlc.frequency(1, now=0.0), dlc.locked(1, now=0.0)
        (0.0, True)
    """

    KNOBS: ClassVar[tuple[str, ...]] = (
        "key",
        "emission button",
        "interlock",
        *(f"laser{index} {knob}" for index in (1, 2) for knob in LASER_KNOBS),
    )
    """The key (true: turned on), the emission button (true: light), the interlock (true: closed), and
    settings of a laser in mA, V and degC."""
    FAULTS: ClassVar[tuple[str, ...]] = (
        "interlock",
        *LASER_FAULTS,
        *(f"laser{index} {fault}" for index in (1, 2) for fault in LASER_FAULTS),
    )
    """Those that name no laser befall laser 1; an interlock that opens, both."""
    REFUSAL: ClassVar[type[Exception]] = DecopError
    tcp_resource = "TCPIP::{host}::{port}::SOCKET"
    loses_link = True

    def __init__(self, specification: DlcProSpecification | None = None) -> None:
        """Build the controller, switched on, with its lasers running or cold as the specification says.

        Args:
            specification: The controller as delivered; one with two DL pro if None.

        Raises:
            InstrumentSetupError: If it has no laser, or more than two.
        """
        self.specification = specification or DlcProSpecification()
        if len(self.specification.lasers) not in (1, 2):
            raise InstrumentSetupError(
                "lasers", len(self.specification.lasers), "1 or 2", "take two controllers"
            )
        super().__init__(self.specification.boot_time)
        self.stream = MonitoringLine(self)
        self._lasers = tuple(DiodeLaser(each) for each in self.specification.lasers)
        self._key, self._interlock_closed = True, True
        self._button = self.specification.running
        self._standby = False
        self._label = self.specification.label
        self._booted_at = 0.0
        self._parameters = {each.name: each for each in SYSTEM}
        self._readings = self._make_readings()
        if self.specification.running:
            for laser in self._lasers:
                laser.start_running()
        else:
            self._warm_up(-math.inf)

    # What the lab sees.

    def frequency(self, laser: int, now: float) -> float:
        """Return the optical frequency of a laser relative to its nominal one.

        Args:
            laser: 1 or 2.
            now: Lab time in s.

        Returns:
            Offset in Hz, exactly 0 for a laser that was locked when the simulation began and still is; a free
            one wanders. In the dark, that of the light it would give.
        """
        with self.lock:
            return self._laser(laser).frequency(now)

    def power(self, laser: int, now: float) -> float:
        """Return the power of a laser's diode in W at lab time ``now`` (s)."""
        with self.lock:
            return self._laser(laser).power(now)

    def piezo_voltage(self, laser: int, now: float) -> float:
        """Return the voltage on a laser's piezo in V at lab time ``now`` (s)."""
        with self.lock:
            return self._laser(laser).piezo_voltage(now)

    def current(self, laser: int, now: float) -> float:
        """Return the current through a laser's diode in A at lab time ``now`` (s)."""
        with self.lock:
            return self._laser(laser).current(now)

    def temperature(self, laser: int, now: float) -> float:
        """Return the temperature of a laser's head in degC at lab time ``now`` (s)."""
        with self.lock:
            return self._laser(laser).temperature(now)

    def locked(self, laser: int, now: float) -> bool:
        """Return whether a laser truly is on its line at lab time ``now`` (s), whatever it says."""
        with self.lock:
            self._laser(laser).advance(now)
            return self._laser(laser).lock.holds

    def single_mode(self, laser: int, now: float) -> bool:
        """Return whether a laser runs in a single mode at lab time ``now`` (s)."""
        with self.lock:
            return self._laser(laser).single_mode(now)

    def emission(self, laser: int) -> bool:
        """Return whether a laser's current is on."""
        with self.lock:
            return self._laser(laser).emits()

    # What people and accidents do.

    def _turn(self, knob: str, value: float | bool | str, now: float) -> None:
        if knob == "key":
            self._key = bool(value)
        elif knob == "emission button":
            self._button = bool(value) and self._interlock_closed and self._key
        elif knob == "interlock":
            self._interlock_closed = bool(value)
        else:
            index, _, setting = knob.partition(" ")
            self._laser(int(index[-1])).write(LASER_KNOBS[setting], float(value), UserLevel.NORMAL, now)
        self._permit(now)

    def _suffer(self, fault: str, now: float) -> None:
        if fault == "interlock":
            self._turn("interlock", False, now)
            return
        index = int(fault[5]) if fault.startswith("laser") else 1
        self._laser(index).provoke(fault.removeprefix(f"laser{index} "), now)

    def switch_off(self, now: float) -> None:
        """Cut the power at lab time ``now`` (s): the light goes, locks open."""
        with self.lock:
            self.powered = False
            for laser in self._lasers:
                laser.lose_power(now)

    def switch_on(self, now: float) -> None:
        """Finish booting at lab time ``now`` (s) with saved settings, dark until the button is pressed."""
        with self.lock:
            self.powered, self._booted_at = True, now
            self._button = self._standby = False
            self._label = self.specification.label
            self.stream.forget()
            self._warm_up(now)

    # What clients see and do.

    def connect(self) -> CommandLine:
        """Accept a client of the command line; all clients share the state, each has its own user level."""
        return CommandLine(self)

    def read(self, name: str, now: float, level: UserLevel = UserLevel.NORMAL) -> Value:
        """Return the value of a parameter, for a client of a user level.

        Raises:
            DecopError: If there is none of that name.
        """
        index, _, rest = name.partition(":")
        if rest and index in self._laser_names():
            return self._lasers[self._laser_names().index(index)].read(rest, now)
        if name not in self._readings:
            raise DecopError(ErrorCode.INVALID_PARAMETER, name)
        return int(level) if name == "ul" else self._readings[name](now)

    def write(self, name: str, value: Value, level: UserLevel, now: float) -> int:
        """Set a parameter and return 0 or a warning.

        Raises:
            DecopError: If there is none of that name, or it cannot have that value.
        """
        index, _, rest = name.partition(":")
        if rest and index in self._laser_names():
            return self._lasers[self._laser_names().index(index)].write(rest, value, level, now)
        if name not in self._parameters:
            raise DecopError(ErrorCode.INVALID_PARAMETER, name)
        parameter = self._parameters[name]
        if not parameter.writable:
            raise DecopError(ErrorCode.ACCESS_DENIED, f"{name} can only be read")
        if level > parameter.level:
            raise DecopError(ErrorCode.INVALID_USER_LEVEL, f"{name} needs {parameter.level.name}")
        value = parameter.check_type(value)
        if name == "system-label":
            self._label = str(value)
        elif name == "standby:enabled":
            self._standby = bool(value)
        else:
            self._button = bool(value) and self._interlock_closed and self._key
        self._permit(now)
        return 0

    def execute(self, command: str, arguments: tuple[Value, ...], now: float) -> str:
        """Obey a command of a laser and return what the controller says.

        Raises:
            DecopError: If there is no such command, or not now, or not with these arguments.
        """
        index, _, rest = command.partition(":")
        if index not in self._laser_names():
            raise DecopError(ErrorCode.UNKNOWN_OPERATION, command)
        return self._lasers[self._laser_names().index(index)].execute(rest, arguments, now)

    def names(self) -> list[str]:
        """Return the names of all parameters."""
        of_lasers = [
            f"{index}:{name}"
            for index, laser in zip(self._laser_names(), self._lasers, strict=True)
            for name in laser.parameters
        ]
        return [*self._parameters, *of_lasers]

    def complain(self, error: DecopError) -> str:
        """Remember an error that a client is told, and return its text."""
        self.complaints.append(str(error))
        return str(error)

    def change_level(self, present: UserLevel, arguments: tuple[Value, ...]) -> UserLevel:
        """Return a client's user level after ``change-ul``: the old one if the password is wrong.

        Raises:
            DecopError: If there is no such level.
        """
        level, password = (*arguments, "")[:2] if arguments else (None, "")
        if isinstance(level, bool) or not isinstance(level, int) or level not in list(UserLevel):
            raise DecopError(ErrorCode.INVALID_VALUE, "change-ul takes a level of 0 to 4 and a password")
        wanted = UserLevel(level)
        free = wanted >= UserLevel.NORMAL
        return wanted if free or self.specification.passwords.get(wanted) == password else present

    def _laser(self, index: int) -> DiodeLaser:
        if not 1 <= index <= len(self._lasers):
            allowed = f"1 to {len(self._lasers)}"
            raise InstrumentSetupError("laser", index, allowed, "give the controller another laser")
        return self._lasers[index - 1]

    def _laser_names(self) -> list[str]:
        return [f"laser{index}" for index in range(1, len(self._lasers) + 1)]

    def _warm_up(self, now: float) -> None:
        for laser in self._lasers:
            laser.regain_power(now)
        self._permit(now)

    def _permit(self, now: float) -> None:
        """Give or take the light; an interlock or key that opens releases the button."""
        self._button = self._button and self._key and self._interlock_closed
        for laser in self._lasers:
            laser.permitted = self.powered and self._button and not self._standby
            if not math.isinf(now):
                laser.advance(now)

    def _make_readings(self) -> dict[str, Callable[[float], Value]]:
        system = self.specification
        return {
            "serial-number": lambda now: system.serial_number,
            "system-type": lambda now: "DLC pro",
            "fw-ver": lambda now: system.firmware,
            "system-label": lambda now: self._label,
            "uptime": lambda now: int(now - self._booted_at),
            "system-health": lambda now: 0 if self._interlock_closed else HEALTH_INTERLOCK,
            "system-health-txt": lambda now: "Ok" if self._interlock_closed else "Interlock open",
            "system-messages:count-new": lambda now: int(not self._interlock_closed),
            "emission": lambda now: any(laser.emits() for laser in self._lasers),
            "interlock-open": lambda now: not self._interlock_closed,
            "frontkey-locked": lambda now: not self._key,
            "emission-button-enabled": lambda now: self._button,
            "standby:enabled": lambda now: self._standby,
            "standby:state": lambda now: int(self._standby),
            "net-conf:cmd-port": lambda now: 1998,
            "net-conf:mon-port": lambda now: 1999,
            "ul": lambda now: int(UserLevel.NORMAL),
        }
