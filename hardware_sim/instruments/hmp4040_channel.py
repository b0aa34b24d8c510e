"""The channels of an HMP4040: set points, electronic fuses, over-voltage protection and running sequences.

A channel is frozen; `Channel.followed` gives the channel as it is at a later time, with everything that has
happened by itself until then: steps of a running sequence, a blown fuse, a tripped protection.

Source: R&S HMP series SCPI programmer's manual (from memory).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from hardware_sim.instruments.hmp4040_output import Drive

MEMORY = 4096  # latest steps of a sequence that are followed; older ones no longer matter to any load


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a sequence: voltage in V, current in A, and how long it is held in s."""

    voltage: float
    current: float
    dwell: float


@dataclass(frozen=True, slots=True)
class Playback:
    """A sequence that was started.

    Attributes:
        points: Its points, at least one.
        repetitions: How often it is played; 0 for endlessly.
        began: Lab time of its start in s.

    Example:
        >>> playback = Playback((Point(1.0, 0.1, 0.5), Point(2.0, 0.1, 1.0)), repetitions=2, began=10.0)
        >>> [(time, point.voltage) for time, point in playback.steps(10.0, 100.0)]
        [(10.5, 2.0), (11.5, 1.0), (12.0, 2.0)]
    """

    points: tuple[Point, ...]
    repetitions: int
    began: float

    def steps(self, after: float, until: float) -> Iterator[tuple[float, Point]]:
        """Give the points that begin after one lab time (s) and not after another, with their times."""
        starts = [0.0, *accumulate(point.dwell for point in self.points)]
        period = starts.pop()
        last = math.floor((until - self.began) / period)
        if self.repetitions:
            last = min(last, self.repetitions - 1)
        first = max(math.floor((after - self.began) / period), 0, last - MEMORY // len(self.points))
        for cycle in range(first, last + 1):
            for start, point in zip(starts, self.points, strict=True):
                time = self.began + cycle * period + start
                if after < time <= until:
                    yield time, point


@dataclass(frozen=True, slots=True)
class Channel:
    """Everything about one channel.

    Attributes:
        drive: What the output does.
        voltage: Set voltage in V.
        current: Set current in A.
        power: Largest power of the channel in W.
        armed: Whether the channel takes part when the master output is on (``OUTP:SEL``).
        protection: Voltage in V above which the output trips.
        protected: Whether it has tripped by that.
        fuse: Whether the electronic fuse is on.
        fuse_delay: How long constant current may last before the fuse blows, in s.
        blown_at: Lab time in s at which the fuse blew, None if it is whole.
        links: Channels that the fuse takes along, counted from 0.
        playback: Sequence that runs, None if none does.
        points: Sequence that was transferred to the channel.
    """

    drive: Drive
    voltage: float
    current: float
    power: float
    protection: float
    armed: bool = False
    protected: bool = False
    fuse: bool = False
    fuse_delay: float = 0.0
    blown_at: float | None = None
    links: frozenset[int] = frozenset()
    playback: Playback | None = None
    points: tuple[Point, ...] = ()

    def changed(self, now: float, **changes: Any) -> Channel:
        """Return the channel with other set points and switches; the output does not follow yet."""
        return replace(self.followed(now), **changes)

    def driven(self, now: float, master: bool) -> Channel:
        """Return the channel whose output has taken over set points and switches at lab time ``now`` (s).

        Args:
            now: Lab time in s.
            master: Whether the master output is on.
        """
        on = self.armed and master and self.blown_at is None and not self.protected
        target = self.driven_to(now, on, self.voltage, self.current)
        return target if on else replace(target, playback=None)

    def blown(self, now: float) -> Channel:
        """Return the channel after its or a linked channel's fuse has blown at lab time ``now`` (s)."""
        off = self.drive.changed(now, on=False)
        return replace(self, drive=off, blown_at=now, armed=False, playback=None)

    def playing(self, now: float, repetitions: int) -> Channel:
        """Return the channel with its sequence started at lab time ``now`` (s)."""
        first = self.points[0]
        started = self.driven_to(now, self.drive.on, first.voltage, first.current)
        return replace(started, playback=Playback(self.points, repetitions, now))

    def followed(self, now: float) -> Channel:
        """Return the channel as it is at lab time ``now`` (s), not before its last change."""
        channel = self
        steps = self.playback.steps(self.drive.since, now) if self.playback is not None else ()
        for time, point in steps:
            channel = channel.guarded(time)
            if not channel.drive.on:
                return channel
            channel = channel.driven_to(time, True, point.voltage, point.current)
        return channel.guarded(now)

    def driven_to(self, now: float, on: bool, voltage: float, current: float) -> Channel:
        """Return the channel whose output gives other than the set voltage (V) and current (A)."""
        # A channel that cannot give voltage times current gives less current.
        limit = min(current, self.power / voltage) if voltage else current
        drive = self.drive.changed(now, on=on, voltage=voltage, limit=limit)
        if on and drive.terminal_voltage(now) > self.protection:
            return replace(
                self, drive=drive.changed(now, on=False), protected=True, armed=False, playback=None
            )
        return replace(self, drive=drive)

    def guarded(self, now: float) -> Channel:
        """Return the channel with its fuse blown if it has by lab time ``now`` (s)."""
        blows_at = self.drive.limited_from() + self.fuse_delay
        if not self.fuse or not self.drive.on or now < blows_at:
            return self
        return self.blown(blows_at)


@dataclass(frozen=True, slots=True)
class Supply:
    """The whole instrument at a moment; replaced as a whole, as the lab world reads it from other threads.

    Attributes:
        channels: Its channels.
        master: Whether the master output is on.
    """

    channels: tuple[Channel, ...]
    master: bool = False

    def followed(self, now: float) -> Supply:
        """Return the supply as it is at lab time ``now`` (s), with fuses that take others along."""
        channels = [channel.followed(now) for channel in self.channels]
        for before, after in zip(self.channels, tuple(channels), strict=True):
            if after.blown_at is None or before.blown_at is not None:
                continue
            for number in after.links:
                linked = self.channels[number].followed(after.blown_at)
                channels[number] = linked.blown(after.blown_at)
        return replace(self, channels=tuple(channels))

    def with_channel(self, index: int, channel: Channel) -> Supply:
        """Return the supply with another channel in one place, counted from 0."""
        channels = list(self.channels)
        channels[index] = channel
        return replace(self, channels=tuple(channels))
