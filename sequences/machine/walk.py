"""The ways through a program, for rules that look at a timeline and at what was before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar, assert_never

from sequences.program import AttemptLoop, Branch, Play, RepeatLoop, Step, Wait, inner_steps

S = TypeVar("S")


class Rule(Protocol[S]):
    """A rule whose state goes on from timeline to timeline.

    Attributes:
        enough: passes of a loop that show all there is to see; None for as many as find a new state.
    """

    enough: int | None

    def play(self, number: int, state: S) -> S:
        """Look at one timeline, note what is wrong, and return the state that it leaves."""

    def wait(self, state: S) -> S:
        """Return the state after a wait of any length."""

    def join(self, one: S, other: S) -> S:
        """Return a state that allows only what both allow."""

    def is_settled(self, before: S, after: S) -> bool:
        """Tell whether all further passes find the same as the one that led from `before` to `after`."""

    def again(self, before: S, after: S, passes: int) -> S:
        """Return the state after so many more passes like the one that led from `before` to `after`."""


def walk(steps: Sequence[Step], rule: Rule[S], state: S, number: int = 0) -> tuple[S, int]:
    """Follow every way through some steps, loops no further than until they repeat themselves.

    Args:
        steps: of a program.
        rule: that looks at the timelines.
        state: before the first step.
        number: of the first timeline, as `Program.timelines` counts.

    Returns:
        The state after the last step, and the number of the timeline that follows.
    """
    for step in steps:
        match step:
            case Play():
                state, number = rule.play(number, state), number + 1
            case RepeatLoop(count, body):
                state, number = _repeat(body, count, rule, state, number)
            case AttemptLoop():
                state, number = _attempt(step, rule, state, number)
            case Branch(_, then, otherwise):
                one, number = walk(then, rule, state, number)
                other, number = walk(otherwise, rule, state, number)
                state = rule.join(one, other)
            case Wait():
                state = rule.wait(state)
            case _:
                assert_never(step)
    return state, number


def _repeat(body: Sequence[Step], count: int, rule: Rule[S], state: S, number: int) -> tuple[S, int]:
    found, following, straight = [state], number, _is_straight(body)
    for done in range(1, (count if rule.enough is None else min(count, rule.enough)) + 1):
        state, following = walk(body, rule, found[-1], number)
        if rule.enough is None and state in found:
            # From here on the states come again in the same order.
            first = found.index(state)
            return found[first + (count - done) % (done - first)], following
        found.append(state)
        if straight and done < count and rule.is_settled(*found[-2:]):
            break
    done = len(found) - 1
    if straight and done < count:
        state = rule.again(found[-2], state, count - done)
    return state, following


def _attempt(loop: AttemptLoop, rule: Rule[S], state: S, number: int) -> tuple[S, int]:
    """Follow attempts that fail, with what is played between them; the loop may end after each of them."""
    ended, middle = walk(loop.steps, rule, state, number)
    following = middle + timelines_in(loop.between)
    done, rests = 1, loop.every and (loop.maximum is None or loop.maximum > loop.every)
    while done not in (loop.maximum, rule.enough):
        begun = ended
        if rests:
            rested, _ = walk(loop.between, rule, ended, middle)
            begun = rested if loop.every == 1 else rule.join(ended, rested)
        again, _ = walk(loop.steps, rule, begun, number)
        before, ended, done = ended, rule.join(ended, again), done + 1
        if ended == before:
            break
    return ended, following


def _is_straight(steps: Sequence[Step]) -> bool:
    """Tell whether there is one way through some steps only, and nothing to wait for."""
    return all(
        isinstance(step, Play) or (isinstance(step, RepeatLoop) and _is_straight(step.steps))
        for step in steps
    )


def timelines_in(steps: Sequence[Step]) -> int:
    """Return how many timelines some steps hold, loops counted once."""
    bodies = (body for step in steps for body in inner_steps(step))
    return sum(isinstance(step, Play) for step in steps) + sum(map(timelines_in, bodies))
