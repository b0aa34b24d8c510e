"""What goes into a run beside its points: what instruments say meanwhile, and what there is to tell."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Final

from control.bench import Bench
from control.device import Device
from control.device.readings import Reading
from control.errors import DeviceError
from data import InstrumentReading, RunWriter
from data.errors import RunFileError

PAUSE_SECONDS: Final = 2.0
"""Of the wall's time between two readings of all instruments: they take some 10 ms, a point may take one."""


class Recorder:
    """Keeps the key readings of instruments in a run.

    Those are recorded that the run sets, and those of which the setup says so. One that cannot be reached
    does not stop a run that only wants to know what it says: its readings are bad ones that tell why.

    Args:
        bench: with the instruments.
        writer: of the run.
    """

    def __init__(self, bench: Bench, writer: RunWriter) -> None:
        self._bench = bench
        self._writer = writer
        self._began: datetime = writer.header.provenance.started
        self._looked = -PAUSE_SECONDS
        self._lost: set[str] = set()

    def look(self, *, anyway: bool = False) -> None:
        """Record what instruments say, unless that was done just now.

        Args:
            anyway: even then.
        """
        now = time.monotonic()
        if anyway or now - self._looked >= PAUSE_SECONDS:
            self._looked = now
            names = dict.fromkeys((*self._bench.devices, *self._bench.recorded))
            self._writer.add_readings([reading for name in names for reading in self._readings(name)])

    def _readings(self, name: str) -> Iterator[InstrumentReading]:
        if name in self._lost:
            return
        try:
            device = self._bench.device(name)
        except DeviceError as error:
            self._lost.add(name)
            self._writer.log(f"{name} is not recorded: {error}", "warning")
            return
        for setting in device.SETTINGS:
            if setting.key:
                yield self._stored(name, _measured(device, setting.name))

    def _stored(self, instrument: str, reading: Reading) -> InstrumentReading:
        return InstrumentReading(
            instrument=instrument,
            setting=reading.name,
            value=reading.value,
            unit=reading.unit,
            time=reading.time - self._began.timestamp(),
            quality=reading.quality.value,
            note=reading.note,
        )


def _measured(device: Device, setting: str) -> Reading:
    """Return what an instrument says, or that it says nothing, which is a bad reading."""
    try:
        return device.measure(setting)
    except DeviceError as error:
        return device.latest(setting).doubted(str(error))


@contextmanager
def logging_into(writer: RunWriter) -> Iterator[None]:
    """Keep what is logged within the block (by experiments, drivers, libraries) in a run."""
    handler = _RunHandler(writer)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _RunHandler(logging.Handler):
    """Hands log records to a run."""

    def __init__(self, writer: RunWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record; the run may have ended, or its disk be full, of which others tell."""
        level = "error" if record.levelno >= logging.ERROR else "warning"
        with suppress(RunFileError):
            self._writer.log(self.format(record), level if record.levelno >= logging.WARNING else "info")
