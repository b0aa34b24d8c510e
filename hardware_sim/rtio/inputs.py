"""The way of clicks into a core: gates, one event a cycle, and a queue that can overflow.

Source: ARTIQ's input phys and input collector (gateware of the 8th release): a serialiser looks at one
cycle at a time, so that at most one edge of a cycle is seen; events wait in a queue of 64; one that finds
it full is lost, and the next read of the channel fails and clears the fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

DEPTH: Final = 64
"""Events that an input's queue holds (TTL inputs and edge counters of ARTIQ on Kasli)."""

GATE_LATENCY: Final = 13
"""Cycles after which a gate that was closed really is: its closing takes the way of all outputs."""


@dataclass(frozen=True, slots=True, eq=False)
class Queued:
    """What became of events that came to an input's queue, and of the reads.

    Attributes:
        stored: (events,) bool; whether it found room in the queue.
        failed: (reads,) bool; a read that told of an overflow, and took nothing.
        taken: (reads,) int64, the event that each read took, or -1 where there was none or the read failed.
    """

    stored: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    taken: NDArray[np.int64]


def seen_edges(
    edges: NDArray[np.int64], gates: NDArray[np.int64], cycle: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tell which edges become events: the first of each cycle, while a gate is open.

    Args:
        edges: (edges,) ticks, ascending.
        gates: (gates, 2) ticks at which they open and close, ascending and apart from each other.
        cycle: ticks.

    Returns:
        (events,) rows of `edges`, and for each the row of `gates` that was open.

    Example:
        >>> rows, gate = seen_edges(np.array([3, 9, 10, 17, 40]), np.array([[8, 20], [36, 44]]), cycle=8)
        >>> rows.tolist(), gate.tolist()
        ([1, 3, 4], [0, 0, 1])
    """
    gate = np.searchsorted(gates[:, 0], edges, side="right") - 1
    rows = np.flatnonzero(gate >= 0)
    rows = rows[edges[rows] < gates[gate[rows], 1]]
    word = edges[rows] // cycle
    first = np.ones(len(rows), dtype=bool)
    # A gate that opens in the cycle in which another closed looks at that cycle anew.
    first[1:] = (np.diff(word) != 0) | (np.diff(gate[rows]) != 0)
    rows = rows[first]
    return rows, gate[rows]


def closed_at(close: int, cycle: int) -> int:
    """Return the tick from which on the count of a gate is complete."""
    return close + GATE_LATENCY * cycle


def queue_events(events: NDArray[np.int64], reads: NDArray[np.int64], depth: int = DEPTH) -> Queued:
    """Let events wait for the core to read them.

    Args:
        events: (events,) ticks, ascending.
        reads: (reads,) ticks at which the core takes the oldest event, ascending; at one tick an event comes
            before the read.
        depth: events that the queue holds.

    Returns:
        What became of each.
    """
    order = np.argsort(np.concatenate([events, reads]), kind="stable")
    is_event = order < len(events)
    walk = np.cumsum(np.where(is_event, 1, -1))
    # A read of an empty queue takes nothing: the walk is reflected at zero.
    waiting = walk - np.minimum(np.minimum.accumulate(walk), 0)
    if waiting.max(initial=0) > depth:
        return _queue_each(order, len(events), len(reads), depth)
    before = np.concatenate([[0], waiting[:-1]])
    finds = before[~is_event] > 0
    taken = np.full(len(reads), -1, dtype=np.int64)
    taken[finds] = np.arange(np.count_nonzero(finds))
    return Queued(np.ones(len(events), dtype=bool), np.zeros(len(reads), dtype=bool), taken)


def _queue_each(order: NDArray[np.intp], events: int, reads: int, depth: int) -> Queued:
    """Let events and reads come one by one, in an order; rows from `events` on are reads."""
    stored, failed = np.zeros(events, dtype=bool), np.zeros(reads, dtype=bool)
    taken = np.full(reads, -1, dtype=np.int64)
    waiting: list[int] = []
    begin, overflow = 0, False
    for row in order.tolist():
        if row < events:
            if len(waiting) - begin < depth:
                waiting.append(row)
                stored[row] = True
            else:
                overflow = True
        elif overflow:
            failed[row - events], overflow = True, False
        elif begin < len(waiting):
            taken[row - events] = waiting[begin]
            begin += 1
    return Queued(stored, failed, taken)
