"""The speed of a dispatcher in whole numbers, so that no rounding decides what is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from hardware_sim.rtio.errors import CycleError
from sequences.target import Target

PARTS: Final = 1000
"""Of a tick: the feeding of a core is timed this finely, since a write takes no whole number of cycles.

With the usual tick of 1 ns these are picoseconds; int64 holds a hundred days of them.
"""

_NOISE: Final = 1e-6
"""By how much of its unit a time in seconds may miss a whole number: floats carry rounding noise."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What limits a dispatcher, in ticks of the core or parts of them.

    Attributes:
        lanes: queues.
        depth: writes that each queue holds.
        cycle: ticks; times are compared in whole cycles.
        margin: cycles that a write must be handed over before its own; fewer is an underflow.
        event: parts that handing over one write takes.
        playback: parts before the first write of a timeline.
        start: parts from the beginning of feeding to time zero.
        decision: parts from the close of a gate until the core knows what was counted.
        cycle_parts: of a cycle.
    """

    lanes: int
    depth: int
    cycle: int
    margin: int
    event: int
    playback: int
    start: int
    decision: int
    cycle_parts: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cycle_parts", self.cycle * PARTS)


def pace_of(target: Target) -> Pace | None:
    """Return the pace of a target's dispatcher, or None where it has none.

    Raises:
        CycleError: the cycle is no whole number of ticks.
    """
    dispatcher = target.dispatcher
    if dispatcher is None:
        return None
    cycle = dispatcher.cycle / target.period
    if round(cycle) < 1 or abs(cycle - round(cycle)) > _NOISE:
        raise CycleError(target.name, dispatcher.cycle, target.period)

    def parts(seconds: float) -> int:
        return round(seconds / target.period * PARTS)

    return Pace(
        lanes=dispatcher.lanes,
        depth=dispatcher.depth,
        cycle=round(cycle),
        margin=math.ceil(dispatcher.margin / dispatcher.cycle - _NOISE),
        event=parts(dispatcher.event_time),
        playback=parts(dispatcher.playback),
        start=parts(dispatcher.start),
        decision=parts(dispatcher.decision),
    )
