"""Digital patterns: many edges given as arrays become sorted events, a few nanoseconds each.

An edge is packed into one integer whose order is that of events, time before channel, with its level in the
lowest bits: numpy sorts plain integers ten times as fast as it sorts rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.compiler.clock import NOISE, tables_of
from sequences.errors import AuthoringError, OffGridError, SpacingError
from sequences.ir import Edges
from sequences.target import Target
from sequences.units import show

_CHANNEL_BITS: Final = 16


@dataclass(frozen=True, slots=True, eq=False)
class EdgeEvents:
    """Sorted events of one block of edges; all columns (edges,)."""

    time: NDArray[np.int64]
    channel: NDArray[np.uint16]
    level: NDArray[np.float64]


def edge_events(leaf: Edges, start: int, target: Target, problems: list[AuthoringError]) -> EdgeEvents:
    """Return the events of a block of edges, in the order of timelines.

    Args:
        leaf: the block.
        start: its tick, without the compensation of latencies.
        target: it is compiled for.
        problems: grows by edges off the grid, and by edges that are too close.
    """
    numbers = np.array([channel.number for channel in leaf.channels], dtype=np.int64)
    ticks = _ticks(leaf, target, problems)
    shift = target.shifts[numbers] + start
    if len(numbers) == 1 or (shift == shift[0]).all():
        ticks += shift[0]
    else:
        ticks += shift[leaf.which]
    packed = ticks
    packed <<= _CHANNEL_BITS
    packed |= numbers.astype(np.int64)[leaf.which]
    packed <<= 1
    packed |= leaf.levels
    packed.sort()
    level = (packed & 1).astype(np.float64)
    packed >>= 1
    problems += _close(leaf, packed, target)
    channel = packed.astype(np.uint16)
    packed >>= _CHANNEL_BITS
    return EdgeEvents(packed, channel, level)


def _ticks(leaf: Edges, target: Target, problems: list[AuthoringError]) -> NDArray[np.int64]:
    """Return the tick (edges,) of each edge from the start of the block."""
    exact = leaf.times.values / target.period
    nearest = np.rint(exact)
    ticks = nearest.astype(np.int64)
    exact -= nearest
    np.abs(exact, out=exact)
    steps = tables_of(target).grid[[channel.number for channel in leaf.channels]]
    off = exact > NOISE if float(exact.max(initial=0.0)) > NOISE else None
    if (steps != 1).any():
        alike = (steps == steps[0]).all()  # then there is no need to look the steps up, edge by edge
        missed = ticks % (steps[0] if alike else steps[leaf.which]) != 0
        off = missed if off is None else off | missed
    if off is not None and off.any():
        problems.append(_off_grid(leaf, int(np.argmax(off)), target))
    return ticks


def _off_grid(leaf: Edges, edge: int, target: Target) -> AuthoringError:
    channel = leaf.channels[int(leaf.which[edge])]
    value = float(leaf.times.values[edge])
    what = f"edge {edge} of the pattern, on channel {channel.name!r},"
    nearest = round(value / channel.grid) * channel.grid
    return OffGridError(
        leaf.source, what, show(value, "s", 15), show(channel.grid, "s"), show(nearest, "s", 15)
    )


def _close(leaf: Edges, packed: NDArray[np.int64], target: Target) -> Iterator[AuthoringError]:
    """Find edges on one line that are closer than it can play, or at the same tick.

    Args:
        leaf: the block.
        packed: (edges,) tick and channel, ascending.
        target: it is compiled for.
    """
    tables = tables_of(target)
    needed = max(int(tables.gap[channel.number]) for channel in leaf.channels)
    grid = min(int(tables.grid[channel.number]) for channel in leaf.channels)
    if needed <= grid:  # then only equal ticks are too close, and those are neighbours
        same = packed[1:] == packed[:-1]
        if same.any():
            yield _too_close(leaf, int(packed[int(np.argmax(same))]), 0, grid, target)
        return
    mask = (1 << _CHANNEL_BITS) - 1
    by_channel = (packed & mask) << (63 - _CHANNEL_BITS) | packed >> _CHANNEL_BITS
    by_channel.sort()
    gap = np.diff(by_channel)
    wanted = tables.gap[by_channel[1:] >> (63 - _CHANNEL_BITS)]
    close = gap < np.maximum(wanted, 1)  # from channel to channel the gap is enormous
    if close.any():
        row = int(np.argmax(close))
        number = int(by_channel[row] >> (63 - _CHANNEL_BITS))
        tick = int(by_channel[row] & ((1 << (63 - _CHANNEL_BITS)) - 1))
        key = tick << _CHANNEL_BITS | number
        yield _too_close(leaf, key, int(gap[row]), max(int(wanted[row]), 1), target)


def _too_close(leaf: Edges, key: int, gap: int, needed: int, target: Target) -> SpacingError:
    channel = target.by_number[key & ((1 << _CHANNEL_BITS) - 1)]
    gap_text, needed_text = (show(ticks * target.period, "s", 12) for ticks in (gap, needed))
    return SpacingError(leaf.source, channel.name, leaf.source, gap_text, needed_text)
