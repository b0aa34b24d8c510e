"""Digital inputs: a gate makes the input sensitive to rising edges, which it then time-stamps."""

from __future__ import annotations

from sequences.targets.artiq.devices import TtlInput
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.writes import Writes
from sequences.timeline import Operation

SENSITIVITY = 2
"""Address of the edges that are time-stamped."""
RISING = 1
NONE = 0


def lower_ttl_input(device: TtlInput, writes: Writes) -> RtioEvents:
    """Return the words that open and close the gates; between two gates back to back it stays open."""
    last = writes.last_of_each_time()
    edges = (writes.operation[last] == Operation.OPEN) * RISING
    return RtioEvents.of(writes.time[last], device.channel, SENSITIVITY, edges, writes.source[last])
