"""What makes a timing core that cannot exist, or is not known well enough.

    ValueError
    └── CoreError
        ├── CycleError           a dispatcher whose cycle is no whole number of the core's ticks
        └── NoDispatcherError    a core without the numbers of its dispatcher

The facts are fields; the text is made when it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

from sequences.units import show


@dataclass(eq=False)
class CoreError(ValueError):
    """Something about the core of a target."""

    target: str


@dataclass(eq=False)
class CycleError(CoreError):
    """The cycle of a dispatcher does not fit the clock of its core; times in seconds."""

    cycle: float
    period: float

    def __str__(self) -> str:
        return (
            f"target {self.target!r}: the dispatcher's cycle of {show(self.cycle, 's')} is no whole multiple "
            f"of the core's period, {show(self.period, 's')}; give one that is"
        )


@dataclass(eq=False)
class NoDispatcherError(CoreError):
    """It is not known how fast the core is handed its events."""

    def __str__(self) -> str:
        return (
            f"target {self.target!r} has no dispatcher, so that nobody knows when its core is handed what; "
            "give the setup's core the numbers of one"
        )
