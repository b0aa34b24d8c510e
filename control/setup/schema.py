"""The tables of a setup file as frozen structs, decoded so that every mistake is told, not only the first.

Quantities stand in the file as text with a unit and in the structs as floats in the base unit.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from control.errors import nearest
from sequences.dispatcher import Dispatcher
from sequences.errors import UnitError
from sequences.target import Kind
from sequences.targets.artiq import PhaseMode
from sequences.units import parse

Seconds = Annotated[float, Meta(extra={"unit": "s"})]
Hertz = Annotated[float, Meta(extra={"unit": "Hz"})]
Volts = Annotated[float, Meta(extra={"unit": "V"})]
VoltsPerSecond = Annotated[float, Meta(extra={"unit": "V/s"})]
HertzRange = Annotated[tuple[float, float] | UnsetType, Meta(extra={"unit": "Hz"})]
VoltRange = Annotated[tuple[float, float] | UnsetType, Meta(extra={"unit": "V"})]
PlainRange = Annotated[tuple[float, float] | UnsetType, Meta(extra={"unit": ""})]

Origin = Literal["published", "derived", "assumed", "calibrated"]
"""Where a value comes from: a paper, a calculation from papers, somebody's best guess, a measurement here."""


class SetupTable(Struct, frozen=True):
    """The whole file; `[node]` belongs to the plug-in that plays the lab."""

    name: str
    core: dict[str, Any]
    title: str = ""
    channels: dict[str, Any] = {}
    instruments: dict[str, Any] = {}
    calibration: dict[str, Any] = {}
    node: dict[str, Any] = {}


class CoreTable(Struct, frozen=True):
    """The timing core: a plug-in as ``module:class``, the period of its timelines (s), and its speed."""

    lab: str
    period: Seconds = 1e-9
    dispatcher: dict[str, Any] | UnsetType = UNSET


_KASLI: Final = Dispatcher()


class DispatcherTable(Struct, frozen=True):
    """How fast the core hands events on; times in s. What is left out is as on a Kasli."""

    lanes: int = _KASLI.lanes
    depth: int = _KASLI.depth
    cycle: Seconds = _KASLI.cycle
    margin: Seconds = _KASLI.margin
    event_time: Seconds = _KASLI.event_time
    start: Seconds = _KASLI.start
    playback: Seconds = _KASLI.playback
    decision: Seconds = _KASLI.decision
    memory: int = _KASLI.memory
    longest: Seconds = _KASLI.longest
    nesting: int = _KASLI.nesting


class ChannelTable(Struct, frozen=True):
    """One channel of the core; times in s, limits as (low, high)."""

    kind: Kind
    number: int
    grid: Seconds
    latency: Seconds = 0.0
    spacing: Seconds = 0.0
    update: Seconds = 0.0
    pulse: Seconds = 0.0
    slew: VoltsPerSecond = math.inf
    bus: str = ""
    programming: Seconds = 0.0
    frequency: HertzRange = UNSET
    amplitude: PlainRange = UNSET
    voltage: VoltRange = UNSET
    drives: str = ""
    artiq: dict[str, Any] | UnsetType = UNSET


class LineTable(Struct, frozen=True):
    """A TTL output, a TTL input or an edge counter of a Kasli, by its RTIO channel."""

    device: str
    channel: int


class UrukulTable(Struct, frozen=True):
    """One chip of a Urukul, by RTIO channels."""

    device: str
    spi: int
    chip: int
    io_update: int
    switch: int
    sysclk: Hertz = 1e9
    profile: int = 7
    phase: PhaseMode = PhaseMode.TRACKING


class ZotinoTable(Struct, frozen=True):
    """One output of a Zotino, by RTIO channels; the gain is that of the amplifier behind it."""

    device: str
    spi: int
    ldac: int
    output: int
    gain: float = 1.0
    reference: Volts = 5.0


class FastinoTable(Struct, frozen=True):
    """One output of a Fastino, by RTIO channel; the gain is that of the amplifier behind it."""

    device: str
    channel: int
    output: int
    gain: float = 1.0


class InstrumentTable(Struct, frozen=True):
    """One instrument; the units of its limits and settings are those that its driver declares."""

    driver: str
    resource: str
    stream: str | UnsetType = UNSET
    controller: str | UnsetType = UNSET
    address: str | UnsetType = UNSET
    serial_number: str | UnsetType = UNSET
    role: str = ""
    record: bool = False
    limits: dict[str, Any] = {}
    settings: dict[str, str | int | float | bool] = {}


class EntryTable(Struct, frozen=True):
    """A value and where it comes from: its error, and the id of the run, if it was calibrated here."""

    value: str | int | float | bool
    source: Origin
    reference: str = ""
    error: str | int | float = ""
    run: str = ""


T = TypeVar("T", bound=Struct)


def decode(kind: type[T], table: object, path: str, problems: list[str]) -> T | None:
    """Return a table as a struct, or None after adding a line to `problems` for each mistake in it.

    Args:
        kind: the struct.
        table: what the file holds there.
        path: of the table in the file, for the messages; empty for the file itself.
        problems: grows by the mistakes found.

    Example:
        >>> problems = []
        >>> decode(ChannelTable, {"kind": "dss", "number": 0, "gird": "4 ns"}, "channels.x", problems)
        >>> for problem in problems: print(problem)
        channels.x.gird: unknown key. Did you mean grid?
        channels.x.kind: 'dss' is not one of ttl, dds, dac, counter, camera, trigger
        channels.x.grid: is missing
    """
    if not isinstance(table, dict):
        problems.append(f"{path}: must be a table, not {table!r}")
        return None
    before = len(problems)
    fields = _fields_of(kind)
    unknown = [key for key in table if key not in fields]
    problems += [f"{dotted(path, key)}: unknown key. {nearest(key, fields)}" for key in unknown]
    values = {}
    for name, field in fields.items():
        if name not in table:
            if field.required:
                problems.append(f"{dotted(path, name)}: is missing")
            continue
        try:
            values[name] = _convert(table[name], field.type)
        except (UnitError, msgspec.ValidationError) as error:
            problems.append(f"{dotted(path, name)}: {_complaint(table[name], field.type, error)}")
    return kind(**values) if len(problems) == before else None


@cache
def _fields_of(kind: type[Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """Return a struct's fields by name; their annotations are evaluated once, not for each entry."""
    return {field.name: field for field in msgspec.structs.fields(kind)}


def dotted(path: str, key: str) -> str:
    """Return the path of a key in a table."""
    return f"{path}.{key}" if path else key


def _convert(value: Any, kind: Any) -> Any:
    """Return a TOML value as the type of its field, texts with a unit as floats."""
    unit = _unit(kind)
    if unit is not None:
        several = isinstance(value, list)
        value = [parse(str(item), unit) for item in value] if several else parse(str(value), unit)
    return msgspec.convert(value, kind)


def _unit(kind: Any) -> str | None:
    metas = (
        [item for item in get_args(kind) if isinstance(item, Meta)] if get_origin(kind) is Annotated else []
    )
    return next((meta.extra["unit"] for meta in metas if meta.extra), None)


def _complaint(value: object, kind: Any, error: Exception) -> str:
    """Return what is wrong with a value, in words of the file and not of Python."""
    choices = _choices(kind)
    if choices:
        return f"{value!r} is not one of {', '.join(choices)}"
    if isinstance(error, UnitError):
        return str(error)
    if _unit(kind) is not None and "tuple" in str(kind):
        return f"{value!r} is not a range; write [lowest, highest]"
    return f"{value!r} is not {_WORDS.get(_plain(kind), 'what belongs here')}"


_WORDS: Final[Mapping[Any, str]] = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    dict: "a table",
    Union: "a text, a number, true or false",
}


def _plain(kind: Any) -> Any:
    """Return the type that a field's type is made of, without what makes it optional."""
    if get_origin(kind) in (Union, types.UnionType):
        parts = [part for part in get_args(kind) if part is not UnsetType]
        return _plain(parts[0]) if len(parts) == 1 else Union
    return get_origin(kind) or kind


def _choices(kind: Any) -> tuple[str, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(member.value for member in kind)
    return ()
