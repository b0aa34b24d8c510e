"""What one high-voltage output gives: ramps at constant speed, hardware limits, a load that draws current.

Everything here is frozen and a pure function of time, so that the lab world may ask at any time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Course:
    """A value on its way at constant speed, at rest before its start and after its end.

    Attributes:
        start: Lab time of the start in s.
        origin: Value at the start.
        target: Value at the end.
        speed: Change in 1/s, above 0.

    Example:
        >>> course = Course(start=10.0, origin=0.0, target=-100.0, speed=50.0)
        >>> course.value(11.0), course.end
        (-50.0, 12.0)
    """

    start: float
    origin: float
    target: float
    speed: float

    @property
    def end(self) -> float:
        """Lab time of the end in s."""
        return self.start + abs(self.target - self.origin) / self.speed

    @property
    def climbs(self) -> bool:
        """Whether the magnitude grows."""
        return abs(self.target) > abs(self.origin)

    def value(self, now: float) -> float:
        """Return the value at lab time ``now`` (s)."""
        if now >= self.end:
            return self.target
        moved = self.speed * max(now - self.start, 0.0)
        return self.origin + math.copysign(moved, self.target - self.origin)


def resting(value: float) -> Course:
    """Return the course of a value that stays."""
    return Course(-math.inf, value, value, 1.0)


@dataclass(frozen=True, slots=True)
class Output:
    """Everything that decides on what a channel gives; replaced as a whole.

    Attributes:
        load: Resistance of what it feeds in ohm.
        kills: Whether too much current switches it off instead of being regulated (kill enable).
        voltage: Course of the voltage in V.
        current: Course of the set current in A.
        voltage_limit: Hardware limit of the voltage in V.
        current_limit: Hardware limit of the current in A.
    """

    load: float
    kills: bool
    voltage: Course
    current: Course
    voltage_limit: float
    current_limit: float

    def wanted(self, now: float) -> float:
        """Return the magnitude in V that is asked of the output at lab time ``now`` (s), within its limit."""
        return min(abs(self.voltage.value(now)), self.voltage_limit)

    def affordable(self, now: float) -> float:
        """Return the magnitude in V that set current and current limit allow at the load."""
        return min(self.current.value(now), self.current_limit) * self.load

    def starved(self, now: float) -> bool:
        """Whether the load draws more than it may have."""
        return self.wanted(now) > self.affordable(now)

    def level(self, now: float) -> float:
        """Return the voltage at the output in V at lab time ``now`` (s)."""
        magnitude = self.wanted(now)
        if self.starved(now):
            magnitude = 0.0 if self.kills else self.affordable(now)
        return math.copysign(magnitude, self.voltage.value(now)) if magnitude else 0.0
