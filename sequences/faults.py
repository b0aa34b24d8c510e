"""What a machine cannot do with a program that is right in itself.

    AuthoringError
    └── MachineError             the machine of the setup cannot play it
        ├── FeedError                events reach their channels too late
        │   ├── UnderflowError           handing over takes longer than playing
        │   └── DecisionError            too little time to decide after a gate or an edge
        ├── LaneError                more events in one cycle than the dispatcher has lanes
        ├── RewindError              an event goes back in time behind all that the lanes hold
        ├── BusError                 a shared bus cannot program a channel in time
        ├── SlewError                a voltage changes faster than its output can
        ├── PulseError               a pulse or gate is shorter than its channel can play
        └── SizeError
            ├── StorageError             more events than the core's memory holds
            ├── ShotLengthError          a shot lasts longer than the core can count
            └── NestingError             loops stand deeper in each other than the core can follow

Facts are fields, in SI units; the text is made in ``__str__``. Times are the author's: those of the light,
counted from the start of the stretch between two loops in which the block stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from sequences.errors import AuthoringError, Source
from sequences.units import show

_DIGITS = 6  # of a time or rate in a message: enough to act on


def _time(seconds: float) -> str:
    return show(seconds, "s", _DIGITS)


def _delay(seconds: float, step: float) -> str:
    """Return a delay that mends something: rounded up to what all channels can play."""
    steps = math.ceil(seconds / step - 1e-6) if step else 0
    return _time(steps * step if step else seconds)


@dataclass(eq=False)
class MachineError(AuthoringError):
    """Something that the machine of the setup cannot play.

    Attributes:
        source: the author's line.
    """


@dataclass(eq=False)
class FeedError(MachineError):
    """An event that is handed over too late.

    Attributes:
        channel: of the first event that comes too late.
        time: of that event, s.
        slack: by how much the latest event of the stretch is handed over before it is due, s.
        margin: that the core needs, s.
        passes: of the loops around it, from the outside in, in which it first happens.
        step: of times that all channels have, s; delays are advised in whole steps.
    """

    channel: str
    time: float
    slack: float
    margin: float
    passes: tuple[int, ...]
    step: float = field(default=0.0, kw_only=True)

    @property
    def missing(self) -> float:
        """The delay that would mend it, s."""
        return self.margin - self.slack

    @property
    def _where(self) -> str:
        numbers = ", ".join(map(str, self.passes))
        passes = f" (pass {numbers})" if set(self.passes) - {1} else ""
        return f"the event on channel {self.channel!r} at {_time(self.time)}{passes}"


@dataclass(eq=False)
class UnderflowError(FeedError):
    """A stretch of events that is handed over more slowly than it is played.

    Attributes:
        lag: by how much each pass of the loop around it falls further behind, s; 0 if none does.
    """

    lag: float = 0.0

    def __str__(self) -> str:
        if self.lag > 0:
            return self._told(
                f"{self._where} is handed over too late: the core needs {_time(self.lag)} more to hand over "
                "a pass of the loop than to play it; insert a delay of "
                f"{_delay(self.lag, self.step)} into the loop, or play fewer events in it"
            )
        late = f"{_time(-self.slack)} after" if self.slack < 0 else f"{_time(self.slack)} before"
        return self._told(
            f"from {self._where} on, events are handed over as late as {late} they are due, and the core "
            f"needs {_time(self.margin)}; insert a delay of {_delay(self.missing, self.step)} before it, or "
            "play fewer events"
        )


@dataclass(eq=False)
class DecisionError(FeedError):
    """An event so soon after a gate or a trigger that the core has not yet decided what to play.

    Attributes:
        decider: what the decision waits for: ``gate`` or ``trigger``.
        waited: name of its channel.
        other: line of the gate; None for a trigger.
    """

    decider: str
    waited: str
    other: Source | None

    def __str__(self) -> str:
        place = f" at {self.other}" if self.other else ""
        return self._told(
            f"{self._where} comes too soon after the {self.decider} on channel {self.waited!r}{place}: the "
            "core has not decided yet what to play; insert a delay of "
            f"{_delay(self.missing, self.step)} after the {self.decider}"
        )


@dataclass(eq=False)
class LaneError(MachineError):
    """More events in one cycle than the dispatcher has lanes.

    Attributes:
        channel: of the first event without a lane.
        time: of that event, s.
        others: lines of the events that take the lanes.
        events: in that cycle.
        lanes: of the dispatcher.
        cycle: of the dispatcher, s.
    """

    channel: str
    time: float
    others: tuple[Source, ...]
    events: int
    lanes: int
    cycle: float

    def __str__(self) -> str:
        lines = ", ".join(map(str, self.others))
        return self._told(
            f"the event on channel {self.channel!r} at {_time(self.time)} is one of {self.events} that are "
            f"due in one cycle of {_time(self.cycle)}, and the core has {self.lanes} lanes, taken by {lines};"
            f" insert a delay of {_time(self.cycle)} before it"
        )


@dataclass(eq=False)
class RewindError(MachineError):
    """An event that goes back in time behind all that the dispatcher's lanes hold.

    Attributes:
        channel: of the event.
        time: of the event, s.
        other: line of the earlier stretch's event behind which it would have to queue.
        early: how much later it would have to be, s.
        lanes: of the dispatcher.
    """

    channel: str
    time: float
    other: Source
    early: float
    lanes: int

    def __str__(self) -> str:
        return self._told(
            f"the event on channel {self.channel!r} at {_time(self.time)} follows events of {self.other} "
            f"that are due no earlier and fill all {self.lanes} lanes of the core; insert a delay of "
            f"{_time(self.early)} before it"
        )


@dataclass(eq=False)
class BusError(MachineError):
    """A change that a shared bus cannot program in time.

    Attributes:
        channel: that is to change.
        bus: that programs it.
        time: of the change, s.
        programming: how long it takes, s.
        missing: by how much the time before it is too short, s.
        earlier: line of the change that has to be over first; None for the start of the stretch.
        later: line of the change on the same bus that it has to make way for; None if there is none.
        step: of times that all channels have, s; delays are advised in whole steps.
    """

    channel: str
    bus: str
    time: float
    programming: float
    missing: float
    earlier: Source | None
    later: Source | None
    step: float = 0.0

    def __str__(self) -> str:
        since = f"the change at {self.earlier}" if self.earlier else "the start"
        way = f", which must then be free for {self.later}," if self.later else ""
        return self._told(
            f"channel {self.channel!r} is to change at {_time(self.time)}, but the {_time(self.programming)} "
            f"of its programming over bus {self.bus!r}{way} do not fit after {since}; insert a delay of "
            f"{_delay(self.missing, self.step)} before it"
        )


@dataclass(eq=False)
class SlewError(MachineError):
    """A voltage that changes faster than its output can.

    Attributes:
        channel: of the output.
        step: the change of the voltage, V.
        gap: the time that it is given, s.
        slew: the fastest that the output changes, V/s.
        other: line of the voltage before.
    """

    channel: str
    step: float
    gap: float
    slew: float
    other: Source

    def __str__(self) -> str:
        return self._told(
            f"channel {self.channel!r} is to change by {show(self.step, 'V', _DIGITS)} within "
            f"{_time(self.gap)} of the voltage at {self.other}, but changes by {self.slew:.4g} V/s at most; "
            f"give it {_time(abs(self.step) / self.slew)}"
        )


@dataclass(eq=False)
class PulseError(MachineError):
    """A pulse or gate that is shorter than its channel can play.

    Attributes:
        channel: that plays it.
        duration: of the pulse, s.
        shortest: that the channel can play, s.
    """

    channel: str
    duration: float
    shortest: float

    def __str__(self) -> str:
        return self._told(
            f"the pulse or gate on channel {self.channel!r} lasts {_time(self.duration)}; the shortest "
            f"that it can play is {_time(self.shortest)}"
        )


@dataclass(eq=False)
class SizeError(MachineError):
    """A program that is too large for the core in one respect."""


@dataclass(eq=False)
class StorageError(SizeError):
    """More events than the core's memory holds.

    Attributes:
        events: of the program, loops counted once.
        memory: events that the core holds.
        share: events that are made at the line that makes most of them.
    """

    events: int
    memory: int
    share: int

    def __str__(self) -> str:
        return self._told(
            f"the program holds {self.events} events, {self.share} of them made here, and the core has room "
            f"for {self.memory}; repeat with loops of the hardware, or sample more coarsely"
        )


@dataclass(eq=False)
class ShotLengthError(SizeError):
    """A shot that lasts longer than the core can count.

    Attributes:
        duration: of the longest that the shot can be, s.
        longest: that the core can play, s.
    """

    duration: float
    longest: float

    def __str__(self) -> str:
        return self._told(
            f"a shot can last {_time(self.duration)}, most of it here, and the core plays "
            f"{_time(self.longest)} at most; use fewer passes or a shorter time-out"
        )


@dataclass(eq=False)
class NestingError(SizeError):
    """Loops that stand deeper in each other than the core can follow.

    Attributes:
        depth: of the innermost loop; a loop that stands alone has depth 1.
        nesting: that the core can follow.
    """

    depth: int
    nesting: int

    def __str__(self) -> str:
        return self._told(
            f"{self.depth} loops stand in each other here, and the core can follow {self.nesting}; join two "
            "of them into one"
        )
