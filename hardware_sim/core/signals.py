"""What the channels really put out while a timeline is played, on the lab's clock.

A timeline's events come back as light and fields: the true latency of each part of the node is added to them.
The compiler compensated what the setup file states, so that an error there is mistimed light. Times here are
picoseconds from the nominal start of the timeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.target import Target
from sequences.timeline import Operation, Timeline

CAMERA: Final = "camera"

TONE_OPERATIONS: Final = frozenset({Operation.FREQUENCY, Operation.PHASE, Operation.AMPLITUDE})


@dataclass(frozen=True, slots=True)
class Tone:
    """A DDS output: frequency (Hz), phase (turns, of the core's clock) and amplitude (0 is off)."""

    frequency: float = 0.0
    phase: float = 0.0
    amplitude: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """One event as it acts: when (ps), on what part of the node, and what it sets."""

    time: int
    part: str
    operation: int
    value: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What goes on from one timeline to the next.

    Attributes:
        tones: that are on, by part, in order of the parts' names.
        late: changes that come after the timeline that asked for them; times are of the next one.
    """

    tones: tuple[tuple[str, Tone], ...] = ()
    late: tuple[Change, ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Tone], late: Iterable[Change] = ()) -> Standing:
        """Return what stands while tones are set like that; those without amplitude are off."""
        on = {part: tone for part, tone in settings.items() if tone.amplitude > 0}
        return cls(tuple(sorted(on.items())), tuple(late))

    @property
    def landing(self) -> float:
        """How long (s) it takes until all late changes have come."""
        return max((change.time * 1e-12 for change in self.late), default=0.0)

    @property
    def landed(self) -> Standing:
        """The same when all late changes have come."""
        settings = dict(self.tones)
        for change in self.late:
            settings[change.part] = _changed(settings.get(change.part, Tone()), change)
        return Standing.of(settings)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which no beam and no shutter changes.

    Attributes:
        start: ps.
        stop: ps.
        tones: part -> tone, those that are on.
        exposed: row of the program's readouts that the camera records into, or None.
    """

    start: int
    stop: int
    tones: Mapping[str, Tone]
    exposed: int | None

    @property
    def duration(self) -> float:
        """Seconds."""
        return (self.stop - self.start) * 1e-12


@dataclass(frozen=True, slots=True)
class Window:
    """A gate of a photon detector: part, row of the program's readouts, and times in ps."""

    part: str
    readout: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, eq=False)
class Voltage:
    """A DAC output as a staircase: (samples,) times in ps, ascending, and the voltages from then on."""

    times: NDArray[np.int64]
    volts: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """All outputs and gates of a timeline.

    Attributes:
        duration: ps.
        stretches: in order, without those in which nothing is on.
        windows: of the photon detectors, in order of their start.
        voltages: part -> staircase, for the electrodes that change.
        standing: what goes on in the next timeline.
    """

    duration: int
    stretches: tuple[Stretch, ...]
    windows: tuple[Window, ...]
    voltages: Mapping[str, Voltage]
    standing: Standing = Standing()


def play_signals(
    timeline: Timeline,
    target: Target,
    parts: Mapping[int, str],
    latencies: Mapping[str, float],
    before: Standing,
) -> Signals:
    """Work out what a timeline puts out.

    Args:
        timeline: to play.
        target: it was compiled for.
        parts: channel number -> part of the node; other channels drive nothing.
        latencies: part -> true time (s) from an event to what it does.
        before: what goes on from the timeline before.
    """
    duration = timeline.duration * round(target.period * 1e12)
    times = _acting_times(timeline, target, parts, latencies)
    order = np.argsort(times, kind="stable")
    order = order[np.isin(timeline.channel[order], list(parts))]
    is_voltage = timeline.operation[order] == Operation.VOLTAGE
    changes = [*before.late, *_read_changes(timeline, times, order[~is_voltage], parts)]
    if before.late:
        changes.sort(key=lambda change: change.time)
    stretches, standing = _follow_light(changes, before, duration)
    ramped = order[is_voltage]
    voltages = {
        parts[number]: Voltage(times[rows], timeline.value[rows])
        for number in np.unique(timeline.channel[ramped]).tolist()
        for rows in [ramped[timeline.channel[ramped] == number]]
    }
    return Signals(duration, stretches, _find_windows(changes), voltages, standing)


def _acting_times(
    timeline: Timeline, target: Target, parts: Mapping[int, str], latencies: Mapping[str, float]
) -> NDArray[np.int64]:
    """Return when (events,) each event acts, in ps of the written times, those of light.

    What lies beyond the end by no more than the grid of its channel was rounded there, and is moved back.
    """
    size = max(target.by_number, default=0) + 1
    advance, grid = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    for number, channel in target.by_number.items():
        true = latencies.get(parts.get(number, ""), channel.latency)
        advance[number] = round((target.lead - true) * 1e12)
        grid[number] = round(channel.grid * 1e12)
    period = round(target.period * 1e12)
    times, duration = timeline.time * period - advance[timeline.channel], timeline.duration * period
    rounded = (times > duration) & (times <= duration + grid[timeline.channel])
    return np.where(rounded, duration, times)


def _read_changes(
    timeline: Timeline, times: NDArray[np.int64], rows: NDArray[np.int64], parts: Mapping[int, str]
) -> Iterator[Change]:
    columns = (times, timeline.channel, timeline.operation, timeline.value)
    for time, number, operation, value in zip(*(column[rows].tolist() for column in columns), strict=True):
        yield Change(time, parts[number], operation, value)


def _follow_light(
    changes: Iterable[Change], before: Standing, duration: int
) -> tuple[tuple[Stretch, ...], Standing]:
    """Follow the beams and the camera's shutter through changes, in order of time, to the end of a timeline.

    What should have come before the timeline comes when it starts. A tone that changes later than its end is
    left to the next one; the camera is read out in the timeline that exposed it.
    """
    now, exposed = 0, None
    settings, on = dict(before.tones), dict(before.tones)
    stretches: list[Stretch] = []
    late: list[Change] = []
    for change in [*changes, Change(duration, CAMERA, Operation.CLOSE, 0.0)]:
        tone = change.operation in TONE_OPERATIONS
        if tone and change.time > duration:
            late.append(replace(change, time=change.time - duration))
            continue
        if not tone and change.part != CAMERA:
            continue
        time = min(change.time, duration)
        if time > now and (on or exposed is not None):
            stretches.append(Stretch(now, time, on, exposed))
        now = max(now, time)
        if tone:
            settings[change.part] = _changed(settings.get(change.part, Tone()), change)
            on = {part: tone for part, tone in settings.items() if tone.amplitude > 0}
        else:
            exposed = int(change.value) if change.operation == Operation.OPEN else None
    return tuple(stretches), Standing.of(settings, late)


def _find_windows(changes: Iterable[Change]) -> tuple[Window, ...]:
    """Return the gates of the photon detectors, which belong to the timeline that asked for them."""
    opened: dict[str, Change] = {}
    windows: list[Window] = []
    for change in changes:
        if change.part == CAMERA:
            continue
        if change.operation == Operation.OPEN:
            opened[change.part] = change
        elif change.operation == Operation.CLOSE and change.part in opened:
            start = opened.pop(change.part)
            windows.append(Window(change.part, int(start.value), start.time, change.time))
    return tuple(sorted(windows, key=lambda window: (window.start, window.readout)))


def _changed(tone: Tone, change: Change) -> Tone:
    """Return the tone after a change."""
    match change.operation:
        case Operation.FREQUENCY:
            return Tone(change.value, tone.phase, tone.amplitude)
        case Operation.PHASE:
            return Tone(tone.frequency, change.value, tone.amplitude)
        case _:
            return Tone(tone.frequency, tone.phase, change.value)
