"""The pulse tables of a MOGLabs ARF or XRF: entries, loops, and where a running table has arrived.

Source: MOGLabs QRF manual p. 40 (5 us steps, up to 8191 entries, a duration of zero waits for the trigger)
and the ARF manual chapter 3 for the commands. Not in the manuals, and chosen here: loops lie side by side
and never within each other, and the layout of the bytes of a dump.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

MOST_ENTRIES = 8191  # QRF manual p. 40
MOST_PASSES = 65_535  # of one loop; free choice
# A dumped entry: tuning word, power in 0.01 dBm, phase word, duration in ns, flags; free choice.
DUMPED_ENTRY = struct.Struct("<IhHQHxx")
SIGNAL_OFF, AMPLIFIER_OFF = 1 << 0, 1 << 1


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One step of a table.

    Attributes:
        tuning_word: Frequency in steps of the synthesiser, 32 bits.
        power: In dBm.
        phase_word: Phase in steps of 2^-16 turns.
        duration: In s; 0 waits for the hardware trigger.
        flags: Sum of `SIGNAL_OFF` and `AMPLIFIER_OFF`, each for this step only.
    """

    tuning_word: int
    power: float
    phase_word: int
    duration: float
    flags: int = 0

    def dump(self) -> bytes:
        """Return the entry as ``TABLE,DUMP`` sends it, 20 bytes."""
        nanoseconds = round(self.duration * 1e9)
        return DUMPED_ENTRY.pack(
            self.tuning_word, round(self.power * 100), self.phase_word, nanoseconds, self.flags
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a table that is played several times over.

    Attributes:
        first: Index of its first entry.
        last: Index of its last entry.
        passes: How often it is played, at least once.
        duration: Of one pass in s.
        waits: Whether an entry in it waits for the trigger.
    """

    first: int
    last: int
    passes: int
    duration: float
    waits: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was uploaded; changing it gives a new one.

    Attributes:
        entries: The steps in order.
        loops: First and last index and number of jumps back, in order of the first index.
    """

    entries: tuple[TableEntry, ...] = ()
    loops: tuple[tuple[int, int, int], ...] = ()

    def dump(self) -> bytes:
        """Return all entries as ``TABLE,DUMP`` sends them."""
        return b"".join(entry.dump() for entry in self.entries)

    def overlaps(self, first: int, last: int) -> bool:
        """Return whether a loop over these entries would cut or hold another one."""
        return any(first <= end and start <= last for start, end, _ in self.loops)

    def shortened(self, count: int) -> Table:
        """Return the table with its first entries only, and the loops that lie within them."""
        return Table(self.entries[:count], tuple(loop for loop in self.loops if loop[1] < count))

    def segments(self) -> tuple[Segment, ...]:
        """Return the table as stretches that follow each other."""
        found, index = [], 0
        for first, last, jumps in self.loops:
            if index < first:
                found.append(self._segment(index, first - 1, 1))
            found.append(self._segment(first, last, jumps + 1))
            index = last + 1
        if index < len(self.entries):
            found.append(self._segment(index, len(self.entries) - 1, 1))
        return tuple(found)

    def _segment(self, first: int, last: int, passes: int) -> Segment:
        durations = [entry.duration for entry in self.entries[first : last + 1]]
        return Segment(first, last, passes, math.fsum(durations), 0.0 in durations)


class Playback:
    """A table that runs; it is told the time and never ticks.

    Whole passes are skipped by division, so that asking after a night of restarts costs no more than asking
    after a millisecond.

    Example:
        >>> step = TableEntry(tuning_word=1, power=0.0, phase_word=0, duration=10e-6)
        >>> run = Playback(Table((step,), loops=((0, 0, 9),)), started=0.0, restart=False)
        >>> run.entry(95e-6) is step, run.entry(105e-6)
        (True, None)
    """

    def __init__(self, table: Table, started: float, restart: bool) -> None:
        """Start a table.

        Args:
            table: What to play, at least one entry.
            started: Lab time of the start in s.
            restart: Whether it starts again at its end.
        """
        self._entries = table.entries
        self._segments = table.segments()
        self._restart = restart
        self._place = 0  # which segment; their number at the end
        self._passes_done = self._index = 0
        self._entered = started
        self._period = (
            0.0
            if any(segment.waits for segment in self._segments)
            else math.fsum(segment.passes * segment.duration for segment in self._segments)
        )

    def entry(self, now: float) -> TableEntry | None:
        """Return what is played at lab time ``now`` (s), None once the table is over."""
        self._advance(now)
        return None if self._over else self._entries[self._index]

    def number(self, now: float) -> int:
        """Return the number of the entry at lab time ``now`` (s), counted from 1; 0 once it is over."""
        self._advance(now)
        return 0 if self._over else self._index + 1

    def trigger(self, now: float) -> None:
        """Take an edge of the hardware trigger at lab time ``now`` (s), which ends a wait."""
        entry = self.entry(now)
        if entry is not None and entry.duration == 0.0:
            self._entered = now
            self._step()

    @property
    def _over(self) -> bool:
        return self._place == len(self._segments)

    def _advance(self, now: float) -> None:
        while not self._over:
            if self._skip(now):
                continue
            duration = self._entries[self._index].duration
            if duration == 0.0 or now < self._entered + duration:
                return
            self._entered += duration
            self._step()

    def _skip(self, now: float) -> bool:
        """Skip whole passes that are over, if the table stands at the start of one."""
        segment = self._segments[self._place]
        elapsed = now - self._entered
        if segment.waits or self._index != segment.first or elapsed < segment.duration:
            return False
        at_start = self._place == 0 and self._passes_done == 0
        if at_start and self._restart and self._period and elapsed >= self._period:
            self._entered += self._period * math.floor(elapsed / self._period)
            return True
        passes = min(math.floor(elapsed / segment.duration), segment.passes - self._passes_done)
        self._entered += passes * segment.duration
        self._end_passes(passes)
        return True

    def _step(self) -> None:
        if self._index < self._segments[self._place].last:
            self._index += 1
        else:
            self._end_passes(1)

    def _end_passes(self, passes: int) -> None:
        self._passes_done += passes
        if self._passes_done == self._segments[self._place].passes:
            self._passes_done = 0
            self._place += 1
            if self._over and self._restart:
                self._place = 0
        if not self._over:
            self._index = self._segments[self._place].first
