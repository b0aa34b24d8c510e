"""Sixth pass: prove that every channel can play what is asked of it; changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sequences.compiler.clock import gap_ticks, update_ticks
from sequences.compiler.seams import seam_problems
from sequences.compiler.stages import Outline, Schedule
from sequences.errors import (
    AuthoringError,
    DurationError,
    OverlapError,
    ReadoutError,
    Source,
    SpacingError,
    raise_together,
)
from sequences.ir import Gate, Level, Ramp, Readout
from sequences.rules import kind_problems, limit_problems, name_of
from sequences.target import Kind, Target
from sequences.units import show


def check(outline: Outline[Schedule], target: Target) -> Outline[Schedule]:
    """Return the outline as it is, or tell everything that a channel cannot do.

    Blocks on one channel may follow each other without a gap: their common tick counts once. Only the samples
    of a DAC need their distance from each other in any case.

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
    problems: list[AuthoringError] = []
    for schedule in outline.segments:
        for leaf in schedule.leaves:
            problems += kind_problems(leaf)
            problems += limit_problems(leaf)
        problems += _Channels(schedule, target).problems()
    problems += _readout_problems(outline)
    problems += seam_problems(outline, target)
    raise_together([*problems])
    return outline


def _readout_problems(outline: Outline[Schedule]) -> Iterator[AuthoringError]:
    recorded: dict[Readout, Source] = {}
    for schedule in outline.segments:
        for leaf in schedule.leaves:
            if isinstance(leaf, Gate):
                if leaf.readout in recorded:
                    yield ReadoutError(leaf.source, str(leaf.readout), recorded[leaf.readout])
                recorded[leaf.readout] = leaf.source


class _Channels:
    """One segment's leaves, channel by channel in order of time, as columns."""

    def __init__(self, schedule: Schedule, target: Target) -> None:
        order = np.lexsort((schedule.stop, schedule.start, schedule.channel))
        self.period = target.period
        self.leaves = [schedule.leaves[row] for row in order.tolist()]
        self.channel = schedule.channel[order]
        # Problems are told in the author's times: without the compensation of latencies.
        self.start = (schedule.start - schedule.shift)[order]
        self.stop = (schedule.stop - schedule.shift)[order]
        by_number = {
            channel.number: (
                channel.kind is Kind.DAC,
                gap_ticks(channel, target),
                update_ticks(channel, target),
            )
            for channel in target.channels
        }
        rows = np.array([by_number[number] for number in self.channel.tolist()], np.int64).reshape(-1, 3)
        self.is_dac, self.needed, self.update = rows[:, 0].astype(bool), rows[:, 1], rows[:, 2]

    def problems(self) -> Iterator[AuthoringError]:
        """Yield every problem of the segment's times."""
        holder = self._holders()
        same = self.channel[1:] == self.channel[:-1]
        overlap = same & (self.start[1:] < self.stop[holder])
        for row in np.flatnonzero(overlap).tolist():
            yield self._overlap(int(holder[row]), row + 1)
        gap = self._first_events()[1:] - self.stop[:-1]
        needed = self.needed[1:]
        touching = (gap == 0) & ~self.is_dac[1:]
        close = same & ~overlap & (gap < needed) & ~touching
        for row in np.flatnonzero(close).tolist():
            yield self._close(row, row + 1, int(gap[row]), int(needed[row]))
        yield from self._short()

    def _holders(self) -> NDArray[np.intp]:
        """Return for every leaf but the first the row, before it on its channel, that ends last."""
        span = int(self.stop.max(initial=0)) + 1
        rank = np.cumsum(np.diff(self.channel, prepend=self.channel[:1]) != 0)
        key = self.stop + rank * span  # grows from channel to channel, so that the maximum starts anew
        latest = np.maximum.accumulate(key)
        rows = np.where(key == latest, np.arange(len(key)), 0)
        return np.maximum.accumulate(rows)[:-1]

    def _first_events(self) -> NDArray[np.int64]:
        """Return the tick of every leaf's first event: a ramp's first sample comes after its start."""
        is_ramp = np.array([isinstance(leaf, Ramp) for leaf in self.leaves], dtype=bool)
        samples = (self.stop - self.start) // self.update
        return np.where(is_ramp, self.stop - (samples - 1) * self.update, self.start)

    def _short(self) -> Iterator[AuthoringError]:
        duration = self.stop - self.start
        is_level = np.array([isinstance(leaf, Level) for leaf in self.leaves], dtype=bool)
        for row in np.flatnonzero((duration < self.needed) & ~is_level).tolist():
            if isinstance(leaf := self.leaves[row], Ramp):
                limit = f"at least one update of the channel, {self._show(int(self.needed[row]))}"
                what = f"the duration of {name_of(leaf)}"
                yield DurationError(leaf.source, what, self._show(int(duration[row])), limit)
            else:
                yield self._close(row, row, int(duration[row]), int(self.needed[row]))

    def _overlap(self, first: int, second: int) -> OverlapError:
        leaf, other = self.leaves[second], self.leaves[first]
        start, overlap = int(self.start[second]), int(self.stop[first] - self.start[second])
        return OverlapError(
            leaf.source, leaf.channel.name, other.source, self._show(start), self._show(overlap)
        )

    def _close(self, first: int, second: int, gap: int, needed: int) -> SpacingError:
        leaf, other = self.leaves[second], self.leaves[first]
        return SpacingError(leaf.source, leaf.channel.name, other.source, self._show(gap), self._show(needed))

    def _show(self, ticks: int) -> str:
        return show(ticks * self.period, "s", 12)
