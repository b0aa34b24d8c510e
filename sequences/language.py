"""What authors call: channels that know what they can play, and the ways to put blocks together.

A handle wraps one channel of the target and offers only what that kind of channel can do, so that an editor
completes it and a typo is an error before anything runs. Numbers are SI floats (seconds, hertz, volts; phases
in turns; amplitudes 0 to 1 of full scale), and each may be a `Parameter` or an expression of parameters.

Example:
    >>> from sequences.target import Channel, Kind, Target
    >>> from sequences.units import MHz, us
    >>> channels = (Channel("shutter", Kind.TTL, 0, 1e-9), Channel("raman", Kind.DDS, 1, 4e-9))
    >>> lab = Target("lab", 1e-9, channels)
    >>> shutter, raman = Line.of(lab, "shutter"), Tone.of(lab, "raman")
    >>> body = parallel(shutter.pulse(10 * us), raman.pulse(4 * us, 80 * MHz), align=Alignment.CENTRE)
    >>> sequence("flash", repeat(body, 100)).name
    'flash'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Self, TypeVar

from sequences.errors import (
    ChannelKindError,
    ParameterConflictError,
    PartError,
    raise_together,
)
from sequences.ir import (
    Alignment,
    Attempt,
    Block,
    Delay,
    Gate,
    Herald,
    Leaf,
    Level,
    Loop,
    Parallel,
    Pulse,
    Ramp,
    Readout,
    Repeat,
    Sequence,
    Serial,
    Shape,
    Written,
    leaves,
)
from sequences.parameters import Parameter, Value, parameters_in
from sequences.rules import duration_problems, limit_problems, loop_problems, parallel_problems
from sequences.sources import caller
from sequences.target import Channel, Kind, Target

_LeafT = TypeVar("_LeafT", bound=Leaf)
_LoopT = TypeVar("_LoopT", bound=Loop)


@dataclass(frozen=True, slots=True)
class _Handle:
    """One channel and what can be played on it."""

    channel: Channel

    kind: ClassVar[Kind]
    ability: ClassVar[str]

    def __post_init__(self) -> None:
        if self.channel.kind is not self.kind:
            raise ChannelKindError(caller(), self.channel.name, self.channel.kind, self.ability)

    @classmethod
    def of(cls, target: Target, name: str) -> Self:
        """Return the handle for a channel of the target.

        Raises:
            UnknownChannelError: the target has no channel of that name.
            ChannelKindError: the channel is of another kind.
        """
        return cls(target.channel(name, caller()))


@dataclass(frozen=True, slots=True)
class Line(_Handle):
    """A digital output: a switch, a shutter, a trigger."""

    kind: ClassVar[Kind] = Kind.TTL
    ability: ClassVar[str] = "be switched as a TTL line"

    def pulse(self, duration: Value) -> Pulse:
        """Hold the line high for a time (s)."""
        return _checked(Pulse(self.channel, duration))


@dataclass(frozen=True, slots=True)
class Tone(_Handle):
    """A direct digital synthesiser: the radio frequency behind an acousto-optic modulator."""

    kind: ClassVar[Kind] = Kind.DDS
    ability: ClassVar[str] = "play a tone"

    def pulse(self, duration: Value, frequency: Value, amplitude: Value = 1.0, phase: Value = 0.0) -> Pulse:
        """Play a tone.

        Args:
            duration: in seconds.
            frequency: in hertz.
            amplitude: 0 to 1 of full scale.
            phase: in turns, relative to the core's clock: tones of one frequency are coherent with each other
                whenever they are played.
        """
        return _checked(Pulse(self.channel, duration, frequency, amplitude, phase))


@dataclass(frozen=True, slots=True)
class Electrode(_Handle):
    """An analogue output: the voltage of a trap electrode or a coil."""

    kind: ClassVar[Kind] = Kind.DAC
    ability: ClassVar[str] = "hold a voltage"

    def ramp(self, start: Value, stop: Value, duration: Value, shape: Shape = Shape.MINIMUM_JERK) -> Ramp:
        """Move the output from one voltage (V) to another in a time (s); it stays at the last one."""
        return _checked(Ramp(self.channel, start, stop, duration, shape))

    def set(self, voltage: Value) -> Level:
        """Set the output (V) at once; it stays, and the block takes no time."""
        return _checked(Level(self.channel, voltage))


@dataclass(frozen=True, slots=True)
class Detector(_Handle):
    """An input that counts and time-tags clicks."""

    kind: ClassVar[Kind] = Kind.COUNTER
    ability: ClassVar[str] = "count clicks"

    def gate(self, duration: Value, readout: Readout) -> Gate:
        """Record clicks for a time (s) into a readout."""
        return _checked(Gate(self.channel, duration, readout))


@dataclass(frozen=True, slots=True)
class Camera(_Handle):
    """A camera that is exposed by a trigger line."""

    kind: ClassVar[Kind] = Kind.CAMERA
    ability: ClassVar[str] = "take an exposure"

    def expose(self, duration: Value, readout: Readout) -> Gate:
        """Take one exposure of a time (s) into a readout."""
        return _checked(Gate(self.channel, duration, readout))


def serial(*blocks: Block) -> Serial:
    """Play blocks one after the other.

    A serial block among them is taken apart: ``serial(serial(a, b), c)`` is ``serial(a, b, c)``.
    """
    parts: list[Block] = []
    for block in _blocks("serial", blocks):
        parts.extend(block.parts if isinstance(block, Serial) else (block,))
    return Serial(tuple(parts))


def parallel(*blocks: Block, align: Alignment = Alignment.LEFT) -> Parallel:
    """Play blocks at the same time; the whole lasts as long as its longest part.

    Args:
        blocks: the parts. A loop cannot be one of several parts.
        align: whether the parts start together, end together or have their middles together.

    Raises:
        LoopInParallelError: a loop is one of several parts.
    """
    block = Parallel(_blocks("parallel", blocks), align)
    raise_together(list(parallel_problems(block)))
    return block


def delay(duration: Value) -> Delay:
    """Do nothing for a time (s)."""
    return _checked(Delay(duration))


def repeat(body: Block, count: int) -> Repeat:
    """Play a block a number of times, as one loop of the hardware."""
    _blocks("repeat", (body,))
    return _checked_loop(Repeat(body, _whole(count)))


def readout(name: str, index: int = 0) -> Readout:
    """Name what a gate records; the index tells windows of one name apart (usually it is the ion)."""
    return Readout(name, index)


def herald(*readouts: Readout, at_least: int = 1) -> Herald:
    """Ask for so many clicks in all, within the gates of these readouts, in one attempt."""
    return Herald(readouts, _whole(at_least))


def attempt(body: Block, *, until: Herald, maximum: int) -> Attempt:
    """Play a block again and again until its herald is seen, as one loop of the hardware.

    Args:
        body: one attempt; it must record every readout that the herald names.
        until: what ends the loop.
        maximum: attempts at most.

    Raises:
        HeraldError: the herald names no readout, or one for which the body has no gate.
        DurationError: a count is below 1.
    """
    _blocks("attempt", (body,))
    return _checked_loop(Attempt(body, until, _whole(maximum)))


def sequence(name: str, body: Block) -> Sequence:
    """Name a block and list what it leaves open and what it records, both in order of first use.

    Raises:
        ParameterConflictError: two parameters share a name and differ in unit, limits or help.
    """
    _blocks("sequence", (body,))
    parameters: dict[str, Parameter] = {}
    readouts: dict[Readout, None] = {}
    for leaf in leaves(body):
        for parameter in parameters_of(leaf):
            first = parameters.setdefault(parameter.name, parameter)
            if first != parameter:
                raise ParameterConflictError(parameter.source, parameter.name, first.source)
        if isinstance(leaf, Gate):
            readouts[leaf.readout] = None
    return Sequence(name, body, tuple(parameters.values()), tuple(readouts))


def parameters_of(leaf: Leaf) -> Iterator[Parameter]:
    """Yield every parameter that a block uses, in the order in which authors write its numbers."""
    for name in leaf.numbers:
        yield from parameters_in(getattr(leaf, name))


def _checked(block: _LeafT) -> _LeafT:
    raise_together([*duration_problems(block), *limit_problems(block)])
    return block


def _checked_loop(loop: _LoopT) -> _LoopT:
    raise_together(list(loop_problems(loop)))
    return loop


def _whole(count: Any) -> Any:
    """Return a whole number of numpy's as one of Python's; whatever else it is, the rules judge it."""
    if isinstance(count, bool) or not isinstance(count, Integral):
        return count
    return int(count)


def _blocks(name: str, given: tuple[Block, ...]) -> tuple[Block, ...]:
    for part in given:
        if not isinstance(part, Written):
            raise PartError(caller(), name, type(part).__name__)
    return given
