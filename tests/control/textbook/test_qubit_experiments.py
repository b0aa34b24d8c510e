"""Flops, lines, fringes and echoes find what the node really is, also when it changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from control.experiments.textbook.carrier_rabi import CarrierRabi
from control.experiments.textbook.detuned_rabi import DetunedRabi
from control.experiments.textbook.ramsey import Ramsey
from control.experiments.textbook.spin_echo import SpinEcho

Measure = Callable[..., Any]

SENSITIVITY = 11.19e9
"""Hz/T by which a field shifts the qubit's line: 0.8 Bohr magnetons (6/5 x 3/2 less 2 x 1/2)."""

FLOPS = CarrierRabi(shots=150, steps=40, longest=120e-6)


def test_flops_find_the_rabi_frequency(measure: Measure, node: dict[str, float]) -> None:
    """Of an ion at rest, though this one is warm. A model of equally warm modes may be off by 0.3 %."""
    found = measure(FLOPS)
    truth = node["qubit_rabi_analysis"]
    assert found.agrees("rabi_frequency", truth, also=0.003 * truth)
    assert found.results["p_value"] > 1e-4
    assert found.results["pi_time"] > 0.5 / found.results["rabi_frequency"]
    # Doppler-cooled ions of 0.92 MHz have some ten phonons: published are 11(2).
    assert 5 < found.results["phonons"] < 25
    assert found.table["rabi frequency"].endswith("kHz")
    assert found.table["p-value"]


@pytest.mark.slow
def test_flops_follow_the_light(measure: Measure) -> None:
    found = measure(FLOPS, qubit_rabi_analysis="40 kHz")
    assert found.agrees("rabi_frequency", 40e3, also=120.0)


@pytest.mark.slow
def test_warmer_ions_flop_worse(measure: Measure) -> None:
    """Too short a cooling leaves phonons, and the fit says so."""
    cold = measure(FLOPS)
    warm = measure(CarrierRabi(shots=150, steps=40, longest=120e-6, cooling=150e-6))
    assert warm.results["phonons"] > cold.results["phonons"] + 3 * warm.results["phonons_error"]


@pytest.mark.slow
def test_no_light_is_no_result(measure: Measure) -> None:
    """The data are drawn all the same, and the table says why nothing was found."""
    found = measure(CarrierRabi(shots=50, steps=12), qubit_rabi_analysis="0 Hz", qubit_rabi_mapping="0 Hz")
    assert found.results["rabi_frequency"] is None
    assert found.table["rabi frequency"] == "not determined"
    assert "the data" in found.table["not found, because"]
    assert len(found.results["data"]["dark"]) == 12


@pytest.mark.parametrize("shift", [0.0, 3e3, -3e3])
@pytest.mark.slow
def test_the_line_is_followed(measure: Measure, node: dict[str, float], shift: float) -> None:
    """A DDS that is off by 3 kHz is light that is off by 6 kHz, as it passes its modulator twice."""
    truth = node["qubit_resonance"] + shift
    found = measure(DetunedRabi(shots=100, steps=31), qubit_resonance=f"{truth:.1f} Hz")
    assert found.agrees("centre", 2 * shift)
    assert found.agrees("resonance", truth)
    # Light of a fifth of the field; motion weakens it by some 6 %.
    assert found.results["rabi_frequency"] == pytest.approx(0.2 * 0.94 * 54.07e3, rel=0.1)


@pytest.mark.parametrize("shift", [0.0, 3e3, -3e3])
@pytest.mark.slow
def test_ramsey_tells_the_side(measure: Measure, node: dict[str, float], shift: float) -> None:
    truth = node["qubit_resonance"] + shift
    experiment = Ramsey(shots=60, steps=31, longest=1e-3, detuning=0.0)
    found = measure(experiment, qubit_resonance=f"{truth:.1f} Hz", magnetic_noise="0 T", mains_field="0 T")
    # Slow noise of the field that is left is below 10 Hz.
    assert found.agrees("resonance", truth, also=10.0)
    assert found.agrees("detuning", -2 * shift, also=20.0)


@pytest.mark.slow
def test_ramsey_finds_slow_noise(measure: Measure) -> None:
    """A field constant in a shot, of rms b: contrast exp(-(2 pi s b t)^2 / 2), a rate of sqrt(2) pi s b."""
    noise = 20e-9
    quiet = {
        "magnetic_flicker": "0 T",
        "mains_field": "0 T",
        "qubit_linewidth": "0 Hz",
        "field_wander": "0 T",
    }
    found = measure(Ramsey(shots=300, steps=25, longest=4e-3), magnetic_noise=f"{noise} T", **quiet)
    rate = math.sqrt(2) * math.pi * SENSITIVITY * noise
    assert found.agrees("decay_rate", rate, also=0.02 * rate)
    assert found.agrees("coherence_time", 1 / rate, also=0.02 / rate)


@pytest.mark.slow
def test_an_echo_undoes_slow_noise(measure: Measure) -> None:
    """What ends Ramsey's fringes in 1.4 ms is gone; what the lifetime of D5/2 takes in 20 ms is 1 %."""
    quiet = {
        "magnetic_flicker": "0 T",
        "mains_field": "0 T",
        "qubit_linewidth": "0 Hz",
        "field_wander": "0 T",
    }
    experiment = SpinEcho(shots=150, longest=20e-3, steps=5)
    found = measure(experiment, magnetic_noise="20 nT", **quiet)
    shown = found.results["contrasts"]
    for value, error in zip(shown["value"], shown["error"], strict=True):
        assert value > 0.95 - 4.5 * error
    assert found.agrees("phase", 0.0, also=0.02)


@pytest.mark.slow
def test_an_echo_finds_fast_noise(measure: Measure) -> None:
    """A laser of Lorentzian width w: coherence exp(-pi w t), with or without echo."""
    quiet = {"magnetic_flicker": "0 T", "mains_field": "0 T", "magnetic_noise": "0 T", "field_wander": "0 T"}
    experiment = SpinEcho(shots=300, longest=20e-3, steps=8)
    found = measure(experiment, qubit_linewidth="30 Hz", **quiet)
    assert found.agrees("decay_rate", math.pi * 30, also=5.0)
    assert found.agrees("exponent", 1.0, also=0.05)
