"""What stands in a program's JSON: the fields, their types and their defaults.

Channels stand by name, operations in words, readouts and sources by their row. A number that may be infinite
is null where it is infinite.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias, get_args

from msgspec import Meta, Struct, field

from sequences.target import Kind, Quantity

FORMAT: Final = "ionloom program"
VERSION: Final = 1
"""Grows with every change that would mislead an older reader."""

Ticks: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Row: TypeAlias = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Count: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Whole: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Word: TypeAlias = Literal["level", "frequency", "phase", "amplitude", "voltage", "open", "close"]
WORDS: Final[tuple[Word, ...]] = get_args(Word)
"""What each `Operation` is called, in the order of their numbers."""


class Part(Struct, forbid_unknown_fields=True):
    """An object of the form; a field that it does not know is refused."""


class Limit(Part):
    """The range of a quantity; null where it has no end."""

    quantity: Quantity
    low: float | None
    high: float | None


class Channel(Part):
    """One channel of the lab; `slew` is null where it is not limited."""

    name: str
    kind: Kind
    number: int
    grid: float
    latency: float
    spacing: float
    limits: tuple[Limit, ...]
    update: float
    pulse: float
    slew: float | None
    bus: str
    programming: float


class Dispatcher(Part):
    """How fast events reach the channels; `longest` is null where it is not limited."""

    lanes: int
    depth: int
    cycle: float
    margin: float
    event_time: float
    start: float
    playback: float
    decision: float
    memory: int
    longest: float | None
    nesting: int


class Target(Part):
    """The lab; `dispatcher` is null for a core without limits."""

    name: str
    period: float
    dispatcher: Dispatcher | None
    channels: tuple[Channel, ...]


class Readout(Part):
    """One gated window."""

    name: str
    index: Whole
    channel: str


class Source(Part):
    """A line of the author's code."""

    file: str
    line: Whole


class Herald(Part, tag_field="condition", tag="clicks"):
    """So many clicks in the gates of some readouts; `at_most` is null for any number."""

    readouts: tuple[Row, ...]
    at_least: int
    at_most: int | None


class All(Part, tag_field="condition", tag="all"):
    """Conditions of which each must hold."""

    parts: tuple[Condition, ...]


class Any(Part, tag_field="condition", tag="any"):
    """Conditions of which one must hold."""

    parts: tuple[Condition, ...]


Condition: TypeAlias = Herald | All | Any


class Event(Part, array_like=True):
    """One event, as a list in this order; the value of an open or close is the row of a readout."""

    time: Ticks
    channel: str
    operation: Word
    value: float
    source: Row


class Label(Part, array_like=True):
    """A name for an instant or a stretch, as a list in this order."""

    name: str
    start: Ticks
    stop: Ticks


class Play(Part, tag_field="step", tag="play"):
    """A timeline that is played once."""

    duration: Ticks
    labels: tuple[Label, ...]
    events: tuple[Event, ...]


class Repeat(Part, tag_field="step", tag="repeat"):
    """Steps that are played a number of times."""

    count: Count
    steps: tuple[Step, ...]


class Attempt(Part, tag_field="step", tag="attempt"):
    """Steps that are played until a condition holds; `maximum` and `timeout` are null without limit."""

    until: Condition
    maximum: Count | None
    timeout: Ticks | None
    every: Whole
    steps: tuple[Step, ...]
    between: tuple[Step, ...]


class Branch(Part, tag_field="step", tag="branch"):
    """One of two ways to go on."""

    condition: Condition = field(name="if")
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...]


class Wait(Part, tag_field="step", tag="wait"):
    """A wait for a trigger."""

    channel: str
    timeout: Ticks


Step: TypeAlias = Play | Repeat | Attempt | Branch | Wait


class ShotValues(Part):
    """Values of one timeline that change from shot to shot; one list a shot, in the order of the rows."""

    timeline: Whole
    rows: tuple[Whole, ...]
    values: tuple[tuple[float, ...], ...]


class Program(Part):
    """All of it."""

    format: str
    version: int
    name: str
    target: Target
    readouts: tuple[Readout, ...]
    sources: tuple[Source, ...]
    steps: tuple[Step, ...]
    shot_values: tuple[ShotValues, ...]
