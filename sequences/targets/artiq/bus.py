"""Changes that are programmed over a shared bus, each as late as possible before it takes effect.

All changes at one time are a group: programmed one after the other, they take effect together. Groups must
not overlap, because the pulse that lets one take effect would do so to all that is already on the board.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sequences.errors import Source
from sequences.target import Target
from sequences.targets.artiq.errors import ProgrammingError
from sequences.targets.artiq.writes import Problems


@dataclass(frozen=True, slots=True)
class Quiet:
    """What a bus did before a timeline.

    Attributes:
        units: machine units since it was last occupied.
        source: the row of the line that occupied it.
    """

    units: int
    source: int


@dataclass(frozen=True, slots=True, eq=False)
class Jobs:
    """Changes on one bus, sorted by time.

    Attributes:
        time: (jobs,) int64, when each takes effect, machine units.
        before: (jobs,) int64, time on the bus that it takes, machine units.
        after: (jobs,) int64, time on the bus that it takes after it took effect.
        channel: (jobs,) uint16, numbers of our channels.
        source: (jobs,) uint32.
    """

    time: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]
    channel: NDArray[np.uint16]
    source: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """When the jobs of a bus are programmed.

    Attributes:
        before: (jobs,) int64, starts of what precedes the changes.
        after: (jobs,) int64, starts of what follows them.
        first: (groups,) the first job of each group.
        begin: (groups,) int64, when the bus is occupied by the group.
        end: (groups,) int64, when it is free again.
    """

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    first: NDArray[np.intp]
    begin: NDArray[np.int64]
    end: NDArray[np.int64]


def place_jobs(jobs: Jobs, ready: NDArray[np.int64] | int, settle: NDArray[np.int64] | int) -> Placement:
    """Place the jobs as late as possible.

    Args:
        jobs: at least one, sorted by time.
        ready: machine units between the end of programming and the change, of each job or of all.
        settle: machine units from the change until the bus may be used again, of each job or of all.
    """
    first = np.flatnonzero(np.append(np.True_, jobs.time[1:] != jobs.time[:-1]))
    group = np.cumsum(np.append(0, jobs.time[1:] != jobs.time[:-1]))
    done, redone = np.cumsum(jobs.before), np.cumsum(jobs.after)
    # what the other jobs of the group take behind and in front of each job
    last = np.append(first[1:], len(jobs)) - 1
    behind = done[last][group] - done + jobs.before
    in_front = redone - jobs.after - (redone - jobs.after)[first][group]
    before = jobs.time - ready - behind
    after = jobs.time + settle + in_front
    return Placement(before, after, first, before[first], after[last] + jobs.after[last])


def check_fit(
    jobs: Jobs, placement: Placement, quiet: Quiet | None, bus: str, target: Target, problems: Problems
) -> None:
    """Add a problem for each pair of lines whose changes do not fit.

    Args:
        jobs: of the bus.
        placement: of the jobs.
        quiet: what the bus did before the timeline, or None if it was free for long.
        bus: its name for people.
        target: for the names of the channels.
        problems: grows.
    """
    free_since = np.append(np.int64(-quiet.units) if quiet else placement.begin[0], placement.end[:-1])
    missing = free_since - placement.begin
    told: dict[tuple[Source, Source | None], ProgrammingError] = {}
    for late in np.flatnonzero(missing > 0).tolist():
        rows = slice(placement.first[late], (*placement.first.tolist(), len(jobs))[late + 1])
        other = problems.source(int(jobs.source[rows.start - 1])) if late else None
        if quiet and quiet.source >= 0 and not late:
            other = problems.source(quiet.source)
        error = ProgrammingError(
            problems.source(int(jobs.source[rows.start])),
            tuple(target.by_number[number].name for number in jobs.channel[rows].tolist()),
            bus,
            int(jobs.time[rows.start]) * problems.period,
            int(jobs.time[rows.start] - placement.begin[late]) * problems.period,
            int(missing[late]) * problems.period,
            other,
        )
        worse = told.get((error.source, other))
        if worse is None or worse.missing < error.missing:
            told[error.source, other] = error
    problems.found.extend(told.values())
