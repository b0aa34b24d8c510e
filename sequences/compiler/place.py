"""Third pass: give every leaf its start within its segment, in seconds."""

from __future__ import annotations

import numpy as np

from sequences.compiler.stages import Outline, Placement, Segment
from sequences.errors import Source
from sequences.ir import Alignment, Attempt, Block, Leaf, Level, Parallel, Repeat, Serial
from sequences.parameters import number


def place(outline: Outline[Segment]) -> Outline[Placement]:
    """Return every segment's leaves with their start times."""
    return outline.map(_placed)


def _placed(segment: Segment) -> Placement:
    placer = _Placer()
    length = placer.serial(segment.parts, 0.0)
    starts = np.array(placer.starts, dtype=np.float64)
    durations = np.array(placer.durations, dtype=np.float64)
    return Placement(tuple(placer.leaves), starts, durations, length, placer.centred)


class _Placer:
    """Columns that grow while the blocks are walked once; methods return how long a block lasts (s)."""

    def __init__(self) -> None:
        self.leaves: list[Leaf] = []
        self.starts: list[float] = []
        self.durations: list[float] = []
        self.centred: dict[int, Source] = {}

    def serial(self, parts: tuple[Block, ...], start: float) -> float:
        """Place the parts one after the other.

        The lengths are summed with Kahan's compensation: a million pulses must not drift off the clock.

        Source: W. Kahan, Commun. ACM 8, 40 (1965).
        """
        total, lost = 0.0, 0.0
        for part in parts:
            length = self._block(part, start + total) - lost
            grown = total + length
            lost = (grown - total) - length
            total = grown
        return total

    def _block(self, block: Block, start: float) -> float:
        match block:
            case Serial(parts=parts):
                return self.serial(parts, start)
            case Parallel():
                return self._parallel(block, start)
            case Repeat() | Attempt():
                raise TypeError("a loop cannot be placed: `expand` comes first")
            case Level():
                return self._leaf(block, start, 0.0)
            case _:
                return self._leaf(block, start, number(block.duration))

    def _leaf(self, leaf: Leaf, start: float, duration: float) -> float:
        self.leaves.append(leaf)
        self.starts.append(start)
        self.durations.append(duration)
        return duration

    def _parallel(self, block: Parallel, start: float) -> float:
        placed = []
        for part in block.parts:
            first = len(self.leaves)
            length = self._block(part, start)
            placed.append((range(first, len(self.leaves)), length))
        longest = max((length for _, length in placed), default=0.0)
        if block.align is not Alignment.LEFT:
            for rows, length in placed:
                self._move(rows, longest - length, block)
        return longest

    def _move(self, rows: range, spare: float, block: Parallel) -> None:
        if spare == 0:
            return
        by = spare / 2 if block.align is Alignment.CENTRE else spare
        for row in rows:
            self.starts[row] += by
            if block.align is Alignment.CENTRE:
                self.centred[row] = block.source
