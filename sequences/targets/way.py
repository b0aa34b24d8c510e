"""Which way a program takes where only the lab can tell: until which attempt, through which branch."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any, Final

from sequences.errors import DurationError
from sequences.program import AttemptLoop
from sequences.sources import caller


def check_count(what: str, count: Any) -> None:
    """Make sure that a number of things is one.

    Raises:
        DurationError: it is no whole number from 1 on.
    """
    if not isinstance(count, Integral) or count < 1:
        raise DurationError(caller(), what, repr(count), "a whole number, at least 1")


@dataclass(frozen=True, slots=True)
class Way:
    """What is assumed of what only the lab can tell. A wait for a trigger takes no time.

    Attributes:
        attempt: every attempt loop sees its herald at this attempt, counted from 1, or gives up before if its
            maximum or its time-out asks for it.
        branch: whether the conditions of branches hold.

    Raises:
        DurationError: the attempt is no whole number from 1 on.
    """

    attempt: int = 1
    branch: bool = True

    def __post_init__(self) -> None:
        check_count("the attempt that sees its herald", self.attempt)

    def attempts(self, loop: AttemptLoop, once: int, between: int) -> int:
        """Return how many attempts of a loop are made.

        Args:
            loop: with its maximum and its time-out.
            once: ticks of one attempt.
            between: ticks of what is played after each `every` failed attempts.
        """
        made = self.attempt if loop.maximum is None else min(self.attempt, loop.maximum)
        if loop.timeout is None:
            return made

        def start(attempt: int) -> int:
            pauses = (attempt - 1) // loop.every if loop.every else 0
            return (attempt - 1) * once + pauses * between

        # The last one that begins before the time-out, by bisection; the first is made in any case.
        fewest = 1
        while fewest < made:
            middle = (fewest + made + 1) // 2
            if start(middle) < loop.timeout:
                fewest = middle
            else:
                made = middle - 1
        return fewest


HERALDED_AT_ONCE: Final = Way()
"""Every attempt loop ends at its first attempt, and conditions hold."""
