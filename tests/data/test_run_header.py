from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from data import Axis, Provenance, Readout, RunHeader, StoredParameter
from data.errors import HeaderError
from data.header import storable

PROVENANCE = Provenance(datetime(2025, 3, 14, tzinfo=UTC))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"axes": (Axis("a/b"),)},
            "axis 'a/b' is no name for a member of an HDF5 file; use letters, digits and _",
        ),
        (
            {"parameters": (StoredParameter("", 1),)},
            "parameter '' is no name for a member of an HDF5 file; use letters, digits and _",
        ),
        ({"axes": (Axis("x"), Axis("x"))}, "axis 'x' occurs twice; give each its own name"),
        (
            {"axes": (Axis("point_gates"),)},
            "axis 'point_gates' has a name that the run file itself uses; choose another name",
        ),
        (
            {"axes": (Axis("ions_mean"),), "readouts": (Readout("ions", 1),)},
            "axis 'ions_mean' occurs twice; give each its own name",
        ),
        (
            {"readouts": (Readout("ions", 1), Readout("ions_window", 1))},
            "readout 'ions_window' occurs twice; give each its own name",
        ),
        (
            {"readouts": (Readout("ions", 1, rows=(0, 1), windows=(0,)),)},
            "readout 'ions' has 2 rows of gates, but tells the windows of 1; give one window for each row",
        ),
        (
            {"readouts": (Readout("ions", 0),)},
            "readout 'ions' has 0 windows; give the number of counts a shot, from 1",
        ),
    ],
)
def test_names_that_a_file_cannot_hold(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(HeaderError) as told:
        RunHeader("rabi", PROVENANCE, **fields)
    assert str(told.value) == text


def test_an_experiment_needs_a_name() -> None:
    with pytest.raises(HeaderError, match="experiment '' is no name"):
        RunHeader("", PROVENANCE)


def test_a_parameter_has_at_most_64_bits() -> None:
    RunHeader("rabi", PROVENANCE, parameters=(StoredParameter("seed", 2**63 - 1),))
    with pytest.raises(HeaderError) as told:
        RunHeader("rabi", PROVENANCE, parameters=(StoredParameter("seed", 2**63),))
    assert str(told.value) == (
        "parameter 'seed' has more than 64 bits; give a float, or the digits as a text"
    )


@pytest.mark.parametrize(
    ("text", "stored"), [("plain µ", "plain µ"), ("a\0b", "a\\x00b"), ("caf\udce9", "caf\\udce9")]
)
def test_what_hdf5_cannot_hold_is_written_out(text: str, stored: str) -> None:
    assert storable(text) == stored
