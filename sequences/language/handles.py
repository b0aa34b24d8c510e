"""Channels as authors see them: each handle offers what its kind of channel can play, and nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from sequences.errors import ChannelKindError, NumberError, OffGridError, Source, raise_together
from sequences.ir import (
    Envelope,
    Gate,
    Leaf,
    Level,
    Pulse,
    Ramp,
    Readout,
    Tuning,
    Wait,
    Waveform,
)
from sequences.language.given import one_of
from sequences.parameters import Value
from sequences.rules import leaf_problems
from sequences.samples import Samples
from sequences.shapes import Shape
from sequences.sources import caller
from sequences.target import Channel, Kind, Quantity, Target
from sequences.units import show

_LeafT = TypeVar("_LeafT", bound=Leaf)


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
        pulse = Pulse(self.channel, duration, source=caller())
        # The usual case, which needs no rule to judge it: programs have many pulses.
        return pulse if type(duration) is float and 0.0 < duration < math.inf else checked(pulse)

    def on(self) -> Level:
        """Set the line high at once; it stays, and the block takes no time."""
        return Level(self.channel, 1.0, source=caller())

    def off(self) -> Level:
        """Set the line low at once; it stays, and the block takes no time."""
        return Level(self.channel, 0.0, source=caller())


@dataclass(frozen=True, slots=True)
class Tone(_Handle):
    """A direct digital synthesiser: the radio frequency behind an acousto-optic modulator."""

    kind: ClassVar[Kind] = Kind.DDS
    ability: ClassVar[str] = "play a tone"

    def pulse(
        self,
        duration: Value,
        frequency: Value,
        amplitude: Value = 1.0,
        phase: Value = 0.0,
        envelope: Envelope | None = None,
    ) -> Pulse:
        """Play a tone.

        Args:
            duration: in seconds.
            frequency: in hertz.
            amplitude: 0 to 1 of full scale.
            phase: in turns, relative to the core's clock: tones of one frequency are coherent with each other
                whenever they are played.
            envelope: how the amplitude rises and falls, sampled once per `update` of the channel; by default
                it does so at once.
        """
        pulse = Pulse(self.channel, duration, frequency, amplitude, phase, envelope, source=caller())
        plain = type(duration) is float and 0.0 < duration < math.inf and envelope is None
        return pulse if plain and _is_plain(self.channel, frequency, amplitude, phase) else checked(pulse)

    def set(self, frequency: Value, amplitude: Value = 1.0, phase: Value = 0.0) -> Tuning:
        """Set the tone at once; it stays on until it is set again, and the block takes no time."""
        tuning = Tuning(self.channel, frequency, amplitude, phase, source=caller())
        return tuning if _is_plain(self.channel, frequency, amplitude, phase) else checked(tuning)

    def off(self) -> Tuning:
        """Switch the tone off; the block takes no time."""
        limit = self.channel.limit(Quantity.FREQUENCY)
        return Tuning(self.channel, max(limit.low, 0.0) if limit else 0.0, 0.0, 0.0, source=caller())


@dataclass(frozen=True, slots=True)
class Electrode(_Handle):
    """An analogue output: the voltage of a trap electrode or a coil."""

    kind: ClassVar[Kind] = Kind.DAC
    ability: ClassVar[str] = "hold a voltage"

    def ramp(self, start: Value, stop: Value, duration: Value, shape: Shape = Shape.MINIMUM_JERK) -> Ramp:
        """Move the output from one voltage (V) to another in a time (s); it stays at the last one."""
        way = one_of(Shape, shape, "the shape of the ramp")
        return checked(Ramp(self.channel, start, stop, duration, way, source=caller()))

    def set(self, voltage: Value) -> Level:
        """Set the output (V) at once; it stays, and the block takes no time."""
        return checked(Level(self.channel, voltage, source=caller()))

    def play(self, samples: ArrayLike, period: Value) -> Waveform:
        """Play any waveform: a sample (V) each period (s), the first one at once.

        Args:
            samples: (samples,) volts; the output stays at the last one.
            period: from one sample to the next, s; the block lasts as many periods as there are samples.

        Raises:
            NumberError: the samples are no one-dimensional array of finite numbers.
            LimitError: one of them is outside the channel's limits.
        """
        source = caller()
        values = _samples(samples, "the samples", source)
        waveform = Waveform(self.channel, values, period, source=source)
        plain = type(period) is float and 0.0 < period < math.inf
        return waveform if plain and _is_within(self.channel, values) else checked(waveform)

    def spline(self, times: ArrayLike, voltages: ArrayLike) -> Waveform:
        """Play a smooth curve through some voltages: a cubic spline that starts and ends at rest.

        Args:
            times: (knots,) s, ascending from 0; the last one is a whole number of updates of the channel.
            voltages: (knots,) V. The first is played at once, the last at the last knot for one update, by
                which the block is longer.

        Raises:
            NumberError: fewer than two knots, times that do not ascend from 0, or arrays that do not match.
            OffGridError: the last knot is between two updates.
        """
        from scipy.interpolate import CubicSpline  # noqa: PLC0415 - slow to import, and seldom used

        source = caller()
        knots = _samples(times, "the times of the spline", source).values
        volts = _samples(voltages, "the voltages of the spline", source)
        matched = 2 <= len(knots) == len(volts) and knots[0] == 0
        if not (matched and np.isfinite([*knots, *volts.values]).all() and (np.diff(knots) > 0).all()):
            what = "the knots of the spline: as many ascending times from 0 s on as voltages, at least two"
            raise NumberError(source, what, Samples.of(knots))
        period, total = self._update(), float(knots[-1])
        steps = round(total / period)
        if steps == 0 or abs(total / period - steps) > 1e-6 * steps:
            nearest = show(max(steps, 1) * period, "s", 15)
            what = f"the last knot of the spline on channel {self.channel.name!r}"
            raise OffGridError(source, what, show(total, "s", 15), show(period, "s"), nearest)
        curve = CubicSpline(knots, volts.values, bc_type="clamped")
        at = np.minimum(np.arange(steps + 1) * period, total)
        return checked(Waveform(self.channel, Samples.of(curve(at)), period, source=source))

    def _update(self) -> float:
        """Return the time from sample to sample, s: a whole number of steps of the grid."""
        channel = self.channel
        return max(math.ceil(max(channel.update, channel.spacing) / channel.grid - 1e-3), 1) * channel.grid


@dataclass(frozen=True, slots=True)
class Detector(_Handle):
    """An input that counts and time-tags clicks."""

    kind: ClassVar[Kind] = Kind.COUNTER
    ability: ClassVar[str] = "count clicks"

    def gate(self, duration: Value, readout: Readout) -> Gate:
        """Record clicks for a time (s) into a readout."""
        return checked(Gate(self.channel, duration, readout, source=caller()))


@dataclass(frozen=True, slots=True)
class Camera(_Handle):
    """A camera that is exposed by a trigger line."""

    kind: ClassVar[Kind] = Kind.CAMERA
    ability: ClassVar[str] = "take an exposure"

    def expose(self, duration: Value, readout: Readout) -> Gate:
        """Take one exposure of a time (s) into a readout."""
        return checked(Gate(self.channel, duration, readout, source=caller()))


@dataclass(frozen=True, slots=True)
class Trigger(_Handle):
    """An input that programs wait for: the phase of the mains, or the other node of a network."""

    kind: ClassVar[Kind] = Kind.TRIGGER
    ability: ClassVar[str] = "be waited for"

    def wait(self, timeout: Value) -> Wait:
        """Wait for a rising edge; after the time-out (s) the core notes that none came, and goes on."""
        return checked(Wait(self.channel, timeout, source=caller()))


def _is_plain(channel: Channel, frequency: Value, amplitude: Value, phase: Value) -> bool:
    """Tell whether a tone is plain floats within the limits: the usual case, which no rule has to judge."""
    if not (type(frequency) is float and type(amplitude) is float and type(phase) is float):
        return False
    if not (0.0 <= frequency < math.inf and 0.0 <= amplitude <= 1.0 and -math.inf < phase < math.inf):
        return False
    values = {Quantity.FREQUENCY: frequency, Quantity.AMPLITUDE: amplitude}
    return all(limit.low <= values[limit.quantity] <= limit.high for limit in channel.limits)


def _is_within(channel: Channel, samples: Samples) -> bool:
    """Tell whether all samples are finite and within the limits: the usual case."""
    low, high = samples.values.min(), samples.values.max()
    return -math.inf < low <= high < math.inf and all(
        limit.low <= low and high <= limit.high for limit in channel.limits
    )


def checked(leaf: _LeafT) -> _LeafT:
    """Return a leaf that has just been written, or tell what is wrong with it."""
    problems = leaf_problems(leaf)
    if problems:
        raise_together([*problems])
    return leaf


def _samples(values: ArrayLike, what: str, source: Source) -> Samples:
    try:
        samples = Samples.of(values)
    except (TypeError, ValueError) as error:
        raise NumberError(source, what, str(error)) from None
    if len(samples) == 0:
        raise NumberError(source, what, samples)
    return samples
