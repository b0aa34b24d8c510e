"""Sidebands are found where the trap puts them, and tell how warm the ions are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from control.experiments.textbook.carrier_rabi import CarrierRabi
from control.experiments.textbook.sideband_spectroscopy import SidebandSpectroscopy
from control.experiments.textbook.sideband_thermometry import SidebandThermometry

Measure = Callable[..., Any]

CHARGE_TO_MASS = 2.414424e6  # C/kg, of 40Ca+


def axial(node: dict[str, float], curvature: float) -> float:
    """The axial frequency at the voltage that is planned for 0.92 MHz, with some curvature of the endcaps."""
    voltage = (0.92e6 / 29.076e3) ** 2
    return math.sqrt(2 * CHARGE_TO_MASS * curvature * voltage) / node["endcap_distance"] / (2 * math.pi)


@pytest.mark.parametrize("bend", [1.0, 1.01])
@pytest.mark.slow
def test_spectroscopy_finds_all_modes(measure: Measure, node: dict[str, float], bend: float) -> None:
    """Also of a trap that is half a per cent stiffer. Light shifts of other Zeeman lines: up to 0.2 kHz."""
    curvature = bend * node["endcap_curvature"]
    found = measure(SidebandSpectroscopy(shots=100), endcap_curvature=f"{curvature}")
    assert found.agrees("carrier", 0.0, also=50.0)
    assert found.agrees("axial_mode", axial(node, curvature), also=200.0)
    assert found.agrees("radial_mode", node["radial_frequency"], also=200.0)
    upper = node["radial_frequency"] + node["radial_splitting"]
    assert found.agrees("radial_mode_upper", upper, also=200.0)
    assert found.results["missing"] == {}
    assert len(found.results["lines"]) == 7


@pytest.mark.slow
def test_without_motion_in_the_light_there_are_no_sidebands(measure: Measure) -> None:
    """729 nm light across the axis drives no axial sideband; its windows say so, the others are measured."""
    found = measure(SidebandSpectroscopy(shots=50), qubit_axial_cosine="0")
    assert found.results["axial_mode"] is None
    assert set(found.results["missing"]) == {"axial red", "axial blue"}
    assert "does not show in the data" in found.results["missing"]["axial blue"]
    assert found.results["radial_mode"] is not None
    assert found.table["axial mode"] == "not determined"


@pytest.mark.slow
def test_thermometry_agrees_with_flops(measure: Measure, node: dict[str, float]) -> None:
    """Two thermometers, one truth: errors add in square; equally warm modes are a model, 20 %."""
    ratio = measure(SidebandThermometry(shots=300))
    flops = measure(CarrierRabi(shots=300, steps=40, longest=120e-6))
    error = math.hypot(ratio.results["phonons_error"], flops.results["phonons_error"])
    apart = abs(ratio.results["phonons"] - flops.results["phonons"])
    assert apart < 4.5 * error + 0.2 * flops.results["phonons"]
    assert ratio.agrees("mode_frequency", axial(node, node["endcap_curvature"]), also=200.0)
    assert ratio.results["p_value"] > 1e-4


@pytest.mark.slow
def test_sideband_cooling_shows(measure: Measure) -> None:
    """Published are less than 0.5(2) phonons."""
    found = measure(SidebandThermometry(shots=100, cycles=40, steps=21))
    assert found.results["phonons"] < 0.5
