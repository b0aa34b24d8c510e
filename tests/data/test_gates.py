"""Clicks and their gates: whatever the tags are, they come back."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data import TimeTags
from data.gates import Gates, gates_of, tags_of

INT64 = st.integers(-(2**63), 2**63 - 1)
FEW = st.integers(0, 2)
"""So that clicks of the same gate follow one another now and then."""


@st.composite
def any_tags(draw: st.DrawFn) -> TimeTags:
    """Draw tags in any order, of gates that open and close as they like."""
    clicks = draw(st.integers(0, 40))

    def column(dtype: type[np.generic], values: st.SearchStrategy[int]) -> np.ndarray[tuple[int], np.dtype]:
        return draw(arrays(dtype, clicks, elements=values, fill=st.nothing()))

    window_ps = column(np.int64, st.one_of(FEW, INT64))
    opened = column(np.int64, st.one_of(FEW, INT64))
    return TimeTags(
        t_ps=opened + window_ps,  # beyond 64 bits it wraps, and back again
        channel=column(np.uint16, st.integers(0, 2**16 - 1)),
        shot=column(np.int64, FEW),
        attempt=column(np.uint32, FEW),
        readout=column(np.uint16, FEW),
        window_ps=window_ps,
    )


def assert_equal(found: TimeTags, expected: TimeTags) -> None:
    for field in dataclasses.fields(expected):
        values, others = getattr(found, field.name), getattr(expected, field.name)
        assert values.dtype == others.dtype
        np.testing.assert_array_equal(values, others)


def keys_of(tags: TimeTags) -> list[tuple[int, ...]]:
    columns = (tags.t_ps - tags.window_ps, tags.shot, tags.attempt, tags.readout)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@settings(max_examples=40)  # arrays are slow to draw
@given(any_tags())
def test_all_tags_come_back(tags: TimeTags) -> None:
    assert_equal(tags_of(gates_of(tags), tags.t_ps, tags.channel), tags)


@settings(max_examples=25)
@given(any_tags())
def test_a_gate_is_a_stretch_of_clicks_of_one_opening(tags: TimeTags) -> None:
    gates, keys = gates_of(tags), keys_of(tags)
    rows = zip(*(c.tolist() for c in (gates.open_ps, gates.shot, gates.attempt, gates.readout)), strict=True)
    told = [key for key, photons in zip(rows, gates.photons.tolist(), strict=True) for _ in range(photons)]
    assert told == keys
    changes = sum(one != other for one, other in zip(keys[1:], keys[:-1], strict=True))
    assert len(gates) == (changes + 1 if keys else 0)
    assert gates.photons.dtype == np.int64


@given(st.permutations(range(12)))
def test_gates_that_are_open_at_once_in_any_order(order: list[int]) -> None:
    """Two readouts watch at once, as two cameras of one shot do; their clicks alternate."""
    which = np.array(order)
    readout = (which % 2).astype(np.uint16)
    tags = TimeTags(
        t_ps=1000 * which,
        channel=readout,
        shot=which // 6,
        attempt=(which // 4).astype(np.uint32),
        readout=readout,
        window_ps=1000 * which - 100 * readout,
    )
    gates = gates_of(tags)
    assert int(gates.photons.sum()) == 12
    assert_equal(tags_of(gates, tags.t_ps, tags.channel), tags)


def test_single_clicks_are_gates_of_their_own() -> None:
    ones = np.ones(5, np.int64)
    tags = TimeTags(
        np.arange(5) * 10,
        ones.astype(np.uint16),
        ones,
        0 * ones.astype(np.uint32),
        np.arange(5, dtype="u2"),
        ones,
    )
    gates = gates_of(tags)
    assert gates.photons.tolist() == [1] * 5
    assert gates.open_ps.tolist() == [-1, 9, 19, 29, 39]
    assert_equal(tags_of(gates, tags.t_ps, tags.channel), tags)


def test_no_clicks() -> None:
    none = TimeTags(*(np.zeros(0, dtype) for dtype in ("i8", "u2", "i8", "u4", "u2", "i8")))
    gates = gates_of(none)
    assert isinstance(gates, Gates)
    assert len(gates) == 0
    assert_equal(tags_of(gates, none.t_ps, none.channel), none)
