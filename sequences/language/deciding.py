"""Loops and choices that the core makes by itself: what was counted decides."""

from __future__ import annotations

from numbers import Integral
from typing import Any, TypeVar

from sequences.conditions import AllOf, AnyOf, Condition, Herald
from sequences.errors import DurationError, raise_together
from sequences.ir import Attempt, Block, Choice, Readout, Repeat
from sequences.language.joining import blocks_of
from sequences.parameters import Value
from sequences.rules import loop_problems
from sequences.sources import caller

_LoopT = TypeVar("_LoopT", Repeat, Attempt, Choice)


def repeat(body: Block, count: int) -> Repeat:
    """Play a block a number of times, as one loop of the hardware."""
    blocks_of("repeat", (body,))
    return _checked(Repeat(body, _whole(count), source=caller()))


def readout(name: str, index: int = 0) -> Readout:
    """Name what a gate records; the index tells windows of one name apart (usually it is the ion)."""
    return Readout(name, index)


def herald(*readouts: Readout, at_least: int = 1, at_most: int | None = None) -> Herald[Readout]:
    """Ask for so many clicks in all, within the gates of these readouts, in one attempt.

    Patterns are put together with ``&`` and ``|``: one click of H and none of V is
    ``herald(h) & herald(v, at_least=0, at_most=0)``.
    """
    for given in readouts:
        if not isinstance(given, Readout):
            raise DurationError(caller(), "what the herald counts", repr(given), "a readout()")
    return Herald(readouts, _whole(at_least), _whole(at_most))


def attempt(
    body: Block,
    *,
    until: Condition[Readout],
    maximum: int | None = None,
    timeout: Value | None = None,
    every: int = 0,
    between: Block | None = None,
) -> Attempt:
    """Play a block again and again until its herald is seen, as one loop of the hardware.

    Args:
        body: one attempt; it must record every readout that the herald names.
        until: what ends the loop.
        maximum: attempts at most.
        timeout: s, after which no further attempt is begun; a maximum, a time-out or both are needed.
        every: failed attempts after which `between` is played.
        between: what is played then, for example to cool the ions again.

    Raises:
        HeraldError: the herald names no readout, or one for which the body has no gate.
        DurationError: a count is below 1, or the loop has no end.
    """
    blocks_of("attempt", (body,) if between is None else (body, between))
    _check_condition("what the attempt waits for", until)
    most = None if maximum is None else _whole(maximum)
    return _checked(Attempt(body, until, most, timeout, _whole(every), between, source=caller()))


def branch(condition: Condition[Readout], then: Block, otherwise: Block | None = None) -> Choice:
    """Play one of two blocks, by what was counted in this shot so far (in a loop: in this pass).

    Args:
        condition: about readouts that are recorded before the branch; what was not played has no clicks.
        then: played where the condition holds.
        otherwise: played where it does not; nothing if omitted.
    """
    blocks_of("branch", (then,) if otherwise is None else (then, otherwise))
    _check_condition("what the branch asks for", condition)
    return _checked(Choice(condition, then, otherwise, source=caller()))


def _check_condition(what: str, given: object) -> None:
    if not isinstance(given, Herald | AllOf | AnyOf):
        raise DurationError(caller(), what, repr(given), "a herald(), or several joined by & and |")


def _checked(loop: _LoopT) -> _LoopT:
    raise_together([*loop_problems(loop)])
    return loop


def _whole(count: Any) -> Any:
    """Return a whole number of numpy's as one of Python's; whatever else it is, the rules judge it."""
    if isinstance(count, bool) or not isinstance(count, Integral):
        return count
    return int(count)
