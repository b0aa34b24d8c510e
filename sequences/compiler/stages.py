"""What the passes hand to each other: an outline of loops, and one segment for each stretch without loops.

The outline is made once, by `expand`; the passes after it only change what a segment is:
`Segment` (blocks) -> `Placement` (seconds) -> `Schedule` (ticks) -> `Draft` (events, some values still open).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sequences.errors import Source
from sequences.ir import (
    Attempt,
    Block,
    Choice,
    FrameName,
    Gate,
    Leaf,
    Level,
    Played,
    Pulse,
    Ramp,
    Shift,
    Tuning,
    Wait,
)
from sequences.parameters import Value
from sequences.target import Quantity
from sequences.timeline import Label, Timeline

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
    source: Source


@dataclass(frozen=True, slots=True)
class AttemptSlots:
    """Play the slots until the herald is seen; `between` now and then."""

    loop: Attempt
    slots: Slots
    between: Slots


@dataclass(frozen=True, slots=True)
class ChoiceSlots:
    """Play one of two runs of slots."""

    choice: Choice
    then: Slots
    otherwise: Slots


@dataclass(frozen=True, slots=True)
class WaitSlot:
    """Wait for a trigger."""

    wait: Wait


AnySlot: TypeAlias = Slot | RepeatSlots | AttemptSlots | ChoiceSlots | WaitSlot
Slots: TypeAlias = tuple[AnySlot, ...]


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

    @property
    def has_seams(self) -> bool:
        """Whether there is more than one stretch without loops, branches and waits."""
        return not (len(self.slots) == 1 and isinstance(self.slots[0], Slot))


@dataclass(frozen=True, slots=True)
class Segment:
    """Blocks without loops, to be played one after the other."""

    parts: tuple[Block, ...]


class Code:
    """What an item of a segment is; those from `DELAY` on make no events.

    Plain integers: numpy asks members of an enumeration for a dozen attributes before it compares with them.
    """

    PULSE: Final = 0
    TONE: Final = 1
    TUNING: Final = 2
    LEVEL: Final = 3
    RAMP: Final = 4
    WAVEFORM: Final = 5
    GATE: Final = 6
    EDGES: Final = 7
    DELAY: Final = 16
    SHIFT: Final = 17
    LABEL: Final = 18


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Items with times in seconds from the start of their segment, in the order in which they were written.

    Attributes:
        items: leaves, and the blocks that only give names; edges once a channel.
        code: (items,) `Code`.
        channel: (items,) channel numbers; -1 for what has none.
        start: (items,) s.
        duration: (items,) s; zero for what takes no time.
        length: of the segment, s.
        centred: item -> the centre-aligned block that moved it.
        rises: item -> how long the rise of its envelope takes, s.
        users: one leaf for each channel that is used.
    """

    items: list[Block]
    code: NDArray[np.int8]
    channel: NDArray[np.int64]
    start: NDArray[np.float64]
    duration: NDArray[np.float64]
    length: float
    centred: Mapping[int, Source]
    rises: Mapping[int, float]
    users: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One number of each of some leaves.

    Attributes:
        rows: (leaves,) of the schedule.
        quantity: what it is; None for a phase.
        numbers: (leaves,) in the base unit; NaN where the number is open.
        open: place in this column -> expression.
    """

    rows: NDArray[np.int64]
    quantity: Quantity | None
    numbers: NDArray[np.float64]
    open: Mapping[int, Value]


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Leaves that make events, with times in ticks of the target's period.

    Attributes:
        leaves: in the order of writing; edges once a channel.
        code: (leaves,) `Code`.
        channel: (leaves,) channel numbers.
        start: (leaves,) ticks from the start of the segment, `shift` included.
        stop: (leaves,) ticks; what takes no time stops when it starts.
        shift: (leaves,) ticks by which `align` delayed the leaf.
        length: of the segment, ticks.
        rises: leaf -> rise of its envelope, s.
        turns: shifts of frames: (tick, the leaf), in order of time.
        labels: marks and names.
        source: where the segment was written first.
        columns: numbers of the leaves by name of their field and code.
    """

    leaves: list[Played]
    code: NDArray[np.int8]
    channel: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]
    shift: NDArray[np.int64]
    length: int
    rises: Mapping[int, float]
    turns: tuple[tuple[int, Shift], ...]
    labels: tuple[Label, ...]
    source: Source
    columns: Mapping[tuple[int, str], Column] = field(default_factory=dict)

    def is_instant(self) -> NDArray[np.bool_]:
        """Tell (leaves,) which take no time."""
        instant: NDArray[np.bool_] = (self.code == Code.TUNING) | (self.code == Code.LEVEL)
        return instant

    def first_events(self, update: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tick (leaves,) of every leaf's first event: a ramp's first sample comes after its start.

        Args:
            update: (leaves,) ticks from one sample to the next.
        """
        samples = (self.stop - self.start) // update
        return np.where(self.code == Code.RAMP, self.stop - (samples - 1) * update, self.start)

    def gates(self) -> Iterator[Gate]:
        """Yield the gates in the order of writing."""
        for row in np.flatnonzero(self.code == Code.GATE).tolist():
            leaf = self.leaves[row]
            if isinstance(leaf, Gate):
                yield leaf


Valued: TypeAlias = Pulse | Tuning | Level | Ramp
"""Leaves whose events have values that can be open."""


@dataclass(frozen=True, slots=True, eq=False)
class Fill:
    """Values of a timeline that are open until a point is bound: ``start + (stop - start) way``.

    Attributes:
        rows: (rows,) of the timeline.
        start: the value where `way` is 0.
        stop: the value where it is 1.
        way: (rows,) fractions, or None where all are 1.
        leaf: that they belong to.
        quantity: of both values; None for a phase.
    """

    rows: NDArray[np.int64]
    start: Value
    stop: Value
    way: NDArray[np.float64] | None
    leaf: Valued
    quantity: Quantity | None


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """A timeline in which some values are still open (NaN), and how they are filled."""

    timeline: Timeline
    fills: tuple[Fill, ...]


Frames: TypeAlias = dict[tuple[int, FrameName], Value]
"""Channel number and frame -> by how much it has been turned, turns of the light."""
