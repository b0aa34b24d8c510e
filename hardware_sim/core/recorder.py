"""Collects what the inputs of the core see while a point is played."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data.columns import Attempts, Record, TimeTags
from hardware_sim.core.signals import Window
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


class Recorder:
    """Columns in the making.

    Attributes:
        attempt: (shots,) attempt that each shot is in, or made last.
        counts: readout name -> (shots, windows or ions); what a loop records again is added.
    """

    def __init__(self, program: Program, shots: int, ions: int) -> None:
        self.attempt = np.zeros(shots, dtype=np.uint32)
        self._attempted = np.zeros(shots, dtype=np.uint32)
        self._program = program
        self._tags: list[NDArray[np.void]] = []
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

    def begin_attempt(self, shots: NDArray[np.int64]) -> int:
        """Give shots the number of their next attempt, which counts through all loops of a shot.

        Returns:
            A mark for `clicks_since`.
        """
        self.attempt[shots] = self._attempted[shots]
        self._attempted[shots] += 1
        return len(self._tags)

    def clicks_since(self, mark: int, rows: tuple[int, ...], shots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how often (shots,) the gates of some readouts have clicked since a mark was made."""
        total = np.zeros(len(self.attempt), dtype=np.int64)
        for tags in self._tags[mark:]:
            mine = tags["shot"][np.isin(tags["readout"], rows)]
            total += np.bincount(mine, minlength=len(total))
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

    def record(
        self,
        start_ps: NDArray[np.int64],
        shift_ps: NDArray[np.int64],
        duration_ps: int,
        notes: Sequence[str],
    ) -> Record:
        """Return all columns, sorted by time.

        Args:
            start_ps: (shots,) when each shot started.
            shift_ps: (shots,) by how much that is later than the clock on which it was played.
            duration_ps: of all shots together.
            notes: of the core.
        """
        tags = np.concatenate(self._tags) if self._tags else np.empty(0, dtype=_TAG)
        tags["t_ps"] += shift_ps[tags["shot"]]
        tags = tags[np.argsort(tags["t_ps"], kind="stable")]
        columns = (
            [np.concatenate(column) for column in zip(*self._attempts, strict=True)] if self._attempts else []
        )
        shot, attempt, begun, heralded = columns or [np.empty(0, t) for t in ("i8", "u4", "i8", "?")]
        order = np.lexsort((attempt, shot))
        begun = begun + shift_ps[shot]
        return Record(
            shots=len(start_ps),
            start_ps=start_ps,
            duration_ps=duration_ps,
            counts=self.counts,
            attempts=Attempts(shot[order], attempt[order], begun[order], heralded[order]),
            tags=TimeTags(**{name: np.ascontiguousarray(tags[name]) for name in _TAG.names or ()}),
            notes=tuple(notes),
        )
