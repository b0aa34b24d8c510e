"""Knowing the end of a loop after a few passes: when a core comes back to where it was, the rest is known.

The state of a core, seen from the beginning of a pass, is a **shape** (what waits where) and a **lag**
(how late the feeding is). The same shape and the same lag: everything repeats. The same shape and another
lag: as long as the feeding never had to wait, all writes are handed over later (or earlier) by the same
amount from one period to the next, and nothing changes until the first of them crosses one of its
margins, which is known.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from hardware_sim.rtio.dispatcher import Margins

_MEMORY: Final = 4096
"""Passes that are remembered; most dispatchers repeat after at most as many as their lanes are deep."""


class Mark(NamedTuple):
    """Where a core is between two passes.

    Attributes:
        shape: what the future depends on, relative to the beginning of the next pass.
        base: tick at which that begins.
        lag: parts by which the feeding is behind it; below zero, it is ahead.
    """

    shape: Hashable
    base: int
    lag: int


class Leap(NamedTuple):
    """How far ahead a loop is known.

    Attributes:
        passes: that need not be gone through.
        ticks: by which they move the beginning of what follows.
        drift: parts by which the lag grows meanwhile.
    """

    passes: int
    ticks: int
    drift: int


@dataclass(slots=True)
class Recurrence:
    """The passes of one loop that were gone through, from some mark on."""

    start: Mark
    _seen: dict[Hashable, int] = field(default_factory=dict)
    _marks: list[Mark] = field(default_factory=list)
    _margins: list[Margins] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._begin(self.start)

    def leap(self, mark: Mark, margins: Margins, left: int) -> Leap | None:
        """Look whether the passes that are left are known by now.

        Args:
            mark: between the pass that is over and the next.
            margins: of the pass that is over.
            left: passes still to come.

        Returns:
            How far to leap, or None for not at all. Where the lag changes, the last period is left to be gone
            through: it shows the extremes.
        """
        self._margins.append(margins)
        self._marks.append(mark)
        since = self._seen.get(mark.shape)
        self._seen[mark.shape] = len(self._margins)
        if since is None:
            if len(self._seen) > _MEMORY:
                self._begin(mark)
            return None
        before = self._marks[since]
        period, drift = len(self._margins) - since, mark.lag - before.lag
        periods = left // period
        if drift:
            periods = min(periods - 1, _unchanged(self._margins[since:], drift))
        if periods < 1:
            return None
        return Leap(periods * period, periods * (mark.base - before.base), periods * drift)

    def _begin(self, mark: Mark) -> None:
        self._seen, self._marks, self._margins = {mark.shape: 0}, [mark], []


def _unchanged(period: list[Margins], drift: int) -> int:
    """Return how often a period is the same but for a drift, given the margins of its passes."""
    total = Margins()
    for margins in period:
        total.narrow(margins)
    if total.stalled:
        return 0
    return total.later // drift if drift > 0 else total.earlier // -drift
