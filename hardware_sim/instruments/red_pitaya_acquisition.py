"""The acquisition of a Red Pitaya: a ring buffer that a trigger stops, and two converters that fill it.

Nothing is sampled until somebody reads: what the buffer holds follows from when it was started, triggered and
stopped. What was read once is kept, so that noise does not change under the reader.

Source: Red Pitaya's manual of the SCPI server for buffer, decimation, delay and positions. The edge detector
sees no pulse that is shorter than the spacing of its search.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float64]
Signal: TypeAlias = Callable[[Samples], Samples]
"""Gives the volts (times,) at an input for lab times (times,) in s."""

SAMPLE_RATE: Final = 125e6  # Hz
BUFFER: Final = 16_384  # samples
CODES: Final = 8192  # of the 14-bit converters on either side of zero
FULL_SCALE: Final = {"LV": 1.0, "HV": 20.0}  # V, positions of the jumpers
SEARCH_POINTS: Final = 65_536  # of one pass of the search for an edge; free choice
AVERAGED_POINTS: Final = 8  # taken for a sample that averages many; free choice
EDGES: Final = {"PE": True, "NE": False}


@dataclass(frozen=True, slots=True)
class AcquisitionSettings:
    """What ``ACQ:RST`` resets.

    Attributes:
        decimation: Of the sample rate.
        averaging: Whether a sample is the mean of those that decimation skips.
        level: Of the trigger in V.
        delay: In samples after the middle of the buffer.
        gains: What the server takes the jumpers of both inputs for.
    """

    decimation: int = 1
    averaging: bool = True
    level: float = 0.0
    delay: int = 0
    gains: tuple[str, str] = ("LV", "LV")

    @property
    def rate(self) -> float:
        """Samples per second."""
        return SAMPLE_RATE / self.decimation

    @property
    def after_trigger(self) -> int:
        """Samples that are taken after the trigger."""
        return max(BUFFER // 2 + self.delay, 0)


class Acquisition:
    """The two fast inputs and their buffer; times are lab times in s.

    Attributes:
        settings: How it samples.
        source: Source of the trigger as clients name it, e.g. ``CH1_PE``.
        jumpers: How the jumpers of both inputs are set in truth.
    """

    def __init__(self, inputs: Sequence[Signal]) -> None:
        """Be stopped, with nothing in the buffer.

        Args:
            inputs: What is at the two inputs.
        """
        self.settings = AcquisitionSettings()
        self.source = "DISABLED"
        self.jumpers = ["LV", "LV"]
        self._inputs = tuple(inputs)
        self.reset()

    def reset(self) -> None:
        """Stop, forget the buffer and take the first settings."""
        self.settings, self.source = AcquisitionSettings(), "DISABLED"
        self._begun = self._stopped = math.inf
        self._triggered = self._searched = math.inf
        self._kept: dict[int, Samples] = {}

    def start(self, now: float) -> None:
        """Begin to fill the buffer."""
        self._begun, self._stopped, self._triggered = now, math.inf, math.inf
        self._kept.clear()

    def stop(self, now: float) -> None:
        """Stop filling the buffer, if it is being filled."""
        if self._begun < math.inf:
            self._stopped = min(self._end(now), self._stopped)

    def arm(self, source: str, now: float) -> None:
        """Wait for a trigger from a source, or take it at once."""
        self.source, self._triggered, self._searched = source, math.inf, now
        self._kept.clear()
        if source == "NOW":
            self._trigger(now)

    def tell_edge(self, kind: str, rising: bool, now: float) -> None:
        """Take an edge of a source that is no input: ``EXT`` or ``AWG``."""
        if self.waits(now) and self.source == f"{kind}_{'PE' if rising else 'NE'}":
            self._trigger(now)

    def waits(self, now: float) -> bool:
        """Return whether it waits for a trigger at ``now``."""
        self._search(now)
        return self.source != "DISABLED" and math.isinf(self._triggered)

    def filled(self, now: float) -> bool:
        """Return whether all samples after the trigger have been taken at ``now``."""
        self._search(now)
        return now >= self._full_at()

    def write_position(self, now: float) -> int:
        """Return where in the ring the next sample goes at ``now``."""
        return self._position(self._end(now))

    def trigger_position(self, now: float) -> int:
        """Return where in the ring the trigger came, 0 if there was none."""
        self._search(now)
        return 0 if math.isinf(self._triggered) else self._position(self._triggered)

    def volts(self, channel: int, now: float) -> Samples:
        """Return what the server says is in the buffer.

        Args:
            channel: 0 or 1.
            now: Lab time in s.

        Returns:
            Volts (16384,), the oldest sample first.
        """
        return self.codes(channel, now) / CODES * FULL_SCALE[self.settings.gains[channel]]

    def codes(self, channel: int, now: float) -> Samples:
        """Return the converter's codes (16384,), the oldest sample first."""
        self._search(now)
        end = self._end(now)
        if math.isinf(end):
            return np.zeros(BUFFER)
        final = now >= min(self._full_at(), self._stopped)
        if channel not in self._kept:
            codes = self._convert(channel, end)
            if not final:
                return codes
            self._kept[channel] = codes
        return self._kept[channel]

    def _convert(self, channel: int, end: float) -> Samples:
        rate = self.settings.rate
        times = end + (np.arange(BUFFER) - BUFFER) / rate
        scale = FULL_SCALE[self.jumpers[channel]]
        codes = np.clip(np.round(self._sampled(channel, times) / scale * CODES), -CODES, CODES - 1)
        return np.where(times >= self._begun - 0.5 / rate, codes, 0.0)

    def _sampled(self, channel: int, times: Samples) -> Samples:
        points = min(self.settings.decimation, AVERAGED_POINTS) if self.settings.averaging else 1
        offsets = np.arange(points) / points / self.settings.rate
        volts = np.asarray(self._inputs[channel]((times[:, None] + offsets).ravel()), dtype=np.float64)
        means: Samples = volts.reshape(-1, points).mean(axis=1)
        return means

    def _full_at(self) -> float:
        return self._triggered + self.settings.after_trigger / self.settings.rate

    def _end(self, now: float) -> float:
        """Return when the last sample was taken, infinity if there was none."""
        if math.isinf(self._begun):
            return math.inf
        return max(min(now, self._stopped, self._full_at()), self._begun)

    def _position(self, time: float) -> int:
        return 0 if math.isinf(time) else int((time - self._begun) * self.settings.rate + 1e-6) % BUFFER

    def _trigger(self, now: float) -> None:
        self._triggered = now
        self._kept.clear()

    def _search(self, now: float) -> None:
        """Look for the edge that triggers, from where the last search ended."""
        waiting = math.isinf(self._triggered) and self.source.startswith("CH")
        end = min(now, self._stopped)
        if not waiting or math.isinf(self._begun) or end <= self._searched:
            return
        channel, rising = int(self.source[2]) - 1, EDGES[self.source[-2:]]
        begin = max(self._searched, self._begun)
        # The codes of the server, not true volts, are what the trigger compares.
        factor = FULL_SCALE[self.settings.gains[channel]] / FULL_SCALE[self.jumpers[channel]]
        signal = self._inputs[channel]
        edge = find_edge(signal, self.settings.level / factor, rising, begin, end, self.settings.rate)
        self._searched = end
        if edge is not None:
            self._trigger(edge)


def find_edge(
    signal: Signal, level: float, rising: bool, begin: float, end: float, rate: float
) -> float | None:
    """Look for the first time at which a signal crosses a level.

    Args:
        signal: The signal.
        level: In V.
        rising: Whether it must come from below.
        begin: Lab time in s from which on it is searched.
        end: Lab time in s up to which it is searched.
        rate: Samples per second, to which the time is found.

    Returns:
        Lab time in s of the first sample beyond the level, None if there is none.

    Example:
        >>> edge = find_edge(lambda times: np.where(times < 0.3, 0.0, 1.0), 0.5, True, 0.0, 1.0, rate=1e3)
        >>> 0.3 <= edge <= 0.301
        True
    """
    while True:
        points = min(int((end - begin) * rate) + 2, SEARCH_POINTS)
        times = np.linspace(begin, end, points)
        beyond = (signal(times) >= level) if rising else (signal(times) <= level)
        crossings = np.flatnonzero(beyond[1:] & ~beyond[:-1])
        if not crossings.size:
            return None
        begin, end = float(times[crossings[0]]), float(times[crossings[0] + 1])
        # A noisy signal may not cross again when it is looked at again: then the coarse time must do.
        if (end - begin) * rate <= 1.0 or points < SEARCH_POINTS:
            return end
