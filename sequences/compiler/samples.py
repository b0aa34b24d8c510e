"""What is played as samples: ramps and waveforms of voltages, envelopes of tones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sequences.compiler.clock import tables_of
from sequences.compiler.stages import Code, Column, Fill, Schedule
from sequences.errors import AuthoringError, DurationError, OffGridError
from sequences.ir import Pulse
from sequences.rules import name_of
from sequences.shapes import SHAPES
from sequences.target import Quantity, Target
from sequences.units import show


@dataclass(frozen=True, slots=True, eq=False)
class Sampled:
    """Samples of some leaves, one leaf after the other.

    Attributes:
        rows: (samples,) leaf of each, row of the schedule.
        time: (samples,) ticks.
        value: (samples,) in the base unit; NaN where it is open.
        fills: how open values are filled; their rows are places in these columns.
    """

    rows: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    fills: tuple[Fill, ...]


def ramp_samples(schedule: Schedule, target: Target) -> Sampled | None:
    """Return the samples of all ramps, counted back from each ramp's end; None if there are none."""
    if (Code.RAMP, "start") not in schedule.columns:
        return None
    start, stop = schedule.columns[Code.RAMP, "start"], schedule.columns[Code.RAMP, "stop"]
    rows = start.rows
    update = tables_of(target).update[schedule.channel[rows]]
    duration = schedule.stop[rows] - schedule.start[rows]
    counts = duration // update
    ramp = np.repeat(np.arange(len(rows)), counts)
    left = np.cumsum(counts)[ramp] - 1 - np.arange(len(ramp))
    before_end = left * update[ramp]
    way = 1 - before_end / duration[ramp]
    shapes: Any = [schedule.leaves[row].shape for row in rows.tolist()]
    for shape in set(shapes):
        mine = np.array([other == shape for other in shapes])[ramp]
        way[mine] = SHAPES[shape](way[mine])
    way[left == 0] = 1.0
    # start + (stop - start) may miss the stop value by a rounding
    first, last = start.numbers[ramp], stop.numbers[ramp]
    value = np.where(left == 0, last, first + (last - first) * way)
    times = schedule.stop[rows][ramp] - before_end
    bounds = np.cumsum(counts)
    fills = []
    for place in sorted({*start.open, *stop.open}):
        samples = np.arange(bounds[place] - counts[place], bounds[place])
        fills.append(_blend(schedule, start, stop, place, samples, way[samples]))
    return Sampled(rows[ramp], times, value, tuple(fills))


def _blend(
    schedule: Schedule,
    start: Column,
    stop: Column,
    place: int,
    samples: NDArray[np.int64],
    way: NDArray[np.float64],
) -> Fill:
    first = start.open.get(place, float(start.numbers[place]))
    last = stop.open.get(place, float(stop.numbers[place]))
    leaf: Any = schedule.leaves[int(start.rows[place])]
    return Fill(samples, first, last, way, leaf, Quantity.VOLTAGE)


def waveform_samples(schedule: Schedule, target: Target, problems: list[AuthoringError]) -> Sampled | None:
    """Return the samples of all waveforms, the first of each at its start; None if there are none."""
    rows = np.flatnonzero(schedule.code == Code.WAVEFORM)
    if len(rows) == 0:
        return None
    leaves: Any = [schedule.leaves[row] for row in rows.tolist()]
    counts = np.array([len(leaf.samples) for leaf in leaves], dtype=np.int64)
    duration = schedule.stop[rows] - schedule.start[rows]
    period = duration // counts
    tables = tables_of(target)
    channel = schedule.channel[rows]
    grid, gap = tables.grid[channel], np.maximum(tables.gap[channel], tables.grid[channel])
    for place in np.flatnonzero((duration % counts != 0) | (period % grid != 0) | (period < gap)).tolist():
        leaf, step = leaves[place], max(int(grid[place]), 1)
        least = max(int(gap[place]), step)
        what = f"the period of {name_of(leaf)}"
        told = float(duration[place] / counts[place]) * target.period
        if period[place] < least:
            limit = f"at least one update of the channel, {show(least * target.period, 's')}"
            problems.append(DurationError(leaf.source, what, show(told, "s", 12), limit))
        else:
            near = max(round(told / target.period / step), 1) * step * target.period
            grid_text = show(step * target.period, "s")
            problems.append(
                OffGridError(leaf.source, what, show(told, "s", 15), grid_text, show(near, "s", 15))
            )
    wave = np.repeat(np.arange(len(rows)), counts)
    number = np.arange(len(wave)) - (np.cumsum(counts) - counts)[wave]
    time = schedule.start[rows][wave] + number * period[wave]
    return Sampled(rows[wave], time, np.concatenate([leaf.samples.values for leaf in leaves]), ())


def envelope_steps(schedule: Schedule, target: Target, problems: list[AuthoringError]) -> Sampled:
    """Return the amplitudes of all tones: one for those without an envelope, else one each update.

    An amplitude is that of the envelope in the middle of the time for which it is played: the area under a
    pulse is right.
    """
    column = schedule.columns[Code.TONE, "amplitude"]
    update = tables_of(target).update[schedule.channel[column.rows]]
    rows, times, values, fills = [], [], [], []
    size = 0
    for place, row in enumerate(column.rows.tolist()):
        pulse: Any = schedule.leaves[row]
        length = int(schedule.stop[row] - schedule.start[row])
        steps = max(length // int(update[place]), 1) if pulse.envelope else 1
        offset = np.arange(steps) * int(update[place])
        rise = schedule.rises.get(row, 0.0) / target.period
        way = _fractions(pulse, rise, offset, length, target, problems)
        rows.append(np.full(steps, row))
        times.append(schedule.start[row] + offset)
        values.append(column.numbers[place] * way)
        if place in column.open:
            samples = np.arange(size, size + steps)
            fills.append(Fill(samples, 0.0, column.open[place], way, pulse, Quantity.AMPLITUDE))
        size += steps
    return Sampled(np.concatenate(rows), np.concatenate(times), np.concatenate(values), tuple(fills))


def _fractions(
    pulse: Pulse,
    rise: float,
    offset: NDArray[np.int64],
    length: int,
    target: Target,
    problems: list[AuthoringError],
) -> NDArray[np.float64]:
    """Return the fraction of the amplitude (steps,) at which each step of a pulse is played."""
    if pulse.envelope is None:
        return np.ones(len(offset))
    stops = np.append(offset[1:], length)
    middle = (offset + stops) / 2
    if pulse.envelope.samples is not None:
        given = pulse.envelope.samples.values
        return np.asarray(
            np.take(given, np.minimum((middle / length * len(given)).astype(np.int64), len(given) - 1))
        )
    if not 0 <= 2 * rise <= length * (1 + 1e-9):
        what = f"the rise of the envelope of {name_of(pulse)}"
        limit = "zero or more, and at most half of the pulse"
        told = show(rise * target.period, "s")
        problems.append(DurationError(pulse.source, what, told, limit))
    if rise <= 0:
        return np.ones(len(offset))
    reached = np.clip(np.minimum(middle, length - middle) / rise, 0.0, 1.0)
    return np.asarray(SHAPES[pulse.envelope.edge](reached))
