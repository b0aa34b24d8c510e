"""What the core has to say about a point, beside what was seen."""

from __future__ import annotations

from dataclasses import dataclass

from sequences.units import show


@dataclass(frozen=True, slots=True)
class LostIons:
    """There were no ions in the trap, or none any more."""

    reason: str

    def __str__(self) -> str:
        return f"no ions in the trap: {self.reason}"


@dataclass(frozen=True, slots=True)
class LoweredEndcaps:
    """A string is so long that the endcaps do not rest where the properties say; voltages in V."""

    voltage: float
    stated: float
    ions: int

    def __str__(self) -> str:
        voltage, stated = (show(value, "V", 4) for value in (self.voltage, self.stated))
        return (
            f"the endcaps rest at {voltage} instead of {stated}: {self.ions} ions would buckle, or nearly so"
        )


@dataclass(frozen=True, slots=True)
class MissedTrigger:
    """Shots waited for a trigger that did not come in time."""

    channel: str
    timeout: float
    times: int
    connected: bool

    def __str__(self) -> str:
        mend = "wait longer" if self.connected else "nothing of the node drives this channel"
        return (
            f"channel {self.channel!r}: no trigger within {show(self.timeout, 's')}, {self.times} times; "
            f"these shots went on without it ({mend})"
        )
