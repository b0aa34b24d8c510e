"""How fast lab time runs against the clock on the wall."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from hardware_sim.world.errors import ImpossiblePace

FASTEST: Final = math.inf
"""Pace of a lab that waits for nothing."""


@dataclass(slots=True)
class Pace:
    """Keeps lab time from running ahead of the wall.

    Attributes:
        factor: seconds of the lab for a second of the wall; `FASTEST` for as many as the computer manages.
        clock: gives seconds of the wall.
        sleep: waits for so many seconds of it; Ctrl-C ends it.

    Raises:
        ImpossiblePace: the factor is not above zero.

    Example: a clock that only goes while somebody sleeps.
        >>> slept = []
        >>> pace = Pace(10.0, clock=lambda: sum(slept), sleep=slept.append)
        >>> pace.keep(5.0)
        >>> pace.keep(7.0)
        >>> [round(time, 6) for time in slept]
        [0.5, 0.2]
    """

    factor: float = FASTEST
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _began: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        self._began = self.clock(), 0.0
        self.change(self.factor, 0.0)

    def change(self, factor: float, lab_time: float) -> None:
        """Run at another pace from now on, which is `lab_time` s in the lab.

        Raises:
            ImpossiblePace: it is not above zero.
        """
        if not factor > 0:
            raise ImpossiblePace(factor)
        self.factor = factor
        self._began = self.clock(), lab_time

    def keep(self, lab_time: float) -> None:
        """Wait until the wall has caught up with a lab time, s."""
        if math.isinf(self.factor):
            return
        wall, lab = self._began
        ahead = (lab_time - lab) / self.factor - (self.clock() - wall)
        if ahead > 0:
            self.sleep(ahead)
