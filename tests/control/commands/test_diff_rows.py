"""Differences of runs in words: where scans differ within, and by how much results do."""

from __future__ import annotations

import math

import pytest

from control.cli.differences import object_of, row_of
from data import KeyResult, StoredParameter
from data.comparison import (
    CodeDifference,
    Difference,
    EnvironmentDifference,
    ParameterDifference,
    ResultDifference,
    ScanDifference,
    SetupDifference,
)

OLD = StoredParameter("pi_time", 6.4e-6, "s", "calibration", run="20250314T092653589-07af")
NEW = StoredParameter("pi_time", 6.5e-6, "s", "override")
WAITS = (1e-6, 2e-6, 3e-6, 4e-6, 5e-6)

ROWS = {
    "parameter from a run": (
        ParameterDifference("pi_time", OLD, NEW),
        ("calibration pi_time", "6.4 us, from run 20250314T092653589-07af", "6.5 us"),
    ),
    "parameter that calibrations know": (
        ParameterDifference("mapping", None, StoredParameter("mapping", 1.5)),
        ("calibration mapping", "-", "1.5"),
    ),
    "parameter": (
        ParameterDifference("basis", StoredParameter("basis", "Z"), None),
        ("parameter basis", "Z", "-"),
    ),
    "ends of a scan": (
        ScanDifference("wait", "s", WAITS, WAITS[:4], 4, 1),
        ("scan of wait", "1 us, 2 us, ..., 5 us", "1 us, 2 us, 3 us, 4 us"),
    ),
    "middle of a scan": (
        ScanDifference("wait", "s", WAITS, (*WAITS[:2], 9e-6, 8e-6, 5e-6), 2, 2),
        ("scan of wait", "point 2: 3 us", "point 2: 9 us (2 of 5 points differ)"),
    ),
    "scan of one run": (
        ScanDifference("basis", "", ("Z", "X"), None, 0, 2),
        ("scan of basis", "Z, X", "-"),
    ),
    "result with errors": (
        ResultDifference("rate", KeyResult("rate", 5.0, 0.3, "Hz"), KeyResult("rate", 6.0, 0.4, "Hz"), 2.0),
        ("result rate", "5.00(30) Hz", "6.0(4) Hz, 2.0 standard deviations away"),
    ),
    "result without errors": (
        ResultDifference("chi2", KeyResult("chi2", 1.5), None),
        ("result chi2", "1.5", "-"),
    ),
    "code": (
        CodeDifference("uncommitted changes", 0, 2, ("+a", "+b")),
        ("uncommitted changes", "0 lines of its own", "2 lines of its own"),
    ),
    "revision": (
        EnvironmentDifference("git revision", "0123456789abcdef with changes", None),
        ("git revision", "0123456789ab with changes", "-"),
    ),
    "setup": (SetupDifference("a.b", None, "1"), ("setup a.b", "-", "1")),
    "setup as a text": (SetupDifference("", "a: 1\n", "b: 2"), ("setup", "'a: 1\\n'", "'b: 2'")),
}


@pytest.mark.parametrize("what", ROWS)
def test_each_difference_in_words(what: str) -> None:
    difference, row = ROWS[what]
    assert row_of(difference, {"mapping"}) == row


@pytest.mark.parametrize(
    ("difference", "told"),
    [
        (
            ResultDifference("chi2", KeyResult("chi2", 1.5), None),
            {
                "kind": "result",
                "name": "chi2",
                "old": {"name": "chi2", "value": 1.5, "error": math.nan, "unit": ""},
                "new": None,
                "deviations": math.nan,
            },
        ),
        (SetupDifference("a", "1", "2"), {"kind": "setup", "name": "a", "old": "1", "new": "2"}),
    ],
)
def test_each_difference_for_programs(difference: Difference, told: dict[str, object]) -> None:
    assert str(object_of(difference)) == str(told)  # as texts: a NaN differs from itself


def test_programs_are_told_which_parameters_are_calibrations() -> None:
    told = object_of(ParameterDifference("pi_time", OLD, NEW))
    assert (told["kind"], told["is_calibration"], told["old"]["run"]) == ("parameter", True, OLD.run)
