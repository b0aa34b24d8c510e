"""The channels of a setup file, as the target that sequences are compiled for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from control.setup.schema import ChannelTable, CoreTable, DispatcherTable, decode
from sequences.dispatcher import Dispatcher
from sequences.target import QUANTITIES, Channel, Kind, Limit, Quantity, Target
from sequences.units import show

_LARGEST_NUMBER: Final = 2**16 - 1  # timelines hold channel numbers as uint16
_CHANNEL_TIMES: Final = ("grid", "latency", "spacing", "update", "pulse", "programming")


def make_target(name: str, core: CoreTable, tables: Mapping[str, Any], problems: list[str]) -> Target | None:
    """Return the lab as the compiler sees it, or None after telling what is wrong with its channels."""
    before = len(problems)
    if core.period <= 0:
        problems.append(f"core.period: {show(core.period, 's')} is not a positive time")
    channels: dict[int, Channel] = {}
    for key, table in tables.items():
        path = f"channels.{key}"
        entry = decode(ChannelTable, table, path, problems)
        if entry is None:
            continue
        _check_numbers(entry, core.period, path, problems)
        if entry.number in channels:
            problems.append(
                f"{path}.number: {entry.number} is the number of {channels[entry.number].name} too"
            )
        limits = _limits(entry, path, problems)
        channels[entry.number] = Channel(
            key,
            entry.kind,
            entry.number,
            entry.grid,
            entry.latency,
            entry.spacing,
            limits,
            entry.update,
            entry.pulse,
            entry.slew,
            entry.bus,
            entry.programming,
        )
    dispatcher = _dispatcher(core.dispatcher, problems)
    if len(problems) > before:
        return None
    return Target(name, core.period, tuple(channels.values()), dispatcher)


def _dispatcher(table: dict[str, Any] | UnsetType, problems: list[str]) -> Dispatcher | None:
    """Return how fast the core is, or None for a core without limits or after telling what is wrong."""
    path = "core.dispatcher"
    entry = None if table is UNSET else decode(DispatcherTable, table, path, problems)
    if entry is None:
        return None
    values = msgspec.structs.asdict(entry)
    for key, value in values.items():
        counts = isinstance(value, int)
        least = 1 if counts else 0
        if value < least or (value == 0 and key in ("cycle", "longest")):
            shown = str(value) if counts else show(value, "s")
            wanted = "1 or more" if counts else "positive" if key in ("cycle", "longest") else "0 or more"
            problems.append(f"{path}.{key}: {shown} must be {wanted}")
    return Dispatcher(**values)


def _check_numbers(entry: ChannelTable, period: float, path: str, problems: list[str]) -> None:
    if not 0 <= entry.number <= _LARGEST_NUMBER:
        problems.append(f"{path}.number: {entry.number} is outside the limits 0 to {_LARGEST_NUMBER}")
    for key in _CHANNEL_TIMES:
        time = getattr(entry, key)
        if time < 0 or (key == "grid" and time == 0):
            problems.append(
                f"{path}.{key}: {show(time, 's')} must be {'positive' if key == 'grid' else '0 or more'}"
            )
        elif period > 0 and abs(time / period - round(time / period)) > 1e-6:
            problems.append(
                f"{path}.{key}: {show(time, 's')} is not a multiple of core.period, {show(period, 's')}"
            )

    if entry.slew <= 0:
        problems.append(f"{path}.slew: {show(entry.slew, 'V/s')} must be positive")
    elif entry.kind is not Kind.DAC and math.isfinite(entry.slew):
        problems.append(f"{path}.slew: a {entry.kind} channel has no voltage that could change too fast")


def _limits(entry: ChannelTable, path: str, problems: list[str]) -> tuple[Limit, ...]:
    limits = []
    for quantity in Quantity:
        given = getattr(entry, quantity.value)
        if given is UNSET:
            continue
        low, high = given
        if quantity not in QUANTITIES[entry.kind]:
            has = " and ".join(QUANTITIES[entry.kind]) or "nothing to limit"
            problems.append(f"{path}.{quantity}: a {entry.kind} channel has no {quantity}; it has {has}")
        elif low > high:
            problems.append(f"{path}.{quantity}: give the lowest value first")
        elif quantity is Quantity.AMPLITUDE and not 0 <= low <= high <= 1:
            problems.append(f"{path}.{quantity}: {low:g} to {high:g} is not within 0 to 1 of full scale")
        limits.append(Limit(quantity, low, high))
    return tuple(limits)
