"""What instruments said while a run was going on, what there was to tell about it, and by which clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

QUALITIES: Final = ("good", "stale", "suspect", "bad")
"""How far a reading can be trusted; its number in a file is the place in this list."""

LEVELS: Final = ("info", "warning", "error")
"""How much a message matters."""


class Start(NamedTuple):
    """When a run began, on both of its clocks.

    Attributes:
        wall: on the clock of the computer, in UTC.
        lab_ps: on the clock of the lab, picoseconds: the start of the first shot.
    """

    wall: datetime
    lab_ps: int


@dataclass(frozen=True, slots=True)
class InstrumentReading:
    """One value that an instrument gave.

    Attributes:
        instrument: name in the setup.
        setting: of the instrument.
        value: in the unit below; None when there is none.
        unit: base unit; empty for texts, switches and pure numbers.
        time: seconds since the start of the run on the wall clock; those read before it are negative.
        quality: one of `QUALITIES`.
        note: why it is not good, in a few words.
    """

    instrument: str
    setting: str
    value: float | bool | str | None
    unit: str = ""
    time: float = 0.0
    quality: str = "good"
    note: str = ""

    @property
    def name(self) -> str:
        """Instrument and setting, as `Run.readings` calls them."""
        return f"{self.instrument}/{self.setting}"


@dataclass(frozen=True, slots=True, eq=False)
class ReadingLog:
    """All readings of one setting of an instrument, in the order in which they were made.

    Attributes:
        name: instrument/setting.
        unit: base unit of the values.
        time: (readings,) float64, seconds since the start of the run on the wall clock; clicks and shots are
            counted on the clock of the lab, see `Run.start`.
        value: (readings,) float64 (switches are 0 and 1, what has no value NaN) or texts.
        quality: (readings,) names out of `QUALITIES`.
        note: (readings,) why a reading is not good.
    """

    name: str
    unit: str
    time: NDArray[np.float64]
    value: NDArray[Any]
    quality: NDArray[np.str_]
    note: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True)
class Message:
    """What there was to tell while a run was going on.

    Attributes:
        time: seconds since the start of the run on the wall clock.
        level: one of `LEVELS`.
        text: for people.
    """

    time: float
    level: str
    text: str


def logs_of(readings: list[InstrumentReading]) -> dict[str, ReadingLog]:
    """Sort readings into one log a setting.

    Example:
        >>> logs = logs_of([InstrumentReading("gauge", "pressure", 3e-9, "Pa", time=2.0)])
        >>> logs["gauge/pressure"].value, logs["gauge/pressure"].quality
        (array([3.e-09]), array(['good'], dtype='<U4'))
    """
    found: dict[str, list[InstrumentReading]] = {}
    for reading in readings:
        found.setdefault(reading.name, []).append(reading)
    return {name: _log(name, group) for name, group in sorted(found.items())}


def _log(name: str, readings: list[InstrumentReading]) -> ReadingLog:
    if any(isinstance(reading.value, str) for reading in readings):
        value = np.array(["" if r.value is None else str(r.value) for r in readings])
    else:
        value = np.array([np.nan if r.value is None else float(r.value) for r in readings])
    return ReadingLog(
        name=name,
        unit=readings[0].unit,
        time=np.array([reading.time for reading in readings], dtype=np.float64),
        value=value,
        quality=np.array([reading.quality for reading in readings]),
        note=np.array([reading.note for reading in readings]),
    )
