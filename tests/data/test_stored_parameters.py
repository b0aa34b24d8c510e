"""Parameters in a file: each a member of its own, and all of them once more as one text."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import h5py
import numpy as np
import pytest

from data import RunHeader, RunWriter, StoredParameter, open_run
from data.catalogue.heads import read_head
from data.stored_header import parameters_text, read_parameters_text

ODD = (
    StoredParameter("never", math.inf, "s"),
    StoredParameter("unknown", math.nan, error=math.inf),
    StoredParameter("whole", 2**63 - 1),
    StoredParameter("like a whole one", 2.0),
    StoredParameter("on", value=True),
    StoredParameter("{}", "µ \udcff", help='"quoted"'),
)


@pytest.fixture
def path(tmp_path: Path, header: RunHeader) -> Path:
    whole = dataclasses.replace(header, parameters=(*header.parameters, *ODD[:-1]))
    return RunWriter.create(tmp_path, whole).finish({"rate": 1.0})


def test_the_text_holds_all_of_them(header: RunHeader) -> None:
    parameters = (*header.parameters, *ODD)
    found = read_parameters_text(parameters_text(parameters))
    assert repr(found) == repr(parameters)  # NaN is not equal to itself
    assert [type(one.value) for one in found] == [type(one.value) for one in parameters]


def test_other_programs_read_it(path: Path) -> None:
    with h5py.File(path) as file:
        text = file["entry/parameters_json"].asstr()[()]
        told = json.loads(text, parse_constant=pytest.fail)
        assert [one["name"] for one in told] == list(file["entry/parameters"])
    assert told[0] == {
        "name": "window",
        "value": 5e-5,
        "unit": "s",
        "origin": "override",
        "help": "how long the gate is open",
        "error": None,
        "run": "",
    }
    never, unknown = (next(one for one in told if one["name"] == name) for name in ("never", "unknown"))
    assert never["value"] == {"$float": "inf"}
    assert (unknown["value"], unknown["error"]) == ({"$float": "nan"}, {"$float": "inf"})


def test_it_is_never_the_only_copy(path: Path) -> None:
    """Without it, or where it says nonsense, the catalogue reads the members; `Run` does so anyway."""
    quick = read_head(path)
    assert {one.name for one in quick.parameters} >= {"window", "never", "on"}
    with open_run(path) as run:
        before = repr(run.parameters)
    for text in (None, "[{", '[{"name": "window"}]'):
        with h5py.File(path, "a") as file:
            del file["entry/parameters_json"]
            if text is not None:
                file["entry/parameters_json"] = text
        assert repr(read_head(path)) == repr(quick)
        with open_run(path) as run:
            assert repr(run.parameters) == before
        if text is None:
            with h5py.File(path, "a") as file:
                file["entry/parameters_json"] = np.bytes_(b"\xff")
