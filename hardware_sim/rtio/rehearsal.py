"""Going through a program as its core will: what is lost, and by how much time the rest is safe.

The worst course is gone through: attempts fail, triggers come at once, and where the program branches or
an attempt may succeed, what follows has to live with the way that leaves the least time. Loops are gone
through until the core repeats itself (`recurrence`); a million passes take as long as a few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware_sim.rtio.course import worst_course
from hardware_sim.rtio.events import Outcome
from hardware_sim.rtio.faults import Fault
from hardware_sim.rtio.findings import UNPLAYED, Findings
from hardware_sim.rtio.output import NOBODY
from hardware_sim.rtio.pace import Pace, pace_of
from hardware_sim.rtio.run import Run
from hardware_sim.rtio.score import Score
from sequences.errors import Source
from sequences.program import Program


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """What a core will do with a program.

    Attributes:
        played: for each of `Program.timelines` (events,) bool, whether the event really takes place in every
            pass. One whose write is replaced by a later one at its own tick does: that makes no difference.
        slack: for each timeline (events,) int64, ticks by which it could have been handed over later, in the
            worst pass; below zero for what underflows; `UNPLAYED` for what is never handed over.
        faults: what is lost, a fault for each line of the author and reason, in order of the timelines.
    """

    played: tuple[NDArray[np.bool_], ...]
    slack: tuple[NDArray[np.int64], ...]
    faults: tuple[Fault, ...]

    @property
    def worst_slack(self) -> int | None:
        """The smallest slack in ticks, or None if nothing is handed over or nothing limits it."""
        worst = min((int(slack.min(initial=UNPLAYED)) for slack in self.slack), default=UNPLAYED)
        return None if worst == UNPLAYED else worst


def rehearse(program: Program) -> Rehearsal:
    """Go through one shot of a program on the core of its target.

    Without a dispatcher the core has no limits: everything is played. The values of events do not matter.

    Raises:
        CycleError: the dispatcher does not fit the clock of the core.
    """
    pace = pace_of(program.target)
    if pace is None:
        lengths = [len(timeline) for timeline in program.timelines()]
        played = tuple(np.ones(length, dtype=bool) for length in lengths)
        return Rehearsal(played, tuple(np.full(length, UNPLAYED) for length in lengths), ())
    score = Score.of(program)
    run = Run(score, pace, program.target)
    run.follow(worst_course(program))
    findings, lost = run.findings, run.findings.lost
    faults = _Telling(program, score, pace, findings).faults()
    return Rehearsal(
        tuple(~lost[writes] for writes in score.write_of),
        tuple(findings.slack[writes] for writes in score.write_of),
        tuple(sorted(faults, key=lambda fault: (fault.timeline, fault.time))),
    )


class _Telling:
    """Turns what was found into faults."""

    def __init__(self, program: Program, score: Score, pace: Pace, findings: Findings) -> None:
        self._program = program
        self._score = score
        self._pace = pace
        self._findings = findings

    def faults(self) -> Iterator[Fault]:
        """Yield the faults: all writes of one line that are lost for one reason together."""
        for kind, first in self._findings.first.items():
            lost = np.flatnonzero(first != NOBODY)
            for writes in self._of_one_line(lost, self._met(kind, lost)):
                yield self._fault(kind, writes)

    def _met(self, kind: Outcome, lost: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sources of the writes that others met, or `NOBODY`."""
        if kind not in (Outcome.COLLIDED, Outcome.BUSY):
            return np.full(len(lost), NOBODY)
        other = self._findings.other[lost]
        return np.where(other == NOBODY, NOBODY, self._score.source[other])

    def _of_one_line(self, lost: NDArray[np.int64], met: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        score = self._score
        lines = np.stack([score.timeline[lost], score.channel[lost], score.source[lost], met])
        order = np.lexsort(lines[::-1])
        changes = np.flatnonzero(np.diff(lines[:, order]).any(axis=0)) + 1
        return np.split(lost[order], changes)

    def _fault(self, kind: Outcome, writes: NDArray[np.int64]) -> Fault:
        score, findings, target = self._score, self._findings, self._program.target
        write = writes[0]
        channel = target.by_number[int(score.channel[write])]
        # In the author's times: without the compensation of the channel's latency.
        shift = int(target.shifts[channel.number])
        (met,) = self._met(kind, writes[:1]).tolist()
        return Fault(
            kind=kind,
            channel=channel.name,
            source=self._source(int(score.source[write])),
            other=self._source(met),
            timeline=int(score.timeline[write]),
            time=(int(score.time[writes].min()) - shift) * target.period,
            opening=int(findings.opening[kind][writes].max()) * target.period,
            short=int(findings.short[kind][writes].max()) * target.period,
            passes=findings.passes[int(findings.first[kind][writes].min())],
            writes=len(writes),
            cycle=self._pace.cycle * target.period,
            lanes=self._pace.lanes,
        )

    def _source(self, row: int) -> Source | None:
        sources = self._program.sources
        return sources[row] if 0 <= row < len(sources) else None
