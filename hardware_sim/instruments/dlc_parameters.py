"""The parameters of a TOPTICA DLC pro: names, types, who may write them, their ranges and first values.

Names and types are those of firmware 3.2.0 as TOPTICA's Python client (toptica-lasersdk 3.3.0) has them;
first values, ranges and user levels are ASSUMED. Units are the controller's own: mA, V, degC, Hz, mW.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TypeAlias

from hardware_sim.instruments.decop_syntax import DecopError, ErrorCode, Value

Bound: TypeAlias = float | str


class UserLevel(IntEnum):
    """What a client may do; the lower, the more (toptica-lasersdk)."""

    INTERNAL = 0
    SERVICE = 1
    MAINTENANCE = 2
    NORMAL = 3
    READ_ONLY = 4


class Channel(IntEnum):
    """Signal channels that a scan or a servo can drive (toptica-lasersdk)."""

    OUTPUT_A = 20
    OUTPUT_B = 21
    PIEZO = 50
    CURRENT = 51
    TEMPERATURE = 56


class Settings(dict[str, Value]):
    """Values by name, with the type that the reader knows them to have.

    Example:
        >>> Settings({"scan:amplitude": 4.0}).real("scan:amplitude")
        4.0
    """

    def real(self, name: str) -> float:
        """Return a number."""
        value = self[name]
        if not isinstance(value, float | int):
            raise TypeError(f"{name} is no number")
        return float(value)

    def on(self, name: str) -> bool:
        """Return whether a switch is on."""
        return self[name] is True


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter.

    Attributes:
        name: Full name, parts joined by colons.
        kind: Type of its value.
        first: Value as delivered; None if it is measured or otherwise worked out.
        writable: Whether clients may set it at all.
        lowest: Smallest value, or the name of the parameter that holds it.
        highest: Largest value, or the name of the parameter that holds it.
        level: User level that is needed to set it.
        clips: Whether a value out of range is clipped with a warning, not refused.
    """

    name: str
    kind: type[bool | int | float | str]
    first: Value | None = None
    writable: bool = False
    lowest: Bound = -math.inf
    highest: Bound = math.inf
    level: UserLevel = UserLevel.NORMAL
    clips: bool = False

    def under(self, prefix: str) -> Parameter:
        """Return the same parameter of a part of the system, with its bounds in that part."""
        low, high = (
            f"{prefix}:{bound}" if isinstance(bound, str) else bound for bound in (self.lowest, self.highest)
        )
        return replace(self, name=f"{prefix}:{self.name}", lowest=low, highest=high)

    def check_type(self, value: Value) -> Value:
        """Return a value in the parameter's type; integers are taken for reals.

        Raises:
            DecopError: If it has another type, or is no number that a device can hold.
        """
        if self.kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not self.kind:
            raise DecopError(ErrorCode.WRONG_TYPE, self.name)
        if isinstance(value, float) and not math.isfinite(value):
            raise DecopError(ErrorCode.INVALID_VALUE, self.name)
        return value


def measured(kind: type[bool | int | float | str], *names: str) -> Iterator[Parameter]:
    """Make parameters whose values are worked out when they are asked for."""
    return (Parameter(name, kind) for name in names)


def switch(name: str, first: bool = False, level: UserLevel = UserLevel.NORMAL) -> Parameter:
    """Make a boolean that clients set."""
    return Parameter(name, bool, first, writable=True, level=level)


def number(
    name: str,
    first: float,
    lowest: Bound = -math.inf,
    highest: Bound = math.inf,
    level: UserLevel = UserLevel.NORMAL,
    clips: bool = False,
) -> Parameter:
    """Make a real, or if ``first`` is an integer an integer, that clients set."""
    return Parameter(name, type(first), first, True, lowest, highest, level, clips)


def within(prefix: str, parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Return parameters as those of a part of the system."""
    return tuple(each.under(prefix) for each in parameters)


def current_driver(current: float, clip: float, limit: float, feed_forward: float) -> tuple[Parameter, ...]:
    """Return the parameters of a current driver; arguments in mA, feed-forward in mA/V."""
    return (
        switch("enabled", True),
        *measured(bool, "emission"),
        number("current-set", current, 0.0, "current-clip"),
        *measured(float, "current-act", "voltage-act"),
        number("current-offset", 0.0, -limit, limit),
        number("current-clip", clip, 0.0, "current-clip-limit"),
        Parameter("current-clip-limit", float, limit),
        number("voltage-clip", 3.0, 0.0, 10.0, UserLevel.MAINTENANCE),
        switch("feedforward-enabled", feed_forward != 0.0),
        number("feedforward-factor", feed_forward, -10.0, 10.0),
        *measured(int, "status"),
        *measured(str, "status-txt"),
        switch("forced-off"),
    )


def temperature_controller(temperature: float) -> tuple[Parameter, ...]:
    """Return the parameters of a temperature controller; argument in degC."""
    return (
        switch("enabled", True),
        number("temp-set", temperature, "temp-set-min", "temp-set-max"),
        *measured(float, "temp-act", "current-act"),
        *measured(bool, "ready", "fault"),
        *measured(str, "status-txt"),
        number("temp-set-min", 15.0, 0.0, 60.0, UserLevel.MAINTENANCE),
        number("temp-set-max", 40.0, 0.0, 60.0, UserLevel.MAINTENANCE),
        switch("temp-roc-enabled"),
        number("temp-roc-limit", 0.1, 0.001, 10.0),
        switch("t-loop:on", True),
        number("t-loop:p-gain", 30.0, 0.0, 1000.0),
        number("t-loop:i-gain", 5.0, 0.0, 1000.0),
        number("t-loop:d-gain", 20.0, 0.0, 1000.0),
        number("t-loop:ok-tolerance", 0.05, 0.001, 10.0),
        number("t-loop:ok-time", 1.0, 0.0, 1000.0),
    )


def piezo_driver(voltage: float) -> tuple[Parameter, ...]:
    """Return the parameters of a piezo driver; argument in V."""
    return (
        switch("enabled", True),
        number("voltage-set", voltage, "voltage-min", "voltage-max"),
        *measured(float, "voltage-act", "heatsink-temp"),
        number("voltage-min", 0.0, -1.0, 140.0, UserLevel.MAINTENANCE),
        number("voltage-max", 140.0, -1.0, 140.0, UserLevel.MAINTENANCE),
        *measured(str, "status-txt"),
        number("external-input:signal", 0, -3, 5),
        number("external-input:factor", 0.0, -140.0, 140.0),
        switch("external-input:enabled"),
    )


def servo(enabled: bool) -> tuple[Parameter, ...]:
    """Return the parameters of one of the two PID servos of a lock."""
    return (
        switch("enabled", enabled),
        number("gain:all", 1.0, 0.0, 1000.0),
        number("gain:p", 0.0, 0.0, 1e4),
        number("gain:i", 100.0, 0.0, 1e6),
        number("gain:d", 0.0, 0.0, 1e4),
        switch("sign", True),
        number("setpoint", 0.0, -10.0, 10.0),
        number("input-channel", 0, -3, 5),
        number("output-channel", int(Channel.PIEZO), 0, 88),
        switch("hold"),
        *measured(bool, "lock-state", "regulating-state"),
    )


LOCK = (
    number("type", 1, 0, 3),
    *measured(int, "state"),
    *measured(str, "state-txt"),
    Parameter("lock-enabled", bool, None, writable=True),
    switch("hold"),
    number("setpoint", 0.0, -10.0, 10.0),
    number("pid-selection", 1, 0, 3),
    switch("window:enabled", True),
    number("window:input-channel", 0, -3, 5),
    number("window:level-low", -10.0, -10.0, 10.0),
    number("window:level-high", 10.0, -10.0, 10.0),
    number("window:level-hysteresis", 0.01, 0.0, 10.0),
    switch("relock:enabled"),
    number("relock:frequency", 10.0, 0.02, 1000.0),
    number("relock:amplitude", 2.0, 0.0, 140.0),
    number("relock:delay", 0.1, 0.0, 60.0),
    number("relock:output-channel", int(Channel.PIEZO), 0, 88),
    switch("reset:enabled"),
    *within("pid1", servo(enabled=True)),
    *within("pid2", servo(enabled=False)),
    switch("lockin:modulation-enabled"),
    number("lockin:frequency", 5e3, 0.1, 1e6),
    number("lockin:amplitude", 0.01, 0.0, 10.0),
    number("lockin:phase-shift", 0.0, -360.0, 360.0),
)

SCAN = (
    switch("enabled"),
    switch("hold"),
    number("signal-type", 1, 0, 2),
    number("frequency", 10.0, 0.02, 400.0, clips=True),
    number("amplitude", 4.0, 0.0, 140.0, clips=True),
    number("offset", 70.0, -10.0, 1000.0, clips=True),
    Parameter("start", float, None, writable=True),
    Parameter("end", float, None, writable=True),
    number("output-channel", int(Channel.PIEZO), 0, 88),
    *measured(str, "unit"),
)

AMPLIFIER = (
    *within("cc", current_driver(current=1500.0, clip=2500.0, limit=3000.0, feed_forward=0.0)),
    *measured(float, "pd:seed:power", "pd:amp:power", "pd:fiber:power"),
)

SYSTEM = (
    *measured(str, "serial-number", "system-type", "fw-ver", "system-health-txt"),
    Parameter("system-label", str, None, writable=True),
    *measured(int, "uptime", "system-health", "system-messages:count-new", "standby:state", "ul"),
    *measured(bool, "emission", "interlock-open", "frontkey-locked"),
    Parameter("emission-button-enabled", bool, None, writable=True),
    Parameter("standby:enabled", bool, None, writable=True),
    *measured(int, "net-conf:cmd-port", "net-conf:mon-port"),
)


def laser_parameters(
    current: float, voltage: float, temperature: float, feed_forward: float, amplifier: bool
) -> tuple[Parameter, ...]:
    """Return the parameters of one laser.

    Args:
        current: Of the diode in mA.
        voltage: Of the piezo in V.
        temperature: Of the head in degC.
        feed_forward: From piezo to current in mA/V.
        amplifier: Whether a tapered amplifier follows the diode.
    """
    scan = tuple(replace(each, first=voltage) if each.name == "offset" else each for each in SCAN)
    return (
        *measured(str, "type", "health-txt"),
        Parameter("label", str, None, writable=True),
        *measured(bool, "emission", "busy"),
        switch("enabled", True),
        *measured(int, "health"),
        *within("dl:cc", current_driver(current, clip=200.0, limit=250.0, feed_forward=feed_forward)),
        *within("dl:tc", temperature_controller(temperature)),
        *within("dl:pc", piezo_driver(voltage)),
        *within("dl:lock", LOCK),
        *within("scan", scan),
        *(within("amp", AMPLIFIER) if amplifier else ()),
    )
