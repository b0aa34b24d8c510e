"""Which value, error and unit belong together, in both ways of saying it, wherever somebody asks."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import h5py
import numpy as np
import pytest

from data import KeyResult
from data.findings import Finding, fields_of, findings_of
from data.pages import quantities_of
from data.results import encode, read_key_result, write_analysis
from data.scalars import scalars_of


@dataclass(frozen=True)
class Quantity:
    value: float
    error: float
    unit: str = ""


FLAT: dict[str, Any] = {"pi_time": 9.6e-6, "pi_time_error": 1e-7, "units": {"pi_time": "s", "phase": "turn"}}
MAPPED: dict[str, Any] = {"pi_time": {"value": 9.6e-6, "error": 1e-7, "unit": "s"}}
MADE: dict[str, Any] = {"pi_time": Quantity(9.6e-6, 1e-7, "s")}
BESIDE: dict[str, Any] = {"pi_time": {"value": 9.6e-6, "error": 1e-7}, "units": {"pi_time": "s"}}

ALL_WAYS = pytest.mark.parametrize("results", [FLAT, MAPPED, MADE, BESIDE])


@ALL_WAYS
def test_one_finding(results: dict[str, Any]) -> None:
    assert list(findings_of(results)) == [Finding("pi_time", 9.6e-6, 1e-7, "s")]


@ALL_WAYS
def test_everybody_is_told_the_same(results: dict[str, Any]) -> None:
    assert scalars_of(results) == (KeyResult("pi_time", 9.6e-6, 1e-7, "s"),)
    assert [str(quantity) for quantity in quantities_of(results)] == ["9.60(10) us"]
    with h5py.File(io.BytesIO(), "w") as file:
        write_analysis(file, encode(results), datetime(2025, 3, 14, tzinfo=UTC))
        assert read_key_result(file) == KeyResult("pi_time", 9.6e-6, 1e-7, "s")
        assert file["analysis/0001"].attrs["key_unit"] == "s"
        values = file["analysis/0001/values"]
        copies = {name: (dataset[()], dataset.attrs["units"]) for name, dataset in values.items()}
    assert copies == {"pi_time": (9.6e-6, "s"), "pi_time_error": (1e-7, "s")}


@pytest.mark.parametrize(
    ("results", "found"),
    [
        ({"x": None, "x_error": None}, [Finding("x", None)]),
        ({"x_error": 1.0}, [Finding("x_error", 1.0)]),
        ({"x": {"$float": "nan"}, "x_error": 0.1}, [Finding("x", {"$float": "nan"}, 0.1)]),
        ({"x": {"a": 1}, "x_error": 0.1}, [Finding("x", {"a": 1}), Finding("x_error", 0.1)]),
        ({"x": [1.0], "x_error": [0.1], "units": {"x": "V"}}, [Finding("x", [1.0], [0.1], "V")]),
        ({"x": {"value": [1, 2], "unit": "Hz"}}, [Finding("x", [1, 2], None, "Hz")]),
        ({"x": {"value": 1.0, "chi2": 2.0}}, [Finding("x", {"value": 1.0, "chi2": 2.0})]),
        ({"units": "seconds"}, [Finding("units", "seconds")]),
        ({"units": {"count": 3}}, [Finding("units", {"count": 3})]),
        ({"x": Quantity(1.0, 0.1, "V"), "units": {"x": "s"}}, [Finding("x", 1.0, 0.1, "V")]),
    ],
)
def test_what_belongs_to_what(results: dict[str, Any], found: list[Finding]) -> None:
    assert list(findings_of(results)) == found


def test_a_class_is_no_mapping() -> None:
    assert fields_of(Quantity) == {}
    assert fields_of(Quantity(1.0, 0.1)) == {"value": 1.0, "error": 0.1, "unit": ""}


def test_units_beside_a_table_are_those_of_its_columns() -> None:
    results = {
        "points": [
            {"wait": 1e-3, "rate": 5.0, "rate_error": 0.1},
            {"wait": 2e-3, "rate": 6.0, "rate_error": 0.1},
        ],
        "delays": [Quantity(1.0, 0.1), Quantity(2.0, 0.2)],
        "fit": {"wait": 3.0},
        "units": {"wait": "s", "rate": "1/s", "delays": "ps"},
    }
    copies = encode(results).copies
    told = {name: (np.asarray(numbers).tolist(), unit) for name, (numbers, unit) in copies.items()}
    assert told == {
        "points/wait": ([1e-3, 2e-3], "s"),
        "points/rate": ([5.0, 6.0], "1/s"),
        "points/rate_error": ([0.1, 0.1], "1/s"),
        "delays": ([1.0, 2.0], "ps"),
        "delays_error": ([0.1, 0.2], "ps"),
        "fit/wait": (3.0, ""),  # a mapping says itself what its entries are
    }


def test_a_mapping_within_results_has_units_of_its_own() -> None:
    results = {"fit": {"rate": 5.0, "rate_error": math.inf, "units": {"rate": "1/s"}}, "units": {"fit": "V"}}
    assert scalars_of(results) == (KeyResult("fit.rate", 5.0, math.inf, "1/s"),)
