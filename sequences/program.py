"""A program: timelines joined by loops, ready for a core to play and for a run to store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from sequences.errors import Source
from sequences.target import Kind, Target
from sequences.timeline import Timeline


@dataclass(frozen=True, slots=True)
class ReadoutChannel:
    """One gated window of a program: events refer to it by its row in `Program.readouts`.

    Attributes:
        name: the author's name for it.
        index: which of many windows of this name (usually the ion).
        channel: number of the channel that records.
    """

    name: str
    index: int
    channel: int


@dataclass(frozen=True, slots=True)
class Play:
    """Play a timeline once."""

    timeline: Timeline


@dataclass(frozen=True, slots=True)
class RepeatLoop:
    """Play the steps `count` times; a readout within records again each time."""

    count: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class AttemptLoop:
    """Play the steps until the herald is seen, at most `maximum` times.

    An attempt is decided when its last gate has closed; what comes next starts no earlier than the
    duration of its timelines asks for.

    Attributes:
        maximum: attempts at most.
        readouts: rows of `Program.readouts` whose clicks count.
        at_least: clicks within one attempt that end the loop.
        steps: of one attempt.
    """

    maximum: int
    readouts: tuple[int, ...]
    at_least: int
    steps: tuple[Step, ...]


Step: TypeAlias = Play | RepeatLoop | AttemptLoop


@dataclass(frozen=True, slots=True)
class Program:
    """What a core plays for one shot.

    Attributes:
        name: of the sequence.
        steps: timelines and loops, in order.
        readouts: every window that is gated; events and heralds refer to rows.
        target: the lab it was compiled for.
        sources: the author's lines; events refer to rows. Not part of equality.
    """

    name: str
    steps: tuple[Step, ...]
    readouts: tuple[ReadoutChannel, ...]
    target: Target
    sources: tuple[Source, ...] = field(default=(), compare=False)

    def timelines(self) -> Iterator[Timeline]:
        """Yield every timeline once, in order, however often it is played."""
        pending = list(reversed(self.steps))
        while pending:
            step = pending.pop()
            if isinstance(step, Play):
                yield step.timeline
            else:
                pending.extend(reversed(step.steps))

    def readout_widths(self, ions: int) -> dict[str, int]:
        """Return how many counts each readout gives in a shot.

        Args:
            ions: in the trap; a camera gives one count for each.

        Returns:
            Readout name -> its windows, from index 0 to the highest; or the ions, for a camera.
        """
        widths: dict[str, int] = {}
        for readout in self.readouts:
            camera = self.target.by_number[readout.channel].kind is Kind.CAMERA
            width = ions if camera else readout.index + 1
            widths[readout.name] = max(widths.get(readout.name, 0), width)
        return widths

    def duration(self, *, heralded: bool) -> int:
        """Return how many ticks of the target one shot takes.

        Args:
            heralded: whether every attempt loop ends at its first attempt, the shortest a shot can be; or
                none of them before its maximum, the longest.
        """
        return _ticks(self.steps, heralded=heralded)

    @property
    def events(self) -> int:
        """Events stored, loops counted once."""
        return sum(len(timeline) for timeline in self.timelines())


def _ticks(steps: tuple[Step, ...], *, heralded: bool) -> int:
    total = 0
    for step in steps:
        match step:
            case Play(timeline):
                total += timeline.duration
            case RepeatLoop(count, inner):
                total += count * _ticks(inner, heralded=heralded)
            case AttemptLoop():
                total += (1 if heralded else step.maximum) * _ticks(step.steps, heralded=heralded)
            case _:
                assert_never(step)
    return total
