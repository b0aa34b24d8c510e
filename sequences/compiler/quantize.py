"""Fourth pass: seconds become ticks, the one place where floats turn into integers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sequences.compiler.clock import LONGEST, NOISE, tables_of
from sequences.compiler.stages import Code, Outline, Placement, Schedule
from sequences.errors import (
    AuthoringError,
    DurationError,
    ForeignChannelError,
    OffGridError,
    Source,
    raise_together,
)
from sequences.ir import Block, Delay, Edges, Named, Shift
from sequences.rules import name_of
from sequences.target import Target
from sequences.timeline import Label
from sequences.units import show

_TO_THE_SEAM: Final = "from here to the next start or end of a loop"


def quantize(outline: Outline[Placement], target: Target) -> Outline[Schedule]:
    """Return the segments with all times as whole ticks of the target's period.

    Nothing is rounded away: a time must lie on the grid of its channel, but for the noise of floats
    (`clock.NOISE`).

    Raises:
        OffGridError: a time is between two ticks.
        DurationError: a block is shorter than a tick, or a segment longer than floats can count.
        ForeignChannelError: a block's channel is not one of the target.
        CompileError: several of these.
    """
    problems: list[AuthoringError] = []
    for placement in outline.segments:
        problems += _foreign(placement, target)
        problems += _endless(placement, target)
    raise_together([*problems])
    schedules = outline.map(lambda placement: _scheduled(placement, target, problems))
    raise_together([*problems])
    return schedules


def refuse_seams(outline: Outline[Schedule], target: Target) -> None:
    """Where there are loops, refuse segments after which the next one would be off some channel's grid.

    Raises:
        OffGridError: a segment does not last a whole number of steps of every grid.
        CompileError: several do not.
    """
    if not outline.has_seams:
        return
    numbers = {number for schedule in outline.segments for number in schedule.channel.tolist()}
    step = math.lcm(*(target.grid_ticks(target.by_number[number]) for number in numbers))
    problems = []
    for schedule in outline.segments:
        if schedule.length % step:
            grid, value = step * target.period, schedule.length * target.period
            nearest = math.ceil(schedule.length / step) * grid
            problems.append(_off_grid(schedule.source, f"the time {_TO_THE_SEAM}", value, grid, nearest))
    raise_together([*problems])


def _foreign(placement: Placement, target: Target) -> Iterator[AuthoringError]:
    """Find channels that are not the target's, for example of a setup that was read again since."""
    for leaf in placement.users:
        for channel in leaf.channels if isinstance(leaf, Edges) else (leaf.channel,):  # type: ignore[union-attr]
            if target.by_name.get(channel.name) != channel:
                yield ForeignChannelError(leaf.source, channel.name, target.name)


def _endless(placement: Placement, target: Target) -> Iterator[AuthoringError]:
    """Find segments that are too long to be counted in ticks."""
    longest = LONGEST * target.period
    if placement.length >= longest:
        what, limit = f"the time {_TO_THE_SEAM}", f"less than {show(longest, 's', 3)}"
        source = placement.items[0].source
        yield DurationError(source, what, show(placement.length, "s"), limit)


def _scheduled(placement: Placement, target: Target, problems: list[AuthoringError]) -> Schedule:
    """Return one segment in ticks, or tell why there is none."""
    code, played = placement.code, placement.code < Code.DELAY
    grids = tables_of(target).grid[placement.channel]
    grids[code == Code.SHIFT] = 1  # a frame is turned between pulses, whenever that is
    start, start_off = _ticks(placement.start, grids, target)
    duration, duration_off = _ticks(placement.duration, grids, target)
    too_short = played & (duration == 0) & ~duration_off
    too_short &= (code != Code.TUNING) & (code != Code.LEVEL) & (code != Code.EDGES)
    if duration_off.any() or too_short.any():
        # A name lasts as long as what it names: whatever is off the grid in there is told itself.
        duration_off &= code != Code.LABEL
        problems += _duration_problems(placement, grids * target.period, duration_off, too_short)
    elif (start_off & played).any():
        problems.append(_start_problem(placement, grids * target.period, start_off & played))
    rows = np.flatnonzero(played)
    items: Any = placement.items
    everything = len(rows) == len(items)
    return Schedule(
        items if everything else [items[row] for row in rows.tolist()],
        code[rows],
        placement.channel[rows],
        start[rows],
        start[rows] + duration[rows],
        np.zeros(len(rows), dtype=np.int64),
        round(placement.length / target.period),
        _renumbered(placement.rises, rows),
        _turns(placement, start),
        _labels(placement, start, duration),
        items[0].source if items else Source("<nothing>", 0),
    )


def _ticks(
    times: NDArray[np.float64], grids: NDArray[np.int64], target: Target
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the nearest ticks, and which of the times are not on their grid."""
    exact = times / target.period
    nearest = np.rint(exact)
    ticks = nearest.astype(np.int64)
    return ticks, (np.abs(exact - nearest) > NOISE) | (ticks % grids != 0)


def _renumbered(rises: Any, rows: NDArray[np.intp]) -> dict[int, float]:
    """Return what is known of some items by their row in the schedule."""
    if not rises:
        return {}
    place = {row: number for number, row in enumerate(rows.tolist())}
    return {place[row]: rise for row, rise in rises.items()}


def _turns(placement: Placement, start: NDArray[np.int64]) -> tuple[tuple[int, Shift], ...]:
    rows = np.flatnonzero(placement.code == Code.SHIFT)
    rows = rows[np.argsort(start[rows], kind="stable")]
    return tuple((int(start[row]), placement.items[row]) for row in rows.tolist())  # type: ignore[misc]


def _labels(placement: Placement, start: NDArray[np.int64], duration: NDArray[np.int64]) -> tuple[Label, ...]:
    rows = np.flatnonzero(placement.code == Code.LABEL).tolist()
    return tuple(
        Label(placement.items[row].name, int(start[row]), int(start[row] + duration[row]))  # type: ignore[union-attr]
        for row in rows
    )


def _duration_problems(
    placement: Placement,
    grids: NDArray[np.floating[Any]],
    off: NDArray[np.bool_],
    too_short: NDArray[np.bool_],
) -> Iterator[AuthoringError]:
    for row in np.flatnonzero(off | too_short).tolist():
        item, value, grid = placement.items[row], float(placement.duration[row]), float(grids[row])
        if too_short[row]:
            what, limit = f"the duration of {_name(item)}", f"at least one tick of {show(grid, 's')}"
            yield DurationError(item.source, what, show(value, "s"), limit)
        else:
            what = f"the duration of {_name(item)}"
            least = 0 if isinstance(item, Delay) else 1
            yield _off_grid(item.source, what, value, grid, max(round(value / grid), least) * grid)


def _start_problem(
    placement: Placement, grids: NDArray[np.floating[Any]], off: NDArray[np.bool_]
) -> AuthoringError:
    """Tell the earliest start off the grid; the later ones usually follow from it."""
    rows = np.flatnonzero(off)
    row = int(rows[np.argmin(placement.start[rows])])
    item, value, grid = placement.items[row], float(placement.start[row]), float(grids[row])
    centred = placement.centred.get(row)
    moved = f", centred by the parallel block at {centred}," if centred else ""
    return _off_grid(
        item.source, f"the start of {_name(item)}{moved}", value, grid, round(value / grid) * grid
    )


def _name(item: Block) -> str:
    return f"{item.name!r}" if isinstance(item, Named) else name_of(item)  # type: ignore[arg-type]


def _off_grid(source: Source, what: str, value: float, grid: float, nearest: float) -> OffGridError:
    return OffGridError(source, what, show(value, "s", 15), show(grid, "s"), show(nearest, "s", 15))
