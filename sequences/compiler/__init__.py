"""From blocks to timelines: passes, each a plain function in a file of its own, and what strings them up."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sequences.compiler.template import Template
from sequences.ir import Sequence
from sequences.program import Program
from sequences.target import Target

__all__ = ["Template", "compile_sequence"]


def compile_sequence(
    sequence: Sequence, target: Target, values: Mapping[str, float] = MappingProxyType({})
) -> Program:
    """Compile a sequence for a lab.

    Args:
        sequence: what to play.
        target: the clock and the channels of the lab.
        values: parameter name -> value in the parameter's base unit, for every parameter of the sequence.

    Returns:
        The program of one shot; loops stay loops. For many points of one sequence, a `Template` is faster.

    Raises:
        SequenceError: what is wrong, at the author's line; a `CompileError` if it is several things.
    """
    return Template(sequence, target).bind(values)
