"""A Kasli crate: where each channel of a target sits on its hardware."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from sequences.dispatcher import Dispatcher
from sequences.errors import nearest
from sequences.target import UNITS, Channel, Kind, Quantity, Target
from sequences.targets.artiq.devices import (
    CHIPS,
    OUTPUTS,
    PROFILES,
    Device,
    EdgeCounter,
    Fastino,
    PhaseMode,
    TtlInput,
    TtlOut,
    Urukul,
    Zotino,
)
from sequences.targets.artiq.errors import KasliError
from sequences.targets.artiq.rounding import Rounding, to_machine_units
from sequences.units import show

DEVICES: Final[Mapping[Kind, tuple[type[Device], ...]]] = MappingProxyType(
    {
        Kind.TTL: (TtlOut,),
        Kind.DDS: (Urukul,),
        Kind.DAC: (Zotino, Fastino),
        Kind.COUNTER: (EdgeCounter, TtlInput),
        Kind.CAMERA: (TtlOut,),
        Kind.TRIGGER: (TtlInput,),
    }
)
"""What each kind of channel can be on a Kasli."""

_LARGEST_CHANNEL: Final = 2**24 - 1  # 8 bits name the satellite, 16 the channel on it
_SYNC_DIVIDER: Final = 4
"""An AD9910 takes IO_UPDATE on every fourth cycle of its clock."""
_RTIO_COUNTED: Final = (EdgeCounter, TtlInput, Fastino)
"""Devices that act on coarse cycles only."""


@dataclass(frozen=True)
class Kasli:
    """A crate and the target that it plays.

    Attributes:
        target: whose channels sit on it.
        devices: name of a channel -> what it is on the crate.
        ref_period: of the machine unit of its RTIO core, s.
        ref_multiplier: machine units in a coarse cycle.

    Raises:
        KasliError: the two do not fit together; all problems are told.
    """

    target: Target
    devices: Mapping[str, Device]
    ref_period: float = 1e-9
    ref_multiplier: int = 8

    def __post_init__(self) -> None:
        """Check what lowering relies on."""
        problems = tuple(self._problems())
        if problems:
            raise KasliError(self.target.name, problems)

    @cached_property
    def by_number(self) -> dict[int, Device]:
        """Number of a channel of the target -> what it is on the crate."""
        return {channel.number: self.devices[channel.name] for channel in self.target.channels}

    @cached_property
    def units_per_tick(self) -> int:
        """Machine units in a tick of the target's timelines."""
        return round(self.target.period / self.ref_period)

    @property
    def dispatcher(self) -> Dispatcher:
        """How fast events reach the channels: as the target says, or as on a Kasli of the 8th release."""
        return self.target.dispatcher or Dispatcher()

    @cached_property
    def tracking(self) -> frozenset[int]:
        """Numbers of the channels whose phases track the clock."""
        return frozenset(
            number
            for number, device in self.by_number.items()
            if isinstance(device, Urukul) and device.phase is PhaseMode.TRACKING
        )

    def machine_units(self, seconds: float, rounding: Rounding = Rounding.NEAREST) -> int:
        """Return a time in machine units of the crate."""
        return int(to_machine_units(seconds, self.ref_period, rounding))

    def _problems(self) -> Iterator[tuple[str, str]]:
        """Yield (channel or nothing, what is wrong with it)."""
        if self.ref_multiplier != 8:
            yield "", f"ref_multiplier is {self.ref_multiplier}; only cores with 8 units a cycle are known"
        ratio = self.target.period / self.ref_period
        if ratio < 0.5 or abs(ratio - round(ratio)) > 1e-6:
            period, unit = show(self.target.period, "s"), show(self.ref_period, "s")
            yield "", f"the target's period, {period}, is not a multiple of the machine unit, {unit}"
        for name in self.devices:
            if name not in self.target.by_name:
                yield name, f"the target has no such channel{nearest(name, self.target.by_name)}"
        placed: dict[str, Device] = {}
        for channel in self.target.channels:
            device = self.devices.get(channel.name)
            if device is None:
                yield channel.name, "has no place on the crate"
            elif not isinstance(device, DEVICES[channel.kind]):
                fitting = " or ".join(kind.__name__ for kind in DEVICES[channel.kind])
                yield (
                    channel.name,
                    f"is a {channel.kind} channel and needs {fitting}, not {type(device).__name__}",
                )
            else:
                placed[channel.name] = device
                for problem in self._problems_of(channel, device):
                    yield channel.name, problem
        yield from _clashes(placed)

    def _problems_of(self, channel: Channel, device: Device) -> Iterator[str]:
        """Yield what is wrong with one channel."""
        for number, _ in _uses(device):
            if not 0 <= number <= _LARGEST_CHANNEL:
                yield f"RTIO channel {number} is outside 0 to {_LARGEST_CHANNEL}"
        cycle = self.ref_period * self.ref_multiplier
        if isinstance(device, _RTIO_COUNTED):
            yield from _grid_problems(channel, cycle, f"{type(device).__name__} acts once a cycle")
        match device:
            case Urukul():
                yield from _range_problem("chip", device.chip, CHIPS)
                yield from _range_problem("profile", device.profile, PROFILES)
                yield from self._clock_problems(channel, device)
                yield from _limit_problems(channel, Quantity.FREQUENCY, 0.0, device.sysclk / 2)
            case Zotino() | Fastino():
                yield from _range_problem("output", device.output, OUTPUTS)
                if device.gain == 0:
                    yield "gain is 0"
                else:
                    yield from _limit_problems(channel, Quantity.VOLTAGE, *device.volts)

    def _clock_problems(self, channel: Channel, device: Urukul) -> Iterator[str]:
        cycles = device.sysclk * self.ref_period
        if cycles < 0.5 or abs(cycles - round(cycles)) > 1e-6:
            unit = show(self.ref_period, "s")
            clock = show(device.sysclk, "Hz")
            yield f"sysclk {clock} has no whole number of cycles in a machine unit, {unit}"
        else:
            yield from _grid_problems(channel, _SYNC_DIVIDER / device.sysclk, "the chip's SYNC_CLK")


def _grid_problems(channel: Channel, step: float, why: str) -> Iterator[str]:
    steps = channel.grid / step
    if abs(steps - round(steps)) > 1e-6 or steps < 0.5:
        yield f"grid {show(channel.grid, 's')} must be a multiple of {show(step, 's')} ({why})"


def _range_problem(what: str, value: int, count: int) -> Iterator[str]:
    if not 0 <= value < count:
        yield f"{what} {value} is outside 0 to {count - 1}"


def _limit_problems(channel: Channel, quantity: Quantity, low: float, high: float) -> Iterator[str]:
    limit = channel.limit(quantity)
    if limit is not None and (limit.low < low or limit.high > high):
        unit = UNITS[quantity]
        asked = f"{show(limit.low, unit)} to {show(limit.high, unit)}"
        played = f"{show(low, unit)} to {show(high, unit)}"
        yield f"{quantity} limits {asked} exceed what the device plays, {played}"


def _uses(device: Device) -> tuple[tuple[int, str], ...]:
    """Return (RTIO channel, what it is used as); several may use one as the same if that names its board."""
    match device:
        case Urukul(spi=spi, io_update=update, switch=switch):
            return (
                (spi, f"the SPI master of the Urukul with IO_UPDATE {update}"),
                (
                    update,
                    f"the IO_UPDATE of the Urukul with SPI master {spi}",
                ),
                (switch, "an RF switch"),
            )
        case Zotino(spi=spi, ldac=ldac):
            return (spi, f"the SPI master of the Zotino with LDAC {ldac}"), (
                ldac,
                f"the LDAC of the Zotino with SPI master {spi}",
            )
        case Fastino(channel=channel):
            return ((channel, "a Fastino"),)
        case TtlOut(channel=channel):
            return ((channel, "a TTL output"),)
        case TtlInput(channel=channel):
            return ((channel, "a TTL input"),)
        case EdgeCounter(channel=channel):
            return ((channel, "an edge counter"),)


def _clashes(devices: Mapping[str, Device]) -> Iterator[tuple[str, str]]:
    """Yield RTIO channels, chips and outputs that are used twice."""
    users: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    places: dict[tuple[int, int], str] = {}
    for name, device in devices.items():
        for number, use in _uses(device):
            users[number][use].append(name)
        match device:
            case Urukul(spi=board, chip=place) | Fastino(channel=board, output=place):
                pass
            case Zotino(spi=board, output=place):
                pass
            case _:
                continue
        other = places.setdefault((board, place), name)
        if other != name:
            what = "chip" if isinstance(device, Urukul) else "output"
            yield name, f"{what} {place} is {other!r} already"
    for number, uses in sorted(users.items()):
        shared = next(iter(uses)).startswith("the ") or "a Fastino" in uses
        names = [name for named in uses.values() for name in named]
        if len(uses) > 1:
            listed = " and ".join(f"{use} ({', '.join(named)})" for use, named in uses.items())
            yield names[-1], f"RTIO channel {number} is {listed}"
        elif len(names) > 1 and not shared:
            yield names[-1], f"RTIO channel {number} is {names[0]!r} already"
