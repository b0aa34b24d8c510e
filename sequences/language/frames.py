"""Rotating frames: phases that follow a qubit, so that a rotation about Z needs no pulse."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sequences.errors import DurationError
from sequences.ir import Envelope, FrameName, Pulse, Shift
from sequences.language.handles import Tone, checked
from sequences.parameters import Value
from sequences.sources import caller
from sequences.units import as_float


@dataclass(frozen=True, slots=True)
class Frame:
    """A frequency of a tone with the phases that have been added to it.

    Every pulse in the frame is coherent with the core's clock at the frame's frequency. A shift turns all
    later pulses of the frame, which is a rotation of the qubit about Z that takes no time and makes no error.
    Shifts within a loop must add up to whole turns, because the hardware repeats the same phases.

    Attributes:
        tone: that plays.
        frequency: of the tone, Hz.
        name: tells frames of one tone apart, and is told in errors; by default the channel's name.
        passes: light phase per phase of the tone: 2 for a double-passed modulator.

    Example:
        >>> from sequences.target import Channel, Kind
        >>> qubit = Frame(Tone(Channel("729", Kind.DDS, 0, 4e-9)), 230e6, passes=2)
        >>> qubit.pulse(5e-6, phase=0.25).phase, qubit.shift(0.5).phase
        (0.125, 0.5)
    """

    tone: Tone
    frequency: Value
    name: str = ""
    passes: float = 1.0

    def __post_init__(self) -> None:
        passes = as_float(self.passes)
        if passes is None or not 0 < passes < math.inf:
            what = f"the number of passes of frame {self._label.name!r}"
            raise DurationError(caller(), what, repr(self.passes), "a number above zero")

    def pulse(
        self, duration: Value, amplitude: Value = 1.0, phase: Value = 0.0, envelope: Envelope | None = None
    ) -> Pulse:
        """Play the tone in this frame.

        Args:
            duration: s.
            amplitude: 0 to 1 of full scale.
            phase: of the light, turns, relative to the frame.
            envelope: how the amplitude rises and falls.
        """
        own = phase / self.passes
        channel, frequency = self.tone.channel, self.frequency
        source = caller()
        return checked(
            Pulse(channel, duration, frequency, amplitude, own, envelope, self._label, source=source)
        )

    def shift(self, phase: Value) -> Shift:
        """Turn the frame by a phase (turns of the light) from here on."""
        return checked(Shift(self.tone.channel, self._label, phase, source=caller()))

    @property
    def _label(self) -> FrameName:
        return FrameName(self.name or self.tone.channel.name, self.passes)
