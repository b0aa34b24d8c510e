"""Second pass: split the sequence at its loops into segments; nothing is unrolled."""

from __future__ import annotations

from sequences.compiler.stages import AttemptSlots, Outline, RepeatSlots, Segment, Slot, Slots
from sequences.errors import AuthoringError, raise_together
from sequences.ir import Attempt, Block, Parallel, Repeat, Sequence, Serial
from sequences.rules import parallel_problems


def expand(sequence: Sequence) -> Outline[Segment]:
    """Return the loops of a sequence around its stretches without loops.

    Loops may stand in serial blocks at any depth and in each other.

    Raises:
        LoopInParallelError: a loop stands in a parallel block beside other parts.
        CompileError: several do.
    """
    expander = _Expander()
    slots = expander.expanded(sequence.body)
    raise_together([*expander.problems])
    return Outline(sequence.name, slots, tuple(expander.segments))


class _Expander:
    """Collects parts until a loop ends their segment."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.problems: list[AuthoringError] = []
        self._parts: list[Block] = []

    def expanded(self, body: Block) -> Slots:
        """Return the slots of a loop's body, or of the whole sequence."""
        slots: list[Slot | RepeatSlots | AttemptSlots] = []
        pending = [body]
        while pending:
            match pending.pop():
                case Serial(parts=parts) | Parallel(parts=(_,) as parts):
                    pending.extend(reversed(parts))
                case Repeat(body=inner, count=count):
                    slots += self._cut()
                    slots.append(RepeatSlots(count, self.expanded(inner)))
                case Attempt(body=inner, herald=herald, maximum=maximum):
                    slots += self._cut()
                    slots.append(AttemptSlots(maximum, herald, self.expanded(inner)))
                case block:
                    if isinstance(block, Parallel):
                        self.problems.extend(parallel_problems(block))
                    self._parts.append(block)
        return (*slots, *self._cut())

    def _cut(self) -> list[Slot]:
        """End the segment, if there is anything in it."""
        if not self._parts:
            return []
        self.segments.append(Segment(tuple(self._parts)))
        self._parts = []
        return [Slot(len(self.segments) - 1)]
