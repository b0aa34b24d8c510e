"""What a core hands back: columns of what was seen, by shot, by attempt and by photon.

These are the only types that pass from a timing core to a run file and from there to the analysis. A **shot**
is one pass of the program from preparation to readout; an **attempt** one pass of a herald loop within it
(a program without such a loop makes one attempt a shot).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class TimeTags:
    """Clicks of photon detectors within their gates.

    Attributes:
        t_ps: (tags,) int64, picoseconds since the start of the run; sorted.
        channel: (tags,) uint16, number of the input channel.
        shot: (tags,) int64, shot of the point, from 0.
        attempt: (tags,) uint32, attempt of the shot, from 0.
        readout: (tags,) uint16, row of the program's table of readouts.
        window_ps: (tags,) int64, picoseconds since the gate opened.
    """

    t_ps: NDArray[np.int64]
    channel: NDArray[np.uint16]
    shot: NDArray[np.int64]
    attempt: NDArray[np.uint32]
    readout: NDArray[np.uint16]
    window_ps: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.t_ps)


@dataclass(frozen=True, slots=True, eq=False)
class Attempts:
    """Passes of herald loops.

    Attributes:
        shot: (attempts,) int64, shot of the point, from 0.
        attempt: (attempts,) uint32, from 0 within the shot.
        start_ps: (attempts,) int64, picoseconds since the start of the run.
        heralded: (attempts,) bool.
    """

    shot: NDArray[np.int64]
    attempt: NDArray[np.uint32]
    start_ps: NDArray[np.int64]
    heralded: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.shot)


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """Everything seen while one point of a run was played.

    Attributes:
        shots: how many.
        start_ps: (shots,) int64, start of each shot since the start of the run.
        duration_ps: laboratory time that the point took.
        counts: readout name -> (shots, windows) int32: clicks of each window of a counter, or the counts of
            each ion of a camera exposure (then the second axis is the ion).
        attempts: passes of herald loops; empty if the program has none.
        tags: clicks.
        notes: what the core has to say (underflows, lost ions), one line each.
        images: camera name -> (rows, columns) uint32: what its pixels counted in all shots together.
    """

    shots: int
    start_ps: NDArray[np.int64]
    duration_ps: int
    counts: dict[str, NDArray[np.int32]]
    attempts: Attempts
    tags: TimeTags
    notes: Sequence[str] = field(default_factory=tuple)
    images: dict[str, NDArray[np.uint32]] = field(default_factory=dict)


def join_records(records: Sequence[Record]) -> Record:
    """Return what was seen of several batches of shots, played one after another, as one record.

    Args:
        records: at least one, in the order in which they were played; all of one program.
    """
    offsets = np.cumsum([0, *(record.shots for record in records[:-1])])

    def moved(table: str) -> dict[str, NDArray[Any]]:
        """Columns of all tags or attempts, their shots counted on from batch to batch."""
        tables = [getattr(record, table) for record in records]
        columns = {f.name: np.concatenate([getattr(t, f.name) for t in tables]) for f in fields(tables[0])}
        columns["shot"] += np.repeat(offsets, [len(t) for t in tables])
        return columns

    return Record(
        shots=sum(record.shots for record in records),
        start_ps=np.concatenate([record.start_ps for record in records]),
        duration_ps=sum(record.duration_ps for record in records),
        counts={
            name: np.concatenate([record.counts[name] for record in records]) for name in records[0].counts
        },
        attempts=Attempts(**moved("attempts")),
        tags=TimeTags(**moved("tags")),
        notes=tuple(dict.fromkeys(note for record in records for note in record.notes)),
        images={
            name: np.sum([record.images[name] for record in records], axis=0, dtype=np.uint32)
            for name in records[0].images
        },
    )
