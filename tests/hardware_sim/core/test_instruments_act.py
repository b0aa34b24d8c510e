"""What instruments make of the lab reaches the ions: light, voltages, and how detectors are biased."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hardware_sim.physics.trap import Trap
from hardware_sim.surroundings import LIT_BY, SHIFTED_BY, Surroundings
from hardware_sim.wiring import PARTS
from hardware_sim.world.weather import Weather
from sequences.language import serial
from sequences.library import doppler_cool, generate_photon, optical_pump, read_ions


def play(lab: Any, block: Any, shots: int, ions: int = 1, **around: Any) -> Any:
    """Play a block with some of the surroundings other than usual."""
    core = lab.core(ions, 3)
    return core.play(lab.program(block), shots, replace(lab.surroundings(), **around))


def test_every_laser_lights_beams_that_exist_and_moves_a_weather_that_exists() -> None:
    assert set(LIT_BY) <= set(PARTS)
    assert set(LIT_BY.values()) == set(SHIFTED_BY)
    assert set(SHIFTED_BY.values()) <= set(Weather.__slots__)


@pytest.mark.parametrize("laser", ["397", "866"])
def test_without_the_light_of_a_laser_ions_are_dark(innsbruck: Any, laser: str) -> None:
    block = serial(doppler_cool(innsbruck.node, 1e-3), read_ions(innsbruck.node, 1.5e-3))
    bright = play(innsbruck, block, 200).counts["ions"].mean()
    dark = play(innsbruck, block, 200, dark=frozenset({laser})).counts["ions"].mean()
    assert bright > 12
    assert dark < 2.5  # 1 kcps for 1.5 ms is left


def test_a_laser_that_lights_nothing_of_a_sequence_is_not_missed(innsbruck: Any) -> None:
    block = serial(doppler_cool(innsbruck.node, 1e-3), read_ions(innsbruck.node, 1.5e-3))
    counts = play(innsbruck, block, 50).counts["ions"]
    np.testing.assert_array_equal(play(innsbruck, block, 50, dark=frozenset({"729"})).counts["ions"], counts)


def test_a_detuned_cooling_laser_is_seen_in_the_fluorescence(innsbruck: Any) -> None:
    block = serial(doppler_cool(innsbruck.node, 1e-3), read_ions(innsbruck.node, 1.5e-3))
    near = play(innsbruck, block, 400).counts["ions"].mean()
    far = play(innsbruck, block, 400, shifts={"cooling": -20e6}).counts["ions"].mean()
    assert far < 0.75 * near


def test_a_bias_of_the_endcaps_moves_the_string(innsbruck: Any) -> None:
    own, block = innsbruck.properties, read_ions(innsbruck.node, 1.5e-3)
    places = []
    for bias in (0.0, 2.0):
        core, program = innsbruck.core(1, 1), innsbruck.program(block)
        around = replace(innsbruck.surroundings(), bias=(bias / 2, -bias / 2))
        core.load(1, around)
        core.play(program, 1, around)
        stage = core._set_stage(program, np.zeros(1, dtype=np.int64), around)
        places.append(float(stage.positions(0)[0]))
        axial = stage.string.axial_frequency
    trap = Trap(
        endcap_distance=own.endcap_distance,
        endcap_efficiency=own.endcap_curvature,
        differential_factor=own.endcap_push,
    )
    assert places[1] - places[0] == pytest.approx(trap.displacement(2.0, axial), rel=1e-9)
    assert abs(places[1] - places[0]) > 1e-7


def test_a_common_bias_of_the_endcaps_stiffens_the_trap(innsbruck: Any) -> None:
    frequencies = []
    for bias in (0.0, 100.0):
        core = innsbruck.core(1, 1)
        around = replace(innsbruck.surroundings(), bias=(bias, bias))
        core.load(1, around)
        frequencies.append(core._endcaps.settled_frequency())
    rest = innsbruck.properties.endcap_rest
    assert frequencies[1] / frequencies[0] == pytest.approx(math.sqrt((rest + 100.0) / rest), rel=1e-9)


def test_a_detector_without_bias_sees_nothing(innsbruck: Any) -> None:
    node = innsbruck.node
    photon = generate_photon(node, 50e-6, 55e-6)
    block = serial(doppler_cool(node, 200e-6), optical_pump(node, 20e-6), photon)
    usual = play(innsbruck, block, 2000)
    blind = play(innsbruck, block, 2000, efficiency=(0.0, 0.0), dark_rates=(0.0, 0.0))
    assert len(usual.tags.t_ps) > 20
    assert len(blind.tags.t_ps) == 0


def test_what_changes_nothing_is_the_same_object(innsbruck: Any) -> None:
    around = innsbruck.surroundings()
    assert around.detected(innsbruck.properties) is innsbruck.properties
    parts = innsbruck.wiring.parts
    assert around.lit(parts) is parts
    calm = Weather.calm(3)
    assert calm.shifted({}) is calm


def test_shifts_add_to_what_drifts() -> None:
    weather = replace(Weather.calm(2), qubit=np.array([1.0, 2.0])).shifted({"qubit": 10.0, "field": 1e-7})
    np.testing.assert_array_equal(weather.qubit, [11.0, 12.0])
    np.testing.assert_array_equal(weather.field, [1e-7, 1e-7])
    assert Surroundings(1e6, None, 0.0, 0.0).shifts == {}
