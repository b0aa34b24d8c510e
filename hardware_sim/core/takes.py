"""Puts shots that were played in any order, on any clocks, back to back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from data.columns import Attempts, Record, TimeTags

Columns = TypeVar("Columns", Attempts, TimeTags)


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """What was seen of some shots of a point, on the clocks on which they were played.

    Attributes:
        shots: (shots,) their numbers within the point, ascending; tags and attempts name them so, too.
        start_ps: (shots,) when each was played.
        length_ps: (shots,) how long it was.
        counts: readout name -> (shots, windows or ions).
        attempts: passes of herald loops, in any order.
        tags: clicks, in any order.
        missed: (channel number, ticks) of a wait -> how often no trigger came in that time.
    """

    shots: NDArray[np.int64]
    start_ps: NDArray[np.int64]
    length_ps: NDArray[np.int64]
    counts: dict[str, NDArray[np.int32]]
    attempts: Attempts
    tags: TimeTags
    missed: Counter[tuple[int, int]]


def lay_out(takes: Sequence[Take], notes: Sequence[str], cycle_ps: int = 1) -> Record:
    """Return what was seen in all shots as one record, one shot after the other.

    Args:
        takes: at least one; together they hold every shot of the point once.
        notes: of the core.
        cycle_ps: by multiples of which shots are moved in time. Where they wait for the mains it is one cycle
            of these: a shot begins at the phase of the mains at which it was played, and may be idle before.
    """
    shots = sum(len(take.shots) for take in takes)
    played, lengths = np.empty(shots, dtype=np.int64), np.empty(shots, dtype=np.int64)
    counts = {
        name: np.empty((shots, column.shape[1]), dtype=np.int32) for name, column in takes[0].counts.items()
    }
    for take in takes:
        played[take.shots], lengths[take.shots] = take.start_ps, take.length_ps
        for name, column in take.counts.items():
            counts[name][take.shots] = column
    shift = shifts(played, lengths, cycle_ps)
    attempts, tags = _joined([take.attempts for take in takes]), _joined([take.tags for take in takes])
    attempts.start_ps[:] += shift[attempts.shot]
    tags.t_ps[:] += shift[tags.shot]
    start = played + shift
    return Record(
        shots=shots,
        start_ps=start,
        duration_ps=int(start[-1] + lengths[-1] - start[0]) if shots else 0,
        counts=counts,
        attempts=_ordered(attempts, np.lexsort((attempts.attempt, attempts.shot))),
        tags=_ordered(tags, np.argsort(tags.t_ps, kind="stable")),
        notes=tuple(notes),
    )


def shifts(played: NDArray[np.int64], lengths: NDArray[np.int64], cycle_ps: int) -> NDArray[np.int64]:
    """Return by how much (shots,) each shot comes later than it was played, so that it begins when it can.

    Args:
        played: (shots,) when each was played, ps; the first one comes just then.
        lengths: (shots,) of each, ps.
        cycle_ps: of which all shifts are multiples.

    Example:
        >>> shifts(np.array([0, 10, 20]), np.array([10, 15, 10]), 1).tolist()
        [0, 0, 5]
        >>> shifts(np.array([0, 10, 20]), np.array([10, 15, 10]), 7).tolist()
        [0, 0, 7]
    """
    late = played[:-1] + lengths[:-1] - played[1:]
    cycles = np.cumsum(-(-late // cycle_ps))
    return cycle_ps * np.concatenate([np.zeros(1, dtype=np.int64), cycles])[: len(played)]


def _joined(tables: Sequence[Columns]) -> Columns:
    """Return the rows of all tables, as columns of their own."""
    first = type(tables[0])
    return first(
        **{f.name: np.concatenate([getattr(table, f.name) for table in tables]) for f in fields(first)}
    )


def _ordered(table: Columns, order: NDArray[np.int64]) -> Columns:
    return type(table)(**{f.name: getattr(table, f.name)[order] for f in fields(table)})
