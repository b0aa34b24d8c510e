"""What cannot be asked of the lab's weather.

    ValueError
    └── WorldError
        ├── UnknownEvent       nothing of that name happens in this lab
        ├── ImpossibleTime     an event at a time that does not exist
        └── ImpossiblePace     lab time cannot run like that

The facts are fields; the text is made when it is asked for.
"""

# ruff: noqa: N818 (they are named as one says it)

from __future__ import annotations

from dataclasses import dataclass

from sequences.errors import nearest


class WorldError(ValueError):
    """The simulated lab was asked for something that does not happen."""


@dataclass(eq=False)
class UnknownEvent(WorldError):
    """An event was asked for that this lab does not know."""

    name: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        return f"no event of this lab is called {self.name!r}{nearest(self.name, self.known)}"


@dataclass(eq=False)
class ImpossibleTime(WorldError):
    """An event was asked for at no time of the lab."""

    name: str
    at: float

    def __str__(self) -> str:
        return (
            f"{self.name!r} cannot happen at {self.at:g} s of lab time: give a time from 0 s on, "
            "which is when the lab was started"
        )


@dataclass(eq=False)
class ImpossiblePace(WorldError):
    """Lab time was asked to stand still, to run backwards, or not to be a number."""

    pace: float

    def __str__(self) -> str:
        return (
            f"lab time cannot run {self.pace:g} times as fast as a clock: "
            "give a number above 0, such as 1 or 10"
        )
