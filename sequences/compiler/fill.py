"""Last pass: open values get their numbers; the only work of a new point if no time changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sequences.compiler.bind import TOLD, Binding
from sequences.compiler.stages import Draft, Fill
from sequences.errors import NumberError
from sequences.parameters import Number
from sequences.program import ShotValues
from sequences.rules import limit_problems, name_of
from sequences.timeline import Timeline

_Changing = dict[int, list[tuple[NDArray[np.int64], NDArray[np.float64]]]]
"""Shots after which values repeat -> rows that change, and their values (shots, rows)."""


def fill(draft: Draft, number: int, binding: Binding) -> tuple[Timeline, tuple[ShotValues, ...]]:
    """Return a timeline with all its values, and those that change from shot to shot.

    Args:
        draft: the timeline.
        number: of the timeline in the program.
        binding: gives the values; values outside their limits are added to its problems.
    """
    if not draft.fills:
        return draft.timeline, ()
    value = draft.timeline.value.copy()
    changing: _Changing = {}
    for hole in draft.fills:
        start = _checked(hole, binding.number(hole.start, hole.leaf.source), binding)
        stop = start
        if hole.stop is not hole.start:
            stop = _checked(hole, binding.number(hole.stop, hole.leaf.source), binding)
        if isinstance(start, float) and isinstance(stop, float):
            value[hole.rows] = stop if hole.way is None else _mixed(start, stop, hole.way)
            continue
        values = _each_shot(hole, start, stop)
        value[hole.rows] = values[0]
        changing.setdefault(len(values), []).append((hole.rows, values))
    return replace(draft.timeline, value=value), tuple(_shot_values(number, changing))


def _checked(hole: Fill, number: Number, binding: Binding) -> Number:
    if number is not TOLD:
        binding.problems.extend(limit_problems(hole.leaf, hole.quantity, number))
    return number


def _mixed(start: Number, stop: Number, way: NDArray[np.float64]) -> NDArray[np.float64]:
    # start + (stop - start) may miss the stop value by a rounding
    return np.where(way == 1.0, stop, start + (stop - start) * way)


def _each_shot(hole: Fill, start: Number, stop: Number) -> NDArray[np.float64]:
    """Return the values (shots, rows) of a hole whose values change from shot to shot."""
    shots = max(np.size(start), np.size(stop))
    if min(np.size(start), np.size(stop)) not in (1, shots):
        lengths = f"{np.size(start)} and {np.size(stop)} values a shot"
        raise NumberError(hole.leaf.source, f"the way of {name_of(hole.leaf)} between its ends", lengths)
    columns = [np.broadcast_to(np.asarray(side, dtype=np.float64), shots)[:, None] for side in (start, stop)]
    way = np.ones(len(hole.rows)) if hole.way is None else hole.way
    return np.broadcast_to(_mixed(columns[0], columns[1], way), (shots, len(hole.rows)))


def _shot_values(number: int, changing: _Changing) -> Iterable[ShotValues]:
    for parts in changing.values():
        rows = np.concatenate([rows for rows, _ in parts])
        values = np.concatenate([values for _, values in parts], axis=1)
        order = np.argsort(rows)
        yield ShotValues(number, rows[order], np.ascontiguousarray(values[:, order]))
