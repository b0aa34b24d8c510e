"""Ninth pass: leaves become events, in columns."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sequences.compiler.clock import tables_of
from sequences.compiler.edges import edge_events
from sequences.compiler.samples import Sampled, envelope_steps, ramp_samples, waveform_samples
from sequences.compiler.stages import Code, Draft, Fill, Schedule
from sequences.errors import AuthoringError, Source
from sequences.ir import Gate, Readout
from sequences.target import Target
from sequences.timeline import Operation, Timeline

_END, _INSTANT, _START = 0, 1, 8
"""Ranks at one tick of a channel: what ends a block, then what is set at once, then what starts a block.

Below `_START` there is room for the operations of instants, above it for those of starts, in their order.
"""

_RANK_BITS: Final = 4
_CHANNEL_BITS: Final = 16
_LONGEST: Final = 2 ** (63 - _RANK_BITS - _CHANNEL_BITS)
"""Ticks that fit into a sorting key beside channel and rank: 2.4 hours of 1 ns."""


class Tables:
    """The tables of a program that its events refer to.

    Attributes:
        sources: author's line -> row; it grows from segment to segment.
        readouts: readout -> row.
    """

    def __init__(self) -> None:
        self.sources: dict[Source, int] = {}
        self.readouts: dict[Readout, int] = {}


def lower(schedule: Schedule, target: Target, tables: Tables, problems: list[AuthoringError]) -> Draft:
    """Return a segment's events.

    A TTL pulse is LEVEL 1 and LEVEL 0. A tone is FREQUENCY, PHASE, AMPLITUDE at its start and AMPLITUDE 0 at
    its end, with more AMPLITUDEs between for an envelope. A gate is OPEN and CLOSE of a row of the program's
    readouts. A level or tuning is what it sets. A ramp is a VOLTAGE at its end, exactly the stop value, and
    before that one each update period, down to the first that is at least one period after the start: the
    start value itself is where the channel already is.

    Events are sorted by time, then channel, then ends before instants before starts, then operation. No event
    is left out.

    Args:
        schedule: the segment.
        target: it is compiled for.
        tables: of the program.
        problems: grows by samples and edges that the channels cannot play.
    """
    events = _Events(schedule, target, tables)
    events.add_lines()
    events.add_tones(problems)
    events.add_gates()
    events.add_voltages(problems)
    events.add_edges(problems)
    return events.draft()


class _Events:
    """Columns of one segment's events, which grow by whole arrays."""

    def __init__(self, schedule: Schedule, target: Target, tables: Tables) -> None:
        self._schedule = schedule
        self._target = target
        self._readouts = tables.readouts
        rows = tables.sources
        table = [rows.setdefault(leaf.source, len(rows)) for leaf in schedule.leaves]
        self._source = np.array(table, dtype=np.uint32)
        self._columns: list[tuple[NDArray[Any], ...]] = []
        self._fills: list[tuple[NDArray[np.int64], Fill]] = []
        self._size = 0

    def add_lines(self) -> None:
        """Add pulses of TTL lines."""
        rows = self._rows(Code.PULSE)
        self._begin(rows, Operation.LEVEL, 1.0)
        self._end(rows, Operation.LEVEL, 0.0)

    def add_tones(self, problems: list[AuthoringError]) -> None:
        """Add pulses of tones, and tones that stay."""
        for code in (Code.TONE, Code.TUNING):
            for name, operation in (("frequency", Operation.FREQUENCY), ("phase", Operation.PHASE)):
                self._begin_column(code, name, operation)
        self._begin_column(Code.TUNING, "amplitude", Operation.AMPLITUDE)
        tones = self._rows(Code.TONE)
        self._end(tones, Operation.AMPLITUDE, 0.0)
        if any(self._schedule.leaves[row].envelope for row in tones.tolist()):
            self._sample(envelope_steps(self._schedule, self._target, problems), Operation.AMPLITUDE)
        else:
            self._begin_column(Code.TONE, "amplitude", Operation.AMPLITUDE)

    def add_gates(self) -> None:
        """Add gates of inputs."""
        rows = self._rows(Code.GATE)
        gates: list[Gate] = [self._schedule.leaves[row] for row in rows.tolist()]
        readout = np.array([self._readouts[gate.readout] for gate in gates], dtype=np.float64)
        self._begin(rows, Operation.OPEN, readout)
        self._end(rows, Operation.CLOSE, readout)

    def add_voltages(self, problems: list[AuthoringError]) -> None:
        """Add all that DACs play, and lines that are switched for good."""
        if (Code.LEVEL, "value") in self._schedule.columns:
            column = self._schedule.columns[Code.LEVEL, "value"]
            is_dac = tables_of(self._target).is_dac[self._schedule.channel[column.rows]]
            operation = np.where(is_dac, Operation.VOLTAGE, Operation.LEVEL)
            self._begin_column(Code.LEVEL, "value", operation.astype(np.uint8))
        self._sample(ramp_samples(self._schedule, self._target), Operation.VOLTAGE)
        self._sample(waveform_samples(self._schedule, self._target, problems), Operation.VOLTAGE)

    def add_edges(self, problems: list[AuthoringError]) -> None:
        """Add digital patterns, each as one sorted run."""
        done = set()
        schedule = self._schedule
        for row in self._rows(Code.EDGES).tolist():
            leaf: Any = schedule.leaves[row]
            start = int(schedule.start[row] - schedule.shift[row])
            if (id(leaf), start) in done:
                continue
            done.add((id(leaf), start))
            events = edge_events(leaf, start, self._target, problems)
            operation = np.zeros(len(events.time), dtype=np.uint8)
            source = np.full(len(events.time), self._source[row])
            # What is at the end of the block comes before what is set or starts there.
            stop = int(schedule.stop[row] - schedule.shift[row]) + self._target.shifts[events.channel]
            rank = np.where(events.time == stop, _END, _START)
            self._keep(events.time, events.channel, operation, rank, events.level, source)

    def draft(self) -> Draft:
        """Return the sorted events."""
        time, channel, operation, value, source = self._joined()
        fills = self._fills
        if len(self._columns) != 1 or fills or not self._is_sorted():
            order = self._order(time, channel)
            if fills:
                place = np.empty(len(order), dtype=np.int64)
                place[order] = np.arange(len(order))
                fills = [(place[rows], fill) for rows, fill in fills]
            time, channel, operation, value, source = (
                column[order] for column in (time, channel, operation, value, source)
            )
        timeline = Timeline(
            self._schedule.length, time, channel, operation, value, source, self._schedule.labels
        )
        filled = (
            Fill(rows, fill.start, fill.stop, fill.way, fill.leaf, fill.quantity) for rows, fill in fills
        )
        return Draft(timeline, tuple(filled))

    def _joined(self) -> tuple[NDArray[Any], ...]:
        if len(self._columns) == 1:
            return self._columns[0][:5]
        if not self._columns:
            kinds = (np.int64, np.uint16, np.uint8, np.float64, np.uint32)
            return tuple(np.empty(0, dtype=kind) for kind in kinds)
        return tuple(np.concatenate(parts) for parts in list(zip(*self._columns, strict=True))[:5])

    def _order(self, time: NDArray[np.int64], channel: NDArray[np.uint16]) -> NDArray[np.intp]:
        ranks = [columns[5] for columns in self._columns]
        rank = np.concatenate(ranks) if ranks else np.empty(0, dtype=np.int64)
        if len(time) and int(time.max()) >= _LONGEST:
            return np.lexsort((rank, channel, time))
        key = time << (_CHANNEL_BITS + _RANK_BITS)
        key |= channel.astype(np.int64) << _RANK_BITS
        key |= rank
        return np.argsort(key, kind="stable")

    def _is_sorted(self) -> bool:
        """Tell whether the only column that there is comes from a pattern, which is sorted already."""
        return bool(len(self._schedule.code)) and bool((self._schedule.code == Code.EDGES).all())

    def _rows(self, code: int) -> NDArray[np.int64]:
        return np.flatnonzero(self._schedule.code == code)

    def _begin(self, rows: NDArray[np.int64], operation: Operation, value: ArrayLike) -> None:
        """Add one event at the start of each leaf."""
        if len(rows):
            self._add(rows, self._schedule.start[rows], int(operation), _START + int(operation), value)

    def _end(self, rows: NDArray[np.int64], operation: Operation, value: ArrayLike) -> None:
        """Add one event at the end of each leaf."""
        if len(rows):
            self._add(rows, self._schedule.stop[rows], int(operation), _END, value)

    def _begin_column(self, code: int, name: str, operation: Operation | NDArray[np.uint8]) -> None:
        """Add one event at the start of each leaf, whose values may be open."""
        column = self._schedule.columns.get((code, name))
        if column is None:
            return
        base = self._size
        plain = operation.astype(np.int64) if isinstance(operation, np.ndarray) else int(operation)
        first = _INSTANT if code in (Code.TUNING, Code.LEVEL) else _START
        self._add(column.rows, self._schedule.start[column.rows], plain, first + plain, column.numbers)
        for place, value in column.open.items():
            leaf: Any = self._schedule.leaves[int(column.rows[place])]
            rows = np.array([base + place])
            self._fills.append((rows, Fill(rows, value, value, None, leaf, column.quantity)))

    def _sample(self, sampled: Sampled | None, operation: Operation) -> None:
        """Add the samples of leaves, some of whose values may be open."""
        if sampled is None:
            return
        base = self._size
        self._add(sampled.rows, sampled.time, int(operation), _START + int(operation), sampled.value)
        self._fills += [(fill.rows + base, fill) for fill in sampled.fills]

    def _add(
        self,
        rows: NDArray[np.int64],
        time: NDArray[np.int64],
        operation: ArrayLike,
        rank: ArrayLike,
        value: ArrayLike,
    ) -> None:
        count = len(rows)
        self._keep(
            time,
            self._schedule.channel[rows].astype(np.uint16),
            _filled(operation, count, np.uint8),
            _filled(rank, count, np.int64),
            _filled(value, count, np.float64),
            self._source[rows],
        )

    def _keep(
        self,
        time: NDArray[np.int64],
        channel: NDArray[np.uint16],
        operation: NDArray[np.uint8],
        rank: NDArray[np.int64],
        value: NDArray[np.float64],
        source: NDArray[np.uint32],
    ) -> None:
        self._columns.append((time, channel, operation, value, source, rank))
        self._size += len(time)


def _filled(value: ArrayLike, count: int, kind: type[Any]) -> NDArray[Any]:
    """Return a column of one value, or an array as it is."""
    if isinstance(value, np.ndarray) and value.ndim:
        return value.astype(kind, copy=False)
    return np.full(count, value, dtype=kind)
