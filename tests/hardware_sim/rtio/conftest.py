"""Small cores and programs written event by event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from sequences import Channel, Dispatcher, Kind, Target
from sequences.errors import Source
from sequences.program import Play, Program, ReadoutChannel, Step
from sequences.timeline import Operation, Timeline

Event = tuple[int, int, Operation, float]


@dataclass
class Desk:
    """Makes targets, timelines and programs.

    Channels 0 to 15 are lines, 16 and 17 tones, 24 a DAC that needs 1 us, 32 and 33 counters. Every event
    stands in a line of its own of the author's file.
    """

    sources: list[Source] = field(default_factory=list)

    def target(self, dispatcher: Dispatcher | None, latency: float = 0.0) -> Target:
        lines = [Channel(f"line{n}", Kind.TTL, n, grid=1e-9) for n in range(16)]
        tones = [Channel(f"tone{n}", Kind.DDS, n, grid=4e-9, latency=latency) for n in (16, 17)]
        counters = [Channel(f"counter{n}", Kind.COUNTER, n, grid=1e-9) for n in (32, 33)]
        dac = Channel("dac", Kind.DAC, 24, grid=8e-9, spacing=1e-6)
        return Target("bench", 1e-9, (*lines, *tones, dac, *counters), dispatcher)

    def timeline(self, duration: int, events: Sequence[Event]) -> Timeline:
        first = len(self.sources)
        self.sources += [Source("seq.py", first + row) for row in range(len(events))]
        order = sorted(range(len(events)), key=lambda row: events[row][:2])
        columns = [np.array([events[row][column] for row in order]) for column in range(4)]
        time, channel, operation, value = columns if events else [np.empty(0)] * 4
        return Timeline(
            duration,
            time.astype(np.int64),
            channel.astype(np.uint16),
            operation.astype(np.uint8),
            value.astype(np.float64),
            np.array([first + row for row in order], dtype=np.uint32),
        )

    def play(self, duration: int, events: Sequence[Event]) -> Play:
        return Play(self.timeline(duration, events))

    def edges(self, duration: int, *edges: tuple[int, int]) -> Play:
        """A timeline of lines that change at (tick, channel)."""
        return self.play(duration, [(time, channel, Operation.LEVEL, 1.0) for time, channel in edges])

    def gate(self, duration: int, opens: int, closes: int, readout: int = 0) -> Play:
        """A timeline with one gate of counter 32."""
        events = [(opens, 32, Operation.OPEN, readout), (closes, 32, Operation.CLOSE, readout)]
        return self.play(duration, events)

    def program(self, target: Target, *steps: Step) -> Program:
        readouts = tuple(ReadoutChannel("photon", index, 32) for index in range(4))
        return Program("bench", steps, readouts, target, tuple(self.sources))


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture(scope="session")
def new_desk() -> type[Desk]:
    return Desk
