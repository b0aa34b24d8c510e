"""What a timeline asks of one DDS chip: which tone when, whether it is on, and what has to be programmed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sequences.errors import LimitError
from sequences.targets.artiq.devices import PhaseMode, Urukul
from sequences.targets.artiq.errors import UnknownToneError
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.situation import Tone
from sequences.targets.artiq.writes import Problems, Writes
from sequences.timeline import Operation
from sequences.units import show

_Words: TypeAlias = Callable[[NDArray[np.float64]], NDArray[np.uint64]]

_UNKNOWN = -1
"""In place of a word: nobody has asked for one yet."""
_LEVEL = 0
"""Address of the level of a switch."""


@dataclass(frozen=True, slots=True, eq=False)
class Tones:
    """The tones of one channel, at each time at which anything is asked of it.

    Attributes:
        device: the chip.
        channel: number of our channel.
        time: (times,) int64, machine units.
        words: (3, times) int64, tuning, phase and amplitude words as asked for.
        is_on: (times,) bool.
        switched: (times,) bool, where the amplitude was asked for.
        source: (times,) uint32.
    """

    device: Urukul
    channel: int
    time: NDArray[np.int64]
    words: NDArray[np.int64]
    is_on: NDArray[np.bool_]
    switched: NDArray[np.bool_]
    source: NDArray[np.uint32]

    def switch_events(self) -> RtioEvents:
        """Return the levels of the switch, where it changes or might."""
        asked = np.flatnonzero(self.switched)
        turned = np.append(np.True_, self.is_on[asked][1:] != self.is_on[asked][:-1])[: len(asked)]
        rows = asked[turned]
        return RtioEvents.of(self.time[rows], self.device.switch, _LEVEL, self.is_on[rows], self.source[rows])

    def to_program(self, entry: Tone | None) -> Changes:
        """Return where the chip does not yet hold what it shall play.

        Args:
            entry: what the chip holds at the start.
        """
        rows = np.flatnonzero(self.is_on)
        wanted = self.words[:, rows]
        held = entry.words if entry and entry.is_current else (_UNKNOWN,) * 3
        before = np.column_stack([np.array(held), wanted])[:, :-1]
        new = (wanted != before).any(axis=0)
        return Changes(
            self.device,
            self.channel,
            self.time[rows[new]],
            wanted[:, new].astype(np.uint64),
            self.source[rows[new]],
        )

    def after(self, entry: Tone | None) -> Tone:
        """Return the tone at the end; there must be a time at which something is asked.

        Args:
            entry: the tone at the start.
        """
        frequency, phase, _ = self.words[:, -1].tolist()
        rows = np.flatnonzero(self.is_on)
        if len(rows):
            held = tuple(self.words[:, rows[-1]].tolist())
        else:
            held = entry.words if entry else (_UNKNOWN,) * 3
        is_current = bool(len(rows)) or (entry is not None and entry.is_current)
        asked = frequency, phase, held[2]
        return Tone(*asked, is_on=bool(self.is_on[-1]), is_current=is_current and asked == held)


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """What has to be programmed into one chip.

    Attributes:
        device: the chip.
        channel: number of our channel.
        time: (changes,) int64, when it shall take effect.
        words: (3, changes) uint64, tuning, phase and amplitude words as asked for.
        source: (changes,) uint32.
    """

    device: Urukul
    channel: int
    time: NDArray[np.int64]
    words: NDArray[np.uint64]
    source: NDArray[np.uint32]

    def upper_words(self, elapsed: int, cycles_per_unit: int) -> NDArray[np.uint32]:
        """Return the upper halves (changes,) of the profile register: amplitude and phase.

        Args:
            elapsed: machine units from the reference of phases to the start of the timeline.
            cycles_per_unit: cycles of sysclk in a machine unit.
        """
        frequency, phase, amplitude = self.words
        if self.device.phase is PhaseMode.TRACKING:
            cycles = (self.time + elapsed).astype(np.uint64) * np.uint64(cycles_per_unit)
            # the product may wrap at 2^64: only its bits 16 to 31 are used
            phase = phase + (frequency * cycles >> np.uint64(16))
        upper = amplitude << np.uint64(16) | phase & np.uint64(0xFFFF)
        return np.asarray(upper).astype(np.uint32)


def read_tones(device: Urukul, writes: Writes, entry: Tone | None, problems: Problems) -> Tones | None:
    """Read the rows of one channel.

    Args:
        device: the chip.
        writes: rows on its channel.
        entry: the tone at the start, as far as it is known.
        problems: grows.

    Returns:
        The tones, or None after telling why there are none.
    """
    if not _check_values(device, writes, problems):
        return None
    last = writes.last_of_each_time()
    frequency, phase, amplitude = entry.words if entry else (_UNKNOWN,) * 3
    words = np.stack(
        [
            _held(writes, last, Operation.FREQUENCY, device.frequency_words, frequency),
            _held(writes, last, Operation.PHASE, device.phase_words, phase),
            _held(writes, last, Operation.AMPLITUDE, device.amplitude_words, amplitude),
        ]
    )
    row = writes.latest(Operation.AMPLITUDE)[last]
    is_on = np.where(row >= 0, writes.value[row] > 0, entry is not None and entry.is_on)
    switched = np.diff(row, prepend=-1) != 0
    incomplete = is_on & (words[:2] == _UNKNOWN).any(axis=0)
    problems.add_each(
        np.flatnonzero(incomplete)[:1],
        lambda at: UnknownToneError(problems.source(int(writes.source[last[at]])), writes.channel.name),
    )
    tones = Tones(
        device, writes.channel.number, writes.time[last], words, is_on, switched, writes.source[last]
    )
    return None if incomplete.any() else tones


def _held(
    writes: Writes,
    last: NDArray[np.intp],
    operation: Operation,
    words: _Words,
    entry: int,
) -> NDArray[np.int64]:
    """Return the words (times,) of one part of the tone, as they were asked for last."""
    row = writes.latest(operation)[last]
    asked = words(writes.value[row]).astype(np.int64)
    return np.asarray(np.where(row >= 0, asked, entry))


def _check_values(device: Urukul, writes: Writes, problems: Problems) -> bool:
    """Tell values that the chip does not have; return whether all are in order."""
    fine = True
    for operation, high, unit in (
        (Operation.FREQUENCY, device.sysclk / 2, "Hz"),
        (Operation.AMPLITUDE, 1.0, ""),
    ):
        within = (writes.value >= 0) & (writes.value <= high)
        for row in np.flatnonzero((writes.operation == operation) & ~within).tolist():
            fine = False
            problems.found.append(
                LimitError(
                    problems.source(int(writes.source[row])),
                    writes.channel.name,
                    operation.name.lower(),
                    show(float(writes.value[row]), unit),
                    show(0.0, unit),
                    show(high, unit),
                )
            )
    return fine
