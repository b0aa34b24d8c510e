"""Makes the picture of a program."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sequences.picture.folding import Axis, fold, wait_text
from sequences.picture.picture import (
    GROUPS,
    Fold,
    Group,
    Mark,
    Picture,
    Row,
    Stretch,
    deepen,
)
from sequences.picture.signals import Lookup, read_bars, read_gates, read_strokes
from sequences.program import Program
from sequences.target import Channel, Target
from sequences.timeline import Label


def depict(program: Program, *, shot: int = 0, electronics: bool = False) -> Picture:
    """Return what is drawn of a program.

    Args:
        program: to draw; its loops are drawn once.
        shot: whose values are drawn, where they change from shot to shot.
        electronics: draw the times of the core's events, which come up to the target's lead later than
            written, and labels at the time of their light, by the core's clock; else all as written.
    """
    axis = fold(program, shot=shot, electronics=electronics)
    target, period = program.target, program.target.period
    channels = _used(axis, target)
    lookup = _lookup(channels, target)
    strokes, voltages = read_strokes(axis.events, period, lookup)
    bars, envelopes = read_bars(axis.events, axis.length, period, lookup)
    rows = tuple(Row(channel.name, GROUPS[channel.kind]) for channel in channels)
    return Picture(
        name=program.name,
        target=target.name,
        duration=axis.length * period,
        events=program.events,
        electronics=electronics,
        rows=rows,
        bars=bars,
        strokes=strokes,
        gates=read_gates(axis.events, axis.length, period, lookup),
        voltages=voltages,
        envelopes=envelopes,
        marks=_marks(axis, target, lookup.row),
        stretches=_stretches(axis.labels, period),
        folds=tuple(
            Fold(span.bracket, *span.words, span.start * period, span.stop * period, span.depth)
            for span in axis.spans
        ),
        readouts=program.readouts,
        sources=program.sources,
    )


def _used(axis: Axis, target: Target) -> tuple[Channel, ...]:
    """Return the channels that have events or are waited for, group by group."""
    numbers = {*np.unique(axis.events.channel).tolist(), *(wait.channel for _, wait in axis.waits)}
    used = [channel for channel in target.channels if channel.number in numbers]
    return tuple(sorted(used, key=lambda channel: list(Group).index(GROUPS[channel.kind])))


def _lookup(channels: tuple[Channel, ...], target: Target) -> Lookup:
    size = max((channel.number for channel in channels), default=0) + 1
    row, update = np.zeros(size, dtype=np.int64), np.ones(size, dtype=np.int64)
    for place, channel in enumerate(channels):
        row[channel.number] = place
        seconds = max(channel.update or channel.spacing, channel.grid)
        update[channel.number] = round(seconds / target.period)
    return Lookup(row, update)


def _marks(axis: Axis, target: Target, row: NDArray[np.int64]) -> tuple[Mark, ...]:
    named = [
        Mark(label.name, label.start * target.period) for label in axis.labels if label.start == label.stop
    ]
    waits = [
        Mark(wait_text(wait, target), tick * target.period, int(row[wait.channel]))
        for tick, wait in axis.waits
    ]
    return tuple(sorted((*named, *waits), key=lambda mark: mark.time))


def _stretches(labels: tuple[Label, ...], period: float) -> tuple[Stretch, ...]:
    spans = sorted(
        (label for label in labels if label.stop > label.start), key=lambda label: (label.start, -label.stop)
    )
    depths = deepen((label.start, label.stop) for label in spans)
    return tuple(
        Stretch(label.name, label.start * period, label.stop * period, depth)
        for label, depth in zip(spans, depths, strict=True)
    )
