"""Where writes leave their queues and meet at the channels: replacement, collision, and busy channels.

Two writes to one channel in one cycle: the later one wins, if the channel allows replacement and both are
for the same tick and register. Otherwise they collide, and both are lost. A write that finds its channel
still busy with the one before is lost, too. None of this stops a core: pulses just vanish.

Source: ARTIQ's output network and output driver (gateware of the 8th release). Where three or more writes
meet in one cycle, the gateware compares them in pairs; here each is compared with the last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.rtio.events import Outcome
from sequences.target import Kind, Target

NOBODY: Final = -1
"""In place of the write that another one met."""

REPLACING: Final = frozenset({Kind.TTL, Kind.DDS})
"""Channels on which the later of two writes at one tick wins: a line, a tone.

DACs and edge counters cannot: as in ARTIQ's Fastino and edge counter, both writes would be lost.
"""

_NOISE: Final = 1e-3
"""Of a tick: by how much the float of a spacing may miss a whole number of ticks."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a channel takes writes.

    Attributes:
        replacing: whether the later of two writes at one tick takes the other's place.
        busy: ticks after a write in which it takes no other.
    """

    replacing: bool
    busy: int


def rules_of(target: Target) -> dict[int, Rule]:
    """Return the rules of a target's channels by their numbers; a channel is busy for its spacing."""
    return {
        channel.number: Rule(
            channel.kind in REPLACING, max(0, math.ceil(channel.spacing / target.period - _NOISE))
        )
        for channel in target.channels
    }


@dataclass(frozen=True, slots=True, eq=False)
class Arrivals:
    """Columns of writes on their way to the channels, in the order in which the dispatcher took them.

    Attributes:
        time: (writes,) int64, ticks.
        channel: (writes,) int64, numbers of the target.
        address: (writes,) int64, register of the channel.
        write: (writes,) int64, by which the caller knows it.
        play: (writes,) int64, by which the caller knows when its timeline was played.
    """

    time: NDArray[np.int64]
    channel: NDArray[np.int64]
    address: NDArray[np.int64]
    write: NDArray[np.int64]
    play: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.time)

    def columns(self) -> tuple[NDArray[np.int64], ...]:
        """Return the columns in order."""
        return self.time, self.channel, self.address, self.write, self.play

    def at(self, rows: NDArray[Any]) -> Arrivals:
        """Return some of the rows."""
        return Arrivals(*[column[rows] for column in self.columns()])

    def followed_by(self, other: Arrivals) -> Arrivals:
        """Return these and then others."""
        pairs = zip(self.columns(), other.columns(), strict=True)
        return Arrivals(*[np.concatenate(pair) for pair in pairs])


NO_ARRIVALS: Final = Arrivals(*[np.empty(0, dtype=np.int64)] * 5)


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """What became of writes that reached their channels.

    Attributes:
        arrivals: (writes,) those that are settled, by channel and time.
        outcome: (writes,) uint8, PLAYED, REPLACED, COLLIDED or BUSY.
        other: (writes,) int64, the write that it collided with, or that kept the channel busy; or `NOBODY`.
        short: (writes,) int64, ticks by which it had to be later; 0 where nothing was lost.
    """

    arrivals: Arrivals
    outcome: NDArray[np.uint8]
    other: NDArray[np.int64]
    short: NDArray[np.int64]


@dataclass(slots=True)
class OutputStage:
    """The channels, and what is on its way to them.

    Attributes:
        rules: by channel number.
        cycle: ticks.
        pending: writes that others may still meet.
        played: channel number -> tick and name of the last write that it took.
    """

    rules: Mapping[int, Rule]
    cycle: int
    pending: Arrivals = NO_ARRIVALS
    played: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, arrivals: Arrivals) -> None:
        """Put writes on their way."""
        self.pending = self.pending.followed_by(arrivals) if len(self.pending) else arrivals

    def settle(self, until: int | None = None) -> Settled:
        """Let the writes reach their channels that are due in cycles before the one of a tick.

        Args:
            until: tick before which nothing more can be due, or None to settle everything.
        """
        if until is None:
            ready = np.ones(len(self.pending), dtype=bool)
        else:
            ready = self.pending.time // self.cycle < until // self.cycle
        arrivals, self.pending = self.pending.at(ready), self.pending.at(~ready)
        cycle = arrivals.time // self.cycle
        order = np.lexsort((cycle, arrivals.channel))
        settled = self._meet(arrivals.at(order), cycle[order])
        self._occupy(settled)
        return settled

    def _meet(self, arrivals: Arrivals, cycle: NDArray[np.int64]) -> Settled:
        """Tell what becomes of writes, sorted by channel and cycle, that meet in one cycle."""
        count = len(arrivals)
        outcome = np.full(count, Outcome.PLAYED, dtype=np.uint8)
        other = np.full(count, NOBODY, dtype=np.int64)
        short = np.zeros(count, dtype=np.int64)
        joins = np.zeros(count, dtype=bool)  # the write before, in its cycle
        joins[1:] = (arrivals.channel[1:] == arrivals.channel[:-1]) & (cycle[1:] == cycle[:-1])
        if joins.any():
            first = np.flatnonzero(~joins)
            size = np.diff(first, append=count)
            for begin, writes in zip(first[size > 1].tolist(), size[size > 1].tolist(), strict=True):
                self._meet_one(arrivals, slice(begin, begin + writes), outcome, other, short)
        return Settled(arrivals, outcome, other, short)

    def _meet_one(
        self,
        arrivals: Arrivals,
        group: slice,
        outcome: NDArray[np.uint8],
        other: NDArray[np.int64],
        short: NDArray[np.int64],
    ) -> None:
        """Settle the writes of one cycle and channel, in order of submission."""
        last = group.stop - 1
        time, address = arrivals.time[group], arrivals.address[group]
        alike = bool(np.all(time == time[-1]) and np.all(address == address[-1]))
        if alike and self.rules[int(arrivals.channel[last])].replacing:
            outcome[group.start : last] = Outcome.REPLACED
            return
        outcome[group] = Outcome.COLLIDED
        other[group] = arrivals.write[last]
        other[last] = arrivals.write[last - 1]
        short[group] = self.cycle - time % self.cycle  # to the next cycle

    def _occupy(self, settled: Settled) -> None:
        """Lose the writes that find their channel busy; remember the last of those that do not."""
        rows = np.flatnonzero(settled.outcome == Outcome.PLAYED)
        time, channel = settled.arrivals.time[rows], settled.arrivals.channel[rows]
        begins = [0, *(np.flatnonzero(channel[1:] != channel[:-1]) + 1).tolist(), len(rows)]
        for begin, end in pairwise(begins if len(rows) else ()):
            number = int(channel[begin])
            busy = self.rules[number].busy
            before, _ = self.played.get(number, (int(time[begin]) - busy, NOBODY))
            if time[begin] - before < busy or (np.diff(time[begin:end]) < busy).any():
                self._occupy_one(settled, rows[begin:end], number)
            else:
                row = rows[end - 1]
                self.played[number] = int(time[end - 1]), int(settled.arrivals.write[row])

    def _occupy_one(self, settled: Settled, rows: NDArray[np.intp], number: int) -> None:
        """Let one channel take its writes one by one."""
        busy = self.rules[number].busy
        for row in rows.tolist():
            time, write = int(settled.arrivals.time[row]), int(settled.arrivals.write[row])
            last, holder = self.played.get(number, (time - busy, NOBODY))
            missing = last + busy - time
            if missing > 0:
                settled.outcome[row] = Outcome.BUSY
                settled.other[row], settled.short[row] = holder, missing
            else:
                self.played[number] = time, write

    def copy(self) -> OutputStage:
        """Return a stage in the same state, which goes its own way from here."""
        return OutputStage(self.rules, self.cycle, self.pending, dict(self.played))

    def shift(self, ticks: int) -> None:
        """Move everything by some ticks."""
        time, *others = self.pending.columns()
        self.pending = Arrivals(time + ticks, *others)
        self.played = {number: (time + ticks, write) for number, (time, write) in self.played.items()}

    def shape(self, origin: int, until: int) -> tuple[object, ...]:
        """Return what the future depends on, relative to a tick; nothing more is due before `until`."""
        time, *others, _ = self.pending.columns()
        busy = (
            (number, last - origin, write)
            for number, (last, write) in sorted(self.played.items())
            if last + self.rules[number].busy > until
        )
        return ((time - origin).tobytes(), *(column.tobytes() for column in others), *busy)
