"""The intermediate representation: what to play, before anyone says when.

Blocks are small frozen values. They compare by content, never by where they were written: `source` is told
in errors only. Every number may be an expression of parameters until `bind`. Loops stay loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from numbers import Integral
from operator import attrgetter
from types import MappingProxyType
from typing import Any, ClassVar, Final, Self, TypeAlias, TypeVar, dataclass_transform

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sequences.conditions import Condition
from sequences.errors import DurationError, NumberError, Source
from sequences.parameters import Parameter, Value
from sequences.samples import Samples
from sequences.shapes import Edge, Shape
from sequences.sources import caller
from sequences.target import Channel


class Alignment(StrEnum):
    """Where the parts of a parallel block meet."""

    LEFT = "left"
    RIGHT = "right"
    CENTRE = "centre"


@dataclass(frozen=True, slots=True)
class Readout:
    """What a gate records: a name, and an index where one name has many windows (one an ion).

    Raises:
        DurationError: the index is not a whole number from 0 on.
    """

    name: str
    index: int = 0

    def __post_init__(self) -> None:
        index: Any = self.index  # what people write, of numpy too
        if isinstance(index, bool) or not isinstance(index, Integral) or index < 0:
            what = f"the index of readout {self.name!r}"
            raise DurationError(caller(), what, repr(index), "a whole number, at least 0")
        if not isinstance(self.name, str):
            raise DurationError(caller(), "the name of the readout", repr(self.name), "text")
        object.__setattr__(self, "index", int(index))

    def __str__(self) -> str:
        return f"{self.name}[{self.index}]"


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a tone's amplitude rises and falls within its pulse; the pulse's amplitude is the highest.

    Attributes:
        edge: the shape of the rise; the fall is its mirror image.
        rise: of the rise and of the fall, s.
        samples: fractions of the amplitude (samples,), spread evenly over the pulse, instead of edges.
    """

    edge: Edge = Edge.SINE_SQUARED
    rise: Value = 0.0
    samples: Samples | None = None

    def __post_init__(self) -> None:
        if self.edge not in list(Edge):
            limit = f"one of {', '.join(Edge)}"
            raise DurationError(caller(), "the edge of the envelope", repr(self.edge), limit)

    @classmethod
    def sampled(cls, fractions: ArrayLike) -> Self:
        """Return an envelope from fractions of the amplitude (samples,), 0 to 1, spread over the pulse.

        Raises:
            NumberError: no one-dimensional array of numbers from 0 to 1.
        """
        what = "the samples of the envelope (fractions of the amplitude, 0 to 1)"
        try:
            samples = Samples.of(fractions)
        except (TypeError, ValueError) as error:
            raise NumberError(caller(), what, str(error)) from None
        if len(samples) == 0 or not (samples.values.min() >= 0 and samples.values.max() <= 1):
            raise NumberError(caller(), what, samples)
        return cls(samples=samples)


@dataclass(frozen=True, slots=True)
class FrameName:
    """The rotating frame that a pulse is played in: phases of one frame add up.

    Attributes:
        name: told in errors; frames of one channel differ in name.
        passes: light phase per phase of the tone (2 for a double-passed modulator).
    """

    name: str
    passes: float = 1.0


_KindT = TypeVar("_KindT")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def _block(*, eq: bool = True, kw_only: bool = False) -> Callable[[type[_KindT]], type[_KindT]]:
    """Make a dataclass with slots of a kind of block, which type checkers know as frozen.

    Nobody may change a block, but nothing stops it at run time: freezing takes four fifths of the time in
    which a block is made, and a program has many.
    """
    return dataclass(slots=True, eq=eq, unsafe_hash=eq, kw_only=kw_only)


@_block(kw_only=True)
class Written:
    """What every block shares: the place where its author wrote it, told in errors and never compared.

    Attributes:
        source: the author's line.
        numbers: names of the fields that are numbers or expressions, in the order of writing.
        has_seam: whether the core loops, decides or waits within the block.
    """

    source: Source = field(default_factory=caller, compare=False, repr=False)

    numbers: ClassVar[tuple[str, ...]] = ()
    has_seam: ClassVar[bool] = False


@_block()
class Pulse(Written):
    """A TTL held high, or a DDS tone, for a time (s).

    A tone has a frequency (Hz), an amplitude (0 to 1 of full scale) and a phase (turns) that refers to the
    core's clock: two tones of one frequency are coherent whenever they are played.
    """

    channel: Channel
    duration: Value
    frequency: Value | None = None
    amplitude: Value | None = None
    phase: Value | None = None
    envelope: Envelope | None = None
    frame: FrameName | None = None

    numbers: ClassVar = ("duration", "frequency", "amplitude", "phase")


@_block()
class Tuning(Written):
    """A tone that is set at once and stays on (off, with amplitude 0); takes no time."""

    channel: Channel
    frequency: Value
    amplitude: Value
    phase: Value

    numbers: ClassVar = ("frequency", "amplitude", "phase")


@_block()
class Level(Written):
    """A DAC output (V), or a TTL line (0 or 1), that is set at once and then stays; takes no time."""

    channel: Channel
    value: Value

    numbers: ClassVar = ("value",)


@_block()
class Ramp(Written):
    """A DAC output that goes from one voltage (V) to another in a time (s), then stays."""

    channel: Channel
    start: Value
    stop: Value
    duration: Value
    shape: Shape = Shape.MINIMUM_JERK

    numbers: ClassVar = ("start", "stop", "duration")


@_block()
class Waveform(Written):
    """A DAC output that takes a sample (V) each `period` (s), the first one at once; it stays at the last."""

    channel: Channel
    samples: Samples
    period: Value

    numbers: ClassVar = ("period",)

    @property
    def duration(self) -> Value:
        """Of all samples, s."""
        return len(self.samples) * self.period


@_block(eq=False)
class Edges(Written):
    """Many edges on many TTL lines, as arrays.

    Attributes:
        channels: the lines.
        times: (edges,) from the start of the block, s; in any order.
        which: (edges,) uint16, row of `channels`.
        levels: (edges,) uint8, 0 or 1.
        duration: of the block, s; no edge is later.
    """

    channels: tuple[Channel, ...]
    times: Samples
    which: NDArray[np.uint16]
    levels: NDArray[np.uint8]
    duration: Value

    numbers: ClassVar = ("duration",)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Edges):
            return NotImplemented
        plain = (self.channels, self.times, self.duration) == (other.channels, other.times, other.duration)
        return plain and np.array_equal(self.which, other.which) and np.array_equal(self.levels, other.levels)

    def __hash__(self) -> int:
        return hash((self.channels, self.times, self.duration))


@_block()
class Gate(Written):
    """An input that records for a time (s): clicks on a counter, one exposure of a camera."""

    channel: Channel
    duration: Value
    readout: Readout

    numbers: ClassVar = ("duration",)


@_block()
class Shift(Written):
    """A frame that is turned by a phase (turns of the light) from here on: a virtual rotation about Z."""

    channel: Channel
    frame: FrameName
    phase: Value

    numbers: ClassVar = ("phase",)


@_block()
class Delay(Written):
    """Nothing, for a time (s)."""

    duration: Value

    numbers: ClassVar = ("duration",)


@_block()
class Mark(Written):
    """A named instant: parallel blocks can be aligned to it, and pictures show it. Takes no time."""

    name: str


@_block()
class _Group(Written):
    """A block of parts, which has a seam if one of them has."""

    parts: tuple[Block, ...]
    has_seam: bool = field(init=False, compare=False, repr=False)  # type: ignore[misc]  # else of the class

    def __post_init__(self) -> None:
        for part in self.parts:
            if part.has_seam:
                object.__setattr__(self, "has_seam", True)
                return
        object.__setattr__(self, "has_seam", False)


@_block()
class Serial(_Group):
    """Parts one after the other."""


@_block()
class Parallel(_Group):
    """Parts at the same time; the block lasts as long as all of them together.

    Attributes:
        align: what of the parts is simultaneous: starts, ends, middles, or the mark of that name.
    """

    align: Alignment | Mark = Alignment.LEFT


@_block()
class At(Written):
    """A body that starts at a time (s) after the start of the serial or parallel block that holds it."""

    start: Value
    body: Block

    numbers: ClassVar = ("start",)


@_block()
class Named(Written):
    """A body with a name that pictures show: one call of a subsequence."""

    name: str
    body: Block
    has_seam: bool = field(init=False, compare=False, repr=False)  # type: ignore[misc]  # else of the class

    def __post_init__(self) -> None:
        object.__setattr__(self, "has_seam", self.body.has_seam)


@_block()
class Repeat(Written):
    """A body played a number of times, as a loop of the hardware."""

    body: Block
    count: int

    has_seam: ClassVar[bool] = True


@_block()
class Attempt(Written):
    """A body tried again until its herald is seen, as a loop of the hardware.

    Attributes:
        body: one attempt.
        herald: what ends the loop.
        maximum: attempts at most, or None where only the time-out ends the loop.
        timeout: s, after which no further attempt is begun, or None.
        every: failed attempts after which `between` is played; 0 for never.
        between: what is played after each `every` failed attempts, for example to cool again.
    """

    body: Block
    herald: Condition[Readout]
    maximum: int | None
    timeout: Value | None = None
    every: int = 0
    between: Block | None = None

    numbers: ClassVar = ("timeout",)
    has_seam: ClassVar[bool] = True


@_block()
class Choice(Written):
    """One of two bodies, by what was counted before it."""

    condition: Condition[Readout]
    then: Block
    otherwise: Block | None = None

    has_seam: ClassVar[bool] = True


@_block()
class Wait(Written):
    """Nothing, until a rising edge comes on a trigger input, or the time-out (s) is over."""

    channel: Channel
    timeout: Value

    numbers: ClassVar = ("timeout",)
    has_seam: ClassVar[bool] = True


Played: TypeAlias = Pulse | Tuning | Level | Ramp | Waveform | Edges | Gate
"""Blocks that make events."""
Leaf: TypeAlias = Played | Shift | Delay | Mark | Wait
"""Blocks without parts."""
Loop: TypeAlias = Repeat | Attempt
Seam: TypeAlias = Loop | Choice | Wait
"""Blocks at which the core loops, decides or waits: no timeline goes beyond them."""
Block: TypeAlias = Leaf | Serial | Parallel | At | Named | Loop | Choice


@dataclass(frozen=True, slots=True)
class Sequence:
    """What an author writes: a named block and the parameters that it leaves open.

    Attributes:
        name: of the sequence.
        body: what to play.
        parameters: those used in the body, in order of first use.
        readouts: those gated in the body, in order of first use.
    """

    name: str
    body: Block
    parameters: tuple[Parameter, ...]
    readouts: tuple[Readout, ...]


def _two(body: Block, other: Block | None) -> tuple[Block, ...]:
    return (body,) if other is None else (body, other)


_PARTS: Final[Mapping[type, Callable[[Any], tuple[Block, ...]]]] = MappingProxyType(
    {
        Serial: attrgetter("parts"),
        Parallel: attrgetter("parts"),
        At: lambda block: (block.body,),
        Named: lambda block: (block.body,),
        Repeat: lambda block: (block.body,),
        Attempt: lambda block: _two(block.body, block.between),
        Choice: lambda block: _two(block.then, block.otherwise),
    }
)
"""Blocks that hold blocks, and what they hold."""


def parts_of(block: Block) -> tuple[Block, ...]:
    """Return the blocks that a block directly holds, in the order of writing."""
    parts = _PARTS.get(type(block))
    return parts(block) if parts else ()


def walk(block: Block) -> Iterator[Block]:
    """Yield a block and all within it, in the order in which they were written."""
    pending = [block]
    while pending:
        block = pending.pop()
        yield block
        parts = _PARTS.get(type(block))
        if parts:
            pending.extend(parts(block)[::-1])


def leaves(block: Block) -> Iterator[Leaf]:
    """Yield the blocks without parts, in the order in which they were written."""
    for inner in walk(block):
        if isinstance(inner, Leaf):
            yield inner


def seam_in(block: Block) -> Seam | None:
    """Return the first seam within a block (it may be the block itself), or None."""
    while block.has_seam:
        if isinstance(block, Seam):
            return block
        block = next(part for part in parts_of(block) if part.has_seam)
    return None
