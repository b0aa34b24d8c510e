"""What became of every write of a program, summed over all passes in which it was played."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.rtio.events import Outcome
from hardware_sim.rtio.output import NOBODY

UNPLAYED: Final = int(np.iinfo(np.int64).max)
"""The slack of a write that is never handed over, or handed over to a core without limits."""


@dataclass(slots=True)
class Findings:
    """Columns with a row for every write of a program.

    Attributes:
        writes: how many there are.
        slack: (writes,) int64, the smallest slack in ticks.
        first: kind of fault -> (writes,) int64, the play in which it happened first, or `NOBODY`.
        opening: kind of fault -> (writes,) int64, ticks by which it was too early or too late that time.
        short: kind of fault -> (writes,) int64, ticks by which it was at worst.
        other: (writes,) int64, the write that it met first, or `NOBODY`.
        passes: for each play of a timeline the passes in which it was.
    """

    writes: int
    slack: NDArray[np.int64] = field(init=False)
    first: dict[Outcome, NDArray[np.int64]] = field(default_factory=dict)
    opening: dict[Outcome, NDArray[np.int64]] = field(default_factory=dict)
    short: dict[Outcome, NDArray[np.int64]] = field(default_factory=dict)
    other: NDArray[np.int64] = field(init=False)
    passes: list[tuple[int, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slack = np.full(self.writes, UNPLAYED)
        self.other = np.full(self.writes, NOBODY, dtype=np.int64)

    def begin_play(self, passes: tuple[int, ...]) -> int:
        """Return the number of one more play of a timeline."""
        self.passes.append(passes)
        return len(self.passes) - 1

    def note_slack(self, writes: NDArray[np.int64], slack: NDArray[np.int64]) -> None:
        """Note the slack in ticks of writes that were handed over."""
        self.slack[writes] = np.minimum(self.slack[writes], slack)

    def note(
        self,
        outcome: NDArray[np.uint8],
        writes: NDArray[np.int64],
        plays: NDArray[np.int64],
        short: NDArray[np.int64],
        other: NDArray[np.int64] | None = None,
    ) -> None:
        """Note what was lost.

        Args:
            outcome: (events,) of each; only what is lost counts.
            writes: (events,) which they are.
            plays: (events,) in which play of their timeline.
            short: (events,) ticks by which they were too early or too late.
            other: (events,) the writes that they met.
        """
        if outcome.max(initial=0) <= Outcome.REPLACED:
            return
        for kind in [kind for kind in Outcome if kind.lost]:
            rows = np.flatnonzero(outcome == kind)
            if len(rows) == 0:
                continue
            lost = writes[rows]
            first = self.first.setdefault(kind, np.full(self.writes, NOBODY, dtype=np.int64))
            opening = self.opening.setdefault(kind, np.zeros(self.writes, dtype=np.int64))
            worst = self.short.setdefault(kind, np.zeros(self.writes, dtype=np.int64))
            np.maximum.at(worst, lost, short[rows])
            # Where one write is lost several times at once, the first play counts: it is assigned last.
            new = rows[first[lost] == NOBODY][::-1]
            first[writes[new]], opening[writes[new]] = plays[new], short[new]
            if other is not None:
                self.other[writes[new]] = other[new]

    @property
    def lost(self) -> NDArray[np.bool_]:
        """Tell (writes,) which were lost in any pass."""
        lost = np.zeros(self.writes, dtype=bool)
        for first in self.first.values():
            lost |= first != NOBODY
        return lost
