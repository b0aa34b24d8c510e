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


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("detector_efficiency_h", 1.2, "1.2 is outside the limits 0 to 1"),
        ("conversion_efficiency", 1.5, "1.5 is outside the limits 0 to 1"),
        ("fibre_connectors", -0.1, "-0.1 is outside the limits 0 to 1"),
        ("detector_coupling", 2, "2 is outside the limits 0 to 1"),
        ("cavity_waist", "-12 um", "-12 um is outside the limits 1 um to 1 mm"),
        ("raman_waist", "0 um", "0 m is outside the limits 500 nm to 10 mm"),
        ("cavity_decay", "0 Hz", "0 Hz is outside the limits 100 Hz to 100 MHz"),
        ("conversion_noise", "-1 cps", "-1 1/s is outside the limits 0 1/s to 1e+09 1/s"),
        ("fibre_length", "-1 km", "-1 km is outside the limits 0 m to 1000 km"),
        ("fibre_attenuation", "-0.2 dB/km", "-0.0002 dB/m is outside the limits 0 dB/m to 1 dB/m"),
        ("fibre_group_index", 0.9, "0.9 is outside the limits 1 to 4"),
        ("detector_jitter", "-50 ps", "-0.05 ns is outside the limits 0 s to 1 us"),
        ("detector_dead_time", "-50 ns", "-50 ns is outside the limits 0 s to 1 ms"),
        ("detector_afterpulsing", 1, "1 is outside the limits 0 to 0.9"),
        ("detector_afterpulse_time", "0 s", "0 s is outside the limits 1 ns to 10 ms"),
        ("detector_dark_rate_h", "-1 cps", "-1 1/s is outside the limits 0 1/s to 1000000 1/s"),
        ("splitter_extinction_h", 0.6, "0.6 is outside the limits 0 to 0.5"),
        ("raman_deflector_order", 2, "2 is outside the limits -1 to 1"),
    ],
)
def test_what_no_cavity_path_or_detector_can_be_is_refused(
    table: dict[str, Any], name: str, value: object, message: str
) -> None:
    table[name] = {"value": value}
    assert read_properties(table) == (None, [f"node.{name}: {message}"])
