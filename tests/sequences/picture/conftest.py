"""Programs made by hand, tick by tick, so that it is known what their pictures have to show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pytest

from sequences import Channel, Kind, Label, Operation, Play, Program, ReadoutChannel, Source, Target, Timeline

LEVEL, FREQUENCY, PHASE, AMPLITUDE, VOLTAGE, OPEN, CLOSE = Operation
READOUTS = (ReadoutChannel("herald", 0, 6), ReadoutChannel("herald", 1, 6), ReadoutChannel("ions", 0, 7))
SOURCES = tuple(Source("node.py", 10 * (line + 1)) for line in range(9))


def make_target() -> Target:
    return Target(
        "hand",
        1e-9,
        (
            Channel("camera", Kind.CAMERA, 7, 1e-6),
            Channel("shutter", Kind.TTL, 0, 1e-9),
            Channel("tone", Kind.DDS, 1, 4e-9, latency=600e-9),
            Channel("slow", Kind.DDS, 2, 4e-9, latency=200e-9),
            Channel("endcap", Kind.DAC, 3, 8e-9, spacing=1e-6),
            Channel("lock", Kind.TRIGGER, 4, 1e-9),
            Channel("unused", Kind.TTL, 5, 1e-9),
            Channel("apd", Kind.COUNTER, 6, 1e-9),
        ),
    )


Event = tuple[int, str, Operation, float, int]
"""Tick of light, channel, operation, value, source."""


@dataclass
class Sketch:
    """One timeline that is put together from what people write."""

    target: Target
    events: list[Event] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    def line(self, start: int, stop: int, channel: str = "shutter", source: int = 0) -> Sketch:
        self.events += [(stop, channel, LEVEL, 0.0, source), (start, channel, LEVEL, 1.0, source)]
        return self

    def tone(
        self,
        start: int,
        stop: int | None,
        frequency: float,
        amplitude: float | Iterable[float] = 1.0,
        phase: float = 0.0,
        channel: str = "tone",
        source: int = 0,
    ) -> Sketch:
        """A tone; several amplitudes are its envelope, evenly spread; without a stop it stays on."""
        shape = [amplitude] if isinstance(amplitude, float) else list(amplitude)
        if stop is not None:
            self.events.append((stop, channel, AMPLITUDE, 0.0, source))
        self.events += [
            (start, channel, FREQUENCY, frequency, source),
            (start, channel, PHASE, phase, source),
        ]
        step = ((stop or start) - start) // len(shape)
        self.events += [(start + step * k, channel, AMPLITUDE, a, source) for k, a in enumerate(shape)]
        return self

    def off(self, tick: int, channel: str = "tone") -> Sketch:
        self.events.append((tick, channel, AMPLITUDE, 0.0, 0))
        return self

    def volts(self, start: int, volts: Iterable[float], source: int = 0, period: int = 1000) -> Sketch:
        self.events += [(start + period * k, "endcap", VOLTAGE, v, source) for k, v in enumerate(volts)]
        return self

    def gate(self, start: int, stop: int, readout: int, channel: str = "apd", source: int = 0) -> Sketch:
        row = float(readout)
        self.events += [(start, channel, OPEN, row, source), (stop, channel, CLOSE, row, source)]
        return self

    def label(self, name: str, start: int, stop: int | None = None) -> Sketch:
        self.labels.append(Label(name, start, start if stop is None else stop))
        return self

    def play(self, duration: int) -> Play:
        """Return the timeline as the compiler would make it: latencies compensated, sorted, ends first."""
        by_name = self.target.by_name
        moved = [
            (tick + int(self.target.shifts[by_name[channel].number]), by_name[channel].number, *rest)
            for tick, channel, *rest in self.events
        ]
        ends = {LEVEL, AMPLITUDE, CLOSE}

        def rank(event: tuple[float, ...]) -> tuple[float, ...]:
            time, number, operation, value, _ = event
            is_end = operation in ends and (value == 0 or operation is CLOSE)
            return (time, number, 0 if is_end else 1 + operation)

        moved.sort(key=rank)
        columns = list(zip(*moved, strict=True)) if moved else [()] * 5
        kinds = (np.int64, np.uint16, np.uint8, np.float64, np.uint32)
        arrays = [np.array(column, dtype=kind) for column, kind in zip(columns, kinds, strict=True)]
        return Play(Timeline(duration, *arrays, tuple(self.labels)))


@dataclass(frozen=True)
class Hand:
    """Makes sketches and programs on one target."""

    target: Target

    def sketch(self) -> Sketch:
        return Sketch(self.target)

    def program(self, *steps: object, **more: object) -> Program:
        return Program("hand made", steps, READOUTS, self.target, SOURCES, **more)


@pytest.fixture(scope="session")
def hand() -> Hand:
    return Hand(make_target())
