"""What makes a single block playable, whatever stands around it.

The language asks as soon as a block is written, so that the mistake is told at the author's line; the
compiler asks again once the parameters have values. Numbers that are still expressions are left for then.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from sequences.conditions import Condition
from sequences.errors import (
    AuthoringError,
    ChannelKindError,
    DurationError,
    HeraldError,
    LimitError,
    NumberError,
    SeamError,
    Source,
)
from sequences.ir import (
    At,
    Attempt,
    Choice,
    Delay,
    Edges,
    Envelope,
    Gate,
    Leaf,
    Level,
    Mark,
    Parallel,
    Pulse,
    Ramp,
    Readout,
    Repeat,
    Shift,
    Tuning,
    Wait,
    Waveform,
    leaves,
    seam_in,
)
from sequences.parameters import Expression, Number, Value
from sequences.target import UNITS, Channel, Kind, Limit, Quantity
from sequences.units import as_float, show

_NATURAL: Final = MappingProxyType(
    {
        Quantity.FREQUENCY: Limit(Quantity.FREQUENCY, 0.0, math.inf),
        Quantity.AMPLITUDE: Limit(Quantity.AMPLITUDE, 0.0, 1.0),
        Quantity.VOLTAGE: Limit(Quantity.VOLTAGE, -math.inf, math.inf),
    }
)
"""What a quantity may be on a channel that sets no limits: amplitudes are fractions of full scale."""


def limit_of(channel: Channel, quantity: Quantity) -> Limit:
    """Return the limit of a quantity on a channel: its own, or what the quantity may be anywhere."""
    return channel.limit(quantity) or _NATURAL[quantity]


def name_of(block: Leaf | At | Attempt) -> str:
    """Return what a block is called in errors, with its channel."""
    match block:
        case Delay() | Mark() | At() | Attempt():
            return f"the {type(block).__name__.lower()}"
        case Edges(channels=channels):
            names = ", ".join(channel.name for channel in channels[:3])
            return f"the edges on channels {names}{', ...' if len(channels) > 3 else ''}"
        case _:
            return f"the {type(block).__name__.lower()} on channel {block.channel.name!r}"


def leaf_problems(leaf: Leaf) -> list[AuthoringError]:
    """Return what is wrong with a leaf that an author has just written."""
    return [*duration_problems(leaf), *value_problems(leaf), *_part_problems(leaf)]


def _part_problems(leaf: Leaf) -> Iterator[AuthoringError]:
    """Yield an error for an envelope or readout that is none."""
    envelope: Any = getattr(leaf, "envelope", None)
    readout: Any = getattr(leaf, "readout", None)
    if isinstance(envelope, Envelope) and envelope.samples is None:
        what = f"the rise of the envelope of {name_of(leaf)}"
        yield from time_problems(envelope.rise, what, leaf.source, may_be_zero=True)
    elif envelope is not None and not isinstance(envelope, Envelope):
        yield DurationError(leaf.source, f"the envelope of {name_of(leaf)}", repr(envelope), "an Envelope")
    if isinstance(leaf, Gate) and not isinstance(readout, Readout):
        yield DurationError(leaf.source, f"the readout of {name_of(leaf)}", repr(readout), "a readout()")


def duration_problems(block: Leaf) -> Iterator[AuthoringError]:
    """Yield what is wrong with a duration: not a finite number, negative, or zero without sense."""
    match block:
        case Level() | Tuning() | Shift() | Mark():
            return
        case Waveform():
            yield from time_problems(block.period, f"the period of {name_of(block)}", block.source)
        case Wait():
            yield from time_problems(block.timeout, f"the time-out of {name_of(block)}", block.source)
        case _:
            zero = isinstance(block, Delay | Edges)
            what = f"the duration of {name_of(block)}"
            yield from time_problems(block.duration, what, block.source, may_be_zero=zero)


def time_problems(
    time: Value, what: str, source: Source, *, may_be_zero: bool = False
) -> Iterator[AuthoringError]:
    """Yield what is wrong with a time (s)."""
    if isinstance(time, Expression):
        return
    if not _is_finite(time):
        yield NumberError(source, what, time)
    elif time < 0 or (time == 0 and not may_be_zero):
        limit = "zero or more" if may_be_zero else "more than zero"
        yield DurationError(source, what, show(time, "s"), limit)


def value_problems(block: Leaf) -> Iterator[AuthoringError]:
    """Yield each of a block's values that is not a finite number or is outside its channel's limits."""
    for quantity, value in values_of(block):
        given: Any = value  # what people write: only `per_shot` makes many values of one
        if isinstance(given, np.ndarray):
            yield NumberError(block.source, f"the {quantity or 'phase'} of {name_of(block)}", given)
        else:
            yield from limit_problems(block, quantity, value)


def values_of(block: Leaf) -> Iterator[tuple[Quantity | None, Value | None]]:
    """Yield the values of a block with what they are; a phase is no limited quantity, it comes with None."""
    match block:
        case Pulse() | Tuning() if block.channel.kind is Kind.DDS:
            yield Quantity.FREQUENCY, block.frequency
            yield Quantity.AMPLITUDE, block.amplitude
            yield None, block.phase
        case Level() if block.channel.kind is Kind.DAC:
            yield Quantity.VOLTAGE, block.value
        case Ramp():
            yield Quantity.VOLTAGE, block.start
            yield Quantity.VOLTAGE, block.stop
        case Waveform(samples=samples) if len(samples):
            yield Quantity.VOLTAGE, float(samples.values.min())
            yield Quantity.VOLTAGE, float(samples.values.max())
        case Shift():
            yield None, block.phase


def limit_problems(
    block: Leaf, quantity: Quantity | None, value: Number | Value | None
) -> Iterator[AuthoringError]:
    """Yield an error if a value, or one of the values (shots,), is not finite or outside the limits."""
    if isinstance(value, Expression):
        return
    if isinstance(value, np.ndarray):
        for extreme in {float(value.min()), float(value.max())}:
            yield from limit_problems(block, quantity, extreme)
    elif quantity is None:
        if not _is_finite(value):
            yield NumberError(block.source, f"the phase of {name_of(block)}", value)
    elif not isinstance(block, Delay | Mark | Edges):
        yield from _limited(block.channel, quantity, value, block.source)


def _limited(channel: Channel, quantity: Quantity, value: object, source: Source) -> Iterator[AuthoringError]:
    number = as_float(value)
    if number is None or not math.isfinite(number):
        yield NumberError(source, f"the {quantity} on channel {channel.name!r}", value)
        return
    limit = limit_of(channel, quantity)
    if not limit.low <= number <= limit.high:
        unit = UNITS[quantity]
        low, high = show(limit.low, unit), show(limit.high, unit)
        yield LimitError(source, channel.name, quantity, show(number, unit), low, high)


_KINDS: Final[Mapping[type, tuple[tuple[Kind, ...], str]]] = MappingProxyType(
    {
        Edges: ((Kind.TTL,), "be switched as a TTL line"),
        Tuning: ((Kind.DDS,), "play a tone"),
        Shift: ((Kind.DDS,), "play a tone"),
        Level: ((Kind.DAC, Kind.TTL), "hold a level"),
        Ramp: ((Kind.DAC,), "hold a voltage"),
        Waveform: ((Kind.DAC,), "hold a voltage"),
        Gate: ((Kind.COUNTER, Kind.CAMERA), "record"),
        Wait: ((Kind.TRIGGER,), "be waited for"),
    }
)
"""Block -> the kinds of channel that can play it, and what that is called; pulses depend on their fields."""


def kind_problems(block: Leaf) -> Iterator[AuthoringError]:
    """Yield an error for each channel of the block that is of the wrong kind."""
    kinds: tuple[Kind, ...]
    match block:
        case Delay() | Mark():
            return
        case Pulse(frequency=None):
            kinds, asked = (Kind.TTL,), "be switched as a TTL line"
        case Pulse():
            kinds, asked = (Kind.DDS,), "play a tone"
        case _:
            kinds, asked = _KINDS[type(block)]
    for channel in block.channels if isinstance(block, Edges) else (block.channel,):
        if channel.kind not in kinds:
            yield ChannelKindError(block.source, channel.name, channel.kind, asked)


def seam_problems(block: Parallel | At) -> Iterator[AuthoringError]:
    """Yield an error if the core would have to loop, decide or wait beside something else."""
    alone = isinstance(block, Parallel) and len(block.parts) == 1
    seam = None if alone else seam_in(block.body if isinstance(block, At) else block)
    if seam is not None:
        word = "branch" if isinstance(seam, Choice) else type(seam).__name__.lower()
        yield SeamError(block.source, type(block).__name__.lower(), word, seam.source)


def loop_problems(loop: Repeat | Attempt | Choice) -> Iterator[AuthoringError]:
    """Yield what is wrong with a loop or choice: counts, endless loops, heralds that nobody records."""
    match loop:
        case Repeat():
            yield from _counted("the count of the repeat", loop.count, loop.source)
        case Attempt():
            yield from _attempt_problems(loop)
        case Choice():
            yield from _herald_problems(loop.condition, loop.source)


def _attempt_problems(loop: Attempt) -> Iterator[AuthoringError]:
    if loop.maximum is not None:
        yield from _counted("the maximum of the attempt", loop.maximum, loop.source)
    elif loop.timeout is None:
        what = "the end of the attempt loop"
        yield DurationError(loop.source, what, "open", "set by a maximum, a timeout or both")
    if loop.timeout is not None:
        yield from time_problems(loop.timeout, "the time-out of the attempt", loop.source)
    if loop.between is not None or loop.every != 0:
        yield from _counted("every (failed attempts before `between` is played)", loop.every, loop.source)
    if loop.between is None and loop.every:
        what = "what is played between attempts"
        yield DurationError(loop.source, what, "missing", "given with `every`: between=...")
    yield from _herald_problems(loop.herald, loop.source)
    recorded = dict.fromkeys(str(leaf.readout) for leaf in leaves(loop.body) if isinstance(leaf, Gate))
    for wanted in readouts_in(loop.herald):
        if wanted not in recorded:
            yield HeraldError(loop.source, wanted, tuple(recorded))


def readouts_in(condition: Condition[Readout]) -> tuple[str, ...]:
    """Return the names of the readouts that a condition asks for, each once."""
    asked = (herald.readouts or ("no readout",) for herald in condition.heralds())
    return tuple(dict.fromkeys(str(readout) for readouts in asked for readout in readouts))


def _herald_problems(condition: Condition[Readout], source: Source) -> Iterator[AuthoringError]:
    if not any(condition.heralds()):
        yield DurationError(source, "the condition", "empty", "made of at least one herald()")
    for herald in condition.heralds():
        least = 1 if herald.at_most is None else 0
        yield from _counted("the number of clicks of the herald", herald.at_least, source, least)
        if herald.at_most is not None:
            yield from _counted("the most clicks of the herald", herald.at_most, source, herald.at_least)


def _counted(what: str, count: object, source: Source, least: int = 1) -> Iterator[AuthoringError]:
    if isinstance(count, bool) or not isinstance(count, int) or count < least:
        yield DurationError(source, what, repr(count), f"a whole number, at least {least}")


def _is_finite(value: object) -> bool:
    if type(value) is float:
        return math.isfinite(value)
    number = as_float(value)
    return number is not None and math.isfinite(number)
