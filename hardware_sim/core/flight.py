"""Photons between the ions and the recorder: under way, absorbed by a detector, counted by an open gate.

Whether and where a photon will be absorbed is decided when it is emitted: a measurement on the photon
commutes with all that is done to its ion meanwhile. What is decided is kept until its time of arrival has
come, in whatever timeline of the program that is, and meets the gates that are open then. Where light takes
no time, and it is known that no gate will be open, nothing is decided: the ion is left in the mixture of all
that might be.

Detectors run on when no gate is open: what they absorb shortly before a gate opens makes them dead in it.
They are therefore watched from some of their dead times before each gate on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.ensemble import Shots
from hardware_sim.core.photons import DETECTORS, Watch, background_rates, photon_path
from hardware_sim.core.recorder import Recorder
from hardware_sim.core.signals import Window
from hardware_sim.physics.detectors import SECOND, TAILS, Detector, Stream, Times, join_streams
from hardware_sim.properties import NodeProperties

ALWAYS: Final = 1 << 62
"""Ps; farther away than any time of an experiment."""


@dataclass(slots=True)
class _Port:
    """One detector in all shots of a point.

    Attributes:
        rate: of arrivals that are no photons of the ions, 1/s.
        ready: (shots,) from when on it is not dead, ps of the lab.
        heard: (shots,) up to when its dark counts have been drawn, ps of the lab.
        under_way: what arrives later.
    """

    rate: float
    ready: Times
    heard: Times
    under_way: list[Stream] = field(default_factory=list)


class Flight:
    """The photons and the detectors of all shots of a point.

    Attributes:
        watches: when it is to be decided whether photons of the present timeline are absorbed.
    """

    def __init__(self, properties: NodeProperties, shots: int) -> None:
        self.watches: tuple[Watch, ...] = ()
        self._delay = round(photon_path(properties).delay * SECOND)
        self._detector = Detector(
            jitter=properties.detector_jitter,
            dead_time=properties.detector_dead_time,
            afterpulsing=properties.detector_afterpulsing,
            afterpulse_time=properties.detector_afterpulse_time,
        )
        self._before = ceil(self._detector.memory * SECOND)
        self._behind = ceil(TAILS * self._detector.jitter * SECOND)
        self._ports = {
            part: _Port(rate, np.full(shots, -ALWAYS), np.full(shots, -ALWAYS))
            for part, rate in background_rates(properties).items()
        }

    def plan(self, windows: Sequence[Window], duration: int) -> tuple[Watch, ...]:
        """Return when photons that are emitted in a timeline must be decided upon.

        Args:
            windows: of the timeline.
            duration: of the timeline, ps. Gates of later ones may see what comes after its end.
        """
        if self._delay:
            return tuple(Watch(part, -ALWAYS, ALWAYS) for part in DETECTORS)
        return tuple(
            Watch(part, start, stop)
            for part in DETECTORS
            for start, stop in _united(
                [*self._spans(part, windows), (duration - self._before - self._behind, ALWAYS)]
            )
        )

    def launch(self, part: str, photons: Stream) -> None:
        """Send photons to a detector, at the times (ps of the lab) at which they leave the cavity."""
        if len(photons.shot):
            self._ports[part].under_way.append(photons.later(self._delay))

    def land(
        self,
        rng: np.random.Generator,
        shots: Shots,
        clock_ps: Times,
        windows: Sequence[Window],
        duration: int,
        recorder: Recorder,
    ) -> None:
        """Let arrive what arrives in a timeline, and record what its gates see.

        Args:
            rng: source of randomness.
            shots: that play the timeline.
            clock_ps: (shots of the point,) when it started.
            windows: of the photon detectors.
            duration: of the timeline, ps.
            recorder: of the clicks.
        """
        for part, port in self._ports.items():
            mine = [window for window in windows if window.part == part]
            spans = _united(self._spans(part, windows))
            if not spans and not port.under_way:
                continue
            end = max(duration, spans[-1][1]) if spans else duration
            light = _arrived(port, shots, clock_ps + end)
            arrivals = join_streams([light, self._darks(rng, port, shots, clock_ps, spans)])
            clicks, later = self._detector.click(rng, arrivals, port.ready, clock_ps + end)
            if len(later.shot):
                port.under_way.append(later)
            # Of the clicks of one shot, which are in order, the last one stays.
            port.ready[clicks.shot] = clicks.time + round(self._detector.dead_time * SECOND)
            _count(self._detector.blur(rng, clicks), clock_ps, mine, recorder)

    def _spans(self, part: str, windows: Iterable[Window]) -> list[tuple[int, int]]:
        """Return when a detector must be watched (from, to) for its gates to see what they must."""
        return [
            (window.start - self._before, window.stop + self._behind)
            for window in windows
            if window.part == part
        ]

    def _darks(
        self,
        rng: np.random.Generator,
        port: _Port,
        shots: Shots,
        clock_ps: Times,
        spans: Sequence[tuple[int, int]],
    ) -> Stream:
        """Draw dark counts, at any time within some spans; those of a time before have been drawn already."""
        starts, stops = np.array(spans, dtype=np.int64).reshape(-1, 2).T
        length = stops - starts
        number = rng.poisson(port.rate * int(length.sum()) / SECOND * len(shots))
        shot = shots[rng.integers(len(shots), size=number)] if number else shots[:0]
        place = rng.integers(int(length.sum()), size=number) if number else shots[:0]
        # The spans end to end: how far a place is into its own tells the time.
        ends = np.cumsum(length, dtype=np.int64)
        span = np.searchsorted(ends, place, side="right")
        time = clock_ps[shot] + stops[span] - (ends[span] - place)
        fresh = time >= port.heard[shot]
        if len(spans) and port.rate:
            port.heard[shots] = clock_ps[shots] + stops[-1]
        return Stream(shot[fresh], time[fresh])


def _arrived(port: _Port, shots: Shots, until: Times) -> Stream:
    """Take what has arrived in some shots by a time (shots of the point,) from what is under way."""
    if not port.under_way:
        return join_streams([])
    stream = join_streams(port.under_way)
    playing = np.zeros(len(until), dtype=np.bool_)
    playing[shots] = True
    here = playing[stream.shot] & (stream.time <= until[stream.shot])
    port.under_way = [stream.only(~here)] if not here.all() else []
    return stream.only(here)


def _count(clicks: Stream, clock_ps: Times, windows: Sequence[Window], recorder: Recorder) -> None:
    """Record the clicks of one detector for which one of its gates is open."""
    offset = clicks.time - clock_ps[clicks.shot]
    for window, seen in _sorted_out(offset, windows):
        shot = clicks.shot[seen]
        recorder.click(window, shot, clock_ps[shot], offset[seen])


def _sorted_out(
    offset: NDArray[np.int64], windows: Sequence[Window]
) -> Iterator[tuple[Window, NDArray[np.int64]]]:
    """Yield each gate that sees any of some times (clicks,), with the rows of these."""
    if not windows:
        return
    starts, stops = np.array([(window.start, window.stop) for window in windows]).T
    row = np.searchsorted(starts, offset, side="right") - 1
    row = np.where((row >= 0) & (offset <= stops[row]), row, -1)
    for chosen in np.unique(row[row >= 0]).tolist():
        yield windows[chosen], np.flatnonzero(row == chosen)


def _united(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same times (from, to) as spans that do not touch each other, in order.

    Example:
        >>> _united([(5, 9), (0, 2), (8, 12)])
        [(0, 2), (5, 12)]
    """
    united: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if united and start <= united[-1][1]:
            united[-1] = united[-1][0], max(united[-1][1], stop)
        else:
            united.append((start, stop))
    return united
