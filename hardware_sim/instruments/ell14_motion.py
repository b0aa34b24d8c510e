"""The mechanics of an ELL14: how the plate turns, and how its true angle differs from what its encoder says.

Angles are in turns. *Ideal* angles are those of a perfect encoder that counts from the index mark; the true
angle adds an error that depends on the angle (fixed for one mount) and a slip drawn anew for every move.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

DEGREE = 1.0 / 360.0  # turns


@dataclass(frozen=True, slots=True)
class Motion:
    """One motion at constant speed, at rest before its start and after its end.

    Attributes:
        start: Lab time of the start in s.
        end: Lab time of the end in s.
        origin: Ideal angle at the start in turns.
        target: Ideal angle at the end in turns.
        slip_origin: Slip at the start in turns.
        slip_target: Slip at the end in turns.

    Example:
        >>> Motion(start=1.0, end=2.0, origin=0.0, target=0.5, slip_origin=0.0, slip_target=0.0).angle(1.5)
        0.25
    """

    start: float
    end: float
    origin: float
    target: float
    slip_origin: float
    slip_target: float

    def fraction(self, now: float) -> float:
        """Return the part of the motion that is done at lab time ``now`` (s), 0 to 1."""
        if now >= self.end:
            return 1.0
        return max((now - self.start) / (self.end - self.start), 0.0)

    def angle(self, now: float) -> float:
        """Return the ideal angle in turns at lab time ``now`` (s)."""
        return self.origin + self.fraction(now) * (self.target - self.origin)

    def slip(self, now: float) -> float:
        """Return the slip in turns at lab time ``now`` (s)."""
        return self.slip_origin + self.fraction(now) * (self.slip_target - self.slip_origin)


def resting(angle: float, slip: float) -> Motion:
    """Return the motion of a plate that rests at an ideal angle (turns) with a slip (turns)."""
    return Motion(-math.inf, -math.inf, angle, angle, slip, slip)


@dataclass(frozen=True, slots=True)
class EncoderError:
    """How far the plate is from where its encoder says, as a function of angle.

    Two harmonics of the turn: an eccentric code wheel gives the first, an elliptic one or a tilt the second.
    The sum of the amplitudes bounds the error.

    Attributes:
        amplitudes: Amplitude of the first and second harmonic in turns.
        phases: Phase of the first and second harmonic in turns.
    """

    amplitudes: tuple[float, float]
    phases: tuple[float, float]

    def at(self, angle: float) -> float:
        """Return true minus ideal angle in turns at an ideal angle in turns."""
        return sum(
            amplitude * math.sin(2.0 * math.pi * (order * angle + phase))
            for order, amplitude, phase in zip((1, 2), self.amplitudes, self.phases, strict=True)
        )


def draw_encoder_error(accuracy: float, rng: np.random.Generator) -> EncoderError:
    """Draw the error of one mount.

    Args:
        accuracy: Bound of the error in turns.
        rng: Source of randomness.

    Returns:
        An error that stays within the bound and reaches at least a quarter of it somewhere.

    Source: ELL14 accuracy is +-0.4 degree (Thorlabs). ASSUMED: its division between the harmonics.
    """
    first, second = rng.uniform(0.5, 1.0, size=2) * np.array([0.75, 0.25]) * accuracy
    phases = rng.uniform(0.0, 1.0, size=2)
    return EncoderError((float(first), float(second)), (float(phases[0]), float(phases[1])))
