"""The limits of a target in ticks, as tables by channel number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.dispatcher import Dispatcher
from sequences.errors import Source
from sequences.program import Program
from sequences.target import Channel, Kind, Target

_NOISE: Final = 6
"""Decimals of a tick that are kept: a femtosecond of a 1 ns tick, far above the rounding noise of floats."""

BLOCK: Final = 32_768
"""Events that are looked at together: a quarter of a megabyte a column, which the processor's cache holds."""

_FINEST: Final = 1024
"""Parts of a tick that a dispatcher's cycle may be made of; all known cores count in whole ticks."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The channels of a target that one rule is about; their places are next to each other.

    Attributes:
        channels: in order of their places.
        first: place of the first.
        limit: (channels,) in ticks, or in volts a tick.
    """

    channels: tuple[Channel, ...]
    first: int
    limit: NDArray[np.float64]

    @classmethod
    def of(cls, order: Sequence[Channel], limit: Callable[[Channel], float | None]) -> Group:
        """Return the channels for which a limit is given.

        Args:
            order: the channels in order of their places.
            limit: of a channel.
        """
        found = [(place, value) for place, c in enumerate(order) if (value := limit(c)) is not None]
        first = found[0][0] if found else 0
        channels = tuple(order[first : first + len(found)])
        return cls(channels, first, np.array([value for _, value in found], dtype=np.float64))

    def __len__(self) -> int:
        return len(self.channels)


@dataclass(frozen=True, slots=True, eq=False)
class Feeding:
    """The times of a dispatcher in ticks.

    Attributes:
        costs: (many,) that handing over 1, 2, 3 ... writes takes.
    """

    lanes: int
    capacity: int
    cycle: Fraction
    margin: float
    event_time: float
    start: float
    playback: float
    decision: float
    costs: NDArray[np.float64]

    @classmethod
    def of(cls, dispatcher: Dispatcher, period: float) -> Feeding:
        """Return a dispatcher's times in ticks of that many seconds."""
        names = ("margin", "event_time", "start", "playback", "decision")
        times = {name: in_ticks(getattr(dispatcher, name), period) for name in names}
        cycle = Fraction(dispatcher.cycle / period).limit_denominator(_FINEST)
        costs = times["event_time"] * np.arange(1.0, BLOCK + 1)
        return cls(lanes=dispatcher.lanes, capacity=dispatcher.capacity, cycle=cycle, **times, costs=costs)


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """What a target's channels and dispatcher can do, made ready for arithmetic on columns.

    Attributes:
        target: that it describes.
        feeding: times of the dispatcher, or None where there is none.
        place: (numbers,) uint8 or uint16, channel number -> place; those without a rule share the last.
        places: how many there are, the shared one not counted.
        pulses: channels with a shortest pulse, in ticks.
        programmed: channels that share a bus, with the ticks that a change takes.
        slews: outputs with a fastest change, in volts a tick.
        buses: names of the buses.
        bus: (programmed,) which of `buses` each channel is on.
    """

    target: Target
    feeding: Feeding | None
    place: NDArray[np.uint8] | NDArray[np.uint16]
    places: int
    pulses: Group
    programmed: Group
    slews: Group
    buses: tuple[str, ...]
    bus: NDArray[np.intp]

    @classmethod
    def of(cls, target: Target) -> Machine:
        """Work out the tables of a target."""
        period = target.period

        def pulse(channel: Channel) -> float | None:
            plays = channel.kind is not Kind.DAC and channel.pulse > 0
            return _whole(channel.pulse, period) if plays else None

        def programming(channel: Channel) -> float | None:
            waits = channel.bus and channel.programming > 0
            return _whole(channel.programming, period) if waits else None

        def slew(channel: Channel) -> float | None:
            bounded = channel.kind is Kind.DAC and math.isfinite(channel.slew)
            return channel.slew * period if bounded else None

        # In this order the channels of each rule are neighbours: only outputs of voltages have a slew, and
        # only they have no pulses.
        limits = {c: (pulse(c), programming(c), slew(c)) for c in target.channels}
        order = [c for c, limit in sorted(limits.items(), key=_rank) if any(x is not None for x in limit)]
        programmed = Group.of(order, programming)
        buses = tuple(dict.fromkeys(channel.bus for channel in programmed.channels))
        return cls(
            target=target,
            feeding=Feeding.of(target.dispatcher, period) if target.dispatcher else None,
            place=_places(target, order),
            places=len(order),
            pulses=Group.of(order, pulse),
            programmed=programmed,
            slews=Group.of(order, slew),
            buses=buses,
            bus=np.array([buses.index(channel.bus) for channel in programmed.channels], dtype=np.intp),
        )

    def name(self, number: int) -> str:
        """Return the name of a channel."""
        return self.target.by_number[number].name

    def seconds(self, ticks: float) -> float:
        """Return ticks in seconds."""
        return ticks * self.target.period

    def written(self, number: int, tick: float) -> float:
        """Return the time that the author wrote for an event: without the compensation of latencies, s."""
        return self.seconds(tick - int(self.target.shifts[number]))


def in_ticks(seconds: float, period: float) -> float:
    """Return a time in ticks, without the rounding noise of the division.

    Example:
        >>> in_ticks(65e-9, 1e-9), in_ticks(1e-9 / 3, 1e-9)
        (65.0, 0.333333)
    """
    return round(seconds / period, _NOISE)


def _whole(seconds: float, period: float) -> int:
    """Return a time in ticks, rounded up."""
    return math.ceil(in_ticks(seconds, period))


def _rank(item: tuple[Channel, tuple[float | None, ...]]) -> int:
    """Return where a channel stands by its limits: those with pulses first, those with a slew last."""
    pulse, programming, slew = (limit is not None for limit in item[1])
    return 3 * slew - 2 * pulse + (programming if pulse else -programming if slew else 0)


def _places(target: Target, order: Sequence[Channel]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return channel number -> place; one byte, where it is enough, is sorted twice as fast."""
    numbers = 1 + max((channel.number for channel in target.channels), default=0)
    place = np.full(numbers, len(order), dtype=np.uint16)
    place[[channel.number for channel in order]] = np.arange(len(order))
    return place.astype(np.uint8) if len(order) < 2**8 else place


@lru_cache(maxsize=16)
def machine_of(target: Target) -> Machine:
    """Return the tables of a target: a lab has one, and its programs are proved many times a second."""
    return Machine.of(target)


_UNKNOWN: Final = Source("<unknown>", 0)


def line_at(program: Program, source: int) -> Source:
    """Return a row of a program's sources; programs that were read from elsewhere may have none."""
    return program.sources[source] if source < len(program.sources) else _UNKNOWN
