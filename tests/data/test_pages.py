"""What a notebook shows of a run: escaped, short, and there also for a run that cannot be read whole."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from data import Provenance, RunHeader
from data.errors import DamagedRunError
from data.header import Axis
from data.pages import quantities_of, run_html

HOSTILE = "<script>alert(1)</script> & \"'\x00"


def fake(**facts: Any) -> Any:
    """The face of a run, as far as the table looks at it; any text in it may be hostile."""
    header = RunHeader(
        "rabi", Provenance(started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)), shots_per_point=7
    )

    class Face(SimpleNamespace):
        def __len__(self) -> int:
            return 3

    known = {
        "id": "r1",
        "experiment": "rabi",
        "status": "complete",
        "message": "",
        "header": header,
        "axes": (Axis("time", "s"),),
        "results": {},
    }
    return Face(**(known | facts))


def cells(page: str) -> dict[str, str]:
    rows = ET.fromstring(page).iter("tr")  # noqa: S314 - made here
    return {row[0].text or "": row[1].text or "" for row in rows if len(row) == 2}


def test_a_run_as_a_table() -> None:
    results = {"rate": 5.0, "rate_error": 0.2, "units": {"rate": "Hz"}, "fit": "good", "curve": {"x": [1.0]}}
    page = run_html(fake(results=results))
    assert cells(page) == {
        "run": "r1",
        "status": "complete",
        "points": "3",
        "started": "2026-01-02 03:04:05 UTC",
        "shots a point": "7",
        "axes": "time (s)",
        "rate": "5.00(20) Hz",
        "fit": "good",
    }


def test_hostile_texts_stay_texts() -> None:
    page = run_html(fake(id=HOSTILE, experiment=HOSTILE, message=HOSTILE, results={HOSTILE: HOSTILE}))
    assert "<script" not in page
    shown = HOSTILE.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    assert cells(page)["run"] == shown
    assert cells(page)[shown] == shown


def test_what_cannot_be_read_is_told() -> None:
    class Damaged:
        id, experiment, status, message = "r1", "rabi", "complete", ""

        def __len__(self) -> int:
            return 3

        @property
        def header(self) -> RunHeader:
            raise DamagedRunError(Path("r1.h5"), "its head", "a bit has flipped", "points are usable")

        @property
        def results(self) -> dict[str, Any]:
            return {"rate": 5.0}

    told = cells(run_html(Damaged()))  # type: ignore[arg-type]
    assert "a bit has flipped" in told["not readable"]
    assert told["rate"] == "5"


def test_many_results_are_cut_short() -> None:
    told = cells(run_html(fake(results={f"r{number}": number for number in range(20)})))
    assert told[""] == "and 8 more results"


@pytest.mark.parametrize(
    ("results", "told"),
    [
        ({"a": {"value": 2.0, "error": 0.1, "unit": "s"}}, ["a: 2.00(10) s"]),
        ({"a": {"value": [1.0], "error": [0.1]}}, []),
        ({"a": None, "a_error": None, "b": True}, ["a: not determined", "b: True"]),
        ({"a": math.nan, "a_error": 1.0}, ["a: nan"]),
        ({"a": 1.0, "a_error": -1.0}, ["a: 1"]),
        ({"a_error": 1.0}, ["a_error: 1"]),
        ({"a": 1.5, "units": "seconds"}, ["a: 1.5", "units: seconds"]),
    ],
)
def test_single_results(results: dict[str, Any], told: list[str]) -> None:
    assert [f"{quantity.name}: {quantity}" for quantity in quantities_of(results)] == told
