"""Fourth pass: seconds become ticks, the one place where floats turn into integers."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.compiler.clock import NOISE, grid_ticks
from sequences.compiler.stages import Outline, Placement, Schedule, Slot
from sequences.errors import (
    AuthoringError,
    DurationError,
    ForeignChannelError,
    OffGridError,
    Source,
    raise_together,
)
from sequences.ir import Delay, Level
from sequences.rules import name_of
from sequences.target import Target
from sequences.units import show

_TO_THE_SEAM: Final = "from here to the next start or end of a loop"

_LONGEST: Final = 2**53
"""Ticks that floats count one by one: 104 days of 1 ns."""


def quantize(outline: Outline[Placement], target: Target) -> Outline[Schedule]:
    """Return the segments with all times as whole ticks of the target's period.

    Nothing is rounded away: a time must lie on the grid of its channel, but for the noise of floats
    (`clock.NOISE`). Where there are loops, a segment must last a whole number of steps of every channel's
    grid, so that what comes after it is on the grid too.

    Raises:
        OffGridError: a time is between two ticks.
        DurationError: a block is shorter than a tick, or a segment longer than floats can count.
        ForeignChannelError: a block's channel is not one of the target.
        CompileError: several of these.
    """
    quantizer = _Quantizer(target)
    quantizer.refuse_foreign(outline.segments)
    quantizer.refuse_endless(outline.segments)
    raise_together([*quantizer.problems])
    schedules = outline.map(quantizer.scheduled)
    if not (len(outline.slots) == 1 and isinstance(outline.slots[0], Slot)):
        quantizer.refuse_seams(outline.segments)
    raise_together([*quantizer.problems])
    return schedules


class _Quantizer:
    """Knows the target's grids and gathers every problem."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.problems: list[AuthoringError] = []
        self._grids = {channel.number: grid_ticks(channel, target) for channel in target.channels}

    def refuse_foreign(self, segments: tuple[Placement, ...]) -> None:
        """Find channels that are not the target's, for example of a setup that was read again since."""
        users = {
            id(leaf.channel): leaf
            for placement in reversed(segments)
            for leaf in reversed(placement.leaves)
            if not isinstance(leaf, Delay)
        }
        for leaf in users.values():
            if self.target.by_name.get(leaf.channel.name) != leaf.channel:
                name = leaf.channel.name
                self.problems.append(ForeignChannelError(leaf.source, name, self.target.name))

    def refuse_endless(self, segments: tuple[Placement, ...]) -> None:
        """Find segments that are too long to be counted in ticks."""
        longest = _LONGEST * self.target.period
        for placement in segments:
            if placement.length >= longest:
                what, limit = f"the time {_TO_THE_SEAM}", f"less than {show(longest, 's', 3)}"
                source = placement.leaves[0].source
                self.problems.append(DurationError(source, what, show(placement.length, "s"), limit))

    def scheduled(self, placement: Placement) -> Schedule:
        """Return one segment in ticks, or tell why there is none."""
        leaves = placement.leaves
        played = np.array([not isinstance(leaf, Delay) for leaf in leaves], dtype=bool)
        grids = np.array(
            [1 if isinstance(leaf, Delay) else self._grids[leaf.channel.number] for leaf in leaves], np.int64
        )
        start, start_off = self._ticks(placement.start, grids)
        duration, duration_off = self._ticks(placement.duration, grids)
        too_short = played & (duration == 0) & ~duration_off
        too_short &= np.array([not isinstance(leaf, Level) for leaf in leaves], dtype=bool)
        if duration_off.any() or too_short.any():
            self._tell_durations(placement, grids, duration_off, too_short)
        elif (start_off & played).any():
            self._tell_starts(placement, grids, start_off & played)
        start, duration = start[played], duration[played]
        kept = tuple(leaf for leaf in leaves if not isinstance(leaf, Delay))
        channel = np.array([leaf.channel.number for leaf in kept], dtype=np.int64)
        length = round(placement.length / self.target.period)
        return Schedule(kept, channel, start, start + duration, np.zeros_like(start), length)

    def _ticks(
        self, times: NDArray[np.float64], grids: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the nearest ticks, and which of the times are not on their grid."""
        exact = times / self.target.period
        nearest = np.rint(exact)
        ticks = nearest.astype(np.int64)
        return ticks, (np.abs(exact - nearest) > NOISE) | (ticks % grids != 0)

    def _tell_durations(
        self,
        placement: Placement,
        grids: NDArray[np.int64],
        off: NDArray[np.bool_],
        too_short: NDArray[np.bool_],
    ) -> None:
        for row in np.flatnonzero(off | too_short).tolist():
            leaf, value = placement.leaves[row], float(placement.duration[row])
            grid = int(grids[row]) * self.target.period
            what = f"the duration of {name_of(leaf)}"
            if too_short[row]:
                limit = f"at least one tick of {show(grid, 's')}"
                self.problems.append(DurationError(leaf.source, what, show(value, "s"), limit))
            else:
                least = 0 if isinstance(leaf, Delay) else 1
                nearest = max(round(value / grid), least) * grid
                self.problems.append(_off_grid(leaf.source, what, value, grid, nearest))

    def _tell_starts(self, placement: Placement, grids: NDArray[np.int64], off: NDArray[np.bool_]) -> None:
        """Tell the earliest start off the grid; the later ones usually follow from it."""
        rows = np.flatnonzero(off)
        row = int(rows[np.argmin(placement.start[rows])])
        leaf, value = placement.leaves[row], float(placement.start[row])
        grid = int(grids[row]) * self.target.period
        centred = placement.centred.get(row)
        moved = f", centred by the parallel block at {centred}," if centred else ""
        what = f"the start of {name_of(leaf)}{moved}"
        self.problems.append(_off_grid(leaf.source, what, value, grid, round(value / grid) * grid))

    def refuse_seams(self, segments: tuple[Placement, ...]) -> None:
        """Find segments after which the next one would be off some channel's grid."""
        numbers = {
            leaf.channel.number
            for placement in segments
            for leaf in placement.leaves
            if not isinstance(leaf, Delay)
        }
        step = math.lcm(*(self._grids[number] for number in numbers))
        grid = step * self.target.period
        for placement in segments:
            if round(placement.length / self.target.period) % step:
                what = f"the time {_TO_THE_SEAM}"
                nearest = math.ceil(placement.length / grid) * grid
                source = placement.leaves[0].source
                self.problems.append(_off_grid(source, what, placement.length, grid, nearest))


def _off_grid(source: Source, what: str, value: float, grid: float, nearest: float) -> OffGridError:
    return OffGridError(source, what, show(value, "s", 15), show(grid, "s"), show(nearest, "s", 15))
