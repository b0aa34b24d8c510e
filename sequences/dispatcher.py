"""How a timing core hands events to its channels: what limits the speed of a program.

The numbers of a core are those of its gateware. The defaults are published figures of ARTIQ on Kasli: a
scalable event dispatcher of 8 lanes, 128 events deep, fed from memory (DMA).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """The way from a program in memory to the channels; times in seconds.

    Attributes:
        lanes: event queues; so many events at most leave in one cycle.
        depth: events that each lane holds.
        cycle: of the dispatcher's clock; all comparisons of times are made in whole cycles.
        margin: an event must be handed over at least so long before it is due.
        event_time: that handing over one event takes, sustained.
        start: from the moment at which the core begins to feed a shot to the shot's time zero.
        playback: before the first event of each timeline can be handed over.
        decision: from the close of an attempt's last gate until the core knows what was counted.
        memory: events that a program may hold, loops counted once.
        longest: a shot may last.
        nesting: loops that may stand in each other.

    Source: ARTIQ's gateware and tests of the 8th release (sed_lanes, min_slack, DMA playback 4 us a trace and
    65 ns an event, 125 us after a reset).
    """

    lanes: int = 8
    depth: int = 128
    cycle: float = 8e-9
    margin: float = 104e-9
    event_time: float = 65e-9
    start: float = 125e-6
    playback: float = 4e-6
    decision: float = 1e-6
    memory: int = 4_000_000
    longest: float = math.inf
    nesting: int = 8

    @property
    def capacity(self) -> int:
        """Events that can surely wait: those that come one after the other all go into one lane.

        The feed stops when that is full. The other lanes take what is simultaneous, or goes back in time.
        """
        return self.depth
