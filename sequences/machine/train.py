"""A train: the timelines of a short loop, pass after pass, as one stretch of writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sequences.machine.limits import Feeding
from sequences.machine.writes import Sheet


class Wagon(NamedTuple):
    """One timeline of a pass: which it is, when it starts, and which writes of the pass are its own."""

    number: int
    start: int
    first: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Train:
    """One pass of a loop, and how often it follows itself.

    Attributes:
        time: (writes,) ticks from the start of a pass.
        costs: (writes,) ticks that handing over each and all before it in the pass takes.
        wagons: the timelines of a pass that have events.
        duration: ticks of a pass.
        cost: ticks that handing over a pass takes.
        passes: how many there are.
    """

    time: NDArray[np.int64]
    costs: NDArray[np.float64]
    wagons: tuple[Wagon, ...]
    duration: int
    cost: float
    passes: int

    def unrolled(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return (passes * writes,) when all writes are due, and what handing them over takes, in ticks."""
        passes = np.arange(self.passes)[:, None]
        return (self.time + self.duration * passes).ravel(), (self.costs + self.cost * passes).ravel()


def train_of(sheets: Sequence[Sheet], number: int, feeding: Feeding, count: int) -> Train | None:
    """Return so many passes of a loop that they fill the queue, or None where that is not worth the while.

    Args:
        sheets: the timelines of the loop's body, played one after the other.
        number: of the first of them in the program.
        feeding: times of the dispatcher.
        count: passes of the loop.
    """
    writes = sum(len(sheet.timeline) for sheet in sheets)
    if not 0 < 4 * writes <= feeding.capacity:
        return None
    times, costs, wagons = [], [], []
    start, cost, first = 0, 0.0, 0
    for place, sheet in enumerate(sheets):
        for block in sheet.writes():
            stop = first + len(block.time)
            wagons.append(Wagon(number + place, start, first, stop))
            times.append(block.time + start)
            costs.append(cost + feeding.playback + feeding.costs[: stop - first])
            cost, first = float(costs[-1][-1]), stop
        start += sheet.timeline.duration
    passes = min(count, 1 + -(-feeding.capacity // first))
    return Train(np.concatenate(times), np.concatenate(costs), tuple(wagons), start, cost, passes)
