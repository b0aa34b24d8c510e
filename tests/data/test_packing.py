"""Integers in few bytes: whatever they are, they come back, from any element on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from data.layout import NOTE_TEXT
from data.packing import Packing, pack_column, unpack_column

INTEGERS = ("<i8", "<i4", "<u4", "<u2", "u1")


def back(values: NDArray[Any], begin: int, end: int) -> NDArray[Any]:
    packing, rest = pack_column(values)
    content = rest.view(np.uint8).tobytes()
    assert len(content) == packing.width * values.size
    part = content[begin * packing.width : end * packing.width]
    return unpack_column(packing, part, values.dtype, begin, end)


@st.composite
def columns(draw: st.DrawFn) -> NDArray[Any]:
    """Draw integers anywhere in their type, near one another, or along a line."""
    dtype = np.dtype(draw(st.sampled_from(INTEGERS)))
    limits = np.iinfo(dtype)
    size = draw(st.integers(1, 200))
    start = draw(st.integers(limits.min, limits.max))
    step = draw(st.sampled_from([0, 1, -1, 1000, -(2**40)]))
    spread = draw(st.sampled_from([0, 1, 300, 70_000, 2**33, 2**63 - 1]))
    noise = draw(arrays(np.int64, size, elements=st.integers(0, spread), fill=st.nothing()))
    line = np.array([start], np.int64 if dtype.kind == "i" else np.uint64).astype(np.int64)
    return (line + step * np.arange(size) + noise).astype(dtype)


@settings(max_examples=100)
@given(columns(), st.data())
def test_all_integers_come_back(values: NDArray[Any], data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, values.size))
    end = data.draw(st.integers(begin, values.size))
    found = back(values, begin, end)
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values[begin:end])


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("size", [2, 3, 129, 256, 257])
def test_the_ends_of_a_type_come_back(dtype: str, size: int) -> None:
    limits = np.iinfo(dtype)
    for first, last in ((limits.min, limits.max), (limits.max, limits.min)):
        values = np.full(size, first, dtype)
        values[-1] = last
        np.testing.assert_array_equal(back(values, 0, size), values)


@pytest.mark.parametrize(
    ("values", "packing"),
    [
        (np.full(1000, 7, np.int32), Packing(7, 0, 0)),
        (np.arange(5, 1005, dtype=np.int32), Packing(5, 1, 0)),
        (np.arange(1000) * 10**6, Packing(0, 10**6, 0)),
        (np.arange(1000)[::-1] * 10**15, Packing(999 * 10**15, -(10**15), 0)),
        (np.arange(1000, dtype=np.uint16) % 4, Packing(0, 0, 1)),
        (10**15 + np.arange(1000) * 10**6 + np.arange(1000) % 2 * 70_000, Packing(10**15, 10**6 + 70, 4)),
        (np.array([0, 2**63 - 1, 5, 7]), Packing(0, 0, 8)),
    ],
)
def test_what_takes_how_many_bytes(values: NDArray[Any], packing: Packing) -> None:
    found, _ = pack_column(values)
    assert (found.step, found.width) == (packing.step, packing.width)
    if packing.width == 0:
        assert found == packing


def test_what_is_no_integer_lies_there_as_it_is() -> None:
    for values in (
        np.array([0.5, -0.0, np.nan]),
        np.array([b"one", b""], NOTE_TEXT),
        np.array([np.iinfo(np.int64).min]),
    ):
        packing, rest = pack_column(values)
        assert packing == Packing(0, 0, values.dtype.itemsize)
        assert rest.tobytes() == values.tobytes()
        assert back(values, 0, len(values)).tobytes() == values.tobytes()


def test_a_table_of_counts_is_packed_as_one() -> None:
    counts = np.random.default_rng(1).poisson(9, (20, 3)).astype(np.int32)
    packing, rest = pack_column(counts)
    assert (packing.width, rest.shape) == (1, (60,))
    np.testing.assert_array_equal(
        unpack_column(packing, rest.tobytes(), counts.dtype, 0, 60), counts.reshape(-1)
    )
