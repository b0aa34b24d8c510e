"""What the passes hand to each other: an outline of loops, and one segment for each stretch without loops.

The outline is made once, by `expand`; the passes after it only change what a segment is:
`Segment` (blocks) -> `Placement` (seconds) -> `Schedule` (ticks) -> `Timeline` (events).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sequences.errors import Source
from sequences.ir import Block, Herald, Leaf, Played

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Slot:
    """Play one segment, named by its row in the outline."""

    segment: int


@dataclass(frozen=True, slots=True)
class RepeatSlots:
    """Play the slots a number of times."""

    count: int
    slots: Slots


@dataclass(frozen=True, slots=True)
class AttemptSlots:
    """Play the slots until the herald is seen, at most `maximum` times."""

    maximum: int
    herald: Herald
    slots: Slots


Slots: TypeAlias = tuple[Slot | RepeatSlots | AttemptSlots, ...]


@dataclass(frozen=True, slots=True)
class Outline(Generic[T]):
    """A sequence as loops around segments.

    Attributes:
        name: of the sequence.
        slots: the loops, as a tree whose ends are rows of `segments`.
        segments: what is played between the seams of the loops, in order.
    """

    name: str
    slots: Slots
    segments: tuple[T, ...]

    def map(self, change: Callable[[T], U]) -> Outline[U]:
        """Return the same outline around changed segments."""
        return Outline(self.name, self.slots, tuple(map(change, self.segments)))


@dataclass(frozen=True, slots=True)
class Segment:
    """Blocks without loops, to be played one after the other."""

    parts: tuple[Block, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Leaves with times in seconds from the start of their segment.

    Attributes:
        leaves: delays included, in the order in which they were written.
        start: (leaves,) s.
        duration: (leaves,) s; zero for levels.
        length: of the segment, s.
        centred: leaf -> the centre-aligned block that moved it.
    """

    leaves: tuple[Leaf, ...]
    start: NDArray[np.float64]
    duration: NDArray[np.float64]
    length: float
    centred: Mapping[int, Source]


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Leaves with times in ticks of the target's period.

    Attributes:
        leaves: without delays.
        channel: (leaves,) channel numbers.
        start: (leaves,) ticks from the start of the segment, `shift` included.
        stop: (leaves,) ticks; a level stops when it starts.
        shift: (leaves,) ticks by which `align` delayed the leaf.
        length: of the segment, ticks.
    """

    leaves: tuple[Played, ...]
    channel: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    shift: NDArray[np.int64]
    length: int
