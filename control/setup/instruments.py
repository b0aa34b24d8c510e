"""The instruments of a setup file, checked against what their drivers declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from control.drivers import DRIVERS, driver_class
from control.errors import ConfigError, LimitError, nearest
from control.settings import Setting, site_ranges
from control.setup.schema import InstrumentTable, decode
from sequences.errors import UnitError
from sequences.units import parse


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument of the setup.

    Attributes:
        name: by which points and messages call it.
        driver: which driver talks to it.
        resource: where it is; a simulated lab is asked for the address behind ``simulated:...``.
        address: bus address, or None.
        serial_number: the only one to talk to, or None.
        role: what it acts on, for the simulated lab.
        limits: site limits, setting -> (lowest, highest), in the unit of the setting.
        settings: what it is set to before a run, in this order.
    """

    name: str
    driver: str
    resource: str
    address: str | None
    serial_number: str | None
    role: str
    limits: Mapping[str, tuple[float, float]]
    settings: Mapping[str, float | bool]


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
        low, high = (_setting_value(known, key, end, place, problems) for end in given)
        if low is not None and high is not None:
            limits[key] = low, high
    settings: dict[str, float | bool] = {}
    for key, given in entry.settings.items():
        value = _setting_value(known, key, given, f"{path}.settings.{key}", problems)
        if value is not None:
            settings[key] = value
    _check_limits(path, known, limits, settings, problems)
    address, serial_number = entry.address or None, entry.serial_number or None
    return Instrument(
        name, entry.driver, entry.resource, address, serial_number, entry.role, limits, settings
    )


def _check_limits(
    path: str,
    known: Mapping[str, Setting],
    limits: Mapping[str, tuple[float, float]],
    settings: Mapping[str, float | bool],
    problems: list[str],
) -> None:
    """Tell what is wrong with the limits of the site, else which settings are beyond them or the driver's."""
    try:
        ranges = site_ranges(f"{path}.limits", tuple(known.values()), limits)
    except ConfigError as error:
        problems += error.problems
        return
    for key, value in settings.items():
        if not known[key].switch:
            try:
                ranges[key].check(known[key], value)
            except LimitError as error:
                error.device = f"{path}.settings"
                problems.append(str(error))


def _setting_value(
    known: Mapping[str, Setting], key: str, given: object, path: str, problems: list[str]
) -> float | bool | None:
    """Return a value of a driver's setting in the setting's unit, or None after telling what is wrong."""
    setting = known.get(key)
    if setting is None:
        problems.append(f"{path}: the driver has no setting {key!r}. {nearest(key, known)}")
    elif setting.switch != isinstance(given, bool):
        wanted = "true or false" if setting.switch else f"a number with a unit ({setting.unit or 'none'})"
        problems.append(f"{path}: {given!r} is not {wanted}")
    elif isinstance(given, bool):
        return given
    else:
        try:
            return parse(str(given), setting.unit)
        except UnitError as error:
            problems.append(f"{path}: {error}")
    return None
