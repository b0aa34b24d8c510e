"""Tallies: what was seen, as sums that can be added in any order.

A tally forgets which shot saw what, and keeps how often each thing was seen. So the tally of many shots is
the sum of the tallies of their parts, exactly, however the shots were shared out.

Example:
    >>> one = Multiset.of(np.array([[0], [0], [3]]))
    >>> one.rows.tolist(), one.times.tolist()
    ([[0], [3]], [2, 1])
    >>> one + one == Multiset.of(np.array([[0], [3], [0], [0], [3], [0]]))
    True
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations, zip_longest
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from data import Record

Integers: TypeAlias = NDArray[np.int64]
Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, eq=False)
class Multiset:
    """How often each of some rows of whole numbers was seen; a row that was not seen is left out.

    Attributes:
        rows: (entries, columns) ascending, each once.
        times: (entries,) how often.
    """

    rows: Integers = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    times: Integers = field(default_factory=lambda: np.zeros(0, np.int64))

    @classmethod
    def of(cls, rows: Integers, times: Integers | None = None) -> Multiset:
        """Return the multiset of (rows, columns) in any order, each seen so many times (by default once)."""
        if not len(rows):
            return cls()
        times = np.ones(len(rows), np.int64) if times is None else times
        order = np.lexsort(rows.T[::-1])
        rows, times = rows[order].astype(np.int64), times[order]
        first = np.flatnonzero(np.concatenate([[True], (rows[1:] != rows[:-1]).any(axis=1)]))
        return cls(rows[first], np.add.reduceat(times, first).astype(np.int64))

    def __add__(self, other: Multiset) -> Multiset:
        if not len(self) or not len(other):
            return other if len(other) else self
        rows = np.concatenate([self.rows, other.rows])
        return Multiset.of(rows, np.concatenate([self.times, other.times]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Multiset):
            return NotImplemented
        return np.array_equal(self.rows, other.rows) and np.array_equal(self.times, other.times)

    __hash__ = None  # type: ignore[assignment]  # arrays may be large

    def __len__(self) -> int:
        return len(self.times)


@dataclass(frozen=True, slots=True)
class PointTally:
    """What was seen at one point of a run.

    Attributes:
        shots: how many.
        duration_ps: laboratory time that they took.
        attempts: passes of herald loops.
        heralds: those of them that ended a loop.
        counts: readout -> how many shots saw which count, (window, count).
        coincidences: two readouts -> how many shots saw something in both, (window, window); the first
            readout comes first in the alphabet.
        clicks: time tags, (input channel,).
    """

    shots: int = 0
    duration_ps: int = 0
    attempts: int = 0
    heralds: int = 0
    counts: Mapping[str, Multiset] = field(default_factory=dict)
    coincidences: Mapping[tuple[str, str], Multiset] = field(default_factory=dict)
    clicks: Multiset = field(default_factory=Multiset)

    def __add__(self, other: PointTally) -> PointTally:
        return PointTally(
            self.shots + other.shots,
            self.duration_ps + other.duration_ps,
            self.attempts + other.attempts,
            self.heralds + other.heralds,
            _joined(self.counts, other.counts),
            _joined(self.coincidences, other.coincidences),
            self.clicks + other.clicks,
        )

    @property
    def seconds(self) -> float:
        """Laboratory time, s."""
        return self.duration_ps * 1e-12

    def sums(self, readout: str) -> Integers:
        """Return (windows,) the counts of all shots together."""
        windows, counts = self.counts[readout].rows.T
        sums = np.zeros(windows.max() + 1, np.int64)
        np.add.at(sums, windows, counts * self.counts[readout].times)
        return sums

    def squares(self, readout: str) -> Integers:
        """Return (windows,) the sum of the squared counts of all shots."""
        windows, counts = self.counts[readout].rows.T
        squares = np.zeros(windows.max() + 1, np.int64)
        np.add.at(squares, windows, counts**2 * self.counts[readout].times)
        return squares

    def means(self, readout: str) -> NDArray[np.float64]:
        """Return (windows,) the mean counts of a shot."""
        return self.sums(readout) / self.shots

    def errors(self, readout: str) -> NDArray[np.float64]:
        """Return (windows,) the standard errors of those means; NaN for a single shot."""
        if self.shots < 2:
            return np.full(len(self.sums(readout)), math.nan)
        windows, counts = self.counts[readout].rows.T
        # Around the mean: the difference of two large sums would lose digits.
        deviations = (counts - self.means(readout)[windows]) ** 2 * self.counts[readout].times
        return np.sqrt(np.bincount(windows, deviations) / (self.shots - 1) / self.shots)


@dataclass(frozen=True, slots=True)
class Tally:
    """What was seen at every point of a run; `Tally()` is nothing, and adds nothing.

    Attributes:
        points: in their order.
    """

    points: tuple[PointTally, ...] = ()

    def __add__(self, other: Tally) -> Tally:
        pairs = zip_longest(self.points, other.points, fillvalue=PointTally())
        return Tally(tuple(one + another for one, another in pairs))

    @property
    def shots(self) -> int:
        """Shots of all points."""
        return sum(point.shots for point in self.points)

    @property
    def seconds(self) -> float:
        """Laboratory time of all points, s."""
        return sum(point.duration_ps for point in self.points) * 1e-12

    @property
    def attempts(self) -> int:
        """Passes of herald loops at all points."""
        return sum(point.attempts for point in self.points)

    @property
    def heralds(self) -> int:
        """Heralded passes at all points."""
        return sum(point.heralds for point in self.points)


def tally_of(records: Iterable[Record]) -> Tally:
    """Return the tally of what was seen, one record a point."""
    return Tally(tuple(map(_tally_point, records)))


def _tally_point(record: Record) -> PointTally:
    clicked = {name: (counts > 0).astype(np.float64) for name, counts in sorted(record.counts.items())}
    return PointTally(
        shots=record.shots,
        duration_ps=record.duration_ps,
        attempts=len(record.attempts),
        heralds=int(record.attempts.heralded.sum()),
        counts={name: _histogram(counts) for name, counts in record.counts.items()},
        coincidences={
            pair: _coincidences(clicked[pair[0]], clicked[pair[1]]) for pair in combinations(clicked, 2)
        },
        clicks=Multiset.of(record.tags.channel.astype(np.int64)[:, None]),
    )


def _histogram(counts: NDArray[np.int32]) -> Multiset:
    """Return how many shots saw which count in which window."""
    rows, times = [], []
    for window, column in enumerate(counts.T):
        values, seen = np.unique(column, return_counts=True)
        rows.append(np.stack([np.full(len(values), window), values], axis=1))
        times.append(seen)
    return Multiset.of(np.concatenate(rows), np.concatenate(times)) if rows else Multiset()


def _coincidences(one: NDArray[np.float64], another: NDArray[np.float64]) -> Multiset:
    """Return in how many shots both of two windows saw something, for all pairs of windows."""
    both = one.T @ another  # sums of ones, exact in floats up to 2^53
    pairs = np.argwhere(both > 0)
    return Multiset.of(pairs, both[tuple(pairs.T)].astype(np.int64))


def _joined(one: Mapping[Key, Multiset], another: Mapping[Key, Multiset]) -> dict[Key, Multiset]:
    """Return the sums of what two mappings hold under each key."""
    keys = dict.fromkeys([*one, *another])
    return {key: one.get(key, Multiset()) + another.get(key, Multiset()) for key in keys}
