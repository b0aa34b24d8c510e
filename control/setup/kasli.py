"""The Kasli crate of a setup file: where each channel sits on ARTIQ hardware."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import Struct

from control.errors import nearest
from control.setup.schema import FastinoTable, LineTable, UrukulTable, ZotinoTable, decode
from sequences.target import Target
from sequences.targets.artiq import Device, EdgeCounter, Fastino, Kasli, TtlInput, TtlOut, Urukul, Zotino
from sequences.targets.artiq.errors import KasliError


@dataclass(frozen=True, slots=True)
class _Form:
    """A device as setup files write it, and as the crate knows it."""

    table: type[Struct]
    device: type[Device]


_DEVICES: Final[Mapping[str, _Form]] = MappingProxyType(
    {
        "ttl_out": _Form(LineTable, TtlOut),
        "ttl_input": _Form(LineTable, TtlInput),
        "edge_counter": _Form(LineTable, EdgeCounter),
        "urukul": _Form(UrukulTable, Urukul),
        "zotino": _Form(ZotinoTable, Zotino),
        "fastino": _Form(FastinoTable, Fastino),
    }
)


def make_kasli(target: Target | None, channels: Mapping[str, Any], problems: list[str]) -> Kasli | None:
    """Return the crate that the ``[channels.X.artiq]`` tables describe.

    Args:
        target: whose channels sit on it, or None if something is wrong with them.
        channels: the channels of the setup file.
        problems: grows by the mistakes found.

    Returns:
        The crate, or None if there is no such table, or after telling what is wrong.
    """
    before = len(problems)
    tables = {
        name: table["artiq"]
        for name, table in channels.items()
        if isinstance(table, Mapping) and isinstance(table.get("artiq"), Mapping)
    }
    devices = {
        name: device
        for name, table in tables.items()
        if (device := _device(table, f"channels.{name}.artiq", problems)) is not None
    }
    if not tables or target is None or len(problems) > before:
        return None
    try:
        return Kasli(target, devices)
    except KasliError as error:
        for channel, problem in error.problems:
            problems.append(f"channels.{channel}.artiq: {problem}" if channel else f"core: {problem}")
    return None


def _device(table: Mapping[str, Any], path: str, problems: list[str]) -> Device | None:
    """Return one device, or None after telling what is wrong with its table."""
    name = table.get("device")
    form = _DEVICES.get(name) if isinstance(name, str) else None
    if form is None:
        told = "is missing" if name is None else f"there is no device {name!r}"
        problems.append(f"{path}.device: {told}. {nearest(str(name), _DEVICES)}")
        return None
    entry = decode(form.table, table, path, problems)
    if entry is None:
        return None
    values = msgspec.structs.asdict(entry)
    del values["device"]
    return form.device(**values)
