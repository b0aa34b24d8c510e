"""What can be wrong between a program and a Kasli crate.

SequenceError
├── KasliError               a crate that contradicts itself or its target: all problems at once
├── PlayerError              a program that the generated player cannot play
├── EventTextError           a listing of events that cannot be read
├── TraceError               bytes that are no DMA trace of single-word events
├── DumpError                bytes that are no analyzer dump
└── AuthoringError
    ├── ProgrammingError     the bus is too slow for two changes so close to each other
    ├── IncoherentLoopError  a repeated tone whose phase would be wrong from the second pass on
    └── UnknownToneError     a part of a tone is changed before the whole tone was set
"""

from __future__ import annotations

from dataclasses import dataclass

from sequences.errors import AuthoringError, SequenceError, Source
from sequences.units import show


@dataclass(eq=False)
class KasliError(SequenceError):
    """A crate that contradicts itself or its target.

    Attributes:
        target: name of the target.
        problems: (channel or nothing, what is wrong with it), in the order in which they were found.
    """

    target: str
    problems: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        lines = [f"  {channel}: {what}" if channel else f"  {what}" for channel, what in self.problems]
        return "\n".join([f"the Kasli crate of target {self.target!r} cannot be used:", *lines])


@dataclass(eq=False)
class PlayerError(SequenceError):
    """A program that the generated player cannot play."""

    program: str
    reason: str

    def __str__(self) -> str:
        return f"program {self.program!r} cannot be played by an ARTIQ core: {self.reason}"


@dataclass(eq=False)
class EventTextError(SequenceError):
    """A listing of events that cannot be read."""

    line: int
    text: str
    reason: str

    def __str__(self) -> str:
        return f"event list, line {self.line}: {self.reason}: {self.text!r}"


@dataclass(eq=False)
class TraceError(SequenceError):
    """Bytes that are no DMA trace of single-word events."""

    position: int
    reason: str

    def __str__(self) -> str:
        return f"DMA trace, byte {self.position}: {self.reason}"


@dataclass(eq=False)
class DumpError(SequenceError):
    """Bytes that are no analyzer dump."""

    size: int
    reason: str

    def __str__(self) -> str:
        return f"analyzer dump of {self.size} bytes: {self.reason}"


@dataclass(eq=False)
class ProgrammingError(AuthoringError):
    """A change that cannot be programmed over its bus in time.

    Attributes:
        channels: that change at this time.
        bus: that they share.
        time: at which they shall change, s from the start of the timeline.
        needed: time on the bus before that, s.
        missing: by how much it does not fit, s.
        other: the change before it on this bus, or None where the timeline starts too late.
    """

    channels: tuple[str, ...]
    bus: str
    time: float
    needed: float
    missing: float
    other: Source | None

    def __str__(self) -> str:
        names = " and ".join(map(repr, self.channels))
        what = f"changing {names} at {show(self.time, 's')} takes {show(self.needed, 's')} on {self.bus}"
        missing = show(self.missing, "s")
        if self.other is None:
            return self._told(
                f"{what} beforehand, {missing} more than there is since the start of the timeline; "
                f"begin it {missing} later"
            )
        return self._told(
            f"{what} beforehand, which is still occupied by {self.other} for another {missing}; "
            f"move the two {missing} further apart, change both at one time, or use channels of two boards"
        )


@dataclass(eq=False)
class IncoherentLoopError(AuthoringError):
    """A repeated tone whose phase would be wrong from the second pass on.

    Attributes:
        channel: of the tone.
        count: passes of the loop.
        slip: turns by which the phase would be wrong in the second pass.
    """

    channel: str
    count: int
    slip: float

    def __str__(self) -> str:
        return self._told(
            f"the loop of {self.count} passes changes the tone of {self.channel!r}: its phase would slip by "
            f"{self.slip:.4g} turn from pass to pass, because the core plays the same words again; let the "
            "body last whole periods of the tone, write the passes out with a Python `for`, or give the "
            "channel phase = 'continuous' in the setup if its phase does not matter"
        )


@dataclass(eq=False)
class UnknownToneError(AuthoringError):
    """A part of a tone is changed before the whole tone was set."""

    channel: str

    def __str__(self) -> str:
        return self._told(
            f"channel {self.channel!r} is switched on without frequency and phase, and what it played "
            "before is not known here; set frequency, phase and amplitude together"
        )
