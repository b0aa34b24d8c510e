"""How a stepper motor turns a plate: speeds up, keeps its speed, slows down; known at any time, never ticked.

Angles are in turns, speeds in turns/s, accelerations in turns/s².
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of constant acceleration.

    Attributes:
        start: Lab time of its start in s.
        angle: Angle at its start.
        speed: Speed at its start, with sign.
        acceleration: With sign.
    """

    start: float
    angle: float
    speed: float
    acceleration: float

    def angle_at(self, now: float) -> float:
        """Return the angle at lab time ``now`` (s)."""
        elapsed = now - self.start
        return self.angle + (self.speed + 0.5 * self.acceleration * elapsed) * elapsed

    def speed_at(self, now: float) -> float:
        """Return the speed at lab time ``now`` (s)."""
        return self.speed + self.acceleration * (now - self.start)


@dataclass(frozen=True, slots=True)
class Travel:
    """Motion through some phases; the last one goes on for ever, in general at rest.

    Attributes:
        phases: At least one, in order of time.
    """

    phases: tuple[Phase, ...]

    @property
    def end(self) -> float:
        """Lab time in s from which it rests; infinite if it never does."""
        last = self.phases[-1]
        return math.inf if last.speed else last.start

    @property
    def target(self) -> float:
        """Angle at the start of the last phase."""
        return self.phases[-1].angle

    def angle(self, now: float) -> float:
        """Return the angle at lab time ``now`` (s), before its start that of the start."""
        now = max(now, self.phases[0].start)
        return self._phase(now).angle_at(now)

    def speed(self, now: float) -> float:
        """Return the speed at lab time ``now`` (s), with sign; before its start that of the start."""
        now = max(now, self.phases[0].start)
        return self._phase(now).speed_at(now)

    def shifted(self, angle: float) -> Travel:
        """Return the same travel elsewhere."""
        return Travel(tuple(replace(phase, angle=phase.angle + angle) for phase in self.phases))

    def _phase(self, now: float) -> Phase:
        for phase, following in pairwise(self.phases):
            if now < following.start:
                return phase
        return self.phases[-1]


def resting(angle: float) -> Travel:
    """Return the travel of a plate that rests at an angle since ever."""
    return Travel((Phase(0.0, angle, 0.0, 0.0),))


def stop(travel: Travel, now: float, acceleration: float) -> Travel:
    """Return a travel that slows another one down from lab time ``now`` (s) on."""
    angle, speed = travel.angle(now), travel.speed(now)
    time = abs(speed) / acceleration
    braking = Phase(now, angle, speed, -math.copysign(acceleration, speed))
    return Travel((braking, Phase(now + time, braking.angle_at(now + time), 0.0, 0.0)))


def move(travel: Travel, now: float, targets: list[float], speed: float, acceleration: float) -> Travel:
    """Return a travel to one angle after the other; a plate that moves is stopped first.

    Args:
        travel: The travel so far.
        now: Lab time in s.
        targets: Where it stops on its way, and where it ends.
        speed: Largest speed, above 0.
        acceleration: Above 0.

    Example:
        >>> way = move(resting(0.0), now=1.0, targets=[1.0], speed=0.5, acceleration=1.0)
        >>> way.end, way.angle(1.25), way.speed(2.0), way.angle(9.0)
        (3.5, 0.03125, 0.5, 1.0)
    """
    halt = stop(travel, now, acceleration)
    phases = [halt.phases[0]] if travel.speed(now) else []
    start, angle = halt.end, halt.target
    for target in targets:
        phases += _leg(start, angle, target, speed, acceleration)
        start, angle = phases[-1].start, target
        phases.pop()
    return Travel((*phases, Phase(start, angle, 0.0, 0.0)))


def run(travel: Travel, now: float, speed: float, acceleration: float) -> Travel:
    """Return a travel that reaches a speed (with sign) and keeps it."""
    present = travel.speed(now)
    time = abs(speed - present) / acceleration
    change = Phase(now, travel.angle(now), present, math.copysign(acceleration, speed - present))
    return Travel((change, Phase(now + time, change.angle_at(now + time), speed, 0.0)))


def _leg(start: float, angle: float, target: float, speed: float, acceleration: float) -> list[Phase]:
    """Return the phases from rest to rest, the last one at rest."""
    distance = abs(target - angle)
    top = min(speed, math.sqrt(distance * acceleration))
    if top == 0.0:
        return [Phase(start, target, 0.0, 0.0)]
    sign = math.copysign(1.0, target - angle)
    rise = top / acceleration
    cruise = distance / top - rise
    way = 0.5 * top * rise
    return [
        Phase(start, angle, 0.0, sign * acceleration),
        Phase(start + rise, angle + sign * way, sign * top, 0.0),
        Phase(start + rise + cruise, target - sign * way, sign * top, -sign * acceleration),
        Phase(start + 2.0 * rise + cruise, target, 0.0, 0.0),
    ]
