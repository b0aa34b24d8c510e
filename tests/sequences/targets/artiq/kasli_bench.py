"""A crate with every device that a Kasli can have, and timelines written row by row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sequences import Channel, Dispatcher, Kind, Label, Operation, Target, Timeline
from sequences.targets.artiq import (
    Device,
    EdgeCounter,
    Fastino,
    Kasli,
    PhaseMode,
    TtlInput,
    TtlOut,
    Urukul,
    Zotino,
)

NS = 1e-9
CHANNELS = (
    Channel("line", Kind.TTL, 0, NS),
    Channel("camera", Kind.CAMERA, 1, NS),
    Channel("tone", Kind.DDS, 2, 4 * NS),
    Channel("second_tone", Kind.DDS, 3, 4 * NS),
    Channel("tracked", Kind.DDS, 4, 4 * NS),
    Channel("also_tracked", Kind.DDS, 5, 4 * NS),
    Channel("endcap", Kind.DAC, 6, 8 * NS),
    Channel("second_endcap", Kind.DAC, 7, 8 * NS),
    Channel("blade", Kind.DAC, 8, 8 * NS),
    Channel("second_blade", Kind.DAC, 9, 8 * NS),
    Channel("apd", Kind.COUNTER, 10, 8 * NS),
    Channel("edges", Kind.COUNTER, 11, 8 * NS),
    Channel("trigger", Kind.TRIGGER, 12, 8 * NS),
)
DEVICES: Mapping[str, Device] = {
    "line": TtlOut(4),
    "camera": TtlOut(5),
    "tone": Urukul(spi=20, chip=1, io_update=21, switch=23, phase=PhaseMode.CONTINUOUS),
    "second_tone": Urukul(spi=20, chip=2, io_update=21, switch=24, phase=PhaseMode.CONTINUOUS),
    "tracked": Urukul(spi=26, chip=0, io_update=27, switch=28),
    "also_tracked": Urukul(spi=26, chip=3, io_update=27, switch=29),
    "endcap": Zotino(spi=32, ldac=33, output=0),
    "second_endcap": Zotino(spi=32, ldac=33, output=5),
    "blade": Fastino(40, 3),
    "second_blade": Fastino(40, 7),
    "apd": EdgeCounter(50),
    "edges": TtlInput(51),
    "trigger": TtlInput(52),
}

Row = tuple[int, str, Operation, float] | tuple[int, str, Operation, float, int]


def make_kasli(**changes: Device) -> Kasli:
    target = Target("crate", NS, CHANNELS, Dispatcher())
    return Kasli(target, {**DEVICES, **changes})


def make_timeline(duration: int, *rows: Row, labels: tuple[Label, ...] = ()) -> Timeline:
    """Write a timeline row by row: time, channel, operation, value and, if it matters, source."""
    numbers = {channel.name: channel.number for channel in CHANNELS}
    full = sorted(((*row, 0)[:5] for row in rows), key=lambda row: row[0])
    time, channel, operation, value, source = zip(*full, strict=True) if full else ((),) * 5
    return Timeline(
        duration,
        np.array(time, dtype=np.int64),
        np.array([numbers[name] for name in channel], dtype=np.uint16),
        np.array(operation, dtype=np.uint8),
        np.array(value, dtype=np.float64),
        np.array(source, dtype=np.uint32),
        labels,
    )


def tone_rows(
    time: int, channel: str, frequency: float, phase: float = 0.0, amplitude: float = 1.0, source: int = 0
) -> tuple[Row, ...]:
    """Write a whole tone at once."""
    return (
        (time, channel, Operation.FREQUENCY, frequency, source),
        (time, channel, Operation.PHASE, phase, source),
        (time, channel, Operation.AMPLITUDE, amplitude, source),
    )
