"""Digital outputs: one word a change of level."""

from __future__ import annotations

import numpy as np

from sequences.errors import SpacingError
from sequences.target import Kind
from sequences.targets.artiq.devices import TtlOut
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.writes import Problems, Writes
from sequences.timeline import Operation
from sequences.units import show

LEVEL = 0
"""Address of the output's level."""


def lower_ttl(device: TtlOut, writes: Writes, problems: Problems) -> RtioEvents:
    """Return the levels of a line; a camera's is high while it exposes.

    What is written several times at once is written once, as it is in the end.
    """
    if writes.channel.kind is Kind.CAMERA:
        _check_edges(writes, problems)
        high = writes.operation == Operation.OPEN
    else:
        high = writes.value != 0
    last = writes.last_of_each_time()
    return RtioEvents.of(writes.time[last], device.channel, LEVEL, high[last], writes.source[last])


def _check_edges(writes: Writes, problems: Problems) -> None:
    """Tell exposures that begin when another ends: the line would stay high, and the camera miss one."""
    opens = writes.operation[1:] == Operation.OPEN
    missed = np.flatnonzero(opens & (writes.time[1:] == writes.time[:-1]))
    problems.add_each(
        missed,
        lambda row: SpacingError(
            problems.source(int(writes.source[row + 1])),
            writes.channel.name,
            problems.source(int(writes.source[row])),
            show(0.0, "s"),
            show(writes.channel.grid, "s"),
        ),
    )
