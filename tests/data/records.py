"""Are two records the same, to the last bit and type?"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data import Record


def assert_same(found: Record, expected: Record) -> None:
    assert (found.shots, found.duration_ps, tuple(found.notes)) == (
        expected.shots,
        expected.duration_ps,
        tuple(expected.notes),
    )
    pairs: list[tuple[NDArray[Any], NDArray[Any]]] = [(found.start_ps, expected.start_ps)]
    for tables in ("counts", "images"):
        mine, theirs = getattr(found, tables), getattr(expected, tables)
        assert list(mine) == list(theirs)
        pairs += [(mine[name], theirs[name]) for name in theirs]
    for table in ("attempts", "tags"):
        columns = (field.name for field in dataclasses.fields(getattr(expected, table)))
        pairs += [
            (getattr(getattr(found, table), name), getattr(getattr(expected, table), name))
            for name in columns
        ]
    for values, others in pairs:
        assert values.dtype == others.dtype
        np.testing.assert_array_equal(values, others)
