"""What a compiler knows of a lab: its clock and its channels.

A target is made from the setup file. Channels are plain values; what an author calls on them (pulses, ramps,
gates) lives in `sequences.language`.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.dispatcher import Dispatcher
from sequences.errors import Source, TargetError, UnknownChannelError
from sequences.units import show


class Kind(StrEnum):
    """What a channel is, which decides what can be played on it."""

    TTL = "ttl"
    DDS = "dds"
    DAC = "dac"
    COUNTER = "counter"
    CAMERA = "camera"
    TRIGGER = "trigger"


class Quantity(StrEnum):
    """What can be limited on a channel."""

    FREQUENCY = "frequency"
    AMPLITUDE = "amplitude"
    VOLTAGE = "voltage"


UNITS: Final = MappingProxyType({Quantity.FREQUENCY: "Hz", Quantity.AMPLITUDE: "", Quantity.VOLTAGE: "V"})
"""The base unit of each quantity; phases are in turns and need no limit."""

QUANTITIES: Final = MappingProxyType(
    {
        Kind.TTL: (),
        Kind.DDS: (Quantity.FREQUENCY, Quantity.AMPLITUDE),
        Kind.DAC: (Quantity.VOLTAGE,),
        Kind.COUNTER: (),
        Kind.CAMERA: (),
        Kind.TRIGGER: (),
    }
)
"""Which quantities each kind of channel has."""

_LARGEST_NUMBER: Final = 2**16 - 1
"""Timelines hold channel numbers in 16 bits."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The closed range of a quantity on a channel, in the quantity's base unit."""

    quantity: Quantity
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Channel:
    """One output or input of the timing core.

    Attributes:
        name: as in the setup file.
        kind: what it is.
        number: its address on the core; unique.
        grid: smallest step of its event times, in seconds; a multiple of the target's period.
        latency: from the core's event to the light (or field) it makes, in seconds; the compiler
            compensates it.
        spacing: smallest time between two events on it, in seconds.
        limits: ranges of the values it may play.
        update: from one sample of a ramp, waveform or envelope to the next, in seconds; the spacing, and at
            least the grid, where it is 0.
        pulse: the shortest pulse or gate that it can play, in seconds.
        slew: how fast a DAC may change, V/s.
        bus: channels that name the same bus are programmed over it one after the other; empty for none.
        programming: how long one change of a tone or voltage occupies the bus before it can take effect, s.
    """

    name: str
    kind: Kind
    number: int
    grid: float
    latency: float = 0.0
    spacing: float = 0.0
    limits: tuple[Limit, ...] = ()
    update: float = 0.0
    pulse: float = 0.0
    slew: float = math.inf
    bus: str = ""
    programming: float = 0.0

    def limit(self, quantity: Quantity) -> Limit | None:
        """Return the limit of a quantity, or None where there is none."""
        return next((limit for limit in self.limits if limit.quantity is quantity), None)


@dataclass(frozen=True)
class Target:
    """The lab as the compiler sees it.

    Attributes:
        name: of the setup.
        period: of the core's machine unit, in seconds (1 ns for most cores); all timelines count in it.
        channels: every channel, in the order of the setup file; names and numbers are unique.
        dispatcher: how fast events reach the channels, or None for a core without such limits.
    """

    name: str
    period: float
    channels: tuple[Channel, ...]
    dispatcher: Dispatcher | None = None

    def __post_init__(self) -> None:
        """Check what the compiler relies on.

        Raises:
            TargetError: two channels share a name or a number, a number does not fit, a grid is no
                multiple of the period, or a latency or spacing is not finite.
        """
        if not (math.isfinite(self.period) and self.period > 0):
            raise TargetError(self.name, f"the period is {self.period} s; it must be more than zero")
        for what in ("name", "number"):
            (value, times), *_ = [*Counter(getattr(c, what) for c in self.channels).most_common(1), (None, 0)]
            if times > 1:
                raise TargetError(self.name, f"{times} channels have the {what} {value!r}")
        for fault in filter(None, map(self._fault_of, self.channels)):
            raise TargetError(self.name, fault)

    def __hash__(self) -> int:
        """Hash what tells targets apart in practice: tables are looked up by target all the time."""
        return hash((self.name, self.period, len(self.channels)))

    def _fault_of(self, channel: Channel) -> str:
        """Return what is wrong with a single channel, or nothing."""
        name = repr(channel.name)
        if not 0 <= channel.number <= _LARGEST_NUMBER:
            return f"channel {name} has number {channel.number}; it must be 0 to {_LARGEST_NUMBER}"
        steps = channel.grid / self.period
        if not (math.isfinite(steps) and steps >= 1 - 1e-6 and abs(steps - round(steps)) < 1e-6):
            grid, period = show(channel.grid, "s"), show(self.period, "s")
            return f"the grid of channel {name}, {grid}, is no multiple of the period, {period}"
        for what in ("latency", "spacing", "update", "pulse", "programming"):
            time = getattr(channel, what)
            if not math.isfinite(time) or (time < 0 and what != "latency"):
                return (
                    f"the {what} of channel {name} is {show(time, 's')}; it must be finite and not negative"
                )
        for limit in channel.limits:
            if limit.quantity not in QUANTITIES[channel.kind] or not limit.low <= limit.high:
                return f"channel {name} has a limit of {limit.quantity} that a {channel.kind} cannot have"
        return ""

    @cached_property
    def by_name(self) -> dict[str, Channel]:
        """Channel name -> channel."""
        return {channel.name: channel for channel in self.channels}

    @cached_property
    def by_number(self) -> dict[int, Channel]:
        """Channel number -> channel."""
        return {channel.number: channel for channel in self.channels}

    @cached_property
    def lead(self) -> float:
        """The largest latency, in seconds: every channel is delayed to arrive together with the slowest."""
        return max((channel.latency for channel in self.channels), default=0.0)

    def grid_ticks(self, channel: Channel) -> int:
        """Return the step of a channel's event times, in ticks: grids are whole multiples of the period."""
        return round(channel.grid / self.period)

    @cached_property
    def step(self) -> float:
        """The smallest time that is on the grid of every channel, s."""
        return math.lcm(*map(self.grid_ticks, self.channels)) * self.period

    @cached_property
    def shifts(self) -> NDArray[np.int64]:
        """Ticks by which each channel waits for the slowest one, by channel number; read-only.

        A latency is what it is (an acousto-optic modulator's sound takes some odd number of nanoseconds), so
        this is the one time that is rounded to a channel's grid: light is simultaneous within half a step.
        There is a last entry, 0, for index -1: no channel.
        """
        shifts = np.zeros(max(self.by_number, default=-1) + 2, dtype=np.int64)
        for number, channel in self.by_number.items():
            steps = round((self.lead - channel.latency) / channel.grid)
            shifts[number] = steps * self.grid_ticks(channel)
        shifts.flags.writeable = False
        return shifts

    def channel(self, name: str, source: Source) -> Channel:
        """Return the channel of that name.

        Raises:
            UnknownChannelError: there is none; the nearest names are told.
        """
        found = self.by_name.get(name)
        if found is None:
            raise UnknownChannelError(source, name, tuple(self.by_name))
        return found
