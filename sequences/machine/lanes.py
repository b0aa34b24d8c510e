"""Rule: the dispatcher has a lane for every event that leaves in one cycle.

The dispatcher puts each write into one of its lanes, which are queues. A write that is due in a later cycle
than the one before stays in its lane; any other goes into the next lane, and is refused if it is due no later
than the last write there. All times are compared in whole cycles.

Within a timeline, which is sorted, that happens only where more writes fall into one cycle than there are
lanes: a comparison of columns. Where timelines meet, the compensation of latencies makes times go back: the
few writes concerned are followed one by one.

Source: ARTIQ's scalable event dispatcher, `artiq/gateware/rtio/sed/lane_distributor.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sequences.faults import LaneError, RewindError
from sequences.machine.limits import Feeding, Machine, line_at
from sequences.machine.writes import Sheet, blocks, writes_in
from sequences.program import Program
from sequences.timeline import Timeline


class Lanes(NamedTuple):
    """What a timeline finds when it starts.

    Attributes:
        phase: parts of a tick by which it starts after a cycle does.
        last: of each lane, from the current one on: the cycle of the last write, counted from the one in
            which the timeline starts (-1 for all that is past), and the line that made it.
    """

    phase: int
    last: tuple[tuple[int, int], ...]


Found: TypeAlias = frozenset[Lanes]
"""What a timeline can find, by all the ways that lead to it."""

_PAST = (-1, 0)


class _Crowds(NamedTuple):
    """Writes that follow so many others within a cycle's time as there are lanes.

    Attributes:
        first: (crowds,) tick of the first write of each.
        final: (crowds,) tick of the write that finds all lanes taken, if they fall into the same cycle.
        row: (crowds,) of its event.
    """

    first: NDArray[np.int64]
    final: NDArray[np.int64]
    row: NDArray[np.intp]


class LaneRule:
    """Follows the lanes through a program."""

    enough: int | None = None

    def __init__(self, program: Program, machine: Machine, feeding: Feeding, sheets: Sequence[Sheet]) -> None:
        self._program, self._machine, self._sheets = program, machine, sheets
        self._lanes, self._cycle = feeding.lanes, feeding.cycle.numerator
        self._parts = feeding.cycle.denominator  # of a tick, in which all is counted here
        self._crowds: dict[int, _Crowds | None] = {}
        self._errors: dict[tuple[int, int], LaneError | RewindError] = {}

    def start(self) -> Found:
        """Return the state before a shot."""
        return frozenset([Lanes(0, (_PAST,) * self._lanes)])

    def play(self, number: int, state: Found) -> Found:
        """Look at one timeline."""
        return frozenset(self._play(number, lanes) for lanes in state)

    def wait(self, state: Found) -> Found:
        """Return the state after a wait, which may be over in any part of a cycle."""
        return frozenset(Lanes(phase, lanes.last) for lanes in state for phase in range(self._cycle))

    def join(self, one: Found, other: Found) -> Found:
        """Return what can be found by either way."""
        return one | other

    def is_settled(self, before: Found, after: Found) -> bool:
        """Tell whether a pass changes nothing."""
        return before == after

    def again(self, before: Found, after: Found, passes: int) -> Found:
        """Return the same: passes are followed until a state comes again."""
        del before, passes
        return after

    def problems(self) -> Iterator[LaneError | RewindError]:
        """Yield one problem for each pair of lines."""
        yield from self._errors.values()

    def _play(self, number: int, lanes: Lanes) -> Lanes:
        self._judge(number, lanes.phase)
        timeline = self._sheets[number].timeline
        after, phase = divmod(lanes.phase + timeline.duration * self._parts, self._cycle)
        latest = max(lanes.last)[0]
        head = (
            int(timeline.time.searchsorted(self._first_tick(latest + 1, lanes.phase))) if latest >= 0 else 0
        )
        tail = max(head, int(timeline.time.searchsorted(self._first_tick(after, lanes.phase))))
        last = list(lanes.last)
        # Those between find all lanes in the past, and are in the past for those that follow.
        for rows in (slice(0, head), slice(tail, len(timeline))):
            for row in writes_in(timeline, rows).rows.tolist() if rows.start < rows.stop else ():
                cycle = (lanes.phase + int(timeline.time[row]) * self._parts) // self._cycle
                if not _lay(last, cycle, int(timeline.source[row])) and cycle <= latest:
                    self._rewound(number, row, cycle, last[1 % self._lanes])
        return Lanes(
            phase, tuple([(cycle - after, line) if cycle >= after else _PAST for cycle, line in last])
        )

    def _crowded(self, number: int) -> _Crowds | None:
        """Return where more writes than there are lanes lie within the time of a cycle, if anywhere."""
        if number not in self._crowds:
            time = self._sheets[number].timeline.time
            found = [crowds for rows in blocks(len(time)) if (crowds := self._crowds_in(number, rows))]
            self._crowds[number] = _Crowds(*map(np.concatenate, zip(*found, strict=True))) if found else None
        return self._crowds[number]

    def _crowds_in(self, number: int, rows: slice) -> _Crowds | None:
        timeline, lanes = self._sheets[number].timeline, self._lanes
        width = -(-self._cycle // self._parts)
        # A crowd may have begun in the block before.
        start = int(timeline.time.searchsorted(timeline.time[rows.start] - width)) if rows.start else 0
        time = timeline.time[start : rows.stop]
        if not np.count_nonzero(time[lanes:] - time[:-lanes] < width):
            return None
        # Events of one write do not crowd each other.
        writes = writes_in(timeline, slice(start, rows.stop))
        first, final = writes.time[:-lanes], writes.time[lanes:]
        near = (final - first < width).nonzero()[0]
        return _Crowds(first[near], final[near], writes.rows[lanes:][near]) if len(near) else None

    def _judge(self, number: int, phase: int) -> None:
        """Note the crowds that do fall into one cycle, if the timeline starts in that phase of a cycle."""
        crowds, timeline = self._crowded(number), self._sheets[number].timeline
        if crowds is None:
            return
        cycle = self._cycle_of(crowds.final, phase)
        bad = np.flatnonzero(self._cycle_of(crowds.first, phase) == cycle)
        lines, places = np.unique(timeline.source[crowds.row[bad]], return_index=True)
        for line, place in zip(lines.tolist(), bad[places].tolist(), strict=True):
            if (number, line) not in self._errors:
                self._errors[number, line] = self._crowd(
                    timeline, int(crowds.row[place]), int(cycle[place]), phase
                )

    def _crowd(self, timeline: Timeline, row: int, cycle: int, phase: int) -> LaneError:
        """Return what is wrong in one cycle; `row` is the first event without a lane."""
        ticks = self._first_tick(cycle, phase), self._first_tick(cycle + 1, phase)
        start, stop = (int(at) for at in np.searchsorted(timeline.time, ticks))
        columns = (timeline.time, timeline.channel, timeline.source)
        writes: dict[tuple[int, int], int] = {}
        for tick, channel, source in zip(*(column[start:stop].tolist() for column in columns), strict=True):
            writes.setdefault((tick, channel), source)
        taken = dict.fromkeys(list(writes.values())[: self._lanes])
        number = int(timeline.channel[row])
        return LaneError(
            line_at(self._program, int(timeline.source[row])),
            self._machine.name(number),
            self._machine.written(number, int(timeline.time[row])),
            tuple(line_at(self._program, source) for source in taken),
            len(writes),
            self._lanes,
            self._machine.seconds(self._cycle / self._parts),
        )

    def _rewound(self, number: int, row: int, cycle: int, behind: tuple[int, int]) -> None:
        """Note an event that would have to queue behind a later one."""
        timeline = self._sheets[number].timeline
        line, channel = int(timeline.source[row]), int(timeline.channel[row])
        early = (behind[0] - cycle + 1) * self._cycle / self._parts
        self._errors.setdefault(
            (number, line),
            RewindError(
                line_at(self._program, line),
                self._machine.name(channel),
                self._machine.written(channel, int(timeline.time[row])),
                line_at(self._program, behind[1]),
                self._machine.seconds(early),
                self._lanes,
            ),
        )

    def _cycle_of(self, ticks: NDArray[np.int64], phase: int) -> NDArray[np.int64]:
        return (phase + ticks * self._parts) // self._cycle

    def _first_tick(self, cycle: int, phase: int) -> int:
        """Return the first tick that lies in a cycle or after it."""
        return -((phase - cycle * self._cycle) // self._parts)


def _lay(last: list[tuple[int, int]], cycle: int, line: int) -> bool:
    """Put a write into its lane, the current one or the next; tell whether there was room for it."""
    if cycle > last[0][0]:
        last[0] = (cycle, line)
        return True
    if cycle > last[1 % len(last)][0]:
        last.append(last.pop(0))
        last[0] = (cycle, line)
        return True
    return False
