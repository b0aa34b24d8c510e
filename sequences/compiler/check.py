"""Seventh pass: prove that every channel can play what is asked of it; changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from sequences.compiler.clock import tables_of
from sequences.compiler.seams import spacing_problems
from sequences.compiler.stages import Code, Column, Outline, Schedule
from sequences.errors import (
    AuthoringError,
    DurationError,
    OverlapError,
    ReadoutError,
    SequenceError,
    Source,
    SpacingError,
    raise_together,
)
from sequences.ir import Edges, Played, Readout, Waveform
from sequences.rules import kind_problems, name_of, value_problems
from sequences.target import Quantity, Target
from sequences.units import show

SAMPLED = (Code.RAMP, Code.WAVEFORM)
"""Leaves that a DAC plays as samples."""


def check(schedules: Iterable[Schedule], whole: Outline[Schedule], target: Target) -> None:
    """Refuse everything that a channel cannot do, within some segments and where any meet.

    Blocks on one channel may follow each other without a gap: their common tick counts once. Only the samples
    of a DAC need their distance from each other in any case.

    Args:
        schedules: segments that are new.
        whole: all segments, with these.
        target: they are compiled for.

    Raises:
        ChannelKindError: a block is on a channel of the wrong kind.
        LimitError: a value is outside its channel's limits.
        NumberError: a value is not finite.
        OverlapError: two blocks use one channel at once.
        SpacingError: two events on one channel are too close, also across the seam of a loop.
        DurationError: a ramp is shorter than one update of its channel.
        ReadoutError: two gates record into one readout.
        CompileError: several of these.
    """
    problems: list[SequenceError] = []
    for schedule in schedules:
        problems += _segment_problems(schedule, target)
    problems += _readout_problems(whole)
    problems += spacing_problems(whole, target)
    raise_together(problems)


def _segment_problems(schedule: Schedule, target: Target) -> Iterator[AuthoringError]:
    """Yield everything that a channel cannot do within one segment."""
    yield from _kinds(schedule)
    for column in schedule.columns.values():
        yield from _values(column, schedule, target)
    yield from _waveforms(schedule, target)
    yield from _Channels(schedule, target).problems()


def _readout_problems(outline: Outline[Schedule]) -> Iterator[AuthoringError]:
    """Yield an error for each two gates that record into one readout."""
    recorded: dict[Readout, Source] = {}
    for schedule in outline.segments:
        for gate in schedule.gates():
            if gate.readout in recorded:
                yield ReadoutError(gate.source, str(gate.readout), recorded[gate.readout])
            recorded[gate.readout] = gate.source


def _kinds(schedule: Schedule) -> Iterator[AuthoringError]:
    """Look at one leaf of each code on each channel."""
    pairs = schedule.code.astype(np.int64) << 32 | schedule.channel
    some = {pair: row for row, pair in enumerate(pairs.tolist())}
    for row in some.values():
        yield from kind_problems(schedule.leaves[row])


def _values(column: Column, schedule: Schedule, target: Target) -> Iterator[AuthoringError]:
    if column.quantity is None:
        good = np.isfinite(column.numbers)
    else:
        low, high = tables_of(target).limits[column.quantity][:, schedule.channel[column.rows]]
        good = (column.numbers >= low) & (column.numbers <= high) & np.isfinite(column.numbers)
    for place in np.flatnonzero(~good).tolist() if not good.all() else ():
        if place not in column.open:
            leaf = schedule.leaves[int(column.rows[place])]
            # A leaf is told whole, so that all that is wrong with it is told; what is told twice counts once.
            yield from value_problems(leaf)


def _waveforms(schedule: Schedule, target: Target) -> Iterator[AuthoringError]:
    rows = np.flatnonzero(schedule.code == Code.WAVEFORM)
    if len(rows) == 0:
        return
    waves = [
        leaf.samples.values for row in rows.tolist() if isinstance(leaf := schedule.leaves[row], Waveform)
    ]
    samples, starts = np.concatenate(waves), np.cumsum([0, *map(len, waves[:-1])])
    low, high = tables_of(target).limits[Quantity.VOLTAGE][:, schedule.channel[rows]]
    lowest, highest = np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)
    for place in np.flatnonzero(~((lowest >= low) & (highest <= high) & np.isfinite(highest))).tolist():
        yield from value_problems(schedule.leaves[int(rows[place])])


class _Channels:
    """One segment's leaves, channel by channel in order of time, as columns."""

    def __init__(self, schedule: Schedule, target: Target) -> None:
        tables = tables_of(target)
        # Problems are told in the author's times: without the compensation of latencies.
        start, stop = schedule.start - schedule.shift, schedule.stop - schedule.shift
        order = np.lexsort((stop, start, schedule.channel))
        self.period = target.period
        self.order = order
        self.schedule = schedule
        self.channel = schedule.channel[order]
        self.code = schedule.code[order]
        self.start, self.stop = start[order], stop[order]
        self.is_dac = tables.is_dac[self.channel]
        self.needed, self.update = tables.gap[self.channel], tables.update[self.channel]
        self.first = (schedule.first_events(tables.update[schedule.channel]) - schedule.shift)[order]
        self.instant = schedule.is_instant()[order]

    def problems(self) -> Iterator[AuthoringError]:
        """Yield every problem of the segment's times."""
        holder = self._holders()
        same = self.channel[1:] == self.channel[:-1]
        overlap = same & (self.start[1:] < self.stop[holder])
        gap = self.first[1:] - self.stop[:-1]
        both = self.instant[1:] & self.instant[:-1]
        touching = (gap == 0) & ~self.is_dac[1:] & ~both
        close = same & ~overlap & ((gap < self.needed[1:]) | (both & (gap == 0))) & ~touching
        least = np.where(self.code == Code.RAMP, self.update, self.needed)
        short = (self.stop - self.start < least) & ~self.instant & (self.code != Code.EDGES)
        if not (overlap.any() or close.any() or short.any()):
            return
        for row in np.flatnonzero(overlap).tolist():
            yield self._overlap(int(holder[row]), row + 1)
        for row in np.flatnonzero(close).tolist():
            yield self._close(row, row + 1, int(gap[row]), max(int(self.needed[row + 1]), 1))
        for row in np.flatnonzero(short).tolist():
            yield self._short(row)

    def _holders(self) -> NDArray[np.intp]:
        """Return for every leaf but the first the row, before it on its channel, that ends last."""
        span = int(self.stop.max(initial=0)) + 1
        rank = np.cumsum(np.diff(self.channel, prepend=self.channel[:1]) != 0)
        key = self.stop + rank * span  # grows from channel to channel, so that the maximum starts anew
        latest = np.maximum.accumulate(key)
        rows = np.where(key == latest, np.arange(len(key)), 0)
        return np.maximum.accumulate(rows)[:-1]

    def _short(self, row: int) -> AuthoringError:
        leaf, duration = self._leaf(row), int((self.stop - self.start)[row])
        if self.code[row] not in SAMPLED:
            return self._close(row, row, duration, int(self.needed[row]))
        limit = f"at least one update of the channel, {self._show(int(self.update[row]))}"
        return DurationError(leaf.source, f"the duration of {name_of(leaf)}", self._show(duration), limit)

    def _overlap(self, first: int, second: int) -> OverlapError:
        leaf, other = self._leaf(second), self._leaf(first)
        start, overlap = int(self.start[second]), int(self.stop[first] - self.start[second])
        return OverlapError(
            leaf.source, self._name(second), other.source, self._show(start), self._show(overlap)
        )

    def _close(self, first: int, second: int, gap: int, needed: int) -> SpacingError:
        leaf, other = self._leaf(second), self._leaf(first)
        return SpacingError(
            leaf.source, self._name(second), other.source, self._show(gap), self._show(needed)
        )

    def _leaf(self, row: int) -> Played:
        return self.schedule.leaves[int(self.order[row])]

    def _name(self, row: int) -> str:
        leaf = self._leaf(row)
        channels = leaf.channels if isinstance(leaf, Edges) else (leaf.channel,)
        return next(channel.name for channel in channels if channel.number == self.channel[row])

    def _show(self, ticks: int) -> str:
        return show(ticks * self.period, "s", 12)
