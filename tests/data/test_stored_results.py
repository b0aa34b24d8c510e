from __future__ import annotations

import io
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import ResultsError
from data.results import KeyResult, encode, read_key_result, read_results, write_analysis


@dataclass(frozen=True)
class Quantity:
    value: float
    error: float
    unit: str = ""


def stored(results: dict[str, Any]) -> h5py.File:
    file = h5py.File(io.BytesIO(), "w")
    write_analysis(file, encode(results), datetime(2025, 3, 14, tzinfo=UTC))
    return file


def test_structure_comes_back() -> None:
    results = {
        "fidelity": Quantity(0.92, 0.01),
        "note": "µ",
        "none": None,
        "fine": np.bool_(True),
        "count": np.int64(7),
        "nested": {"list": [1, 2.5, "x", (3, 4)], "empty": [], "infinite": [math.inf, -math.inf]},
        "seed": 2**100,
    }
    with stored(results) as file:
        assert read_results(file) == {
            "fidelity": {"value": 0.92, "error": 0.01, "unit": ""},
            "note": "µ",
            "none": None,
            "fine": True,
            "count": 7,
            "nested": {"list": [1, 2.5, "x", [3, 4]], "empty": [], "infinite": [math.inf, -math.inf]},
            "seed": 2**100,
        }
        json.loads(file["analysis/0001/results"][()], parse_constant=pytest.fail)  # plain JSON for others


def test_arrays_keep_type_and_shape() -> None:
    arrays = {
        "density": np.array([[0.5, 0.5j], [-0.5j, 0.5]]),
        "counts": np.zeros((2, 0, 3), np.uint16),
        "scalar": np.array(1.5, np.float32),
        "flags": np.array([True, False]),
        "rows": [np.arange(3), np.arange(2)],
        "complex": 1 + 2j,
    }
    with stored(arrays) as file:
        found = read_results(file)
    for name in ("density", "counts", "scalar", "flags", "complex"):
        expected = np.asarray(arrays[name])
        np.testing.assert_array_equal(found[name], expected)
        assert np.asarray(found[name]).dtype == expected.dtype
    np.testing.assert_array_equal(found["rows"][1], [0, 1])


def test_numbers_stand_in_plain_datasets_too() -> None:
    results = {
        "delay": Quantity(1e-6, 2e-8, "s"),
        "gain": {"value": 2.0, "error": None, "unit": "dB"},
        "ions": [
            {"ion": 1, "fidelity": Quantity(0.9, 0.1, "%"), "name": "a"},
            {"ion": 2, "fidelity": Quantity(math.nan, math.nan, "%"), "name": "b"},
        ],
        "curve": {"x": [1, 2, 3], "label": "text"},
        "rates": [Quantity(1.0, 0.1, "Hz"), Quantity(2.0, 0.2, "Hz")],
        "ragged": [{"a": 1}, {"b": 2}],
    }
    with stored(results) as file:
        values = file["analysis/0001/values"]
        assert (values["delay"][()], values["delay_error"][()]) == (1e-6, 2e-8)
        assert (values["delay"].attrs["units"], values["delay_error"].attrs["units"]) == ("s", "s")
        assert "gain_error" not in values
        assert values["ions/ion"][:].tolist() == [1, 2]
        np.testing.assert_array_equal(values["ions/fidelity"], [0.9, math.nan])
        np.testing.assert_array_equal(values["ions/fidelity_error"], [0.1, math.nan])
        assert values["ions/fidelity"].attrs["units"] == "%"
        assert values["curve/x"][:].tolist() == [1, 2, 3]
        assert values["rates"][:].tolist() == [1.0, 2.0]
        assert values["rates_error"][:].tolist() == [0.1, 0.2]
        assert values["rates"].attrs["units"] == "Hz"
        assert "ragged" not in values
        assert "ions/name" not in values
        assert "label" not in values["curve"]


def test_an_error_may_have_the_name_of_a_mapping() -> None:
    with stored({"f": Quantity(1.0, 0.1), "f_error": {"statistical": 0.05}}) as file:
        assert read_results(file)["f_error"] == {"statistical": 0.05}
        assert file["analysis/0001/values/f_error/statistical"][()] == 0.05


@pytest.mark.parametrize(
    ("results", "key"),
    [
        ({"f": Quantity(0.92, 0.01, "Hz"), "g": 1}, KeyResult("f", 0.92, 0.01, "Hz")),
        ({"note": "x", "f": 0.9, "f_error": 0.2}, KeyResult("f", 0.9, 0.2)),
        ({"list": [1], "n": 3}, KeyResult("n", 3.0)),
    ],
)
def test_key_result_is_the_first_number(results: dict[str, Any], key: KeyResult) -> None:
    with stored(results) as file:
        found = read_key_result(file)
    assert found is not None
    assert repr(found) == repr(key)  # NaN is not equal to itself


def test_no_number_no_key_result() -> None:
    with stored({"note": "x"}) as file:
        assert read_key_result(file) is None
    with h5py.File(io.BytesIO(), "w") as file:
        assert read_key_result(file) is None
        assert read_results(file) == {}


def test_the_latest_results_are_valid() -> None:
    with stored({"n": 0}) as file:
        for n in range(1, 11):
            write_analysis(file, encode({"n": n}), datetime(2025, 3, 14, tzinfo=UTC))
        assert read_results(file) == {"n": 10}


@pytest.mark.parametrize(
    ("results", "start"),
    [
        (
            {"a": {"b": [1, object()]}},
            "result 'a/b/1' is a object; results are numbers, texts, truth values, None, ",
        ),
        ({"a": np.array(["x"])}, "result 'a' is an array of <U1; results are"),
        ({"a": {1: 2}}, "result 'a' has the key 1, no name for a member of an HDF5 file; results are"),
        ({"a/b": 1}, "result 'results' has the key 'a/b', no name for a member of an HDF5 file; results are"),
        ({"a\0": 1}, "result 'results' has the key 'a\\x00', no name for a member of an HDF5 file"),
        ({"$array": 1}, "result 'results' has the key '$array', no name"),
        ({"a": b"x"}, "result 'a' is a bytes; results are"),
    ],
)
def test_what_cannot_be_stored(results: dict[str, Any], start: str) -> None:
    with pytest.raises(ResultsError) as told:
        encode(results)
    assert str(told.value).startswith(start)
    assert str(told.value).endswith("and lists or mappings (with text keys) of these")


names = st.text("abcxyz_0", min_size=1, max_size=4)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
trees = st.recursive(
    leaves, lambda tree: st.lists(tree, max_size=3) | st.dictionaries(names, tree, max_size=3)
)


@given(st.dictionaries(names, trees, max_size=4))
def test_any_structure_comes_back(results: dict[str, Any]) -> None:
    with stored(results) as file:
        assert repr(read_results(file)) == repr(results)
