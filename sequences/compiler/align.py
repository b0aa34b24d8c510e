"""Fifth pass: compensate the channels' latencies, so that light is simultaneous and not electronics."""

from __future__ import annotations

from dataclasses import replace

from sequences.compiler.stages import Outline, Schedule
from sequences.target import Target


def align(outline: Outline[Schedule], target: Target) -> Outline[Schedule]:
    """Return the segments with every leaf delayed by how much faster its channel is than the slowest one.

    What was written for time t makes its light at ``t + target.lead`` on every channel, in every segment
    alike: the seams of loops stay in order, and an event may lie up to the lead beyond its segment's end.
    """
    shifts = target.shifts

    def aligned(schedule: Schedule) -> Schedule:
        by = shifts[schedule.channel]
        start, stop, shift = schedule.start + by, schedule.stop + by, schedule.shift + by
        return replace(schedule, start=start, stop=stop, shift=shift)

    return outline.map(aligned)
