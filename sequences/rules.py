"""What makes a single block playable, whatever stands around it.

The language asks as soon as a block is written, so that the mistake is told at the author's line; the
compiler asks again once the parameters have values. Numbers that are still expressions are left for then.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from sequences.errors import (
    AuthoringError,
    ChannelKindError,
    DurationError,
    HeraldError,
    LimitError,
    LoopInParallelError,
    NumberError,
    Source,
)
from sequences.ir import Delay, Gate, Leaf, Level, Loop, Parallel, Pulse, Ramp, Repeat, leaves, loop_in
from sequences.parameters import Expression, Value
from sequences.target import UNITS, Channel, Kind, Limit, Quantity
from sequences.units import as_float, show

_NATURAL: Final = {
    Quantity.FREQUENCY: Limit(Quantity.FREQUENCY, 0.0, math.inf),
    Quantity.AMPLITUDE: Limit(Quantity.AMPLITUDE, 0.0, 1.0),
    Quantity.VOLTAGE: Limit(Quantity.VOLTAGE, -math.inf, math.inf),
}
"""What a quantity may be on a channel that sets no limits: amplitudes are fractions of full scale."""


def name_of(block: Leaf) -> str:
    """Return what a block is called in errors, with its channel."""
    if isinstance(block, Delay):
        return "the delay"
    return f"the {type(block).__name__.lower()} on channel {block.channel.name!r}"


def duration_problems(block: Leaf) -> Iterator[AuthoringError]:
    """Yield what is wrong with a duration: not a finite number, negative, or zero without sense."""
    if isinstance(block, Level):
        return
    duration, may_be_zero = block.duration, isinstance(block, Delay)
    if isinstance(duration, Expression):
        return
    if not _is_finite(duration):
        yield NumberError(block.source, f"the duration of {name_of(block)}", duration)
    elif duration < 0 or (duration == 0 and not may_be_zero):
        limit = "zero or more" if may_be_zero else "more than zero"
        yield DurationError(block.source, f"the duration of {name_of(block)}", show(duration, "s"), limit)


def limit_problems(block: Leaf) -> Iterator[AuthoringError]:
    """Yield each of a block's values that is not a finite number or is outside its channel's limits."""
    match block:
        case Pulse(channel=channel) if channel.kind is Kind.DDS:
            yield from _limited(channel, Quantity.FREQUENCY, block.frequency, block.source)
            yield from _limited(channel, Quantity.AMPLITUDE, block.amplitude, block.source)
            if not isinstance(block.phase, Expression) and not _is_finite(block.phase):
                yield NumberError(block.source, f"the phase of {name_of(block)}", block.phase)
        case Level():
            yield from _limited(block.channel, Quantity.VOLTAGE, block.voltage, block.source)
        case Ramp():
            yield from _limited(block.channel, Quantity.VOLTAGE, block.start, block.source)
            yield from _limited(block.channel, Quantity.VOLTAGE, block.stop, block.source)
        case Pulse() | Gate() | Delay():
            return


def kind_problems(block: Leaf) -> Iterator[AuthoringError]:
    """Yield an error if the block is on a channel of the wrong kind."""
    if isinstance(block, Delay):
        return
    kinds: tuple[Kind, ...]
    if isinstance(block, Pulse) and block.frequency is None:
        kinds, asked = (Kind.TTL,), "be switched as a TTL line"
    elif isinstance(block, Pulse):
        kinds, asked = (Kind.DDS,), "play a tone"
    elif isinstance(block, Gate):
        kinds, asked = (Kind.COUNTER, Kind.CAMERA), "record"
    else:
        kinds, asked = (Kind.DAC,), "hold a voltage"
    if block.channel.kind not in kinds:
        yield ChannelKindError(block.source, block.channel.name, block.channel.kind, asked)


def parallel_problems(block: Parallel) -> Iterator[AuthoringError]:
    """Yield an error if a loop is one of several parts."""
    loop = next(filter(None, map(loop_in, block.parts)), None) if len(block.parts) > 1 else None
    if loop is not None:
        yield LoopInParallelError(block.source, type(loop).__name__.lower(), loop.source)


def loop_problems(loop: Loop) -> Iterator[AuthoringError]:
    """Yield what is wrong with a loop: counts below 1, and heralds that its body cannot show."""
    if isinstance(loop, Repeat):
        yield from _counted("the count of the repeat", loop.count, loop.source)
        return
    yield from _counted("the maximum of the attempt", loop.maximum, loop.source)
    yield from _counted("the number of clicks of the herald", loop.herald.at_least, loop.source)
    recorded = dict.fromkeys(str(leaf.readout) for leaf in leaves(loop.body) if isinstance(leaf, Gate))
    for wanted in map(str, loop.herald.readouts or ("no readout",)):
        if wanted not in recorded:
            yield HeraldError(loop.source, wanted, tuple(recorded))


def _counted(what: str, count: object, source: Source) -> Iterator[AuthoringError]:
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        yield DurationError(source, what, repr(count), "a whole number, at least 1")


def _limited(
    channel: Channel, quantity: Quantity, value: Value | None, source: Source
) -> Iterator[AuthoringError]:
    if isinstance(value, Expression):
        return
    if value is None or not _is_finite(value):
        yield NumberError(source, f"the {quantity} on channel {channel.name!r}", value)
        return
    limit = channel.limit(quantity) or _NATURAL[quantity]
    if not limit.low <= value <= limit.high:
        unit = UNITS[quantity]
        low, high = show(limit.low, unit), show(limit.high, unit)
        yield LimitError(source, channel.name, quantity, show(value, unit), low, high)


def _is_finite(value: object) -> bool:
    number = as_float(value)
    return number is not None and math.isfinite(number)
