"""Second pass: split the sequence at its loops, branches and waits into segments; nothing is unrolled."""

from __future__ import annotations

from itertools import groupby

from sequences.compiler.stages import (
    AnySlot,
    AttemptSlots,
    ChoiceSlots,
    Outline,
    RepeatSlots,
    Segment,
    Slot,
    Slots,
    WaitSlot,
)
from sequences.errors import AuthoringError, BranchError, raise_together
from sequences.ir import (
    At,
    Attempt,
    Block,
    Choice,
    Gate,
    Named,
    Parallel,
    Repeat,
    Sequence,
    Serial,
    Wait,
    walk,
)
from sequences.rules import kind_problems, loop_problems, readouts_in, seam_problems


def expand(sequence: Sequence) -> Outline[Segment]:
    """Return the loops of a sequence around its stretches without loops.

    Loops, branches and waits may stand in serial blocks at any depth and in each other.

    Raises:
        SeamError: one of them stands beside other parts.
        DurationError: a count is below 1, or a loop has no end.
        HeraldError: an attempt waits for a readout that its body does not record.
        BranchError: a branch asks for a readout that nothing before it records.
        CompileError: several of these.
    """
    expander = _Expander()
    slots = expander.expanded(sequence.body)
    raise_together([*expander.problems])
    return Outline(sequence.name, slots, tuple(expander.segments))


class _Expander:
    """Collects parts until a seam ends their segment."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.problems: list[AuthoringError] = []
        self._parts: list[Block] = []
        self._recorded: dict[str, None] = {}
        self._listed = 0  # segments whose readouts are among those

    def expanded(self, body: Block | None) -> Slots:
        """Return the slots of a loop's body, or of the whole sequence."""
        slots: list[AnySlot] = []
        pending = [] if body is None else [body]
        while pending:
            block = pending.pop()
            match block:
                case Serial(parts=parts) if block.has_seam or not _holds_times(parts):
                    pending.extend(reversed(_grouped(parts) if block.has_seam else parts))
                case Parallel(parts=(only,), has_seam=True):
                    pending.append(only)
                case Named(body=inner, has_seam=True):
                    pending.extend(reversed(_renamed(block.name, inner)))
                case Repeat() | Attempt() | Choice() | Wait():
                    slots += self._cut()
                    slots.append(self._seam(block))
                case _:
                    if block.has_seam:
                        self._refuse(block)
                    self._parts.append(block)
        return (*slots, *self._cut())

    def _seam(self, block: Repeat | Attempt | Choice | Wait) -> AnySlot:
        if isinstance(block, Wait):
            self.problems.extend(kind_problems(block))
            return WaitSlot(block)
        self.problems.extend(loop_problems(block))
        match block:
            case Repeat(body=body, count=count):
                return RepeatSlots(count, self.expanded(body), block.source)
            case Attempt(body=body, between=between):
                return AttemptSlots(block, self.expanded(body), self.expanded(between))
            case Choice(then=then, otherwise=otherwise):
                self._refuse_unrecorded(block)
                return ChoiceSlots(block, self.expanded(then), self.expanded(otherwise))

    def _refuse(self, block: Block) -> None:
        """Tell of each seam that stands beside something else."""
        for inner in walk(block):
            if isinstance(inner, Parallel) or not isinstance(inner, Serial | Named):
                self.problems.extend(seam_problems(inner))  # type: ignore[arg-type]  # only they hold seams
                return

    def _refuse_unrecorded(self, choice: Choice) -> None:
        for segment in self.segments[self._listed :]:
            blocks = (block for part in segment.parts for block in walk(part))
            self._recorded |= {str(block.readout): None for block in blocks if isinstance(block, Gate)}
        self._listed = len(self.segments)
        for readout in readouts_in(choice.condition):
            if readout not in self._recorded:
                self.problems.append(BranchError(choice.source, readout, tuple(self._recorded)))

    def _cut(self) -> list[AnySlot]:
        """End the segment, if there is anything in it."""
        if not self._parts:
            return []
        self.segments.append(Segment(tuple(self._parts)))
        self._parts = []
        return [Slot(len(self.segments) - 1)]


def _holds_times(parts: tuple[Block, ...]) -> bool:
    return any(type(part) is At for part in parts)


def _grouped(parts: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return the parts of a serial block with seams; times within it count from the seam before them."""
    if not _holds_times(parts):
        return parts
    grouped: list[Block] = []
    for has_seam, group in groupby(parts, key=lambda part: part.has_seam):
        run = tuple(group)
        grouped += run if has_seam else (Serial(run, source=run[0].source),)
    return tuple(grouped)


def _renamed(name: str, body: Block) -> list[Block]:
    """Return the parts of a named block that has seams; what is between the seams keeps the name."""
    parts = _grouped(body.parts) if isinstance(body, Serial) else (body,)
    return [part if part.has_seam else Named(name, part, source=part.source) for part in parts]
