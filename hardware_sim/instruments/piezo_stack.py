"""How a piezo follows its voltage without feedback: with hysteresis and with creep.

Hysteresis is a sum of play operators (Prandtl and Ishlinskii): each follows the voltage only after it has
taken up its own slack. Creep goes on with the logarithm of the time after each step.

Source: Kuhnen, Eur. J. Control 9, 407 (2003) for the operators; creep of 1 to 2 percent of a step per decade
of time is what makers of piezos state. ASSUMED: weights and slacks, which make a loop of some percent.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

REMEMBERED_STEPS: Final = 64  # of which the creep is followed; what is older has all but ended


@dataclass(frozen=True, slots=True)
class PiezoStackSpecification:
    """One kind of piezo.

    Attributes:
        slacks: Of its play operators in V.
        weights: Of its play operators; what is missing to 1 follows at once.
        creep: Part of a step that is added per decade of time.
        creep_begin: Time in s after a step at which creep is counted from.
    """

    slacks: tuple[float, ...] = (2.0, 8.0, 20.0)
    weights: tuple[float, ...] = (0.06, 0.05, 0.04)
    creep: float = 0.015
    creep_begin: float = 0.1


@dataclass(slots=True)
class PiezoStack:
    """One piezo.

    Attributes:
        specification: What kind it is.

    Example:
        >>> stack = PiezoStack(PiezoStackSpecification(creep=0.0))
        >>> stack.drive(40.0, 0.0); up = stack.effective_voltage(40.0, 0.0)
        >>> stack.drive(70.0, 0.0); stack.drive(40.0, 0.0)
        >>> stack.effective_voltage(40.0, 0.0) > up
        True
    """

    specification: PiezoStackSpecification
    _plays: list[float] = field(init=False)
    _voltage: float = field(init=False, default=0.0)
    _steps: deque[tuple[float, float]] = field(init=False)

    def __post_init__(self) -> None:
        self._plays = [0.0] * len(self.specification.slacks)
        self._steps = deque(maxlen=REMEMBERED_STEPS)

    def drive(self, voltage: float, now: float) -> None:
        """Bring the voltage (V) to a new value at lab time ``now`` (s); long ago for minus infinity."""
        slacks = self.specification.slacks
        self._plays = [_play(old, voltage, slack) for old, slack in zip(self._plays, slacks, strict=True)]
        if voltage != self._voltage and not math.isinf(now):
            self._steps.append((now, voltage - self._voltage))
        self._voltage = voltage

    def effective_voltage(self, voltage: float, now: float) -> float:
        """Return the voltage (V) at which a perfect piezo were as long at lab time ``now`` (s).

        Args:
            voltage: Present voltage in V, on its way to that of the last `drive`.
            now: Lab time in s.
        """
        own = self.specification
        lagging = zip(own.weights, self._plays, own.slacks, strict=True)
        followed = sum(weight * _play(play, voltage, slack) for weight, play, slack in lagging)
        crept = sum(
            step * math.log10(max((now - begin) / own.creep_begin, 1.0)) for begin, step in self._steps
        )
        return (1.0 - sum(own.weights)) * voltage + followed + own.creep * crept


def _play(position: float, voltage: float, slack: float) -> float:
    """Return the new position of a play operator with some slack, all in V."""
    return min(max(position, voltage - slack), voltage + slack)
