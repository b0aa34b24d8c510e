"""Reads what channels put out from their events: when a line is high, what a tone plays, how a voltage goes.

All of it is worked out for all channels at once. Events of one channel at one tick are one write: only what
holds after all of them counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sequences.picture.folding import Events
from sequences.picture.picture import Bars, Gates, Samples, Strokes
from sequences.timeline import Operation

_RAMP_GAP = 1.5
"""In update periods: samples of one ramp are one period apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """Columns by channel number.

    Attributes:
        row: (numbers,) row of the picture.
        update: (numbers,) ticks between the samples of a ramp.
    """

    row: NDArray[np.int64]
    update: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Writes:
    """Writes of lines or tones: all events of a channel at a tick together.

    Attributes:
        channel: (writes,) numbers.
        time: (writes,) ticks.
        follows: (writes,) bool, whether the write before is one of the same channel.
        level: (writes,) amplitude, or the level of a line, that holds from here on.
        fresh: (writes,) bool, whether something new begins here: not only the amplitude was written.
        last: (writes,) the write's last event.
    """

    channel: NDArray[np.uint16]
    time: NDArray[np.int64]
    follows: NDArray[np.bool_]
    level: NDArray[np.float64]
    fresh: NDArray[np.bool_]
    last: NDArray[np.int64]


def read_bars(events: Events, end: int, period: float, lookup: Lookup) -> tuple[Bars, Samples]:
    """Return when lines are high and tones are on.

    A bar ends where the output goes off, or where another pulse begins: where frequency or phase are
    written, or where it goes off and on at one tick. Other amplitudes within a bar are its envelope.

    Args:
        events: of a program, by channel and time.
        end: of the axis, ticks; what is on then ends there.
        period: of a tick, s.
        lookup: by channel number.

    Returns:
        The bars, row by row, and the samples of those whose amplitude is shaped.
    """
    switching = (Operation.LEVEL, Operation.FREQUENCY, Operation.PHASE, Operation.AMPLITUDE)
    events = events.take(np.isin(events.operation, switching))
    writes = _writes(events)
    on = writes.level > 0
    was_on = np.concatenate([[False], on[:-1]]) & writes.follows
    begins = on & (writes.fresh | ~was_on)
    bar = np.cumsum(begins) - 1  # of each write that is on
    first = np.flatnonzero(begins)
    following = np.concatenate([writes.time[1:], [end]])
    following[~np.concatenate([writes.follows[1:], [False]])] = end
    playing = np.flatnonzero(on)
    count = np.bincount(bar[playing], minlength=len(first))
    edges = np.cumsum(count) - count
    final = playing[edges + count - 1] if len(first) else first
    at = writes.last[first]
    frequency = _latest(events, Operation.FREQUENCY)[at]
    tone = ~(events.operation[at] == Operation.LEVEL)
    level, changing = writes.level[playing], _any_between(events.changing, writes.last)[playing]
    peak = np.maximum.reduceat(level, edges) if len(first) else level
    shaped = count > 1
    samples = np.repeat(shaped, count)
    bars = Bars(
        row=lookup.row[writes.channel[first]],
        start=_seconds(writes.time[first], period),
        stop=_seconds(np.maximum(following[final], writes.time[first]), period),
        frequency=np.where(tone, frequency, np.nan),
        amplitude=np.where(tone, peak, np.nan),
        phase=np.where(tone, _latest(events, Operation.PHASE)[at], np.nan),
        source=events.source[at],
        changing=np.logical_or.reduceat(changing, edges) if len(first) else changing,
        first=np.where(shaped, np.cumsum(np.where(shaped, count, 0)) - count, 0),
        count=np.where(shaped, count, 0),
    )
    return bars, Samples(_seconds(writes.time[playing][samples], period), level[samples])


def read_strokes(events: Events, period: float, lookup: Lookup) -> tuple[Strokes, Samples]:
    """Return how voltages go.

    Args:
        events: of a program, by channel and time.
        period: of a tick, s.
        lookup: by channel number.

    Returns:
        The strokes, row by row, and their samples.
    """
    events = events.take(events.operation == Operation.VOLTAGE)
    last = np.ones(len(events), dtype=np.bool_)
    last[:-1] = (np.diff(events.time) != 0) | (np.diff(events.channel.astype(np.int64)) != 0)
    events = events.take(last)
    begins = ~_continues(events, lookup)
    first = np.flatnonzero(begins)
    count = np.diff(np.append(first, len(events)))
    strokes = Strokes(
        row=lookup.row[events.channel[first]],
        start=_seconds(events.time[first], period),
        stop=_seconds(events.time[first + count - 1], period),
        source=events.source[first],
        changing=np.logical_or.reduceat(events.changing, first) if len(first) else events.changing,
        first=first,
        count=count,
    )
    return strokes, Samples(_seconds(events.time, period), events.value)


def _continues(events: Events, lookup: Lookup) -> NDArray[np.bool_]:
    """Tell of each voltage whether it is another sample of what the voltage before it belongs to.

    The samples of one line of code are a ramp or a waveform if they are no further apart than the channel
    asks for, or evenly spaced.
    """
    count = len(events)
    gap = np.diff(events.time, prepend=0)
    same_line = np.zeros(count, dtype=np.bool_)
    same_line[1:] = (events.channel[1:] == events.channel[:-1]) & (events.source[1:] == events.source[:-1])
    even = np.zeros(count, dtype=np.bool_)
    even[1:] = same_line[1:] & same_line[:-1] & (gap[1:] == gap[:-1])
    even[:-1] |= even[1:]
    return same_line & (even | (gap <= _RAMP_GAP * lookup.update[events.channel]))


def read_gates(events: Events, end: int, period: float, lookup: Lookup) -> Gates:
    """Return when detectors and cameras record.

    Args:
        events: of a program, by channel and time.
        end: of the axis, ticks; what is open then ends there.
        period: of a tick, s.
        lookup: by channel number.
    """
    events = events.take(np.isin(events.operation, (Operation.OPEN, Operation.CLOSE)))
    events = events.take(np.lexsort((events.value, events.channel)))  # stable: each readout in order of time
    opens = np.flatnonzero(events.operation == Operation.OPEN)
    following = np.minimum(opens + 1, max(len(events) - 1, 0))
    closed = (
        (events.operation[following] == Operation.CLOSE)
        & (events.channel[following] == events.channel[opens])
        & (events.value[following] == events.value[opens])
    )
    gates = events.take(opens)
    order = np.lexsort((gates.time, gates.channel))
    stop = np.where(closed, events.time[following], end)
    return Gates(
        row=lookup.row[gates.channel][order],
        start=_seconds(gates.time[order], period),
        stop=_seconds(stop[order], period),
        readout=gates.value[order].astype(np.int64),
        source=gates.source[order],
    )


def _writes(events: Events) -> _Writes:
    count = len(events)
    channel_begins = np.ones(count, dtype=np.bool_)
    channel_begins[1:] = events.channel[1:] != events.channel[:-1]
    begins = channel_begins.copy()
    begins[1:] |= events.time[1:] != events.time[:-1]
    first = np.flatnonzero(begins)
    last = np.append(first[1:], count)[: len(first)] - 1
    switches = np.isin(events.operation, (Operation.LEVEL, Operation.AMPLITUDE))
    fresh = ~switches | (events.value == 0)
    return _Writes(
        channel=events.channel[first],
        time=events.time[first],
        follows=~channel_begins[first],
        level=_latest(events, Operation.LEVEL, Operation.AMPLITUDE)[last],
        fresh=_any_between(fresh, last),
        last=last,
    )


def _latest(events: Events, *operations: Operation) -> NDArray[np.float64]:
    """Return, at each event, the value that an operation last gave its channel; 0 before the first."""
    place = np.arange(len(events))
    latest = np.maximum.accumulate(np.where(np.isin(events.operation, operations), place, -1))
    channel_begins = np.ones(len(events), dtype=np.bool_)
    channel_begins[1:] = events.channel[1:] != events.channel[:-1]
    own = latest >= np.maximum.accumulate(np.where(channel_begins, place, 0))
    return np.where(own, events.value[latest], 0.0)


def _any_between(holds: NDArray[np.bool_], last: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell of each write whether something holds for any of its events, the last of which are given."""
    seen = np.concatenate([[0], np.cumsum(holds)])
    upto = seen[last + 1]
    return np.diff(upto, prepend=0) > 0


def _seconds(ticks: NDArray[np.int64], period: float) -> NDArray[np.float64]:
    return np.multiply(ticks, period, dtype=np.float64)
