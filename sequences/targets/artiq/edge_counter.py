"""Counters in the gateware: a gate zeroes and counts, its end sends the count as an input event."""

from __future__ import annotations

import numpy as np

from sequences.targets.artiq.devices import EdgeCounter
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.writes import Writes
from sequences.timeline import Operation

OPEN = 0b1001
"""Count rising edges, from zero."""
CLOSE = 0b0100
"""Stop to count, and send what was counted."""


def lower_edge_counter(device: EdgeCounter, writes: Writes) -> RtioEvents:
    """Return the words of the gates.

    Between two gates back to back they are one word, which sends the count and starts from zero: two in one
    cycle would collide.
    """
    words = np.where(writes.operation == Operation.OPEN, OPEN, CLOSE)
    last = writes.last_of_each_time()
    together = np.bitwise_or.reduceat(words, np.append(0, last[:-1] + 1)) if len(last) else words
    return RtioEvents.of(writes.time[last], device.channel, 0, together, writes.source[last])
