"""What the channels really put out while a timeline is played, on the lab's clock.

A timeline's events come back as light and fields: each channel's latency is added again. The latencies of the
target are taken for the true ones; events that do not allow for them are mistimed light. Times here are
picoseconds from the nominal start of the timeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sequences.target import Target
from sequences.timeline import Operation, Timeline

CAMERA = "camera"


@dataclass(frozen=True, slots=True)
class Tone:
    """A DDS output: frequency (Hz), phase (turns, of the core's clock) and amplitude (0 is off)."""

    frequency: float = 0.0
    phase: float = 0.0
    amplitude: float = 0.0


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
        tones: part -> tone at the end, for all that are still on.
    """

    duration: int
    stretches: tuple[Stretch, ...]
    windows: tuple[Window, ...]
    voltages: Mapping[str, Voltage]
    tones: Mapping[str, Tone]


def play_signals(
    timeline: Timeline, target: Target, parts: Mapping[int, str], tones: Mapping[str, Tone]
) -> Signals:
    """Work out what a timeline puts out.

    Args:
        timeline: to play.
        target: it was compiled for.
        parts: channel number -> part of the node; other channels drive nothing.
        tones: part -> tone that is on when the timeline starts.
    """
    period_ps = round(target.period * 1e12)
    duration = timeline.duration * period_ps
    times = timeline.time * period_ps - _delays(timeline, target)
    order = np.argsort(times, kind="stable")
    driven = np.isin(timeline.channel, list(parts))
    is_voltage = timeline.operation == Operation.VOLTAGE
    switched = order[(driven & ~is_voltage)[order]]
    stretches, windows, left = _switch(timeline, times, switched, parts, tones, duration)
    voltages = {
        parts[number]: Voltage(times[rows], timeline.value[rows])
        for number in np.unique(timeline.channel[driven & is_voltage]).tolist()
        for rows in [order[(driven & is_voltage & (timeline.channel == number))[order]]]
    }
    return Signals(duration, stretches, windows, voltages, left)


def _delays(timeline: Timeline, target: Target) -> NDArray[np.int64]:
    """Return for each event by how much its channel's compensation exceeds its true latency, in ps."""
    table = np.zeros(max(target.by_number, default=0) + 1, dtype=np.int64)
    for number, channel in target.by_number.items():
        table[number] = round((target.lead - channel.latency) * 1e12)
    return table[timeline.channel]


def _switch(
    timeline: Timeline,
    times: NDArray[np.int64],
    rows: NDArray[np.int64],
    parts: Mapping[int, str],
    tones: Mapping[str, Tone],
    duration: int,
) -> tuple[tuple[Stretch, ...], tuple[Window, ...], dict[str, Tone]]:
    """Follow the beams, the camera's shutter and the detectors' gates through their events."""
    now, on, exposed = 0, dict(tones), None
    settings = dict(tones)
    stretches: list[Stretch] = []
    windows: list[Window] = []
    opened: dict[str, tuple[int, int]] = {}
    columns = zip(
        times[rows].tolist(),
        timeline.channel[rows].tolist(),
        timeline.operation[rows].tolist(),
        timeline.value[rows].tolist(),
        strict=True,
    )
    for time, number, operation, value in columns:
        if time > now and (on or exposed is not None):
            stretches.append(Stretch(now, time, dict(on), exposed))
        now = max(now, time)
        part = parts[number]
        if operation == Operation.OPEN:
            if part == CAMERA:
                exposed = int(value)
            else:
                opened[part] = (int(value), time)
        elif operation == Operation.CLOSE:
            if part == CAMERA:
                exposed = None
            elif part in opened:
                readout, start = opened.pop(part)
                windows.append(Window(part, readout, start, time))
        else:
            settings[part] = _changed(settings.get(part, Tone()), operation, value)
            on = {name: tone for name, tone in settings.items() if tone.amplitude > 0}
    if duration > now and (on or exposed is not None):
        stretches.append(Stretch(now, duration, dict(on), exposed))
    return tuple(stretches), tuple(sorted(windows, key=lambda w: (w.start, w.readout))), on


def _changed(tone: Tone, operation: int, value: float) -> Tone:
    """Return the tone after one event."""
    match operation:
        case Operation.FREQUENCY:
            return Tone(value, tone.phase, tone.amplitude)
        case Operation.PHASE:
            return Tone(tone.frequency, value, tone.amplitude)
        case Operation.AMPLITUDE:
            return Tone(tone.frequency, tone.phase, value)
        case _:
            return tone
