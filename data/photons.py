"""The photons of a run, read piece by piece: a run may have more of them than the memory holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.columns import TimeTags
from data.gates import Gates, tags_of
from data.layout import GATES, PHOTON_DATA
from data.sources import TableEnds

ReadColumn = Callable[[str, int, int], NDArray[Any]]
"""Reads rows of a column: path, first row, row after the last."""

BATCH: Final = 2**20
"""Clicks or gates that are read at a time: some 50 MB with all that is made of them."""

_NEAR: Final = 2**14
"""Clicks among which one is found by reading all of them: about a chunk of the file."""

_TIMES: Final = f"{PHOTON_DATA}/timestamps"
_CHANNELS: Final = f"{PHOTON_DATA}/detectors"


class _Place(NamedTuple):
    """A gate, and the number of its first click in the run."""

    gate: int
    photon: int


@dataclass(frozen=True, eq=False, slots=True)
class Photons:
    """Clicks of a run, or of a stretch of it; nothing is read before it is asked for.

    Attributes:
        read: the columns.
        ends: which gates and clicks belong to which point.
        begin: first click.
        end: click after the last.
    """

    read: ReadColumn
    ends: TableEnds
    begin: int
    end: int

    def __len__(self) -> int:
        return self.end - self.begin

    def __repr__(self) -> str:
        return f"<{len(self)} photons>"

    def __getitem__(self, which: slice) -> Photons:
        """Return some of the clicks, by their number; the step must be 1."""
        begin, end, step = which.indices(len(self))
        if step != 1:
            raise IndexError(f"photons can be taken in steps of 1, not {step}; slice their columns instead")
        return replace(self, begin=self.begin + begin, end=self.begin + max(begin, end))

    @property
    def t_ps(self) -> NDArray[np.int64]:
        """(photons,) int64, picoseconds since the start of the run."""
        return self.read(_TIMES, self.begin, self.end)

    @property
    def channel(self) -> NDArray[np.uint16]:
        """(photons,) uint16, number of the input channel."""
        return self.read(_CHANNELS, self.begin, self.end)

    def tags(self) -> TimeTags:
        """Read all columns, with shot, attempt, readout and time within the gate of each click."""
        return self._tags(self._point())[0]

    def batches(self, size: int = BATCH) -> Iterator[TimeTags]:
        """Read all columns, some clicks at a time: memory does not grow with the run."""
        place = self._point()
        for begin in range(0, len(self), size):
            part = self[begin : begin + size]
            tags, place = part._tags(place)  # noqa: SLF001
            yield tags

    def times_of(self, channel: int, size: int = BATCH) -> NDArray[np.int64]:
        """Return when a channel clicked: (clicks,) int64 ps; no others are held in memory."""
        parts = [self[begin : begin + size] for begin in range(0, len(self), size)]
        return np.concatenate(
            [np.zeros(0, np.int64), *(part.t_ps[part.channel == channel] for part in parts)]
        )

    def between(self, begin_ps: int, end_ps: int) -> Photons:
        """Return the clicks of begin_ps <= t < end_ps, found by bisection in few reads.

        The clicks must be in the order of time, as those of one pass over the points are.
        """
        return self[self._find(begin_ps) : self._find(end_ps)]

    def of_shots(self, begin: int, end: int) -> Photons:
        """Return the clicks of the shots begin <= shot < end of a point; only gates are read for it.

        The clicks must be those of one point, in the order of time.
        """
        return self[self._first_of(begin) : self._first_of(end)]

    def _find(self, t_ps: int) -> int:
        """Return the number of the first click that is not before a time."""
        low, high = 0, len(self)
        while high - low > _NEAR:
            middle = (low + high) // 2
            place = self.begin + middle
            if int(self.read(_TIMES, place, place + 1)[0]) < t_ps:
                low = middle + 1
            else:
                high = middle
        block = self.read(_TIMES, self.begin + low, self.begin + high)
        return low + int(np.searchsorted(block, t_ps))

    def _first_of(self, shot: int) -> int:
        """Return the number of the first click that is not of an earlier shot."""
        for gate, edges in self._gates(self._point()):
            shots = self.read(f"{GATES}/shot", gate, gate + len(edges) - 1)
            at = int(np.searchsorted(shots, shot))
            if at < len(shots):
                return min(max(int(edges[at]) - self.begin, 0), len(self))
        return len(self)

    def _point(self) -> _Place:
        """Return where the point begins in which the first click is."""
        point = int(np.searchsorted(self.ends["photons"], self.begin, "right"))
        return _Place(*(int(self.ends[table][point - 1]) if point else 0 for table in ("gates", "photons")))

    def _gates(self, place: _Place) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Yield stretches of gates, as far as the last click.

        Args:
            place: where to begin, not behind the first click.

        Yields:
            Number of the first gate, and (gates + 1,) the first click of each gate and that after the last.
        """
        gate, photon = place
        gates = int(self.ends["gates"][-1]) if len(self) else 0
        while photon < self.end and gate < gates:
            # Each gate has a click, so more gates than clicks are not needed.
            photons = self.read(f"{GATES}/photons", gate, gate + min(BATCH, self.end - photon))
            edges = photon + np.concatenate([[0], np.cumsum(photons)])
            yield gate, edges[: int(np.searchsorted(edges[:-1], self.end)) + 1]
            gate, photon = gate + len(photons), int(edges[-1])

    def _tags(self, place: _Place) -> tuple[TimeTags, _Place]:
        """Read all columns, the gates from a place on; return the place of the last gate, too."""
        first = last = place.gate
        counts: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        for gate, edges in self._gates(place):
            begin = int(np.searchsorted(edges[1:], self.begin, "right"))
            end = len(edges) - 1
            if begin < end:
                # Of the first and the last gate there may be only a part here.
                clipped = np.clip(edges[begin : end + 1], self.begin, self.end)
                counts.append(clipped[1:] - clipped[:-1])
                first = gate + begin if len(counts) == 2 else first
                last, place = gate + end, _Place(gate + end - 1, int(edges[end - 1]))
            else:
                first = last = gate + begin
        gates = Gates(
            shot=self.read(f"{GATES}/shot", first, last).astype(np.int64),
            attempt=self.read(f"{GATES}/attempt", first, last),
            readout=self.read(f"{GATES}/readout", first, last),
            open_ps=self.read(f"{GATES}/open", first, last),
            photons=np.concatenate(counts),
        )
        return tags_of(gates, self.t_ps, self.channel), place
