"""What is drawn of a program: rows with bars, gates and curves, on one axis of time.

A picture is values, mostly columns; it knows nothing of colours, sizes or files. Times are seconds from the
start of the program, with every loop drawn once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.errors import Source
from sequences.picture.wording import Wave, pulse_text
from sequences.program import ReadoutChannel
from sequences.target import Kind


class Group(StrEnum):
    """Channels that are drawn together, in the order in which they are drawn."""

    LINES = "lines"
    TONES = "tones"
    ELECTRODES = "electrodes"
    DETECTORS = "detectors"
    CAMERAS = "cameras"
    TRIGGERS = "triggers"


GROUPS: Final = MappingProxyType(
    {
        Kind.TTL: Group.LINES,
        Kind.DDS: Group.TONES,
        Kind.DAC: Group.ELECTRODES,
        Kind.COUNTER: Group.DETECTORS,
        Kind.CAMERA: Group.CAMERAS,
        Kind.TRIGGER: Group.TRIGGERS,
    }
)
"""Where each kind of channel is drawn."""


@dataclass(frozen=True, slots=True)
class Row:
    """One channel of the picture."""

    channel: str
    group: Group


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Points of curves, each holding until the next; bars and strokes refer to stretches of them.

    Attributes:
        time: (samples,) s.
        value: (samples,) V on an electrode, amplitude (0 to 1) of a tone.
    """

    time: NDArray[np.float64]
    value: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Lines that are high and tones that are on.

    Attributes:
        row: (bars,) int64, of `Picture.rows`.
        start: (bars,) s.
        stop: (bars,) s.
        frequency: (bars,) Hz; NaN for a line.
        amplitude: (bars,) 0 to 1, the largest where an envelope shapes it; NaN for a line.
        phase: (bars,) turns; NaN for a line.
        source: (bars,) row of `Picture.sources`.
        changing: (bars,) bool, whether a value changes from shot to shot.
        first: (bars,) first of its `Picture.envelopes`.
        count: (bars,) samples; 0 for a bar of one amplitude.
    """

    row: NDArray[np.int64]
    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    frequency: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    phase: NDArray[np.float64]
    source: NDArray[np.uint32]
    changing: NDArray[np.bool_]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    def texts(self, digits: int = 4) -> list[str]:
        """Return (bars,) labels in physical units, amplitudes to so many digits; equal ones are made once."""
        waves = zip(self.frequency.tolist(), self.amplitude.tolist(), self.phase.tolist(), strict=True)
        known: dict[tuple[float, float, float], str] = {}
        texts = []
        for wave in waves:
            if wave not in known:
                known[wave] = pulse_text(Wave(*wave), digits)
            texts.append(known[wave])
        return texts


@dataclass(frozen=True, slots=True, eq=False)
class Strokes:
    """Stretches of an electrode's voltage that one line of code wrote: a level, a ramp, a waveform.

    Attributes:
        row: (strokes,) int64, of `Picture.rows`.
        start: (strokes,) s, of the first sample.
        stop: (strokes,) s, of the last sample; the voltage then stays.
        source: (strokes,) row of `Picture.sources`.
        changing: (strokes,) bool, whether a value changes from shot to shot.
        first: (strokes,) first of its `Picture.voltages`; those of one row follow each other.
        count: (strokes,) samples, at least 1.
    """

    row: NDArray[np.int64]
    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    source: NDArray[np.uint32]
    changing: NDArray[np.bool_]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True, eq=False)
class Gates:
    """Times in which a detector or camera records.

    Attributes:
        row: (gates,) int64, of `Picture.rows`.
        start: (gates,) s.
        stop: (gates,) s.
        readout: (gates,) row of `Picture.readouts`.
        source: (gates,) row of `Picture.sources`.
    """

    row: NDArray[np.int64]
    start: NDArray[np.float64]
    stop: NDArray[np.float64]
    readout: NDArray[np.int64]
    source: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.row)


@dataclass(frozen=True, slots=True)
class Mark:
    """A named instant, at a time in seconds; on a row, or on none where it concerns all."""

    name: str
    time: float
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A named part of the program: what a subsequence plays. Within others it is deeper.

    Attributes:
        name: that the author gave it.
        start: s.
        stop: s.
        depth: stretches around it.
    """

    name: str
    start: float
    stop: float
    depth: int


class Bracket(StrEnum):
    """Why what stands in a bracket is not simply played once."""

    REPEAT = "repeat"
    ATTEMPT = "attempt"
    BETWEEN = "between"
    THEN = "then"
    OTHERWISE = "otherwise"


@dataclass(frozen=True, slots=True)
class Fold:
    """A part of the program that is drawn once and played otherwise.

    Attributes:
        bracket: what kind of loop or branch it is.
        text: how it is played, for people: "until a click in herald, at most 1000 ×".
        brief: the same where there is little room: "≤1000×".
        start: s.
        stop: s.
        depth: folds around it.
    """

    bracket: Bracket
    text: str
    brief: str
    start: float
    stop: float
    depth: int


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A program as it is drawn.

    Attributes:
        name: of the program.
        target: name of the lab.
        duration: s, with every loop drawn once.
        events: of the program, loops counted once.
        electronics: whether times are those of the core's events; else those of light.
        rows: channels that are used, group by group.
        bars: lines and tones.
        strokes: voltages.
        gates: of detectors and cameras.
        voltages: samples of strokes.
        envelopes: samples of bars, the amplitude from each on.
        marks: named instants, and waits for a trigger.
        stretches: named parts.
        folds: loops and branches.
        readouts: that gates record into.
        sources: the author's lines.
    """

    name: str
    target: str
    duration: float
    events: int
    electronics: bool
    rows: tuple[Row, ...]
    bars: Bars
    strokes: Strokes
    gates: Gates
    voltages: Samples
    envelopes: Samples
    marks: tuple[Mark, ...]
    stretches: tuple[Stretch, ...]
    folds: tuple[Fold, ...]
    readouts: tuple[ReadoutChannel, ...]
    sources: tuple[Source, ...]

    def source(self, row: int) -> Source | None:
        """Return an author's line, or None for programs that have lost them."""
        return self.sources[row] if row < len(self.sources) else None

    def readout_name(self, row: int) -> str:
        """Return the name of a readout, with its index where there are several of one name."""
        readout = self.readouts[row]
        alone = all(other.index == 0 for other in self.readouts if other.name == readout.name)
        return readout.name if alone else f"{readout.name}[{readout.index}]"

    def voltages_of(self, row: int) -> slice:
        """Return which of the voltages are those of a row."""
        own = np.flatnonzero(self.strokes.row == row)
        if len(own) == 0:
            return slice(0, 0)
        first, last = int(own[0]), int(own[-1])
        return slice(int(self.strokes.first[first]), int(self.strokes.first[last] + self.strokes.count[last]))


def deepen(spans: Iterable[tuple[float, float]]) -> list[int]:
    """Return how many of the spans before it each span lies within.

    Args:
        spans: (start, stop), sorted so that a span follows those around it.

    Example:
        >>> deepen([(0, 9), (0, 4), (1, 2), (4, 9)])
        [0, 1, 2, 1]
    """
    depths, around = [], list[float]()
    for start, stop in spans:
        while around and not (start < around[-1] and stop <= around[-1]):
            around.pop()
        depths.append(len(around))
        around.append(stop)
    return depths
