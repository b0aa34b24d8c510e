"""Photons: their line, their packets, and that they come one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from control.experiments.textbook.photon_correlation import PhotonCorrelation
from control.experiments.textbook.photon_wave_packet import PhotonWavePacket
from control.experiments.textbook.raman_spectroscopy import RamanSpectroscopy
from data import open_run
from data.analysis.correlations import accidental_g2

Measure = Callable[..., Any]


@pytest.mark.slow
def test_the_raman_line_is_found_with_its_light_shift(measure: Measure, node: dict[str, float]) -> None:
    """Omega^2 / (4 Delta) for sigma- light; emission that depletes the ion skews lines by up to 20 kHz."""
    found = measure(RamanSpectroscopy(shots=250, steps=21, powers=2))
    shift = node["raman_rabi_v"] ** 2 / (4 * abs(node["raman_detuning"]))
    assert found.agrees("light_shift", shift, also=20e3)
    assert found.agrees("unshifted", node["raman_resonance"], also=20e3)
    assert found.agrees("centre", node["raman_resonance"] + shift, also=20e3)
    # Between the width of the cavity and a power-broadened line of a pulse of 30 us.
    assert 2 * node["cavity_decay"] < found.results["linewidth"] < 4 * 2 * node["cavity_decay"]


@pytest.mark.slow
def test_the_raman_line_is_followed(measure: Measure, node: dict[str, float]) -> None:
    experiment = RamanSpectroscopy(shots=200, steps=21, powers=1)
    moved = node["raman_resonance"] + 150e3
    here, there = measure(experiment), measure(experiment, raman_resonance=f"{moved} Hz")
    error = (here.results["centre_error"] ** 2 + there.results["centre_error"] ** 2) ** 0.5
    assert abs(there.results["centre"] - here.results["centre"] - 150e3) < 4.5 * error
    assert here.results["light_shift"] is None
    assert here.table["light shift"] == "not determined"


@pytest.mark.slow
def test_wave_packets(measure: Measure) -> None:
    found = measure(PhotonWavePacket(shots=5000))
    results = found.results
    ports = results["photon_probability_h"] + results["photon_probability_v"]
    assert results["photon_probability"] == pytest.approx(ports, rel=0.01)
    assert 1e-6 < results["median_arrival"] < results["mean_arrival"] < 30e-6
    half = measure(PhotonWavePacket(shots=5000), path_transmission="0.5")
    error = (
        half.results["photon_probability_error"] ** 2 + results["photon_probability_error"] ** 2 / 4
    ) ** 0.5
    assert abs(half.results["photon_probability"] - results["photon_probability"] / 2) < 4.5 * error
    # What is lost on the way makes no packet longer.
    error = (half.results["duration_error"] ** 2 + results["duration_error"] ** 2) ** 0.5
    assert abs(half.results["duration"] - results["duration"]) < 4.5 * error


def test_packets_without_photons_are_refused(measure: Measure) -> None:
    found = measure(PhotonWavePacket(shots=200), path_transmission="0")
    assert found.results["duration"] is None
    assert "needs at least" in found.results["refused"]


def test_photons_come_one_at_a_time(measure: Measure) -> None:
    found = measure(PhotonCorrelation(shots=300, photons=15))
    assert found.results["g2_at_zero"] < 4.5 * found.results["g2_at_zero_error"]
    # Far apart, clicks are independent but for the motion that the photons of a row share: 20 %.
    beside = [
        value for value, lag in zip(found.results["g2"], found.results["data"]["lag"], strict=True) if lag
    ]
    assert all(0.8 < value < 1.4 for value in beside)
    assert found.results["attempts"] == 4500


def test_dark_counts_show_as_they_should(measure: Measure) -> None:
    """10 000 dark counts a second in windows of 60 us: half of all clicks are noise."""
    rates = {"detector_dark_rate_h": "5000 1/s", "detector_dark_rate_v": "5000 1/s"}
    experiment = PhotonCorrelation(shots=300, photons=15)
    found = measure(experiment, **rates)
    clicks = tuple(found.results[f"photon_probability_{port}"] for port in "hv")
    dark = 5000 * 60e-6
    expected = accidental_g2(clicks, (dark, dark))
    # The formula counts a dark count beside a photon on the same detector, and rows share their motion: 15 %.
    assert (
        abs(found.results["g2_at_zero"] - expected)
        < 4.5 * found.results["g2_at_zero_error"] + 0.15 * expected
    )
    with open_run(found.path) as recorded:
        assert recorded.record(0).counts["photon_h"].shape == (300, 15)
