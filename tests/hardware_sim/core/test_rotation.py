"""729 nm pulses on the ensemble: areas, signs of phases and detunings, motion, intensity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hardware_sim.core.ensemble import D3, D5, SHIFTS, S
from hardware_sim.core.passages import Rotation, Segment
from hardware_sim.core.rotation import nearest_transition, turn
from hardware_sim.core.signals import Tone
from hardware_sim.core.stage import Stage

US = 10**6  # ps
ANALYSIS = 226.5e6


def resting(lab: Any, shots: int = 1, **but: float) -> Stage:
    """Return a stage for which a pi pulse takes 10 us, but for the zero-point motion."""
    stage = lab.but(qubit_rabi_analysis=50e3, qubit_rabi_mapping=78.125e3, **but).stage(shots)
    stage.string.qubit[:] = 0.0
    stage.ensemble.start(np.zeros(shots, dtype=np.int64))
    return stage


def play(
    stage: Stage, start: int, duration: int, frequency: float, phase: float = 0.0, amplitude: float = 1.0
) -> None:
    every = np.arange(len(stage.ensemble.clock_ps))
    turn(stage, every, Rotation((Segment(start, start + duration, Tone(frequency, phase, amplitude)),)))


def population(stage: Stage, level: int) -> float:
    return float(stage.ensemble.coherent[0, 0, level, level].real)


def test_a_pi_pulse_goes_all_the_way(quiet: Any) -> None:
    stage = resting(quiet)
    play(stage, 0, 10 * US, ANALYSIS)
    assert population(stage, D3) == pytest.approx(1.0)
    belief = quiet.node.calibration
    stage = resting(quiet)
    play(stage, 0, round(6.4 * US), belief.mapping_frequency)
    assert population(stage, D5) == pytest.approx(1.0, abs=1e-5)


def test_each_tone_drives_the_nearest_transition(quiet: Any) -> None:
    own = quiet.properties
    assert nearest_transition(own, Tone(ANALYSIS, 0, 1)) == (D3, 0.0, own.qubit_rabi_analysis)
    level, detuning, rabi = nearest_transition(own, Tone(quiet.node.calibration.mapping_frequency, 0, 1))
    assert (level, rabi) == (D5, own.qubit_rabi_mapping)
    assert abs(detuning) < 100
    assert nearest_transition(own, Tone(ANALYSIS + 1e3, 0, 1))[1] == pytest.approx(2e3)


def test_a_tone_off_resonance_leaves_the_ion(quiet: Any) -> None:
    stage = resting(quiet)
    play(stage, 0, 10 * US, ANALYSIS + 1e6)
    assert population(stage, S) > 0.999


@pytest.mark.parametrize("detuning", [0.0, 3e3, -7e3])
@pytest.mark.parametrize("field", [0.0, 4e-8])
def test_two_half_pulses_make_a_ramsey_fringe(quiet: Any, detuning: float, field: float) -> None:
    stage, wait = resting(quiet), 60 * US
    stage.ensemble.field[:] = field
    moved = detuning - (SHIFTS[D3] - SHIFTS[S]) * field  # of the light against the ion
    play(stage, 0, 500, ANALYSIS + detuning / 2, amplitude=1.0)
    assert population(stage, D3) < 1e-8  # half a nanosecond does nothing: clocks start at zero
    for start in (0, wait):
        # Pulses so strong that the detuning does nothing while they last.
        stage.properties = quiet.but(qubit_rabi_analysis=250e6).properties
        play(stage, start, 1000, ANALYSIS + detuning / 2)
    assert population(stage, D3) == pytest.approx(np.cos(np.pi * moved * 60e-6) ** 2, abs=1e-3)


@pytest.mark.parametrize("phase", [0.1, 0.25, 0.6])
def test_the_phase_of_the_second_pulse_counts_for_both_passes(quiet: Any, phase: float) -> None:
    stage = resting(quiet)
    play(stage, 0, 5 * US, ANALYSIS)
    play(stage, 20 * US, 5 * US, ANALYSIS, phase=phase / 2)
    assert population(stage, D3) == pytest.approx(np.cos(np.pi * phase) ** 2, abs=1e-5)


@pytest.mark.parametrize("cut", [1, 3, 9])
def test_a_pulse_cut_in_two_is_the_same_pulse(quiet: Any, cut: int) -> None:
    whole, halves = resting(quiet), resting(quiet)
    for stage in (whole, halves):
        stage.ensemble.field[:] = 2e-8
        stage.ensemble.start(np.array([777 * US]))
    play(whole, 0, 10 * US, ANALYSIS + 8e3, 0.2)
    play(halves, 0, cut * US, ANALYSIS + 8e3, 0.2)
    play(halves, cut * US, (10 - cut) * US, ANALYSIS + 8e3, 0.2)
    for stage in (whole, halves):
        stage.ensemble.evolve(np.arange(1), slice(None), 10 * US)
    assert np.abs(whole.ensemble.coherent - halves.ensemble.coherent).max() < 2e-5  # decay of D5/2 meanwhile


def test_the_light_is_on_the_cores_clock_from_shot_to_shot(quiet: Any) -> None:
    # At the second half pulse the light has run away from the ion by the time since the first one, not by the
    # time since the start of a timeline.
    stage = resting(quiet)
    play(stage, 0, 5 * US, ANALYSIS)
    stage.ensemble.clock_ps[:] += 100 * US
    play(stage, 0, 5 * US, ANALYSIS)
    assert population(stage, D3) == pytest.approx(1.0, abs=1e-3)
    detuned = resting(quiet, qubit_resonance=ANALYSIS - 2.5e3)
    play(detuned, 0, 5 * US, ANALYSIS)
    detuned.ensemble.clock_ps[:] += 95 * US
    play(detuned, 0, 5 * US, ANALYSIS)
    assert population(detuned, D3) < 0.6


def test_motion_and_power_change_the_area(quiet: Any) -> None:
    stage = resting(quiet, shots=2)
    stage.string.qubit[:] = 0.0
    stage.string.qubit[0] = 0.02
    stage.ensemble.motion[1, 0] = np.sqrt(5.0)
    stage.ensemble.power[:] = 1.1
    play(stage, 0, 10 * US, ANALYSIS)
    from scipy.special import j0

    for shot, quanta in enumerate((0.0, 5.0)):
        area = np.pi * np.sqrt(1.1) * np.exp(-0.01) * j0(2 * np.sqrt(0.02 * quanta))
        expected = np.sin(area / 2) ** 2
        assert stage.ensemble.coherent[shot, 0, D3, D3].real == pytest.approx(expected, abs=2e-4)
