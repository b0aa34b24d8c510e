"""Drivers, one instrument a file, and the way to them by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import MappingProxyType

from control.device import Device
from control.errors import UnknownName
from control.transport import open_link

__all__ = ["DRIVERS", "connect", "driver_class"]

# Names and not classes: a command that needs no instrument must not wait for their imports.
DRIVERS: Mapping[str, str] = MappingProxyType(
    {
        "ell14": "control.drivers.ell14:Ell14",
        "smc100a": "control.drivers.smc100a:Smc100a",
    }
)


def driver_class(driver: str) -> type[Device]:
    """Return the class of a driver.

    Args:
        driver: one of the names in `DRIVERS`.

    Raises:
        UnknownName: no such driver; the message tells the nearest names.

    Example:
        >>> driver_class("ell14").__name__
        'Ell14'
    """
    if driver not in DRIVERS:
        raise UnknownName(kind="driver", name=driver, known=tuple(DRIVERS))
    module, _, name = DRIVERS[driver].partition(":")
    found: type[Device] = getattr(importlib.import_module(module), name)
    return found


def connect(
    name: str,
    driver: str,
    resource: str,
    *,
    address: str | None = None,
    serial_number: str | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> Device:
    """Open an instrument and make sure that it is the right one. Nothing is set.

    Args:
        name: what to call it.
        driver: one of the names in `DRIVERS`.
        resource: where it is, as `control.transport.resources` lists.
        address: bus address, for instruments that share a line; they share the link too.
        serial_number: refuse any other instrument of the kind.
        limits: site limits, setting name to (lowest, highest), in the setting's unit.

    Returns:
        The device, identified. Close it, or use it in a `with` statement.

    Raises:
        UnknownName: no such driver.
        ConfigError: a resource, an address or limits that make no sense.
        LinkError: nobody there, or an answer that makes no sense.
        IdentityError: another instrument is there.
    """
    kind = driver_class(driver)
    link = open_link(resource, name, shared=kind.ON_BUS, line=kind.LINE)
    try:
        device = kind(name, link, address=address, serial_number=serial_number, limits=limits)
        device.identify()
    except BaseException:
        link.release(name)
        raise
    return device
