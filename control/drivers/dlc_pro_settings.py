"""What can be read and set at a DLC pro, and where its tree of parameters has it.

Source:
    Parameter tree of toptica-lasersdk 3.3 (dlcpro v3.2.0); lock states from oxart's driver.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from control.device.settings import Evidence, Setting

LASERS = ("laser1", "laser2")
LOCK_STATES = (
    "idle",
    "scanning",
    "selecting",
    "selected",
    "locking",
    "locked",
    "hold",
    "resetting",
    "reset",
    "relocking",
)
"""By the number that the controller gives them."""

UPTIME = "uptime"  # s, whole; it begins anew when the controller does
INTERLOCK = "interlock-open"
FRONT_KEY = "frontkey-locked"
PUSH_SECONDS = 0.1  # between two pushes of a value: fast enough for people, slow enough for ten clients


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the controller's tree.

    Attributes:
        name: its path.
        unit: what one of its units is in the unit of the setting.
    """

    name: str
    unit: float = 1.0


def _pair(
    laser: str,
    name: str,
    path: str,
    doc: str,
    unit: str = "",
    low: float = 0.0,
    high: float = 1.0,
    tolerance: float = 1e-3,
    *,
    scale: float = 1.0,
    writable: bool = True,
    key: bool = False,
    guards: tuple[str, ...] = (),
) -> tuple[Setting, Parameter]:
    """Return a setting of a laser, a switch if it has no unit, and the parameter behind it."""
    number = (low, high, tolerance) if unit else (-math.inf, math.inf, 0.0)
    setting = Setting(
        f"{laser}_{name}",
        unit,
        doc,
        *number,
        writable=writable,
        switch=not unit,
        key=key,
        guards=guards,
        evidence=Evidence.CLIENT,
    )
    return setting, Parameter(f"{laser}:{path}", scale)


def _laser_settings(laser: str) -> Iterator[tuple[Setting, Parameter]]:
    """Yield what can be read and set of a laser, and where the controller has it."""
    # 5 A is the largest current module, 140 V the highest piezo driver; the controller knows this laser's
    ampere, volt, celsius = ("A", 0.0, 5.0, 1e-6), ("V", 0.0, 140.0, 1e-3), ("degC", 0.0, 80.0, 1e-3)
    through = (f"{laser}_current",)
    yield _pair(laser, "enabled", "dl:cc:enabled", "current through the diode, on or off", guards=through)
    yield _pair(laser, "emission", "emission", "whether it emits", writable=False, key=True)
    yield _pair(laser, "current", "dl:cc:current-set", "through the diode", *ampere, scale=1e-3)
    yield _pair(
        laser,
        "current_actual",
        "dl:cc:current-act",
        "measured through the diode",
        *ampere,
        scale=1e-3,
        writable=False,
    )
    yield _pair(
        laser,
        "current_clip",
        "dl:cc:current-clip",
        "the most that the diode may get",
        *ampere,
        scale=1e-3,
        writable=False,
    )
    yield _pair(laser, "temperature", "dl:tc:temp-set", "of the diode", *celsius)
    yield _pair(
        laser, "temperature_actual", "dl:tc:temp-act", "measured at the diode", *celsius, writable=False
    )
    yield _pair(laser, "piezo_voltage", "dl:pc:voltage-set", "at the piezo of the grating", *volt)
    yield _pair(
        laser, "piezo_voltage_actual", "dl:pc:voltage-act", "measured at the piezo", *volt, writable=False
    )
    yield _pair(laser, "feedforward", "dl:cc:feedforward-enabled", "whether the current follows the piezo")
    yield _pair(
        laser,
        "feedforward_factor",
        "dl:cc:feedforward-factor",
        "by which the current follows the piezo",
        *("A/V", -0.01, 0.01, 1e-7),
        scale=1e-3,
    )
    yield _pair(laser, "scan", "scan:enabled", "whether the scan generator runs")
    yield _pair(laser, "scan_frequency", "scan:frequency", "of the scan", "Hz", 0.02, 400.0, 1e-3)
    state = Setting(
        f"{laser}_lock_state",
        "",
        "what the lock does",
        choices=LOCK_STATES,
        writable=False,
        key=True,
        evidence=Evidence.CLIENT,
    )
    yield state, Parameter(f"{laser}:dl:lock:state")


def _controller_settings() -> Iterator[tuple[Setting, Parameter]]:
    for name, path, doc in (
        ("interlock_open", INTERLOCK, "whether the interlock keeps the lasers dark"),
        ("front_key_locked", FRONT_KEY, "whether the key at the front keeps the lasers dark"),
    ):
        setting = Setting(name, "", doc, switch=True, writable=False, evidence=Evidence.CLIENT)
        yield setting, Parameter(path)
    health = Setting(
        "health",
        "",
        "what the controller says of itself",
        text=True,
        writable=False,
        evidence=Evidence.CLIENT,
    )
    yield health, Parameter("system-health-txt")


PAIRS = (*_controller_settings(), *(pair for laser in LASERS for pair in _laser_settings(laser)))
PARAMETERS: Mapping[str, Parameter] = {setting.name: parameter for setting, parameter in PAIRS}
PUSHED: Mapping[str, float] = {
    UPTIME: PUSH_SECONDS,
    **{PARAMETERS[setting.name].name: PUSH_SECONDS for setting, _ in PAIRS if not setting.writable},
}
"""Parameter -> seconds between two pushes at least."""
