"""In which order the points of a grid are visited: permutations of its points, worked out from its shape.

Points are counted as they are written: the last dimension of the grid runs fastest.

Example:
    >>> snake((2, 3)).tolist()
    [0, 1, 2, 5, 4, 3]
    >>> refining((5,)).tolist()
    [0, 4, 2, 1, 3]
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Order(StrEnum):
    """How the points of a scan follow each other."""

    AS_WRITTEN = "as_written"
    RANDOM = "random"
    REFINING = "refining"
    SNAKE = "snake"


def visits(order: Order, shape: Sequence[int], seed: int = 0) -> NDArray[np.int64]:
    """Return which point of the grid is visited first, second, and so on.

    Args:
        order: how.
        shape: points along each dimension.
        seed: of a random order; the same seed gives the same order.

    Returns:
        (points,) numbers of the points, counted as written.
    """
    match order:
        case Order.AS_WRITTEN:
            return np.arange(int(np.prod(shape)))
        case Order.RANDOM:
            return np.random.default_rng(seed).permutation(int(np.prod(shape)))
        case Order.REFINING:
            return refining(shape)
        case Order.SNAKE:
            return snake(shape)


def snake(shape: Sequence[int]) -> NDArray[np.int64]:
    """Return the way through a grid on which every step goes to a neighbour.

    Every second row is walked backwards, in every dimension: nothing jumps back to its start.

    Returns:
        (points,) numbers of the points, counted as written.
    """
    path = np.arange(1)
    for points in reversed(shape):
        rows = np.arange(points)[:, None] * len(path) + path
        rows[1::2] = rows[1::2, ::-1]
        path = rows.ravel()
    return path


def refining(shape: Sequence[int]) -> NDArray[np.int64]:
    """Return the way through a grid that shows the whole early: coarse first, each level halves the step.

    A point of several dimensions belongs to the finest of its levels; within a level the points follow as
    they are written.

    Returns:
        (points,) numbers of the points, counted as written.
    """
    level = np.zeros(1, dtype=np.int64)
    for points in shape:
        level = np.maximum.outer(level, levels(points)).ravel()
    return np.argsort(level, kind="stable")


def levels(points: int) -> NDArray[np.int64]:
    """Return at which refinement each of a row of points is reached: the ends at 0, the middle at 1, ...

    Example:
        >>> levels(9).tolist()
        [0, 3, 2, 3, 1, 3, 2, 3, 0]
    """
    found = np.zeros(points, dtype=np.int64)
    reached = np.unique([0, points - 1])
    level = 0
    while len(reached) < points:
        level += 1
        middles = (reached[:-1] + reached[1:]) // 2
        fresh = np.setdiff1d(middles, reached)
        found[fresh] = level
        reached = np.union1d(reached, fresh)
    return found
