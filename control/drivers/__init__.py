"""Drivers, one instrument a file, and the way to them by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import Any

from control.device import Device
from control.errors import ConfigError, UnknownName
from control.transport import CONTROLLER, open_link

__all__ = ["DRIVERS", "connect", "driver_class"]

# Names and not classes: a command that needs no instrument must not wait for their imports.
DRIVERS: Mapping[str, str] = MappingProxyType(
    {
        "arf": "control.drivers.arf:MogArf",
        "bristol871": "control.drivers.bristol871:Bristol871",
        "dg645": "control.drivers.dg645:Dg645",
        "dlc_pro": "control.drivers.dlc_pro:DlcPro",
        "ell14": "control.drivers.ell14:Ell14",
        "highfinesse": "control.drivers.highfinesse:HighFinesse",
        "hmp4040": "control.drivers.hmp4040:Hmp4040",
        "id900": "control.drivers.id900:Id900",
        "ipcmini": "control.drivers.ipcmini:IpcMini",
        "iseg_nhr": "control.drivers.iseg_nhr:IsegNhr",
        "k10cr1": "control.drivers.k10cr1:K10cr1",
        "mdt693b": "control.drivers.mdt693b:Mdt693b",
        "mecom": "control.drivers.meerstetter:MeerstetterTec",
        "pm100d": "control.drivers.pm100d:Pm100d",
        "pm5020": "control.drivers.pm100d:Pm5020",
        "red_pitaya": "control.drivers.red_pitaya:RedPitaya",
        "smc100a": "control.drivers.smc100a:Smc100a",
        "tpg36x": "control.drivers.tpg36x:Tpg36x",
        "websq": "control.drivers.websq:WebSq",
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
    stream: str | None = None,
    address: str | None = None,
    serial_number: str | None = None,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> Device:
    """Open an instrument and make sure that it is the right one. Nothing is set.

    Args:
        name: what to call it.
        driver: one of the names in `DRIVERS`.
        resource: where it is, as `control.transport.resources` lists; ``controller://host:port`` for one that
            runs as a network controller, with the same driver.
        stream: where its second line is, for instruments that push data on one.
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
    options: dict[str, Any] = {"address": address, "serial_number": serial_number, "limits": limits}
    if resource.startswith(CONTROLLER):
        # Late: the RPC protocols are not needed by who has the link to itself.
        from control.remote import connect_remote  # noqa: PLC0415

        return connect_remote(name, kind, resource, serial_number=serial_number, limits=limits)
    if stream is not None and not kind.STREAM:
        problem = f"{name}: this kind of instrument has no second line; remove stream = {stream!r}."
        raise ConfigError((problem,))
    with ExitStack() as opened:
        link = open_link(resource, name, shared=kind.ON_BUS, line=kind.LINE, make=kind.link_to)
        opened.callback(link.release, name)
        if stream is not None:
            options["stream"] = open_link(stream, name)
            opened.callback(options["stream"].release, name)
        device = kind(name, link, **options)
        device.identify()
        opened.pop_all()
    return device
