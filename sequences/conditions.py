"""What clicks must have been seen: the heralds that end attempt loops and choose branches.

Authors name readouts; a program refers to rows of its table of readouts. One family of types serves both.

Example:
    >>> import numpy as np
    >>> heralded = Herald(("h",)) & Herald(("v",), at_least=0, at_most=0)
    >>> clicks = {"h": np.array([0, 1, 2]), "v": np.array([0, 0, 1])}
    >>> heralded.holds(lambda readouts: sum(clicks[name] for name in readouts)).tolist()
    [False, True, False]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

R = TypeVar("R")
S = TypeVar("S")

Counting: TypeAlias = Callable[[tuple[R, ...]], NDArray[np.int64]]
"""Gives the clicks (shots,) in all the gates of some readouts together."""


class _Joining(Generic[R]):
    """Conditions join with ``&`` and ``|``."""

    __slots__ = ()

    def __and__(self, other: Condition[R]) -> AllOf[R]:
        return AllOf((*_parts(self, AllOf), *_parts(other, AllOf)))

    def __or__(self, other: Condition[R]) -> AnyOf[R]:
        return AnyOf((*_parts(self, AnyOf), *_parts(other, AnyOf)))


@dataclass(frozen=True, slots=True)
class Herald(_Joining[R]):
    """So many clicks in all, within the gates of some readouts.

    Attributes:
        readouts: the gates that count.
        at_least: clicks needed.
        at_most: clicks allowed, or None for any number.
    """

    readouts: tuple[R, ...]
    at_least: int = 1
    at_most: int | None = None

    def holds(self, clicks: Counting[R]) -> NDArray[np.bool_]:
        """Tell (shots,) where it was seen."""
        counted = clicks(self.readouts)
        seen = counted >= self.at_least
        return seen if self.at_most is None else seen & (counted <= self.at_most)

    def map(self, change: Callable[[R], S]) -> Herald[S]:
        """Return the same condition on changed readouts."""
        return Herald(tuple(map(change, self.readouts)), self.at_least, self.at_most)

    def heralds(self) -> Iterator[Herald[R]]:
        """Yield the single counts that it is made of."""
        yield self


@dataclass(frozen=True, slots=True)
class AllOf(_Joining[R]):
    """Every part holds."""

    parts: tuple[Condition[R], ...]

    def holds(self, clicks: Counting[R]) -> NDArray[np.bool_]:
        """Tell (shots,) where all parts hold."""
        return reduce(np.logical_and, (part.holds(clicks) for part in self.parts))

    def map(self, change: Callable[[R], S]) -> AllOf[S]:
        """Return the same condition on changed readouts."""
        return AllOf(tuple(part.map(change) for part in self.parts))

    def heralds(self) -> Iterator[Herald[R]]:
        """Yield the single counts that it is made of."""
        for part in self.parts:
            yield from part.heralds()


@dataclass(frozen=True, slots=True)
class AnyOf(_Joining[R]):
    """At least one part holds."""

    parts: tuple[Condition[R], ...]

    def holds(self, clicks: Counting[R]) -> NDArray[np.bool_]:
        """Tell (shots,) where any part holds."""
        return reduce(np.logical_or, (part.holds(clicks) for part in self.parts))

    def map(self, change: Callable[[R], S]) -> AnyOf[S]:
        """Return the same condition on changed readouts."""
        return AnyOf(tuple(part.map(change) for part in self.parts))

    def heralds(self) -> Iterator[Herald[R]]:
        """Yield the single counts that it is made of."""
        for part in self.parts:
            yield from part.heralds()


Condition: TypeAlias = Herald[R] | AllOf[R] | AnyOf[R]


def _parts(condition: object, kind: type[AllOf[R]] | type[AnyOf[R]]) -> tuple[Condition[R], ...]:
    """Return the parts of a condition of that kind; any other condition is a part itself."""
    return condition.parts if isinstance(condition, kind) else (condition,)  # type: ignore[return-value]
