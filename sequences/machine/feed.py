"""The feed: how a core hands writes over to its dispatcher, and how far ahead it is.

Writes are handed over in order, each `event_time` after the one before, and never while `capacity` writes
wait to be played. In ticks, with the time ``t`` at which each is due and ``d`` at which it is handed over::

    d[i] = max(d[i - 1] + event_time, t[i - capacity])

which is a cumulative maximum of ``t[i - capacity] - i * event_time``. A write's slack is ``t[i] - d[i]``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

ROUNDING: Final = 1e-6
"""Ticks by which sums of floats may differ."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the core last waited for.

    Attributes:
        channel: number of the gate's or the trigger's channel.
        line: row of the program's sources; None for a trigger.
    """

    channel: int
    line: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """How far the core is when a timeline starts; ticks, counted from there.

    Attributes:
        free: when it can begin with the timeline.
        queue: (capacity or fewer,) float64, when the last writes are due, in the order of handing over.
        closed: (readouts,) float64, when each gate closed last; -inf for never.
        closers: (readouts,) int64, row of the program's sources of that gate.
        decided: what `free` had to wait for, if it was a decision.
    """

    free: float
    queue: NDArray[np.float64]
    closed: NDArray[np.float64]
    closers: NDArray[np.int64]
    decided: Decision | None = None

    def later(self, ticks: int) -> Feed:
        """Return the same as seen from a later start."""
        closed = self.closed - ticks if len(self.closed) else self.closed
        return Feed(self.free - ticks, self.queue - ticks, closed, self.closers, self.decided)

    def after(self, time: float, decision: Decision) -> Feed:
        """Return the feed after waiting for a decision that falls at a time."""
        return replace(self, free=time, decided=decision) if time > self.free else self

    def waiting(self) -> NDArray[np.float64]:
        """Return when the writes are due that still wait when the core is free."""
        late = (self.queue > self.free).nonzero()[0]
        return self.queue[late[0] :] if len(late) else self.queue[:0]

    def is_like(self, other: Feed) -> bool:
        """Tell whether what follows can find no difference."""
        alike = abs(self.free - other.free) < ROUNDING or self.free == other.free
        return alike and np.array_equal(self.waiting(), other.waiting())

    def joined(self, other: Feed) -> Feed:
        """Return a feed that is nowhere further ahead than either: the later of all times."""
        later = self if self.free >= other.free else other
        long, short = sorted((self.queue, other.queue), key=len, reverse=True)
        queue = long.copy()
        rest = len(long) - len(short)
        np.maximum(queue[rest:], short, out=queue[rest:])
        closers = np.where(self.closed >= other.closed, self.closers, other.closers)
        return Feed(later.free, queue, np.maximum(self.closed, other.closed), closers, later.decided)


def hand_over(
    feed: Feed, time: NDArray[np.int64], costs: NDArray[np.float64], capacity: int
) -> tuple[Feed, NDArray[np.float64], NDArray[np.float64]]:
    """Hand some writes over.

    Args:
        feed: before them.
        time: (writes,) when they are due, in ticks.
        costs: (writes,) that handing over each and all before it takes, in ticks.
        capacity: writes that can wait.

    Returns:
        The feed after them; (writes,) when each was handed over; and (writes,) the slack of each, in ticks.
    """
    handed = feed.free + costs
    due: NDArray[np.float64] = np.concatenate((feed.queue, time), dtype=np.float64)
    room = max(0, capacity - len(feed.queue))
    if len(time) > room:
        held = due[: len(time) - room] - costs[room:]
        np.maximum.accumulate(held, out=held)
        held += costs[room:]
        np.maximum(handed[room:], held, out=handed[room:])
    free = float(handed[-1]) if len(time) else feed.free
    slack = due[len(feed.queue) :] - handed
    return Feed(free, due[-capacity:], feed.closed, feed.closers), handed, slack


def longest_queue(feed: Feed, time: NDArray[np.int64], handed: NDArray[np.float64]) -> int:
    """Return how many writes wait at most while some are handed over.

    Args:
        feed: before them.
        time: (writes,) when they are due.
        handed: (writes,) when each was handed over.
    """
    due = np.sort(np.concatenate((feed.queue, time)))
    played = np.searchsorted(due, handed, side="right")
    return int((len(feed.queue) + np.arange(1, len(time) + 1) - played).max(initial=0))
