"""A program as people look at it: events at the time of their light, and its labels as events among them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sequences.program import Program
from sequences.target import Target
from sequences.timeline import Label, Operation, Timeline


@dataclass(frozen=True, slots=True)
class Presentation:
    """A program to be drawn or written down.

    Attributes:
        program: with its events and, on the channels of `lanes`, which the target does not have, its labels:
            LEVEL 1 + row of `names` where a label starts, LEVEL 0 where a stretch stops.
        names: of labels.
        lanes: channel numbers. The first is for marks; the stretches of each further one do not overlap.
    """

    program: Program
    names: tuple[str, ...]
    lanes: tuple[int, ...]


def present(program: Program, *, light: bool) -> Presentation:
    """Return a program as people look at it.

    Args:
        program: as it was compiled.
        light: whether times are those that the author wrote, at which there is light; or those of the core's
            events. There, a label stands where its light is: later than written by the target's lead.
    """
    presenter = _Presenter(program.target, light=light)
    timelines, places = [], []
    for timeline in program.timelines():
        presented, place = presenter.timeline(timeline)
        timelines.append(presented)
        places.append(place)
    changing = tuple(replace(entry, rows=places[entry.timeline][entry.rows]) for entry in program.shot_values)
    shown = replace(program.with_timelines(timelines), shot_values=changing)
    return Presentation(shown, tuple(presenter.names), tuple(presenter.lanes))


class _Presenter:
    """Knows the lanes and names of labels that have been seen.

    Attributes:
        names: name -> row.
        lanes: channel numbers; the first one is for marks.
    """

    def __init__(self, target: Target, *, light: bool) -> None:
        self.names: dict[str, int] = {}
        self._spare = (number for number in range(2**16 - 1, -1, -1) if number not in target.by_number)
        self.lanes = [next(self._spare)]
        self._label_delay = 0 if light else round(target.lead / target.period)
        self._delays = target.shifts if light else np.zeros_like(target.shifts)

    def timeline(self, timeline: Timeline) -> tuple[Timeline, NDArray[np.int64]]:
        """Return a timeline with its labels as events, and for each event before the row (events,) after."""
        rows = self._label_rows(timeline.labels)
        time, lane, value = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        times = np.concatenate((timeline.time - self._delays[timeline.channel], time + self._label_delay))
        channels = np.concatenate((timeline.channel, lane.astype(np.uint16)))
        order = np.lexsort((channels, times))
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        levels = np.full(len(rows), Operation.LEVEL, dtype=np.uint8)
        presented = Timeline(
            timeline.duration,
            times[order],
            channels[order],
            np.concatenate((timeline.operation, levels))[order],
            np.concatenate((timeline.value, value.astype(np.float64)))[order],
            np.concatenate((timeline.source, np.zeros(len(rows), dtype=np.uint32)))[order],
        )
        return presented, place[: len(timeline)]

    def _label_rows(self, labels: tuple[Label, ...]) -> list[tuple[int, int, int]]:
        """Return time, lane and value of the labels' events; at one time, stops before starts."""
        rows: list[tuple[int, int, int]] = []
        busy: list[int] = []  # until when each lane of stretches is taken
        for label in sorted(labels, key=lambda label: (label.start, -label.stop)):
            name = 1 + self.names.setdefault(label.name, len(self.names))
            if label.stop == label.start:
                rows.append((label.start, self.lanes[0], name))
                continue
            free = next((row for row, until in enumerate(busy) if until <= label.start), len(busy))
            busy[free : free + 1] = [label.stop]
            if free + 1 == len(self.lanes):
                self.lanes.append(next(self._spare))
            lane = self.lanes[free + 1]
            rows += [(label.start, lane, name), (label.stop, lane, 0)]
        return sorted(rows, key=lambda row: (row[0], row[2] != 0))
