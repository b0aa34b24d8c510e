"""The node's properties, as a setup file gives them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from hardware_sim.properties import read_properties


@pytest.fixture
def table(innsbruck: Any) -> dict[str, Any]:
    return deepcopy(innsbruck.tables["node"])


def test_the_shipped_node_is_read_in_si_units(innsbruck: Any) -> None:
    own = innsbruck.properties
    assert own.magnetic_field == pytest.approx(4.229e-4)
    assert own.cavity_angle == pytest.approx(85.3 / 360)
    assert own.cavity_transmission == pytest.approx(90e-6)
    assert own.raman_detuning == -403e6


def test_all_problems_are_told_at_once(table: dict[str, Any]) -> None:
    table["magnetic_feild"] = table.pop("magnetic_field")
    table["cavity_decay"]["value"] = "70"
    table["initial_dark"]["value"] = 1.5
    properties, problems = read_properties(table)
    assert properties is None
    unknown, missing, outside, unitless = problems
    assert unknown.startswith("node.magnetic_feild: no such property")
    assert "magnetic_field" in unknown
    assert missing == "node.magnetic_field: missing; add it (along the quantisation axis)"
    assert outside.startswith("node.initial_dark: 1.5 is outside the limits 0 to 1")
    assert unitless.startswith("node.cavity_decay: '70' is not a finite frequency with its unit")


def test_latencies_and_triggers_may_be_left_out_or_given(table: dict[str, Any]) -> None:
    usual, problems = read_properties(table)
    assert problems == []
    assert usual is not None
    assert (usual.mains_frequency, usual.remote_ready_time) == (50.0, 1e-3)
    table["raman_latency"] = {"value": "950 ns"}
    other, problems = read_properties(table)
    assert problems == []
    assert other is not None
    assert other.latencies["raman v tone"] == other.latencies["raman h tone"] == pytest.approx(950e-9)
    table["mains_frequency"] = {"value": "1 Hz"}
    assert read_properties(table) == (
        None, ["node.mains_frequency: 1 Hz is outside the limits 10 Hz to 1 kHz"]
    )  # fmt: skip
