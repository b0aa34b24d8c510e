"""Sixth pass: the numbers of all leaves as columns; what depends on parameters stays open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np

from sequences.compiler.stages import Code, Column, Outline, Schedule
from sequences.parameters import Expression, Value
from sequences.target import Quantity
from sequences.units import as_float

_FIELDS: Final = (
    (Code.TONE, "frequency", Quantity.FREQUENCY),
    (Code.TONE, "amplitude", Quantity.AMPLITUDE),
    (Code.TONE, "phase", None),
    (Code.TUNING, "frequency", Quantity.FREQUENCY),
    (Code.TUNING, "amplitude", Quantity.AMPLITUDE),
    (Code.TUNING, "phase", None),
    (Code.LEVEL, "value", Quantity.VOLTAGE),
    (Code.RAMP, "start", Quantity.VOLTAGE),
    (Code.RAMP, "stop", Quantity.VOLTAGE),
)
"""Every number of a leaf that becomes the value of an event."""


def collect(outline: Outline[Schedule]) -> Outline[Schedule]:
    """Return the segments with the numbers of their leaves as columns."""
    return outline.map(_collected)


def _collected(schedule: Schedule) -> Schedule:
    columns: dict[tuple[int, str], Column] = {}
    leaves: Any = schedule.leaves
    for code in (Code.TONE, Code.TUNING, Code.LEVEL, Code.RAMP):
        rows = np.flatnonzero(schedule.code == code)
        if len(rows) == 0:
            continue
        picked = [leaves[row] for row in rows.tolist()]
        for owner, name, quantity in _FIELDS:
            if owner is code:
                columns[code, name] = column_of(rows, quantity, [getattr(leaf, name) for leaf in picked])
    return replace(schedule, columns=columns)


def column_of(rows: Any, quantity: Quantity | None, values: list[Value]) -> Column:
    """Return numbers, and expressions of parameters, as a column."""
    open_values = {}
    for place, value in enumerate(values):
        if type(value) is not float:
            if isinstance(value, Expression):
                open_values[place] = value
                values[place] = np.nan
            else:
                number = as_float(value)  # None for what is no number, which `check` tells
                values[place] = np.nan if number is None else number
    return Column(rows, quantity, np.array(values, dtype=np.float64), open_values)
