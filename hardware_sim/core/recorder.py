"""Collects what the inputs of the core see while a point is played."""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from data.columns import Attempts, TimeTags
from hardware_sim.core.signals import Window
from hardware_sim.core.takes import Take
from sequences.program import Program

_TAG = np.dtype(
    [
        ("t_ps", "i8"),
        ("channel", "u2"),
        ("shot", "i8"),
        ("attempt", "u4"),
        ("readout", "u2"),
        ("window_ps", "i8"),
    ]
)

Mark: TypeAlias = tuple[int, int]
"""A moment of the recording: how many batches of clicks, and how many exposures, came before it."""


class Recorder:
    """Columns in the making.

    Attributes:
        attempt: (shots,) attempt that each shot is in, or made last.
        counts: readout name -> (shots, windows or ions); what a loop records again is added.
        missed: (channel number, ticks) of a wait -> (shots,) how often no trigger came in that time.
    """

    def __init__(self, program: Program, shots: int, ions: int) -> None:
        self.attempt = np.zeros(shots, dtype=np.uint32)
        self._attempted = np.zeros(shots, dtype=np.uint32)
        self.missed: dict[tuple[int, int], NDArray[np.int64]] = {}
        self._program = program
        self._tags: list[NDArray[np.void]] = []
        self._exposures: list[tuple[int, NDArray[np.int64], NDArray[np.int64]]] = []
        self._attempts: list[
            tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.int64], NDArray[np.bool_]]
        ] = []
        self.counts = {
            name: np.zeros((shots, width), dtype=np.int32)
            for name, width in program.readout_widths(ions).items()
        }

    def click(
        self,
        window: Window,
        shots: NDArray[np.int64],
        clock_ps: NDArray[np.int64],
        offset_ps: NDArray[np.int64],
    ) -> None:
        """Record clicks (clicks,) of one gate: at `offset_ps` of the timeline that started at `clock_ps`."""
        if len(shots) == 0:
            return
        tags = np.empty(len(shots), dtype=_TAG)
        readout = self._program.readouts[window.readout]
        tags["t_ps"] = clock_ps + offset_ps
        tags["channel"] = readout.channel
        tags["shot"] = shots
        tags["attempt"] = self.attempt[shots]
        tags["readout"] = window.readout
        tags["window_ps"] = offset_ps - window.start
        self._tags.append(tags)
        np.add.at(self.counts[readout.name][:, readout.index], shots, 1)

    def expose(self, row: int, shots: NDArray[np.int64], counts: NDArray[np.int32]) -> None:
        """Add counts (shots, ions) to a camera's readout."""
        self.counts[self._program.readouts[row].name][shots] += counts
        self._exposures.append((row, shots, counts.sum(axis=1, dtype=np.int64)))

    def miss(self, channel: int, ticks: int, shots: NDArray[np.int64]) -> None:
        """Note that shots waited for so long for a trigger of a channel, and none came."""
        if len(shots):
            missed = self.missed.setdefault((channel, ticks), np.zeros(len(self.attempt), dtype=np.int64))
            missed[shots] += 1

    def begin_attempt(self, shots: NDArray[np.int64]) -> None:
        """Give shots the number of their next attempt, which counts through all loops of a shot."""
        self.attempt[shots] = self._attempted[shots]
        self._attempted[shots] += 1

    def mark(self) -> Mark:
        """Return this moment, for `counted_since`."""
        return len(self._tags), len(self._exposures)

    def counted_since(self, mark: Mark, rows: tuple[int, ...], shots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what (shots,) the gates of some readouts have counted since a mark was made.

        Clicks of counters count one each; of an exposure, the counts of all ions.
        """
        total = np.zeros(len(self.attempt), dtype=np.int64)
        for tags in self._tags[mark[0] :]:
            mine = tags["shot"][np.isin(tags["readout"], rows)]
            total += np.bincount(mine, minlength=len(total))
        for row, exposed, counts in self._exposures[mark[1] :]:
            total[exposed] += counts if row in rows else 0
        return total[shots]

    def finish_attempt(
        self,
        shots: NDArray[np.int64],
        attempt: NDArray[np.uint32],
        start_ps: NDArray[np.int64],
        heralded: NDArray[np.bool_],
    ) -> None:
        """Note that shots made an attempt; all columns (shots,)."""
        self._attempts.append((shots, attempt, start_ps, heralded))

    def take(
        self, numbers: NDArray[np.int64], start_ps: NDArray[np.int64], length_ps: NDArray[np.int64]
    ) -> Take:
        """Return all that was seen, of the first shots only if there are fewer numbers than shots.

        Args:
            numbers: (shots,) of the shots within the point.
            start_ps: (shots,) when each was played.
            length_ps: (shots,) how long it was.
        """
        tags = np.concatenate(self._tags) if self._tags else np.empty(0, dtype=_TAG)
        kept = len(numbers)
        tags = tags[tags["shot"] < kept]
        tags["shot"] = numbers[tags["shot"]]
        columns = (
            [np.concatenate(column) for column in zip(*self._attempts, strict=True)] if self._attempts else []
        )
        columns = [column[columns[0] < kept] for column in columns]
        shot, attempt, begun, heralded = columns or [np.empty(0, t) for t in ("i8", "u4", "i8", "?")]
        return Take(
            numbers,
            start_ps,
            length_ps,
            {name: column[:kept] for name, column in self.counts.items()},
            Attempts(numbers[shot], attempt, begun, heralded),
            TimeTags(**{name: np.ascontiguousarray(tags[name]) for name in _TAG.names or ()}),
            Counter(
                {wait: times for wait, missed in self.missed.items() if (times := int(missed[:kept].sum()))}
            ),
        )
