"""A program as one long timeline, for a core that cannot loop.

The events are those of all timelines, each as often and where it is played, sorted by time, then channel;
what is played earlier comes first. For more events than fit into memory there is `sequences.targets.stream`.

Example:
    >>> import numpy as np
    >>> from sequences import Channel, Kind, Line, Target, compile_sequence, ns, repeat, sequence
    >>> lab = Target("lab", 1 * ns, (Channel("shutter", Kind.TTL, 0, grid=1 * ns),))
    >>> blink = sequence("blink", repeat(Line.of(lab, "shutter").pulse(10 * ns), 3))
    >>> whole = unroll(compile_sequence(blink, lab))
    >>> whole.duration, whole.time.tolist()
    (30, [0, 10, 10, 20, 20, 30])
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sequences.program import Program
from sequences.targets.plan import plan
from sequences.targets.stream import CHUNK, stream_records
from sequences.targets.way import HERALDED_AT_ONCE, Way
from sequences.timeline import RECORD, Timeline


def unroll(program: Program, shots: int = 1, *, way: Way = HERALDED_AT_ONCE) -> Timeline:
    """Return all events of some shots, one shot after the other.

    Args:
        program: to unroll; its `shot_values` are filled in.
        shots: to play.
        way: taken through attempts and branches; heralded at once, conditions hold.

    Returns:
        One timeline, with 23 bytes an event and without labels.

    Raises:
        DurationError: `shots` is no whole number from 1 on.
    """
    planned = plan(program, shots, way, CHUNK)
    events = planned.events
    whole = Timeline(
        planned.duration,
        np.empty(events, dtype=np.int64),
        np.empty(events, dtype=np.uint16),
        np.empty(events, dtype=np.uint8),
        np.empty(events, dtype=np.float64),
        np.empty(events, dtype=np.uint32),
    )
    row = 0
    for strand, start, shot in planned.pieces():
        rows = slice(row, row + len(strand))
        np.add(strand.columns.time, start, out=whole.time[rows])
        whole.channel[rows] = strand.columns.channel
        whole.operation[rows] = strand.columns.operation
        whole.value[rows] = strand.columns.value
        whole.source[rows] = strand.columns.source
        strand.fill_in(shot, whole.value[rows])
        row = rows.stop
    return whole


def unroll_records(program: Program, shots: int = 1, *, way: Way = HERALDED_AT_ONCE) -> NDArray[np.void]:
    """Return all events (events,) of some shots as packed `RECORD`s of 24 bytes.

    Args and Raises: as for `unroll`.
    """
    whole = np.empty(plan(program, shots, way, CHUNK).events, dtype=RECORD)
    row = 0
    for chunk in stream_records(program, shots, way=way):
        # As bytes: numpy copies structures field by field.
        whole[row : row + len(chunk)].view(np.uint8)[:] = chunk.view(np.uint8)
        row += len(chunk)
    return whole
