"""A sequence: a named block with the list of what it leaves open and what it records."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any

from sequences.errors import ParameterConflictError
from sequences.ir import Block, Gate, Pulse, Readout, Sequence, Written, walk
from sequences.language.given import name_given
from sequences.language.joining import blocks_of
from sequences.parameters import Expression, Parameter, parameters_in


def sequence(name: str, body: Block) -> Sequence:
    """Name a block and list what it leaves open and what it records, both in order of first use.

    Raises:
        ParameterConflictError: two parameters share a name and differ in unit, limits or help.
    """
    blocks_of("sequence", (body,))
    name_given("the sequence", name)
    parameters: dict[str, Parameter] = {}
    readouts: dict[Readout, None] = {}
    for block in walk(body):
        for value in open_numbers(block):
            for parameter in parameters_in(value):
                first = parameters.setdefault(parameter.name, parameter)
                if first != parameter:
                    raise ParameterConflictError(parameter.source, parameter.name, first.source)
        if type(block) is Gate:
            readouts[block.readout] = None
    return Sequence(name, body, tuple(parameters.values()), tuple(readouts))


@cache
def _picker(names: tuple[str, ...]) -> Callable[[Any], tuple[object, ...]]:
    """Return what picks the numbers of a kind of block from their names."""
    if len(names) > 1:
        return attrgetter(*names)
    # With a single name, `attrgetter` returns no tuple.
    return (lambda block: (getattr(block, names[0]),)) if names else lambda _: ()


def open_numbers(block: Written) -> list[Expression]:
    """Return what a block leaves open, in the order in which authors write its numbers."""
    values = _picker(block.numbers)(block)
    found = [value for value in values if type(value) is not float and isinstance(value, Expression)]
    if type(block) is Pulse and block.envelope and isinstance(block.envelope.rise, Expression):
        found.append(block.envelope.rise)
    return found
