"""Fastino: each output is a register of the board, which sends all of them to the converters by itself.

The board takes one word a cycle: outputs that change at one time are written in as many cycles, the last of
which is that time. Its frames of 392 ns make these 8 ns invisible.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from sequences.target import Target
from sequences.targets.artiq.bus import Jobs, Quiet, check_fit, place_jobs
from sequences.targets.artiq.devices import Fastino
from sequences.targets.artiq.events import RtioEvents
from sequences.targets.artiq.situation import Situation
from sequences.targets.artiq.voltages import read_voltages
from sequences.targets.artiq.writes import Problems, Writes

CYCLE: Final = 8
"""Machine units for one word; two within one coarse cycle would collide, and both be lost."""


def lower_fastino(
    outputs: Sequence[tuple[Fastino, Writes]],
    situation: Situation,
    target: Target,
    problems: Problems,
) -> tuple[RtioEvents, Quiet | None]:
    """Return the events of the outputs of one board, and until when it is occupied by which line.

    Args:
        outputs: that a timeline uses, and its rows on them.
        situation: at the start of the timeline.
        target: for the names of the channels.
        problems: grows.
    """
    board = outputs[0][0].channel
    volts = read_voltages(outputs, problems)
    if not len(volts.time):
        return RtioEvents.joined(0, ()), None
    taken = np.full(len(volts.time), CYCLE)
    jobs = Jobs(volts.time, taken, np.zeros_like(taken), volts.channel, volts.source)
    placement = place_jobs(jobs, ready=-CYCLE, settle=CYCLE)
    check_fit(jobs, placement, situation.quiet.get(board), f"the Fastino {board}", target, problems)
    events = RtioEvents.of(placement.before, board, volts.output, volts.code, jobs.source)
    return events, Quiet(int(placement.end[-1]), int(jobs.source[-1]))
