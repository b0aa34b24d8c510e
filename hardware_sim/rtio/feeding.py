"""Handing columns of writes to the dispatcher: one by one, or whole stretches at once.

`feed_each` asks the dispatcher write by write. `feed` gives the same, event for event, but works out at
once all that can be taken without anything special: up to the first write that fills its lane, or is
refused for the order of its cycles. Underflows do not end a stretch; they leave no trace in the
dispatcher but the time they take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hardware_sim.rtio.dispatcher import NEVER, NO_LANE, UNBOUNDED, EventDispatcher, Margins
from hardware_sim.rtio.events import Outcome

_SHORT: Final = 32
"""Writes below which one by one is faster than columns (about 2 us a write against 60 us a stretch)."""

_STRETCH: Final = 4096
"""Writes that are looked at together at first; adapted to how far stretches really reach."""


@dataclass(frozen=True, slots=True, eq=False)
class HandOvers:
    """Columns of what happened, one row a write; see `HandOver`.

    Attributes:
        lane: (writes,) int16.
        counter: (writes,) int64, ticks.
        slack: (writes,) int64, ticks.
        outcome: (writes,) uint8, `Outcome`.
        short: (writes,) int64, ticks.
    """

    lane: NDArray[np.int16]
    counter: NDArray[np.int64]
    slack: NDArray[np.int64]
    outcome: NDArray[np.uint8]
    short: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lane)


def feed_each(dispatcher: EventDispatcher, times: NDArray[np.int64]) -> HandOvers:
    """Hand over writes one by one.

    Args:
        dispatcher: to hand them to.
        times: (writes,) ticks at which they are due, in order of submission.

    Returns:
        What happened to each.
    """
    told = [dispatcher.write(time) for time in times.tolist()]
    lane, counter, slack, outcome, short = zip(*told, strict=True) if told else ((), (), (), (), ())
    return HandOvers(
        np.array(lane, dtype=np.int16),
        np.array(counter, dtype=np.int64),
        np.array(slack, dtype=np.int64),
        np.array(outcome, dtype=np.uint8),
        np.array(short, dtype=np.int64),
    )


def feed(dispatcher: EventDispatcher, times: NDArray[np.int64]) -> HandOvers:
    """Hand over writes in stretches; the same as `feed_each`, and faster where many are alike.

    Args:
        dispatcher: to hand them to.
        times: (writes,) ticks at which they are due, in order of submission.

    Returns:
        What happened to each.
    """
    done: list[HandOvers] = []
    begin, size, singly = 0, _STRETCH, False
    while begin < len(times):
        if singly or len(times) - begin < _SHORT:
            told = feed_each(dispatcher, times[begin : begin + 4 * _SHORT])
            singly = False
        else:
            piece = times[begin : begin + size]
            told = _feed_stretch(dispatcher, piece)
            singly = len(told) < _SHORT
            size = 2 * size if len(told) == len(piece) else max(_SHORT, 2 * len(told))
        begin += len(told)
        done.append(told)
    return _joined(done)


def _feed_stretch(dispatcher: EventDispatcher, times: NDArray[np.int64]) -> HandOvers:
    """Hand over the writes up to the first stall, or before the first that is out of sequence."""
    pace = dispatcher.pace
    clock = dispatcher.clock + pace.event * np.arange(1, len(times) + 1)
    due = times // pace.cycle
    room = (due - pace.margin + 1) * pace.cycle_parts - 1 - clock
    kept = np.flatnonzero(room >= 0)
    lane, before, oldest = _place(dispatcher, due[kept])
    ahead = np.where(oldest == NEVER, UNBOUNDED, clock[kept] - oldest * pace.cycle_parts)
    refused, stalling = _first(before >= due[kept]), _first(ahead < 0)
    stalls = stalling < refused
    taken = min(stalling + 1, refused)  # of those kept
    end = len(times)
    if stalls:
        end = int(kept[stalling]) + 1
    elif refused < len(kept):
        end = int(kept[refused])

    kept, lane, room = kept[:taken], lane[:taken], room[:end]
    _note_margins(dispatcher.margins, room, ahead[: taken - stalls])
    _commit(dispatcher, lane, due[kept])
    if end:
        dispatcher.clock = int(clock[end - 1])
    if stalls:
        dispatcher.spread = True
        dispatcher.stall_until(int(oldest[stalling]))
    lanes = np.full(end, NO_LANE, dtype=np.int16)
    lanes[kept] = lane
    slack = room // pace.cycle_parts * pace.cycle
    late = slack < 0
    return HandOvers(
        lanes,
        clock[:end] // pace.cycle_parts * pace.cycle,
        slack,
        np.where(late, Outcome.UNDERFLOW, Outcome.PLAYED).astype(np.uint8),
        np.where(late, -slack, 0),
    )


def _place(
    dispatcher: EventDispatcher, due: NDArray[np.int64]
) -> tuple[NDArray[np.int16], NDArray[np.int64], NDArray[np.int64]]:
    """Choose the lanes of writes, as if all were taken and none stalled.

    Args:
        dispatcher: in the state before the first of them.
        due: (writes,) their cycles.

    Returns:
        (writes,) the lane of each; the cycle of the write before it in that lane; and the cycle of the write
        that has to leave before the lane has room for one more.
    """
    pace = dispatcher.pace
    moves = np.empty(len(due), dtype=bool)
    moves[:1] = dispatcher.spread | (due[:1] <= dispatcher.last_cycle(dispatcher.current))
    moves[1:] = due[1:] <= due[:-1]
    lane = ((dispatcher.current + np.cumsum(moves)) % pace.lanes).astype(np.int16)
    before, oldest = np.empty_like(due), np.empty_like(due)
    for number in np.unique(lane).tolist():
        rows = np.flatnonzero(lane == number)
        written = np.full(pace.depth + len(rows), NEVER)
        earlier = dispatcher.lanes[number]
        written[pace.depth - len(earlier) : pace.depth] = earlier
        written[pace.depth :] = due[rows]
        before[rows] = written[pace.depth - 1 : -1]
        oldest[rows] = written[1 : len(rows) + 1]
    return lane, before, oldest


def _commit(dispatcher: EventDispatcher, lane: NDArray[np.int16], due: NDArray[np.int64]) -> None:
    """Write into the lanes what was taken."""
    if len(lane) == 0:
        return
    for number in np.unique(lane).tolist():
        dispatcher.lanes[number].extend(due[lane == number][-dispatcher.pace.depth :].tolist())
    dispatcher.current = int(lane[-1])
    dispatcher.spread = False


def _note_margins(margins: Margins, room: NDArray[np.int64], ahead: NDArray[np.int64]) -> None:
    in_time = room >= 0
    later = np.min(room, where=in_time, initial=UNBOUNDED)
    late = np.min(-room - 1, where=~in_time, initial=UNBOUNDED)
    margins.narrow(Margins(int(later), int(min(late, np.min(ahead, initial=UNBOUNDED)))))


def _first(where: NDArray[np.bool_]) -> int:
    """Return the first row that is true, or the number of rows."""
    return int(where.argmax()) if where.any() else len(where)


def _joined(pieces: list[HandOvers]) -> HandOvers:
    if len(pieces) == 1:
        return pieces[0]
    columns = ("lane", "counter", "slack", "outcome", "short")
    types = (np.int16, np.int64, np.int64, np.uint8, np.int64)
    return HandOvers(
        *(
            np.concatenate([np.empty(0, dtype=kind), *(getattr(piece, name) for piece in pieces)])
            for name, kind in zip(columns, types, strict=True)
        )
    )
