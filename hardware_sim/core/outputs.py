"""What the core's outputs do at the seams between timelines, and which shots have them alike.

Shots that took different branches, or left a loop at different times, may have different beams on. They are
played apart for as long as this is so, and together again when their outputs are alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hardware_sim.core.electrodes import LOWER, UPPER, Memory
from hardware_sim.core.ensemble import Shots
from hardware_sim.core.signals import TONE_OPERATIONS, Change, Standing
from sequences.program import Program
from sequences.timeline import Operation


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a timeline must know of those before it: the beams, and the endcaps behind their filters."""

    standing: Standing
    endcaps: Memory


@dataclass(frozen=True, slots=True, eq=False)
class Party:
    """Shots whose outputs are alike."""

    shots: Shots
    outputs: Outputs

    def only(self, chosen: NDArray[np.bool_]) -> Party:
        """Return those of its shots that are chosen among all (shots of the point,)."""
        return Party(self.shots[chosen[self.shots]], self.outputs)


def join_parties(parties: Iterable[Party]) -> list[Party]:
    """Return the same shots in as few parties as their outputs allow, none of them empty."""
    present = [party for party in parties if len(party.shots)]
    if len(present) < 2:
        return present
    alike: dict[Outputs, list[Shots]] = {}
    for party in present:
        alike.setdefault(party.outputs, []).append(party.shots)
    return [Party(np.sort(np.concatenate(shots)), outputs) for outputs, shots in alike.items()]


def shots_of(parties: Iterable[Party]) -> Shots:
    """Return the shots of all parties."""
    return np.concatenate([party.shots for party in parties] or [np.empty(0, dtype=np.int64)])


def left_set(program: Program, parts: Mapping[int, str], before: Memory) -> Memory:
    """Return at which voltages a program leaves the endcaps, by the last that it says of each.

    Args:
        program: of which every way is taken, those of branches one after the other.
        parts: channel number -> part of the node.
        before: what their filters remembered when it began.
    """
    volts = {UPPER: before.upper[1][-1], LOWER: before.lower[1][-1]}
    for timeline in program.timelines():
        rows = np.flatnonzero(timeline.operation == Operation.VOLTAGE)
        for number, value in zip(timeline.channel[rows].tolist(), timeline.value[rows].tolist(), strict=True):
            if parts.get(number) in volts:
                volts[parts[number]] = value
    return Memory.resting(volts[UPPER], volts[LOWER])


def left_standing(program: Program, parts: Mapping[int, str], before: Standing) -> Standing:
    """Return which tones a program leaves on, by the last that it says of each.

    Args:
        program: of which every way is taken, those of branches one after the other.
        parts: channel number -> part of the node.
        before: what was on when it began.
    """
    changes: list[Change] = []
    for timeline in program.timelines():
        for operation in sorted(TONE_OPERATIONS):
            rows = np.flatnonzero(timeline.operation == operation)[::-1]
            channels, last = np.unique(timeline.channel[rows], return_index=True)
            values = timeline.value[rows[last]].tolist()
            for number, value in zip(channels.tolist(), values, strict=True):
                if number in parts:
                    changes.append(Change(0, parts[number], operation, value))
    return Standing(before.landed.tones, tuple(changes)).landed
