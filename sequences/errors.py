"""What can be wrong with a sequence, told to its author.

    SequenceError
    ├── UnitError                text is not a quantity of the expected unit
    ├── UnknownUnitError         a unit that values cannot be declared in
    ├── DeclaredValueError       a value that a declared field does not accept
    ├── TextError                a program's text form cannot be read
    ├── TargetError              a lab whose channels contradict each other
    ├── AuthoringError           has a place: the file and line of the author's code
    │   ├── NumberError              not a finite number
    │   ├── ParameterError
    │   │   ├── UnboundParameterError    no value given
    │   │   ├── UnknownParameterError    a value for a parameter that the sequence does not have
    │   │   ├── ParameterRangeError      the value is outside the declared limits, or not finite
    │   │   └── ParameterConflictError   two parameters of one name
    │   ├── UnknownChannelError  the setup has no such channel
    │   ├── ChannelKindError     the channel cannot do what is asked of it
    │   ├── ForeignChannelError  the channel belongs to another target
    │   ├── DurationError        times and counts that make no sense
    │   ├── OffGridError         a time that the hardware clock does not have
    │   ├── LimitError           a value outside the channel's limits
    │   ├── OverlapError         two blocks use one channel at once
    │   ├── SpacingError         two events on one channel, too close for it
    │   ├── StructureError
    │   │   ├── PartError            a part of a block that is no block
    │   │   ├── SeamError            a loop, branch or wait beside other parts
    │   │   ├── HeraldError          an attempt waits for a readout that it does not record
    │   │   ├── BranchError          a branch asks for a readout that nothing before it records
    │   │   ├── ReadoutError         two gates record into one readout
    │   │   ├── MarkError            parts cannot be aligned to a mark
    │   │   ├── PastError            a block is to start before the one in front of it has ended
    │   │   ├── FrameError           phases of a frame that the hardware cannot repeat
    │   │   ├── ShotTimeError        a time that changes from shot to shot
    │   │   ├── DepthError           blocks in blocks in blocks, without end
    │   │   └── RecursiveError       a subsequence that calls itself
    │   └── MachineError         what the timing core cannot do: see `sequences.faults`
    └── CompileError             several of the above, found together

Facts are fields; the text is made in ``__str__``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True)
class Source:
    """A place in the author's code."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{Path(self.file).name}:{self.line}"


class SequenceError(Exception):
    """Base of everything that ionloom says about a sequence."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean ...?" for names that look like `name`, or all that are known if few."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= 40 else ""


_KINDS: Final = {
    "s": "time",
    "Hz": "frequency",
    "1/s": "rate",
    "V": "voltage",
    "V/m": "electric field",
    "V/s": "slew rate",
    "m": "length",
    "T": "magnetic field",
    "turn": "angle",
    "dBm": "power",
    "A": "current",
    "W": "power",
    "Pa": "pressure",
    "degC": "temperature",
    "turn/s": "speed of rotation",
}
"""Base unit -> what it measures, in the words of an error."""


@dataclass(eq=False)
class UnitError(SequenceError):
    """Text that is not a quantity of the expected unit."""

    text: str
    unit: str
    accepted: tuple[str, ...]

    def __str__(self) -> str:
        if not self.unit:
            return f"{self.text!r} is not a plain finite number (%, ppm are accepted)"
        example = self.unit if self.unit != "s" else "us"
        return (
            f"{self.text!r} is not a finite {_KINDS.get(self.unit, 'number')} with its unit; "
            f"write for example '1.5 {example}' (units: {', '.join(self.accepted)})"
        )


@dataclass(eq=False)
class UnknownUnitError(SequenceError):
    """A unit that values cannot be declared in."""

    name: str
    unit: str
    meant: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.unit!r} is no base unit; declare it in {' or '.join(map(repr, self.meant))} "
            "(values are SI, their text may have a prefix)"
        )


@dataclass(eq=False)
class DeclaredValueError(SequenceError):
    """A value that a declared field does not accept."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


@dataclass(eq=False)
class TextError(SequenceError):
    """A program's text form that cannot be read."""

    line: int
    text: str
    reason: str

    def __str__(self) -> str:
        return f"program text, line {self.line}: {self.reason}: {self.text!r}"


@dataclass(eq=False)
class TargetError(SequenceError):
    """A lab whose channels contradict each other."""

    target: str
    reason: str

    def __str__(self) -> str:
        return f"target {self.target!r}: {self.reason}"


@dataclass(eq=False)
class AuthoringError(SequenceError):
    """Something to mend at a place in the author's code."""

    source: Source

    def _told(self, text: str) -> str:
        return f"{self.source}: {text}"


@dataclass(eq=False)
class NumberError(AuthoringError):
    """Something that is not a finite number."""

    what: str
    value: object

    def __str__(self) -> str:
        return self._told(
            f"{self.what} is {self.value!r}; it must be a finite number in SI units "
            "or an expression of parameters"
        )


@dataclass(eq=False)
class ParameterError(AuthoringError):
    """A parameter and the value that it did or did not get."""

    name: str


@dataclass(eq=False)
class UnboundParameterError(ParameterError):
    """A parameter is used that nobody gave a value."""

    given: tuple[str, ...]

    def __str__(self) -> str:
        return self._told(f"parameter {self.name!r} has no value{nearest(self.name, self.given)}")


@dataclass(eq=False)
class UnknownParameterError(ParameterError):
    """A value was given for a parameter that the sequence does not use."""

    known: tuple[str, ...]

    def __str__(self) -> str:
        return self._told(f"the sequence has no parameter {self.name!r}{nearest(self.name, self.known)}")


@dataclass(eq=False)
class ParameterRangeError(ParameterError):
    """A parameter's value is not finite or outside its declared limits."""

    value: str
    low: str
    high: str

    def __str__(self) -> str:
        return self._told(
            f"parameter {self.name!r} = {self.value} is outside its limits {self.low} to {self.high}"
        )


@dataclass(eq=False)
class ParameterConflictError(ParameterError):
    """Two parameters of one name that differ in unit, limits or help."""

    other: Source

    def __str__(self) -> str:
        return self._told(
            f"parameter {self.name!r} is also declared at {self.other}, with another unit, limits or help; "
            "declare it once, or give the two different names"
        )


@dataclass(eq=False)
class UnknownChannelError(AuthoringError):
    """The setup has no channel of that name."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return self._told(f"the setup has no channel {self.name!r}{nearest(self.name, self.known)}")


@dataclass(eq=False)
class ChannelKindError(AuthoringError):
    """A channel is asked for something that its kind cannot do."""

    channel: str
    kind: str
    asked: str

    def __str__(self) -> str:
        return self._told(f"channel {self.channel!r} is a {self.kind} channel: it cannot {self.asked}")


@dataclass(eq=False)
class ForeignChannelError(AuthoringError):
    """A channel that belongs to another lab than the one that the sequence is compiled for."""

    channel: str
    target: str

    def __str__(self) -> str:
        return self._told(
            f"channel {self.channel!r} is not (or not any more) one of target {self.target!r}, for which the "
            "sequence is compiled; take its handle from that target"
        )


@dataclass(eq=False)
class DurationError(AuthoringError):
    """A time or count that makes no sense."""

    what: str
    value: str
    limit: str

    def __str__(self) -> str:
        return self._told(f"{self.what} is {self.value}; it must be {self.limit}")


@dataclass(eq=False)
class OffGridError(AuthoringError):
    """A time between two ticks of the hardware clock."""

    what: str
    value: str
    grid: str
    nearest_value: str

    def __str__(self) -> str:
        return self._told(
            f"{self.what} is {self.value}, between two ticks of the {self.grid} grid; "
            f"the nearest time is {self.nearest_value}"
        )


@dataclass(eq=False)
class LimitError(AuthoringError):
    """A value that the channel cannot or must not play."""

    channel: str
    quantity: str
    value: str
    low: str
    high: str

    def __str__(self) -> str:
        return self._told(
            f"{self.quantity} {self.value} on channel {self.channel!r} is outside its limits "
            f"{self.low} to {self.high}"
        )


@dataclass(eq=False)
class OverlapError(AuthoringError):
    """Two blocks use one channel at once; both places are told."""

    channel: str
    other: Source
    start: str
    overlap: str

    def __str__(self) -> str:
        return self._told(
            f"channel {self.channel!r} is still in use by {self.other} at {self.start}, for another "
            f"{self.overlap}; play them one after the other or on two channels"
        )


@dataclass(eq=False)
class SpacingError(AuthoringError):
    """Two events on one channel, too close for it."""

    channel: str
    other: Source
    gap: str
    spacing: str

    def __str__(self) -> str:
        return self._told(
            f"channel {self.channel!r} has two events {self.gap} apart (this and {self.other}); "
            f"it needs at least {self.spacing} between them"
        )


@dataclass(eq=False)
class StructureError(AuthoringError):
    """Blocks that are put together in a way that cannot be played."""


@dataclass(eq=False)
class PartError(StructureError):
    """A part of a block that is no block."""

    block: str
    given: str

    def __str__(self) -> str:
        return self._told(
            f"{self.block} takes blocks such as pulses, ramps and gates, but was given {self.given}; "
            "unpack several blocks with a star, and call what makes a block"
        )


@dataclass(eq=False)
class SeamError(StructureError):
    """A loop, branch or wait beside other parts."""

    block: str
    seam: str
    other: Source

    def __str__(self) -> str:
        return self._told(
            f"this {self.block} block holds other parts beside the {self.seam} at {self.other}; the hardware "
            f"does nothing else while it loops, decides or waits: put the other parts into the {self.seam}, "
            "before it or after it"
        )


@dataclass(eq=False)
class HeraldError(StructureError):
    """An attempt that waits for a readout which it does not record."""

    readout: str
    recorded: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(self.recorded) or "nothing"
        return self._told(f"the attempt waits for clicks in {self.readout}, but its body records {known}")


@dataclass(eq=False)
class BranchError(StructureError):
    """A branch that asks for a readout which nothing before it records."""

    readout: str
    recorded: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(self.recorded) or "nothing"
        return self._told(
            f"the branch asks for clicks in {self.readout}, but what is played before it records {known}"
        )


@dataclass(eq=False)
class ReadoutError(StructureError):
    """Two gates that record into one readout."""

    readout: str
    other: Source

    def __str__(self) -> str:
        return self._told(
            f"{self.readout} is already recorded by the gate at {self.other}; "
            "give every gate a readout of its own, for example another index"
        )


@dataclass(eq=False)
class MarkError(StructureError):
    """Parts that cannot be aligned to a mark."""

    mark: str
    count: int
    part: Source

    def __str__(self) -> str:
        return self._told(
            f"the part at {self.part} has {self.count or 'no'} marks {self.mark!r} to align with; "
            "every part of the block needs exactly one"
        )


@dataclass(eq=False)
class PastError(StructureError):
    """A block that is to start before the one in front of it has ended."""

    start: str
    reached: str

    def __str__(self) -> str:
        return self._told(
            f"this block is to start at {self.start} of its serial block, which has already lasted "
            f"{self.reached}; start it later, or make the blocks before it shorter"
        )


@dataclass(eq=False)
class FrameError(StructureError):
    """Phases of a frame that the hardware cannot repeat."""

    frame: str
    where: str
    turns: str

    def __str__(self) -> str:
        return self._told(
            f"frame {self.frame!r} is turned by {self.turns} more {self.where}, but the hardware plays the "
            "same phases each time; shift it back, or by whole turns in all"
        )


@dataclass(eq=False)
class ShotTimeError(StructureError):
    """A time that changes from shot to shot."""

    what: str

    def __str__(self) -> str:
        return self._told(
            f"{self.what} changes from shot to shot, but all shots share one timeline; "
            "scan it as a parameter instead"
        )


@dataclass(eq=False)
class DepthError(StructureError):
    """Blocks within blocks, deeper than anybody means it."""

    limit: int

    def __str__(self) -> str:
        return self._told(
            f"blocks are nested more than {self.limit} deep here; collect the parts in a list and put them "
            "into one block: serial(*parts)"
        )


@dataclass(eq=False)
class RecursiveError(StructureError):
    """A subsequence that calls itself, directly or through others."""

    chain: tuple[str, ...]

    def __str__(self) -> str:
        return self._told(
            f"the subsequence calls itself: {' -> '.join(self.chain)}; hardware cannot play that: "
            "use repeat() or a loop of Python's with an end"
        )


@dataclass(eq=False)
class CompileError(SequenceError):
    """Several problems of one sequence, found together."""

    problems: tuple[SequenceError, ...]

    def __str__(self) -> str:
        first = [f"  {problem}" for problem in self.problems[:_TOLD]]
        more = len(self.problems) - len(first)
        rest = [f"  and {more} more"] if more else []
        return "\n".join([f"{len(self.problems)} problems in the sequence:", *first, *rest])


_TOLD: Final = 30
"""Problems that are told at once; whoever has more will mend some of them first."""


def raise_together(problems: list[SequenceError]) -> None:
    """Raise nothing, the one problem, or all of them as a `CompileError`."""
    # A loop of the author's that writes one mistake many times is told once.
    different = tuple({str(problem): problem for problem in problems}.values())
    if len(different) == 1:
        raise different[0]
    if different:
        raise CompileError(different)
