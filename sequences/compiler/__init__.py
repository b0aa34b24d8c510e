"""From blocks to timelines: seven passes, each a plain function in a file of its own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sequences.compiler.align import align
from sequences.compiler.bind import bind
from sequences.compiler.check import check
from sequences.compiler.expand import expand
from sequences.compiler.lower import lower
from sequences.compiler.place import place
from sequences.compiler.quantize import quantize
from sequences.ir import Sequence
from sequences.program import Program
from sequences.target import Target

__all__ = ["align", "bind", "check", "compile_sequence", "expand", "lower", "place", "quantize"]


def compile_sequence(
    sequence: Sequence, target: Target, values: Mapping[str, float] = MappingProxyType({})
) -> Program:
    """Compile a sequence for a lab.

    Args:
        sequence: what to play.
        target: the clock and the channels of the lab.
        values: parameter name -> value in the parameter's base unit, for every parameter of the sequence.

    Returns:
        The program of one shot; loops stay loops.

    Raises:
        SequenceError: what is wrong, at the author's line; a `CompileError` if it is several things.
    """
    outline = expand(bind(sequence, values))
    schedule = align(quantize(place(outline), target), target)
    return lower(check(schedule, target), target)
