"""Last pass: leaves become events, in columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sequences.compiler.clock import update_ticks
from sequences.compiler.stages import AttemptSlots, Outline, RepeatSlots, Schedule, Slot, Slots
from sequences.errors import Source
from sequences.ir import Gate, Level, Played, Pulse, Ramp, Readout, Shape
from sequences.parameters import Value, number
from sequences.program import AttemptLoop, Play, Program, ReadoutChannel, RepeatLoop, Step
from sequences.target import Kind, Target
from sequences.timeline import Operation, Timeline

_LeafT = TypeVar("_LeafT", bound=Played)

_ENDS_FIRST: Final = 0
"""Rank of what ends a block: at one tick it comes before what starts the next, whose rank is above."""


def lower(outline: Outline[Schedule], target: Target) -> Program:
    """Return the program: every segment as a timeline, in the loops of the outline.

    A TTL pulse is LEVEL 1 and LEVEL 0. A tone is FREQUENCY, PHASE, AMPLITUDE at its start and AMPLITUDE 0 at
    its end. A gate is OPEN and CLOSE of a row of the program's readouts. A level is one VOLTAGE. A ramp is a
    VOLTAGE at its end, exactly the stop value, and before that one each update period, down to the first that
    is at least one period after the start: the start value itself is where the channel already is.

    Events are sorted by time, then channel, then ends before starts, then operation. No event is left out.
    """
    lowering = _Lowering(outline, target)
    timelines = [lowering.timeline(schedule) for schedule in outline.segments]
    steps = lowering.steps(outline.slots, timelines)
    return Program(outline.name, steps, lowering.readout_channels(), target, tuple(lowering.sources))


class _Lowering:
    """Knows the rows of readouts and sources."""

    def __init__(self, outline: Outline[Schedule], target: Target) -> None:
        self.target = target
        self.sources: dict[Source, int] = {}
        gates = (leaf for schedule in outline.segments for leaf in schedule.leaves if isinstance(leaf, Gate))
        self._gates = {gate.readout: gate for gate in gates}
        self._rows: dict[Readout, int] = {readout: row for row, readout in enumerate(self._gates)}

    def readout_channels(self) -> tuple[ReadoutChannel, ...]:
        """Return the table of readouts, in order of first use."""
        return tuple(
            ReadoutChannel(readout.name, readout.index, gate.channel.number)
            for readout, gate in self._gates.items()
        )

    def steps(self, slots: Slots, timelines: list[Timeline]) -> tuple[Step, ...]:
        """Return the slots filled with their timelines."""
        return tuple(self._step(slot, timelines) for slot in slots)

    def _step(self, slot: Slot | RepeatSlots | AttemptSlots, timelines: list[Timeline]) -> Step:
        match slot:
            case Slot(segment=segment):
                return Play(timelines[segment])
            case RepeatSlots(count=count, slots=slots):
                return RepeatLoop(count, self.steps(slots, timelines))
            case AttemptSlots(maximum=maximum, herald=herald, slots=slots):
                rows = tuple(self._rows[readout] for readout in herald.readouts)
                return AttemptLoop(maximum, rows, herald.at_least, self.steps(slots, timelines))

    def timeline(self, schedule: Schedule) -> Timeline:
        """Return one segment's events."""
        rows = self.sources
        source = np.array(
            [rows.setdefault(leaf.source, len(rows)) for leaf in schedule.leaves], dtype=np.uint32
        )
        events = _Events(schedule)
        self._add_pulses(events)
        self._add_gates(events)
        self._add_voltages(events)
        return events.timeline(source)

    def _add_pulses(self, events: _Events) -> None:
        lines, _ = events.pick(Pulse, lambda pulse: pulse.channel.kind is Kind.TTL)
        events.begin(lines, Operation.LEVEL, 1.0)
        events.end(lines, Operation.LEVEL, 0.0)
        tones, pulses = events.pick(Pulse, lambda pulse: pulse.channel.kind is Kind.DDS)
        events.begin(tones, Operation.FREQUENCY, _column(pulse.frequency for pulse in pulses))
        events.begin(tones, Operation.PHASE, _column(pulse.phase for pulse in pulses))
        events.begin(tones, Operation.AMPLITUDE, _column(pulse.amplitude for pulse in pulses))
        events.end(tones, Operation.AMPLITUDE, 0.0)

    def _add_gates(self, events: _Events) -> None:
        rows, gates = events.pick(Gate)
        readout = np.array([self._rows[gate.readout] for gate in gates], dtype=np.float64)
        events.begin(rows, Operation.OPEN, readout)
        events.end(rows, Operation.CLOSE, readout)

    def _add_voltages(self, events: _Events) -> None:
        rows, levels = events.pick(Level)
        events.begin(rows, Operation.VOLTAGE, _column(level.voltage for level in levels))
        rows, ramps = events.pick(Ramp)
        if ramps:
            update = np.array([update_ticks(ramp.channel, self.target) for ramp in ramps], dtype=np.int64)
            events.sample(rows, ramps, update)


class _Events:
    """Columns of one segment's events, which grow by whole arrays."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._columns: list[tuple[NDArray[Any], ...]] = []

    def pick(
        self, block: type[_LeafT], wanted: Callable[[_LeafT], bool] = lambda _: True
    ) -> tuple[NDArray[np.int64], list[_LeafT]]:
        """Return the rows of the leaves of one type, and these leaves."""
        found = [
            (row, leaf)
            for row, leaf in enumerate(self._schedule.leaves)
            if isinstance(leaf, block) and wanted(leaf)
        ]
        return np.array([row for row, _ in found], dtype=np.int64), [leaf for _, leaf in found]

    def begin(self, rows: NDArray[np.int64], operation: Operation, value: ArrayLike) -> None:
        """Add one event at the start of each leaf."""
        self._add(rows, self._schedule.start[rows], operation, operation + 1, value)

    def end(self, rows: NDArray[np.int64], operation: Operation, value: ArrayLike) -> None:
        """Add one event at the end of each leaf."""
        self._add(rows, self._schedule.stop[rows], operation, _ENDS_FIRST, value)

    def sample(self, rows: NDArray[np.int64], ramps: list[Ramp], update: NDArray[np.int64]) -> None:
        """Add the samples of all ramps at once; they are counted back from each ramp's end."""
        duration = self._schedule.stop[rows] - self._schedule.start[rows]
        samples = duration // update
        ramp = np.repeat(np.arange(len(ramps)), samples)
        left = np.cumsum(samples)[ramp] - 1 - np.arange(len(ramp))
        before_end = left * update[ramp]
        start, stop = _column(r.start for r in ramps)[ramp], _column(r.stop for r in ramps)[ramp]
        is_linear = np.array([r.shape is Shape.LINEAR for r in ramps], dtype=bool)[ramp]
        way = 1 - before_end / duration[ramp]
        way = np.where(is_linear, way, way**3 * (10 + way * (6 * way - 15)))
        # start + (stop - start) may miss the stop value by a rounding
        value = np.where(left == 0, stop, start + (stop - start) * way)
        times = self._schedule.stop[rows][ramp] - before_end
        self._add(rows[ramp], times, Operation.VOLTAGE, Operation.VOLTAGE + 1, value)

    def timeline(self, source: NDArray[np.uint32]) -> Timeline:
        """Return the sorted events; `source` is the row of each leaf in the program's table."""
        row, time, operation, rank, value = (
            np.concatenate(parts) for parts in zip(*self._columns, strict=True)
        )
        channel = self._schedule.channel[row]
        order = np.lexsort((rank, channel, time))
        return Timeline(
            self._schedule.length,
            time[order],
            channel[order].astype(np.uint16),
            operation[order],
            value[order],
            source[row[order]],
        )

    def _add(
        self,
        rows: NDArray[np.int64],
        times: NDArray[np.int64],
        operation: Operation,
        rank: int,
        value: ArrayLike,
    ) -> None:
        count = len(rows)
        self._columns.append(
            (
                rows,
                times,
                np.full(count, operation, dtype=np.uint8),
                np.full(count, rank, dtype=np.uint8),
                np.broadcast_to(np.asarray(value, dtype=np.float64), count),
            )
        )


def _column(values: Iterable[Value | None]) -> NDArray[np.float64]:
    """Return bound numbers as a column; `check` has made sure that none is missing."""
    return np.array([number(value) for value in values if value is not None], dtype=np.float64)
