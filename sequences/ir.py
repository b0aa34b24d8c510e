"""The intermediate representation: what to play, before anyone says when.

Blocks are small frozen values. They compare by content, never by where they were written: `source` is told
in errors only. Every number may be an expression of parameters until `bind`. Loops stay loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from numbers import Integral
from typing import Any, ClassVar, TypeAlias

from sequences.errors import DurationError, Source
from sequences.parameters import Parameter, Value
from sequences.sources import caller
from sequences.target import Channel


class Shape(StrEnum):
    """How a ramp gets from its start to its stop."""

    LINEAR = "linear"
    MINIMUM_JERK = "minimum_jerk"
    """10 s^3 - 15 s^4 + 6 s^5: position, velocity and acceleration are smooth at both ends."""


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
        if not isinstance(index, Integral) or index < 0:
            what = f"the index of readout {self.name!r}"
            raise DurationError(caller(), what, repr(index), "a whole number, at least 0")

    def __str__(self) -> str:
        return f"{self.name}[{self.index}]"


@dataclass(frozen=True, slots=True)
class Herald:
    """The pattern that ends an attempt loop: at least so many clicks in all, within the named gates.

    Attributes:
        readouts: the gates that count.
        at_least: clicks needed in one attempt.
    """

    readouts: tuple[Readout, ...]
    at_least: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What every block shares: the place where its author wrote it, told in errors and never compared.

    Attributes:
        source: the author's line.
        numbers: names of the fields that are numbers or expressions, in the order of writing.
    """

    source: Source = field(default_factory=caller, compare=False, repr=False)

    numbers: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
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

    numbers: ClassVar = ("duration", "frequency", "amplitude", "phase")


@dataclass(frozen=True, slots=True)
class Level(Written):
    """A DAC output (V) that is set at once and then stays; takes no time."""

    channel: Channel
    voltage: Value

    numbers: ClassVar = ("voltage",)


@dataclass(frozen=True, slots=True)
class Ramp(Written):
    """A DAC output that goes from one voltage (V) to another in a time (s), then stays."""

    channel: Channel
    start: Value
    stop: Value
    duration: Value
    shape: Shape = Shape.MINIMUM_JERK

    numbers: ClassVar = ("start", "stop", "duration")


@dataclass(frozen=True, slots=True)
class Gate(Written):
    """An input that records for a time (s): clicks on a counter, one exposure of a camera."""

    channel: Channel
    duration: Value
    readout: Readout

    numbers: ClassVar = ("duration",)


@dataclass(frozen=True, slots=True)
class Delay(Written):
    """Nothing, for a time (s)."""

    duration: Value

    numbers: ClassVar = ("duration",)


@dataclass(frozen=True, slots=True)
class Serial(Written):
    """Parts one after the other."""

    parts: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Parallel(Written):
    """Parts at the same time; the block lasts as long as its longest part."""

    parts: tuple[Block, ...]
    align: Alignment = Alignment.LEFT


@dataclass(frozen=True, slots=True)
class Repeat(Written):
    """A body played a number of times, as a loop of the hardware."""

    body: Block
    count: int


@dataclass(frozen=True, slots=True)
class Attempt(Written):
    """A body tried again until its herald is seen, at most `maximum` times, as a loop of the hardware."""

    body: Block
    herald: Herald
    maximum: int


Played: TypeAlias = Pulse | Level | Ramp | Gate
"""Blocks that make events on their channel."""
Leaf: TypeAlias = Played | Delay
"""Blocks without parts."""
Loop: TypeAlias = Repeat | Attempt
Block: TypeAlias = Leaf | Serial | Parallel | Loop


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


def leaves(block: Block) -> Iterator[Leaf]:
    """Yield the blocks without parts, in the order in which they were written."""
    pending = [block]
    while pending:
        match pending.pop():
            case Serial(parts=parts) | Parallel(parts=parts):
                pending.extend(reversed(parts))
            case Repeat(body=body) | Attempt(body=body):
                pending.append(body)
            case leaf:
                yield leaf


def loop_in(block: Block) -> Loop | None:
    """Return the first loop within a block (it may be the block itself), or None."""
    pending = [block]
    while pending:
        match pending.pop():
            case Serial(parts=parts) | Parallel(parts=parts):
                pending.extend(reversed(parts))
            case Repeat() | Attempt() as loop:
                return loop
    return None
