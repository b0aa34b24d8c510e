"""What a core loses, told to the author of the sequence.

    Fault
      UNDERFLOW    handed over too late
      SEQUENCE     more writes in one cycle than there are queues
      COLLIDED     two writes to one channel in one cycle
      BUSY         the channel needs more time after the write before

Facts are fields; the text is made in ``__str__``.
"""

from __future__ import annotations

from dataclasses import dataclass

from hardware_sim.rtio.events import Outcome
from sequences.errors import Source
from sequences.units import show


@dataclass(frozen=True, slots=True)
class Fault:
    """Writes of one of the author's lines, in one timeline, that are lost for one reason.

    Attributes:
        kind: UNDERFLOW, SEQUENCE, COLLIDED or BUSY.
        channel: its name.
        source: the author's line, or None where the program does not know it.
        other: the line of the write that it met, or None.
        timeline: number of the timeline in the program, from 0.
        time: in the timeline, as the author wrote it (of light), in seconds; of the first write that is lost.
        opening: by how much it comes too early or too late the first time, in seconds.
        short: by how much at worst, in seconds.
        passes: in which pass of each loop around it, from the outermost, it happens first; counted from 1.
        writes: that are lost.
        cycle: of the dispatcher, in seconds.
        lanes: of the dispatcher.
    """

    kind: Outcome
    channel: str
    source: Source | None
    other: Source | None
    timeline: int
    time: float
    opening: float
    short: float
    passes: tuple[int, ...]
    writes: int
    cycle: float
    lanes: int

    def __str__(self) -> str:
        place = f"{self.source}: " if self.source else ""
        where = "its timeline" if self.source else f"timeline {self.timeline}"
        more = f" (and {self.writes - 1} more of this line)" if self.writes > 1 else ""
        return (
            f"{place}channel {self.channel!r} at {_seconds(self.time)} of {where}{more}{self._when()}: "
            f"{self._what()}"
        )

    def _when(self) -> str:
        """Return in which pass it happens first, where there are loops and it is not the very first."""
        if all(number == 1 for number in self.passes):
            return ""
        numbers = " of pass ".join(map(str, reversed(self.passes)))
        return f", first in pass {numbers}" + (" of the loop" if len(self.passes) == 1 else " of the loops")

    def _what(self) -> str:
        short, cycle = _seconds(self.short), _seconds(self.cycle)
        met = f" the write of {self.other}" if self.other else " another write"
        match self.kind:
            case Outcome.UNDERFLOW if self.short > self.opening + self.cycle:
                return (
                    f"it reaches the core {_seconds(self.opening)} too late and is lost, and {short} too "
                    "late in the worst pass; make each pass longer, or play fewer events in it"
                )
            case Outcome.UNDERFLOW:
                return (
                    f"it reaches the core {short} too late and is lost; insert a delay of at least {short} "
                    "before it, or play fewer events before it"
                )
            case Outcome.SEQUENCE:
                return (
                    f"the next of the core's {self.lanes} lanes holds an event of its {cycle} cycle or later "
                    f"already, and it is lost; play it at least {short} later, or fewer channels at once"
                )
            case Outcome.COLLIDED:
                return (
                    f"it collides with{met} in the same cycle of {cycle}, and both are lost; play them in "
                    f"different cycles: at least {cycle} apart"
                )
            case _:
                return (
                    f"the channel is still busy with{met} for another {short}, and it is lost; play it at "
                    f"least {short} later"
                )


def _seconds(value: float) -> str:
    return show(value, "s", 12)
