"""The instruments of a setup file, checked against what their drivers declare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control.device.settings import Setting, Value, site_ranges
from control.drivers import DRIVERS, driver_class
from control.errors import ConfigError, LimitError, nearest
from control.setup.schema import InstrumentTable, decode

_PEER = re.compile(r"(?:[\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument of the setup.

    Attributes:
        name: by which points and messages call it.
        driver: which driver talks to it.
        resource: where it is; a simulated lab is asked for the address behind ``simulated:...``.
        stream: where its second line is, or None; a simulated lab knows that by itself.
        controller: host and port of the network controller that owns it, or None: then the link is ours.
        address: bus address, or None.
        serial_number: the only one to talk to, or None.
        role: what it acts on, for the simulated lab.
        limits: site limits, setting -> (lowest, highest), in the unit of the setting.
        settings: what it is set to before a run, in this order.
        record: whether every run keeps what it says, although no run sets it.
    """

    name: str
    driver: str
    resource: str
    stream: str | None
    controller: str | None
    address: str | None
    serial_number: str | None
    role: str
    limits: Mapping[str, tuple[float, float]]
    settings: Mapping[str, Value]
    record: bool = False


def make_instruments(tables: Mapping[str, Any], problems: list[str]) -> tuple[Instrument, ...]:
    """Return those instruments that are in order."""
    instruments: list[Instrument] = []
    for name, table in tables.items():
        path = f"instruments.{name}"
        entry = decode(InstrumentTable, table, path, problems)
        if entry is None:
            continue
        if entry.driver not in DRIVERS:
            problems.append(
                f"{path}.driver: there is no driver {entry.driver!r}. {nearest(entry.driver, DRIVERS)}"
            )
            continue
        instrument = _instrument(name, entry, path, problems)
        place = (instrument.resource, instrument.address)
        taken = [other.name for other in instruments if (other.resource, other.address) == place]
        problems += [f"{path}.resource: {other} is at {instrument.resource} too" for other in taken]
        instruments.append(instrument)
    return tuple(instruments)


def _instrument(name: str, entry: InstrumentTable, path: str, problems: list[str]) -> Instrument:
    known = {setting.name: setting for setting in driver_class(entry.driver).SETTINGS}
    limits: dict[str, tuple[float, float]] = {}
    for key, given in entry.limits.items():
        place = f"{path}.limits.{key}"
        if not isinstance(given, list) or len(given) != 2:
            problems.append(f"{place}: {given!r} is not a range; write [lowest, highest]")
            continue
        told: list[str] = []
        low, high = (_limit(known, key, end, place, told) for end in given)
        problems += dict.fromkeys(told)  # what is wrong with both ends is told once
        if low is not None and high is not None:
            limits[key] = low, high
    settings: dict[str, Value] = {}
    for key, given in entry.settings.items():
        value = _setting_value(known, key, given, f"{path}.settings.{key}", problems)
        if value is not None:
            settings[key] = value
    _check_limits(path, known, limits, settings, problems)
    controller = entry.controller or None
    if controller is not None and not _PEER.fullmatch(controller):
        problems.append(f"{path}.controller: {controller!r} is no host and port; write '127.0.0.1:3270'")
    address, serial_number = entry.address or None, entry.serial_number or None
    return Instrument(
        name,
        entry.driver,
        entry.resource,
        entry.stream or None,
        controller,
        address,
        serial_number,
        entry.role,
        limits,
        settings,
        entry.record,
    )


def _check_limits(
    path: str,
    known: Mapping[str, Setting],
    limits: Mapping[str, tuple[float, float]],
    settings: Mapping[str, Value],
    problems: list[str],
) -> None:
    """Tell what is wrong with the limits of the site, else which settings are beyond them or the driver's."""
    try:
        ranges = site_ranges(f"{path}.limits", tuple(known.values()), limits)
    except ConfigError as error:
        problems += error.problems
        return
    for key, value in settings.items():
        if known[key].number:
            try:
                ranges[key].check(known[key], float(value))
            except LimitError as error:
                error.device = f"{path}.settings"
                problems.append(str(error))


def _limit(
    known: Mapping[str, Setting], key: str, given: object, path: str, problems: list[str]
) -> float | None:
    """Return an end of a range in the setting's unit, or None after telling what is wrong."""
    value = _setting_value(known, key, given, path, problems)
    if value is None or (isinstance(value, float) and not isinstance(value, bool)):
        return value
    problems.append(f"{path}: only numbers can have limits")
    return None


def _setting_value(
    known: Mapping[str, Setting], key: str, given: object, path: str, problems: list[str]
) -> Value | None:
    """Return a value of a driver's setting in the setting's unit, or None after telling what is wrong."""
    setting = known.get(key)
    if setting is None:
        problems.append(f"{path}: the driver has no setting {key!r}. {nearest(key, known)}")
        return None
    try:
        return setting.parse(given)
    except ConfigError as error:
        problems += [f"{path}: {problem}" for problem in error.problems]
        return None
