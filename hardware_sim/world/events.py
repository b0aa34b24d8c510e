"""What can happen to the lab: by itself at some rate, or because somebody wants to see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from hardware_sim.properties import NodeProperties
from sequences.units import show

NEVER: Final = 2**62
"""Ps of lab time that no run reaches: 53 days."""

DIGITS: Final = 6
"""Of lab times in notes: milliseconds of a run of some minutes."""


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of thing that happens.

    Attributes:
        name: as people ask for it.
        rate: property that says how often it happens, 1/s.
        told: what there is to say of it.
        each_ion: whether the rate is that of every single ion.
        shifts: quantity of the weather that is off meanwhile; empty for none.
        size: property that says by how much.
        lasts: property that says for how long, s.
        either_side: whether it may be off to both sides.
    """

    name: str
    rate: str
    told: str
    each_ion: bool = False
    shifts: str = ""
    size: str = ""
    lasts: str = ""
    either_side: bool = True

    def rate_of(self, properties: NodeProperties, ions: int) -> float:
        """Return how often it happens to so many ions, 1/s."""
        rate = float(getattr(properties, self.rate))
        return rate * ions if self.each_ion else rate

    def duration_ps(self, properties: NodeProperties) -> int:
        """Return how long it lasts, ps; 0 for what is done at once."""
        return round(1e12 * float(getattr(properties, self.lasts))) if self.lasts else 0

    def shift(self, properties: NodeProperties) -> float:
        """Return by how much the quantity of the weather is off, in its unit."""
        return float(getattr(properties, self.size)) if self.size else 0.0


def _laser(line: str, shifts: str) -> Event:
    told = f"the {line} nm laser lost its lock"
    return Event(
        f"{line} unlock",
        "laser_unlock_rate",
        told,
        shifts=shifts,
        size="laser_hop",
        lasts="laser_relock_time",
    )


ION_LOSS: Final = Event("ion loss", "ion_loss_rate", "an ion was lost", each_ion=True)
COLLISION: Final = Event("gas collision", "collision_rate", "a collision with background gas", each_ion=True)

EVENTS: Final[Mapping[str, Event]] = MappingProxyType(
    {
        event.name: event
        for event in (
            ION_LOSS,
            COLLISION,
            _laser("397", "cooling"),
            _laser("866", "repump"),
            _laser("854", "quench"),
            _laser("393", "raman"),
            _laser("729", "qubit"),
            Event(
                "cavity unlock",
                "cavity_unlock_rate",
                "the cavity lost its lock",
                shifts="cavity",
                size="cavity_hop",
                lasts="cavity_relock_time",
            ),
            Event(
                "elevator",
                "elevator_rate",
                "the elevator changed the magnetic field",
                shifts="field",
                size="elevator_shift",
                lasts="elevator_time",
                either_side=False,
            ),
        )
    }
)
"""Everything that can happen, by the name that people give it."""


@dataclass(slots=True)
class Occurrence:
    """An event that did happen.

    Attributes:
        event: what.
        at_ps: lab time when it began.
        until_ps: when it is over; `NEVER` while nobody knows.
        shift: of the quantity that it shifts.
        left: ions that it left, and those that there had been when the string was loaded.
        melted: whether the string was no crystal after a collision; it may have been heated only.
    """

    event: Event
    at_ps: int
    until_ps: int
    shift: float = 0.0
    left: tuple[int, int] = (0, 0)
    melted: bool = False

    def __str__(self) -> str:
        told, over = f"at {_time(self.at_ps)} {self.event.told}", self.until_ps != NEVER
        if self.event is ION_LOSS:
            return f"{told}: {self.left[0]} of {self.left[1]} are left"
        if self.event is not COLLISION:
            return f"{told}; it was back at {_time(self.until_ps)}"
        if self.melted:
            told += " melted the string"
            return (
                f"{told}; it was a crystal again at {_time(self.until_ps)}"
                if over
                else f"{told}, and it has not frozen since"
            )
        told += " heated the string"
        return (
            f"{told}; it was cold again at {_time(self.until_ps)}"
            if over
            else f"{told}, and it is not cold yet"
        )


def _time(clock_ps: int) -> str:
    return show(clock_ps * 1e-12, "s", DIGITS)
