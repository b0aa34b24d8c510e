"""Ways to put blocks together in time."""

from __future__ import annotations

import math
from typing import Any

from sequences.errors import PartError, raise_together
from sequences.ir import Alignment, At, Block, Delay, Mark, Named, Parallel, Serial, Written
from sequences.language.given import name_given, one_of
from sequences.language.handles import checked
from sequences.parameters import Value
from sequences.rules import seam_problems, time_problems
from sequences.sources import caller


def serial(*blocks: Block) -> Serial:
    """Play blocks one after the other.

    A serial block among them is taken apart: ``serial(serial(a, b), c)`` is ``serial(a, b, c)``. To build a
    long one, collect the parts in a list and join them once: ``serial(*parts)``.
    """
    parts: list[Block] = []
    for block in blocks:
        if type(block) is Serial and not any(type(part) is At for part in block.parts):
            parts += block.parts
        else:
            parts.append(block)
    return Serial(blocks_of("serial", tuple(parts)), source=caller())


def parallel(*blocks: Block, align: Alignment | Mark = Alignment.LEFT) -> Parallel:
    """Play blocks at the same time; the whole lasts as long as all of them together.

    Args:
        blocks: the parts. A loop, branch or wait cannot be one of several parts.
        align: whether the parts start together, end together, have their middles together, or a `mark` that
            each of them holds.

    Raises:
        SeamError: a loop, branch or wait is one of several parts.
    """
    if not isinstance(align, Mark):
        align = one_of(Alignment, align, "the alignment of the parallel block")
    block = Parallel(blocks_of("parallel", blocks), align, source=caller())
    if block.has_seam:
        raise_together([*seam_problems(block)])
    return block


def delay(duration: Value) -> Delay:
    """Do nothing for a time (s)."""
    return checked(Delay(duration, source=caller()))


def at(start: Value, block: Block) -> At:
    """Start a block at a time (s) after the start of the serial or parallel block that holds it.

    In a serial block this waits for that time, however long the blocks before it last; if they last too long
    it is an error. A block that is `named` counts by itself. After a loop, branch or wait, times count from
    there. A serial block with such a part is not taken apart by another one.

    Raises:
        SeamError: the block holds a loop, branch or wait.
    """
    if getattr(block, "has_seam", None) is None:
        blocks_of("at", (block,))  # which tells what it is instead
    placed = At(start, block, source=caller())
    if type(start) is not float or not 0.0 <= start < math.inf or block.has_seam:
        times = time_problems(start, "the start of the block", placed.source, may_be_zero=True)
        raise_together([*times, *seam_problems(placed)])
    return placed


def mark(name: str) -> Mark:
    """Name an instant, to align parallel blocks to it and to find it in pictures; takes no time."""
    return Mark(name_given("the mark", name), source=caller())


def named(name: str, block: Block) -> Named:
    """Give a block a name that pictures show."""
    (body,) = blocks_of("named", (block,))
    return Named(name_given("the block", name), body, source=caller())


def blocks_of(owner: str, given: tuple[Any, ...]) -> tuple[Block, ...]:
    """Return the blocks if that is what they are.

    Raises:
        PartError: one of them is something else.
    """
    for part in given:
        if not isinstance(part, Written):
            raise PartError(caller(), owner, type(part).__name__)
    return given
