"""Urukul: tones are programmed over SPI, take effect with IO_UPDATE, and are switched by a TTL.

Phases. A tone of ours goes as f t + phase, with one t for all of them. In the mode `TRACKING` each change
of a tone clears the chip's phase accumulator with its IO_UPDATE, at T, and writes the phase word

    POW of the phase + (FTW x sysclk cycles from the reference to T >> 16), modulo 2^16,

so that from then on the tone is as if it had run with this tuning word ever since the reference. Tones of
one frequency are thereby coherent within 2^-16 turn, whatever was played in between and on whichever chip,
as long as they have one reference: the start of their stretch (see `recording`). Frequencies are those of
the tuning word, multiples of sysclk / 2^32, and so is f in the formula.

Source: AD9910 data sheet, rev. E: serial port, CFR1, single tone profiles; ARTIQ's tracking phase mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sequences.target import Target
from sequences.targets.artiq.bus import Jobs, Quiet, check_fit, place_jobs
from sequences.targets.artiq.devices import PhaseMode, Urukul
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.situation import Situation, Tone
from sequences.targets.artiq.tones import Changes, read_tones
from sequences.targets.artiq.writes import Problems, Writes

CYCLE: Final = 8
"""Machine units in a coarse cycle, on which SPI words start; IO_UPDATE is high for one."""
_CONFIGURE: Final = 1
"""Address of the SPI master's configuration; 0 is that of its data."""
_BYTE_TIME: Final = 19 * CYCLE
"""Of a transfer of 8 bits: ((bits + 1) x clock divider 2 + 1) cycles."""
_WORD_TIME: Final = 67 * CYCLE
"""Of a transfer of 32 bits."""
_BYTE: Final = (8 - 1) << 8 | 0x08
"""Configuration of a transfer: bits - 1, then flags; here only that chip select is active high."""
_WORD: Final = (32 - 1) << 8 | 0x08
_LAST_WORD: Final = _WORD | 0x02
"""The same, and chip select is released afterwards: this ends what was written to a register."""
_CFR1: Final = 0x00 << 24
_PROFILE: Final = 0x0E
"""Address of profile 0 in the chip."""
_PLAIN: Final = 0x2
"""CFR1: the data pin is an input."""
_CLEAR: Final = _PLAIN | 1 << 13
"""CFR1: every IO_UPDATE clears the phase accumulator."""

CONTROL_TIME: Final = CYCLE + _BYTE_TIME + CYCLE + _WORD_TIME
"""Machine units on the bus to write a control register, of 32 bits."""
PROFILE_TIME: Final = CONTROL_TIME + CYCLE + _WORD_TIME
"""Machine units on the bus to write a profile, of 64 bits."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change whose phase tracks the clock.

    Attributes:
        channel: number of our channel.
        frequency: tuning word.
        source: row of the line.
    """

    channel: int
    frequency: int
    source: int


@dataclass(frozen=True, slots=True)
class Board:
    """What became of the tones of a board.

    Attributes:
        events: of its SPI master, its IO_UPDATE and its switches.
        tones: number of our channel -> its tone in the end.
        busy: until when the bus is occupied and by which line, or None if it was not used.
        tracked: changes whose phase tracks the clock.
    """

    events: RtioEvents
    tones: dict[int, Tone]
    busy: Quiet | None
    tracked: tuple[Change, ...]


def programming_time(phase: PhaseMode) -> int:
    """Return for how long one change occupies the bus in all, machine units."""
    return PROFILE_TIME if phase is PhaseMode.CONTINUOUS else PROFILE_TIME + CYCLE + 2 * CONTROL_TIME


def lower_urukul(
    chips: Sequence[tuple[Urukul, Writes]],
    situation: Situation,
    target: Target,
    problems: Problems,
) -> Board:
    """Return the events of the chips of one board.

    A tone that is asked for as the chip holds it already is only switched. All others are programmed before
    the time at which they change, and IO_UPDATE lies on that time.

    Args:
        chips: that a timeline uses, and its rows on them.
        situation: at the start of the timeline.
        target: for the names of the channels.
        problems: grows.
    """
    parts: list[RtioEvents] = []
    after: dict[int, Tone] = {}
    changes: list[Changes] = []
    for device, writes in chips:
        number = writes.channel.number
        entry = situation.tones.get(number)
        tones = read_tones(device, writes, entry, problems)
        if tones is not None:
            parts.append(tones.switch_events())
            changes.append(tones.to_program(entry))
            after[number] = tones.after(entry)
    busy = None
    if any(len(chip.time) for chip in changes):
        words, busy = _program(changes, situation, target, problems)
        parts.insert(0, words)
    tracked = tuple(
        Change(chip.channel, int(frequency), int(row))
        for chip in changes
        if chip.device.phase is PhaseMode.TRACKING
        for frequency, row in zip(chip.words[0], chip.source, strict=True)
    )
    return Board(RtioEvents.joined(0, parts), after, busy, tracked)


def _program(
    changes: Sequence[Changes], situation: Situation, target: Target, problems: Problems
) -> tuple[RtioEvents, Quiet]:
    """Return the events that program all changes of a board, and when its bus is free again."""
    order, jobs = _jobs(changes)
    late = jobs.time % CYCLE
    placement = place_jobs(jobs, ready=late, settle=CYCLE + -late % CYCLE)
    spi, io_update = changes[0].device.spi, changes[0].device.io_update
    check_fit(jobs, placement, situation.quiet.get(spi), f"the SPI bus {spi}", target, problems)
    parts = []
    cycles_per_unit = [round(chip.device.sysclk * problems.period) for chip in changes]
    ends = np.cumsum([len(chip.time) for chip in changes])
    row_of = np.empty_like(order)
    row_of[order] = np.arange(len(order))  # where the jobs of each chip have got to
    for chip, cycles, rows in zip(changes, cycles_per_unit, np.split(row_of, ends[:-1]), strict=True):
        upper = chip.upper_words(situation.elapsed, cycles)
        parts.append(_words(chip, upper, placement.before[rows], placement.after[rows]))
    updates = placement.first
    for delay, level in ((0, 1), (CYCLE, 0)):
        parts.append(RtioEvents.of(jobs.time[updates] + delay, io_update, 0, level, jobs.source[updates]))
    return RtioEvents.joined(0, parts), Quiet(int(placement.end[-1]), int(jobs.source[-1]))


def _jobs(changes: Sequence[Changes]) -> tuple[NDArray[np.intp], Jobs]:
    """Return the jobs of all chips, sorted by time, and the order that sorted them."""
    time = np.concatenate([chip.time for chip in changes])
    order = np.argsort(time, kind="stable")
    tracking = np.concatenate(
        [np.full(len(chip.time), chip.device.phase is PhaseMode.TRACKING) for chip in changes]
    )[order]
    return order, Jobs(
        time[order],
        np.where(tracking, CONTROL_TIME + PROFILE_TIME, PROFILE_TIME),
        np.where(tracking, CONTROL_TIME, 0),
        np.concatenate([np.full(len(chip.time), chip.channel, np.uint16) for chip in changes])[order],
        np.concatenate([chip.source for chip in changes])[order],
    )


def _words(
    chip: Changes, upper: NDArray[np.uint32], before: NDArray[np.int64], after: NDArray[np.int64]
) -> RtioEvents:
    """Return the SPI words of one chip's changes.

    Args:
        chip: its changes.
        upper: (changes,) upper halves of the profile register.
        before: (changes,) when the words before each change start.
        after: (changes,) when those after it start.
    """
    device = chip.device
    parts = []
    if device.phase is PhaseMode.TRACKING:
        parts.append(_register(chip, before, _CFR1, (_CLEAR,)))
        parts.append(_register(chip, after, _CFR1, (_PLAIN,)))
        before = before + CONTROL_TIME
    profile = (_PROFILE + device.profile) << 24
    parts.append(_register(chip, before, profile, (upper, chip.words[0])))
    return RtioEvents.joined(0, parts)


def _register(
    chip: Changes,
    start: NDArray[np.int64],
    register: int,
    words: Sequence[int | NDArray[np.uint32] | NDArray[np.uint64]],
) -> RtioEvents:
    """Return the transfers that write words to a register of a chip, most significant word first."""
    select = chip.device.chip_select << 24
    lengths = [_BYTE, *[_WORD] * (len(words) - 1), _LAST_WORD]
    parts = []
    for length, word in zip(lengths, (register, *words), strict=True):
        parts.append(RtioEvents.of(start, chip.device.spi, _CONFIGURE, select | length, chip.source))
        parts.append(RtioEvents.of(start + CYCLE, chip.device.spi, 0, word, chip.source))
        start = start + CYCLE + (_BYTE_TIME if length == _BYTE else _WORD_TIME)
    return RtioEvents.joined(0, parts)
