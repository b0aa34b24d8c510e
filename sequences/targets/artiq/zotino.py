"""Zotino: voltages are programmed over SPI and take effect when LDAC falls.

Source: AD5372 data sheet, rev. C: t10, 1.5 us from the end of a word until its conversion is done; the word.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sequences.target import Target
from sequences.targets.artiq.bus import Jobs, Quiet, check_fit, place_jobs
from sequences.targets.artiq.devices import Zotino
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.situation import Situation
from sequences.targets.artiq.voltages import read_voltages
from sequences.targets.artiq.writes import Problems, Writes

READY: Final = 1500
"""Machine units (ns) from the end of the last word until LDAC may fall."""
WORD_TIME: Final = 101 * 8
"""Machine units on the bus for one word of 24 bits, at the clock divider 4."""
PULSE: Final = 16
"""Machine units for which LDAC is low."""
_WRITE_VALUE: Final = 0b11 << 22
_FIRST_OUTPUT: Final = 8
"""Address of output 0; lower ones are groups of outputs."""


def lower_zotino(
    outputs: Sequence[tuple[Zotino, Writes]],
    situation: Situation,
    target: Target,
    problems: Problems,
) -> tuple[RtioEvents, Quiet | None]:
    """Return the events of the outputs of one board, and until when its bus is occupied by which line.

    Args:
        outputs: that a timeline uses, and its rows on them.
        situation: at the start of the timeline.
        target: for the names of the channels.
        problems: grows.
    """
    board = outputs[0][0]
    volts = read_voltages(outputs, problems)
    if not len(volts.time):
        return RtioEvents.joined(0, ()), None
    taken = np.full(len(volts.time), WORD_TIME)
    jobs = Jobs(volts.time, taken, np.zeros_like(taken), volts.channel, volts.source)
    placement = place_jobs(jobs, READY, PULSE)
    check_fit(jobs, placement, situation.quiet.get(board.spi), f"the SPI bus {board.spi}", target, problems)
    words = _WRITE_VALUE | volts.output + _FIRST_OUTPUT << 16 | volts.code
    # the master sends the upper 24 of 32 bits
    parts = [RtioEvents.of(placement.before, board.spi, 0, words << 8, jobs.source)]
    updates = placement.first
    for delay, level in ((0, 0), (PULSE, 1)):
        parts.append(RtioEvents.of(jobs.time[updates] + delay, board.ldac, 0, level, jobs.source[updates]))
    return RtioEvents.joined(0, parts), Quiet(int(placement.end[-1]), int(jobs.source[-1]))
