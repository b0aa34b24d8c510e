"""Time tags as they lie in a file: the clicks, and a table of the gates in which they were seen.

Each click is 10 bytes, its time and its channel. Shot, attempt and readout are the same for all clicks of one
opening of a gate, and the time within the gate follows from when it opened: so these stand once in a table,
with the number of clicks. Where two gates are open at once their clicks may alternate; then a gate has
several rows. Nothing is lost either way, whatever the order of the tags.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.columns import TimeTags


@dataclass(frozen=True, slots=True, eq=False)
class Gates:
    """Stretches of clicks of the same opened gate.

    Attributes:
        shot: (gates,) int64, shot of the point.
        attempt: (gates,) uint32, attempt of the shot.
        readout: (gates,) uint16, row of the program's table of readouts.
        open_ps: (gates,) int64, opening of the gate since the start of the run.
        photons: (gates,) int64, clicks of the stretch.
    """

    shot: NDArray[np.int64]
    attempt: NDArray[np.uint32]
    readout: NDArray[np.uint16]
    open_ps: NDArray[np.int64]
    photons: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.photons)


def gates_of(tags: TimeTags) -> Gates:
    """Gather the gates of clicks.

    Example:
        >>> ones = np.ones(3, np.int64)
        >>> tags = TimeTags(np.array([105, 107, 209]), ones, ones, 0 * ones, ones, np.array([5, 7, 9]))
        >>> gates = gates_of(tags)
        >>> gates.open_ps.tolist(), gates.photons.tolist()
        ([100, 200], [2, 1])
    """
    opened = tags.t_ps - tags.window_ps
    begins = np.zeros(len(tags), dtype=np.bool_)
    begins[:1] = True
    for column in (opened, tags.shot, tags.attempt, tags.readout):
        begins[1:] |= column[1:] != column[:-1]
        if begins.all():  # as with single photons: nothing has to be gathered, which takes most of the time
            return Gates(tags.shot, tags.attempt, tags.readout, opened, np.ones(len(tags), dtype=np.int64))
    first = np.flatnonzero(begins)
    return Gates(
        shot=tags.shot[first],
        attempt=tags.attempt[first],
        readout=tags.readout[first],
        open_ps=opened[first],
        photons=np.diff(first, append=len(tags)),
    )


def tags_of(gates: Gates, t_ps: NDArray[np.int64], channel: NDArray[np.uint16]) -> TimeTags:
    """Join clicks with their gates again; what `gates_of` was given comes back."""

    def spread(column: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(column, gates.photons)

    return TimeTags(
        t_ps=t_ps,
        channel=channel,
        shot=spread(gates.shot),
        attempt=spread(gates.attempt),
        readout=spread(gates.readout),
        window_ps=t_ps - spread(gates.open_ps),
    )
