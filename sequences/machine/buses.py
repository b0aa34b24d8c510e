"""Rule: a shared bus programs every change in time.

Only what differs from what a channel holds has to be programmed: a tone of the same frequency, phase and
amplitude is just switched on and off. The slots of a bus begin as late as possible, but not before the
previous change of the same channel took effect, and not before the timeline does, which may be undecided yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.faults import BusError
from sequences.machine.limits import Machine, line_at
from sequences.machine.neighbours import LONG_AGO, Left, go_on, nothing_left
from sequences.machine.slots import slots
from sequences.machine.writes import ByChannel, Sheet
from sequences.program import Program
from sequences.timeline import Operation, Timeline

_REGISTERS: Final = 3
"""A tone holds a frequency, a phase and an amplitude; a voltage takes the place of the first."""

_REGISTER: Final = np.zeros(len(Operation), dtype=np.intp)
_REGISTER[Operation.PHASE], _REGISTER[Operation.AMPLITUDE] = 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """What the channels hold and when the buses are free; ticks count from the start of a timeline.

    Attributes:
        registers: (channels * registers,) their values; NaN where they are not known.
        changed: (channels,) when each changed last.
        busy: (buses,) until when each programs.
    """

    registers: NDArray[np.float64]
    changed: Left
    busy: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Changes:
    """Changes of some channels: (changes,) each, in the order in which they take effect.

    Attributes:
        time: ticks.
        column: place of the channel among those that are programmed.
        line: row of the program's sources.
        since: when the channel changed before.
        earlier: line of that change; it counts only if there was one.
    """

    time: NDArray[np.int64]
    column: NDArray[np.intp]
    line: NDArray[np.int64]
    since: NDArray[np.int64]
    earlier: NDArray[np.int64]

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> _Changes:
        return _Changes(
            self.time[rows], self.column[rows], self.line[rows], self.since[rows], self.earlier[rows]
        )


@dataclass(frozen=True, slots=True, order=True)
class _Clash:
    """A change that does not fit; of two, the one that misses more is the greater."""

    missing: int
    number: int
    time: int
    column: int
    earlier: int
    later: int


class Buses:
    """Follows what the channels on shared buses hold.

    Where two ways meet, what differs between them is not known, and the later of the times counts.
    """

    def __init__(
        self,
        program: Program,
        machine: Machine,
        sheets: Sequence[Sheet],
        lasting: Mapping[int, NDArray[np.float64]],
    ) -> None:
        self._program, self._machine, self._group = program, machine, machine.programmed
        self._sheets, self._lasting = sheets, lasting
        self._programming = self._group.limit.astype(np.int64)
        self._channels = np.arange(len(self._group))
        self._found: list[_Changes] = []
        self._worst: dict[tuple[int, int, int], _Clash] = {}
        self.occupied = np.zeros((len(sheets), len(machine.buses)), dtype=np.int64)

    def start(self) -> Held:
        """Return the state before a shot: nobody knows what the channels hold, and the buses are free."""
        registers = np.full(_REGISTERS * len(self._group), np.nan)
        changed = nothing_left(len(self._group), 0.0)
        return Held(registers, changed, np.full(len(self._machine.buses), LONG_AGO))

    def look(self, number: int, events: ByChannel, state: Held) -> Held:
        """Find what changes in a block; when it is programmed is known at the end of the timeline only."""
        registers, rows, columns = self._changing(number, events, state.registers)
        if len(rows) == 0:
            return state if registers is state.registers else Held(registers, state.changed, state.busy)
        changes, changed = _changes(self._sheets[number].timeline, rows, columns, state.changed)
        self._found.append(changes)
        return Held(registers, changed, state.busy)

    def end(self, number: int, state: Held) -> Held:
        """Give all changes of a timeline their slots, and return the state that the next one finds."""
        found, self._found = self._found, []
        busy = self._schedule(number, _together(found), state.busy) if found else state.busy
        ticks = self._sheets[number].timeline.duration
        return Held(state.registers, state.changed.later(ticks), busy - ticks)

    def join(self, one: Held, other: Held) -> Held:
        """Return a state in which all has to be programmed that has to be by either way."""
        registers = np.where(one.registers == other.registers, one.registers, np.nan)
        later = one.changed.time >= other.changed.time
        changed = Left(
            np.where(later, one.changed.time, other.changed.time),
            one.changed.value,
            np.where(later, one.changed.source, other.changed.source),
        )
        return Held(registers, changed, np.maximum(one.busy, other.busy))

    def is_settled(self, before: Held, after: Held, ticks: int) -> bool:
        """Tell whether a pass of a loop leaves all that it changes as it was."""
        passed = before.busy - after.busy
        known = np.array_equal(before.registers, after.registers, equal_nan=True)
        free = np.count_nonzero(passed) == np.count_nonzero(passed == ticks)
        return known and free and after.changed.is_like(before.changed, ticks)

    def again(self, before: Held, after: Held, passes: int) -> Held:
        """Return the state after more passes of a loop."""
        busy = go_on(before.busy, after.busy, passes)
        return Held(after.registers, after.changed.again(before.changed, passes), busy)

    def problems(self) -> Iterator[BusError]:
        """Yield, of every line whose changes do not fit, the one that misses most."""
        machine = self._machine
        for (line, *_), clash in self._worst.items():
            channel = self._group.channels[clash.column]
            earlier, later = (
                line_at(self._program, row) if row >= 0 else None for row in (clash.earlier, clash.later)
            )
            yield BusError(
                line_at(self._program, line),
                channel.name,
                channel.bus,
                machine.written(channel.number, clash.time),
                channel.programming,
                machine.seconds(clash.missing),
                earlier,
                later,
                machine.target.step,
            )

    def _changing(
        self, number: int, events: ByChannel, held: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.intp]]:
        """Return the registers after a block, and which events change one of which channels."""
        span, timeline = events.span(self._group), self._sheets[number].timeline
        rows = events.order[span[0] : span[-1]]
        operation, lasting = timeline.operation.take(rows), self._lasting.get(number)
        value = events.value[span[0] : span[-1]] if lasting is None else lasting.take(rows)
        # An amplitude of zero is a switch: what is held stays.
        kept = ((value != 0) | (operation != Operation.AMPLITUDE)).nonzero()[0]
        if len(kept) == 0:
            return held, kept, kept
        rows, value = rows.take(kept), value.take(kept)
        column = self._channels.repeat(span[1:] - span[:-1]).take(kept)
        register = column * _REGISTERS + _REGISTER.take(operation.take(kept))
        order = register.argsort(kind="stable")
        ranked, after = register.take(order), value.take(order)
        heads = _heads(ranked)
        before = np.empty_like(after)
        before[1:] = after[:-1]
        before[heads] = held.take(ranked.take(heads))
        changing = order[after != before]
        changing.sort()
        held = held.copy()
        held[ranked] = after  # of several values of a register, the last one stays
        return held, rows.take(changing), column.take(changing)

    def _schedule(self, number: int, changes: _Changes, busy: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the changes their slots, note what does not fit, and return until when the buses are busy."""
        busy = busy.copy()
        for bus in range(len(busy)):
            own = changes if len(busy) == 1 else changes[self._machine.bus.take(changes.column) == bus]
            if len(own.time) == 0:
                continue
            taken = self._programming.take(own.column)
            begin = slots(own.time, taken)
            floor = max(0, int(busy[bus]))
            missing = np.maximum(own.since, floor) - begin
            if np.count_nonzero(missing > 0):
                self._note(number, own, begin, missing, floor)
            busy[bus] = own.time[-1]
            self.occupied[number, bus] = taken.sum()
        return busy

    def _note(
        self,
        number: int,
        changes: _Changes,
        begin: NDArray[np.int64],
        missing: NDArray[np.int64],
        floor: int,
    ) -> None:
        """Note the worst of each row of slots without a gap between them."""
        end = begin + self._programming[changes.column]
        apart = np.append(True, begin[1:] > end[:-1])
        first = np.flatnonzero(apart)
        worst = np.maximum.reduceat(missing, first)
        row_of_slots = np.cumsum(apart) - 1
        bad = np.flatnonzero((missing == worst[row_of_slots]) & (missing > 0))
        for row in bad.tolist():
            line = int(changes.line[row])
            earlier = int(changes.earlier[row]) if changes.since[row] >= floor else -1
            later = int(changes.line[row + 1]) if end[row] < changes.time[row] else -1
            clash = _Clash(
                int(missing[row]), number, int(changes.time[row]), int(changes.column[row]), earlier, later
            )
            key = (line, earlier, later)
            self._worst[key] = max(self._worst.get(key, clash), clash)


def _changes(
    timeline: Timeline, rows: NDArray[np.intp], column: NDArray[np.intp], left: Left
) -> tuple[_Changes, Left]:
    """Return the changes that some events make, each of one channel at one tick, and the last ones.

    Args:
        timeline: of the events.
        rows: (events,) of the events, channel by channel.
        column: (events,) of their channels.
        left: when the channels changed before.
    """
    time, line = timeline.time.take(rows), timeline.source.take(rows).astype(np.int64)
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (time[1:] != time[:-1]) | (column[1:] != column[:-1])
    if np.count_nonzero(new) < len(new):
        time, column, line = time[new], column[new], line[new]
    heads = _heads(column)
    columns = column.take(heads)
    since, earlier = np.empty_like(time), np.empty_like(line)
    since[1:], earlier[1:] = time[:-1], line[:-1]
    since[heads], earlier[heads] = left.time.take(columns), left.source.take(columns)
    last, source = left.time.copy(), left.source.copy()
    last[column], source[column] = time, line  # of several changes of a channel, the last one stays
    return _Changes(time, column, line, since, earlier), Left(last, left.value, source)


def _heads(column: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return where each run of equal numbers begins."""
    first = np.ones(len(column), dtype=bool)
    np.not_equal(column[1:], column[:-1], out=first[1:])
    return first.nonzero()[0]


def _together(found: Sequence[_Changes]) -> _Changes:
    """Return all changes in the order in which they take effect.

    Of changes at one tick, the channel that was free first is programmed first.
    """
    columns = zip(*((c.time, c.column, c.line, c.since, c.earlier) for c in found), strict=True)
    changes = found[0] if len(found) == 1 else _Changes(*map(np.concatenate, columns))
    return changes[np.lexsort((changes.since, changes.time))]
