"""The event dispatcher of a timing core: a few queues between memory and the channels.

Writes are handed over one by one, each a little after the one before. The dispatcher sorts them into
**lanes**: queues whose heads leave in the cycle for which they are due, one of each lane at most. Within
a lane cycles therefore only grow. A write that is later than the one before goes to the same lane, any
other to the next one, which must not hold anything for its cycle or later. While the lane that was
written last is full, the feeding stalls; after that the next write goes to the next lane, to spread the
load.

This file is the dispatcher write by write, as it is built; `feeding` does the same for columns.

Source: ARTIQ's scalable event dispatcher (gateware of the 8th release, lane distributor with event
spreading).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final, NamedTuple

from hardware_sim.rtio.events import Outcome
from hardware_sim.rtio.pace import Pace

NEVER: Final = -(2**62)
"""The cycle of a write that there has not been; no sum with a time of a shot overflows."""

NO_LANE: Final = -1
"""In place of a lane, where a write was refused."""

UNBOUNDED: Final = 2**62
"""A margin that nothing limits."""

_PLAYED, _SEQUENCE, _UNDERFLOW = Outcome.PLAYED, Outcome.SEQUENCE, Outcome.UNDERFLOW  # slow to look up


@dataclass(slots=True)
class Margins:
    """By how much all writes together could have been handed over later or earlier, with the same outcome.

    Attributes:
        later: parts, until the first write that was in time would underflow.
        earlier: parts, until the feeding would stall, or the first write that underflowed would be in time.
        stalled: whether the feeding had to wait, so that what came after did not depend on what was before.
    """

    later: int = UNBOUNDED
    earlier: int = UNBOUNDED
    stalled: bool = False

    def narrow(self, other: Margins) -> None:
        """Take over the limits of more writes."""
        self.later = min(self.later, other.later)
        self.earlier = min(self.earlier, other.earlier)
        self.stalled |= other.stalled


class HandOver(NamedTuple):
    """What happened to one write.

    Attributes:
        lane: that took it, or `NO_LANE`.
        counter: tick at which it was handed over, in whole cycles.
        slack: ticks, in whole cycles, that it could have been handed over later; below zero, it underflowed.
        outcome: PLAYED, SEQUENCE or UNDERFLOW, as far as the dispatcher knows.
        short: ticks, in whole cycles, by which it had to be later to be taken; 0 where it was taken.
    """

    lane: int
    counter: int
    slack: int
    outcome: Outcome
    short: int


@dataclass(slots=True)
class EventDispatcher:
    """The state of a dispatcher, which lasts from timeline to timeline.

    Attributes:
        pace: what limits it.
        lanes: for each queue the cycles of the last writes that it took, as many as it can hold.
        current: the lane that was written last.
        spread: whether the next write has to go to the next lane.
        clock: parts; the moment of the last write, or that up to which the feeding was held.
        margins: of what was handed over since somebody asked.
    """

    pace: Pace
    lanes: list[deque[int]] = field(default_factory=list)
    current: int = 0
    spread: bool = False
    clock: int = 0
    margins: Margins = field(default_factory=Margins)

    def __post_init__(self) -> None:
        if not self.lanes:
            self.lanes = [deque(maxlen=self.pace.depth) for _ in range(self.pace.lanes)]
            self.clock = -self.pace.start

    def begin_timeline(self) -> None:
        """Spend the time that it takes to find a timeline's first write."""
        self.clock += self.pace.playback

    def wait_until(self, moment: int) -> None:
        """Hand over nothing before a moment, in parts."""
        if self.clock < moment:
            self.clock = moment
            self.margins.stalled = True
        else:
            self.margins.earlier = min(self.margins.earlier, self.clock - moment)

    def write(self, time: int) -> HandOver:
        """Hand over one write that is due at a tick."""
        pace = self.pace
        cycle = pace.cycle
        self.clock += pace.event
        now, due = self.clock // pace.cycle_parts, time // cycle
        counter, slack = now * cycle, (due - now - pace.margin) * cycle
        self._note_room(due)
        if slack < 0:
            return HandOver(NO_LANE, counter, slack, _UNDERFLOW, -slack)

        lane = self.current
        if self.spread or due <= self.last_cycle(lane):
            lane = (lane + 1) % pace.lanes
        missing = self.last_cycle(lane) + 1 - due
        if missing > 0:
            return HandOver(NO_LANE, counter, slack, _SEQUENCE, missing * cycle)

        self.current = lane
        self.lanes[lane].append(due)
        self.spread = self._is_full(lane)
        if self.spread:
            self.stall_until(self.lanes[lane][0])
        return HandOver(lane, counter, slack, _PLAYED, 0)

    def last_cycle(self, lane: int) -> int:
        """Return the cycle of the last write that a lane took; leaving the lane does not clear it."""
        return self.lanes[lane][-1] if self.lanes[lane] else NEVER

    def stall_until(self, cycle: int) -> None:
        """Hold the feeding until a write leaves; the write that waits is ready by then."""
        self.clock = max(self.clock, cycle * self.pace.cycle_parts - self.pace.event)
        self.margins.stalled = True

    def _is_full(self, lane: int) -> bool:
        """Tell whether a lane's last `depth` writes all wait; note by how little they do not."""
        written = self.lanes[lane]
        if len(written) < self.pace.depth:
            return False
        ahead = self.clock - written[0] * self.pace.cycle_parts
        if ahead >= 0:
            self.margins.earlier = min(self.margins.earlier, ahead)
        return ahead < 0

    def _note_room(self, due: int) -> None:
        """Note by how much a write could have been handed over later, or would have to be earlier."""
        room = (due - self.pace.margin + 1) * self.pace.cycle_parts - 1 - self.clock
        if room >= 0:
            self.margins.later = min(self.margins.later, room)
        else:
            self.margins.earlier = min(self.margins.earlier, -room - 1)

    def copy(self) -> EventDispatcher:
        """Return a dispatcher in the same state, which goes its own way from here."""
        lanes = [written.copy() for written in self.lanes]
        return EventDispatcher(self.pace, lanes, self.current, self.spread, self.clock)

    def shift(self, cycles: int, parts: int) -> None:
        """Move everything that was written by some cycles, and the feeding by some parts."""
        depth = self.pace.depth
        self.lanes = [deque((cycle + cycles for cycle in lane), depth) for lane in self.lanes]
        self.clock += parts

    def shape(self, origin: int) -> tuple[object, ...]:
        """Return what the future depends on besides the clock, relative to a cycle.

        Lanes are counted from the current one. What has left its lane can be in nobody's way any more: a
        write that is in time is due after it.
        """
        now = self.clock // self.pace.cycle_parts
        turned = self.lanes[self.current :] + self.lanes[: self.current]
        waiting = (takewhile(lambda cycle: cycle > now, reversed(lane)) for lane in turned)
        return (self.spread, *(tuple([cycle - origin for cycle in lane]) for lane in waiting))

    def clearance(self) -> int:
        """Return the parts by which the clock is past the nearest write that has left its lane."""
        now = self.clock // self.pace.cycle_parts
        last = max(next((cycle for cycle in reversed(lane) if cycle <= now), NEVER) for lane in self.lanes)
        return UNBOUNDED if last == NEVER else self.clock - last * self.pace.cycle_parts
