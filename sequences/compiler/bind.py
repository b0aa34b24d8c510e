"""First pass: give every parameter its value, so that every number is a float."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sequences.errors import AuthoringError, Source, UnknownParameterError, raise_together
from sequences.ir import Attempt, Block, Leaf, Parallel, Repeat, Sequence, Serial
from sequences.parameters import Expression, checked, evaluate, parameters_in
from sequences.rules import duration_problems, loop_problems
from sequences.sources import caller


def bind(sequence: Sequence, values: Mapping[str, float]) -> Sequence:
    """Return the sequence with every expression evaluated and no parameters left.

    Args:
        sequence: to bind.
        values: parameter name -> value in the parameter's base unit; all of them and no others.

    Raises:
        UnboundParameterError: a parameter has no value.
        UnknownParameterError: a value belongs to no parameter.
        ParameterRangeError: a value is not finite or outside its parameter's limits.
        NumberError: a number is not finite.
        DurationError: a duration is negative, or zero where that makes no sense; a count is below 1.
        HeraldError: an attempt waits for a readout that its body does not record.
        CompileError: several of these.
    """
    binder = _Binder(values)
    binder.refuse_unknown(sequence, caller())
    body = binder.bound(sequence.body)
    raise_together([*binder.problems])
    return Sequence(sequence.name, body, (), sequence.readouts)


class _Binder:
    """Walks the blocks and gathers every problem on the way."""

    def __init__(self, values: Mapping[str, float]) -> None:
        self.values = values
        self.problems: list[AuthoringError] = []
        self._good: set[str] = set()
        self._bad: set[str] = set()

    def refuse_unknown(self, sequence: Sequence, source: Source) -> None:
        known = tuple(parameter.name for parameter in sequence.parameters)
        for name in self.values:
            if name not in known:
                self.problems.append(UnknownParameterError(source, name, known))

    def bound(self, block: Block) -> Block:
        match block:
            case Serial(parts=parts) | Parallel(parts=parts):
                bound = tuple([self.bound(part) for part in parts])
                return block if all(map(operator.is_, bound, parts)) else replace(block, parts=bound)
            case Repeat() | Attempt():
                self.problems.extend(loop_problems(block))
                return replace(block, body=self.bound(block.body))
            case _:
                return self._leaf(block)

    def _leaf(self, leaf: Leaf) -> Leaf:
        found: dict[str, Any] = {}
        for name in leaf.numbers:
            value = getattr(leaf, name)
            if isinstance(value, Expression) and self._is_given(value, leaf.source):
                found[name] = evaluate(value, self.values, leaf.source)
        if found:
            leaf = replace(leaf, **found)
        self.problems.extend(duration_problems(leaf))
        return leaf

    def _is_given(self, value: Expression, source: Source) -> bool:
        """Tell whether all parameters of an expression have values; each one's problem is told once."""
        for parameter in parameters_in(value):
            if parameter.name not in self._good and parameter.name not in self._bad:
                try:
                    checked(parameter, self.values, source)
                    self._good.add(parameter.name)
                except AuthoringError as problem:
                    self._bad.add(parameter.name)
                    self.problems.append(problem)
        return self._bad.isdisjoint(parameter.name for parameter in parameters_in(value))
