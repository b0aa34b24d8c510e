"""729 nm carriers on the ensemble: lines, areas, phases, detunings, motion, intensity, light shifts, places.

Other lines shift the one that is driven by some 0.1 kHz; where a test is about something else, its tolerance
allows for that.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import eval_laguerre

from hardware_sim.core.drive import choose, level_shifts, line_detuning, lines_of
from hardware_sim.core.ensemble import D3, D5, METASTABLE_D5, S_UP, SHIFTS, S
from hardware_sim.core.link import Sideband
from hardware_sim.core.passages import Rotation, Segment
from hardware_sim.core.rotation import turn
from hardware_sim.core.signals import Tone
from hardware_sim.core.stage import Stage
from hardware_sim.physics.quadrupole import Line
from hardware_sim.world.weather import Weather

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
    assert population(stage, D3) == pytest.approx(1.0, abs=5e-5)
    belief = quiet.node.calibration
    stage = resting(quiet)
    play(stage, 0, round(6.4 * US), belief.mapping_frequency)
    assert population(stage, D5) == pytest.approx(1.0, abs=5e-5)


def line(stage: Stage, lower: float, upper: float) -> Line:
    (found,) = [one for one in lines_of(stage.properties) if (one.lower, one.upper) == (lower, upper)]
    return found


def tone_on(stage: Stage, driven: Line) -> float:
    """Return the frequency that is on a line."""
    return ANALYSIS + driven.offset / stage.properties.qubit_passes


def test_each_tone_drives_the_line_that_it_excites_most(quiet: Any) -> None:
    stage, every = resting(quiet), np.arange(1)
    found = choose(stage, every, Tone(ANALYSIS + 1e3, 0, 1)).drive
    assert (found.line.lower, found.line.upper, found.order) == (-1 / 2, -3 / 2, 0)
    mapping = Tone(quiet.node.calibration.mapping_frequency, 0, 1)
    found = choose(stage, every, mapping).drive
    assert (found.line.lower, found.line.upper, found.order) == (-1 / 2, -5 / 2, 0)
    assert abs(line_detuning(stage.properties, mapping, found.line)) < 100
    assert line_detuning(stage.properties, Tone(ANALYSIS + 1e3), line(stage, -1 / 2, -3 / 2)) == 2e3
    # A line between whose levels there is nobody is not asked.
    stage.ensemble.coherent[:] = 0.0
    stage.ensemble.other[..., S_UP] = 1.0
    found = choose(stage, every, Tone(ANALYSIS + 1.1e6, 0, 1)).drive
    assert (found.line.lower, found.line.upper) == (1 / 2, 1 / 2)


@pytest.mark.parametrize("lower", [-1 / 2, 1 / 2])
@pytest.mark.parametrize("upper", [-5 / 2, -3 / 2, -1 / 2, 1 / 2, 3 / 2, 5 / 2])
def test_a_pi_pulse_on_every_line_moves_the_population_there_and_back(
    quiet: Any, lower: float, upper: float
) -> None:
    stage = resting(quiet)
    if lower > 0:
        stage.ensemble.coherent[:] = 0.0
        stage.ensemble.other[..., S_UP] = 1.0
    if abs(upper - lower) > 2:
        assert (lower, upper) not in [(one.lower, one.upper) for one in lines_of(stage.properties)]
        return
    driven = line(stage, lower, upper)
    length = round(0.5 / driven.rabi * 1e12)
    for start, expected in ((0, 1.0), (100 * US, 0.0)):
        play(stage, start, length, tone_on(stage, driven))
        below, above = stage.ensemble.populations(np.arange(1), driven)
        assert above[0, 0] == pytest.approx(expected, abs=1e-3)
        assert below[0, 0] + above[0, 0] == pytest.approx(1.0, abs=3e-4)  # of D5/2, some decays
        trace = np.trace(stage.ensemble.coherent[0, 0]).real + stage.ensemble.other[0, 0].sum()
        assert trace == pytest.approx(1.0)
    # What sits in one sublevel does not answer light on another one.
    play(stage, 200 * US, length, tone_on(stage, driven))
    beside = line(stage, math.copysign(1 / 2, lower), upper - math.copysign(1, upper))
    before = float(stage.ensemble.populations(np.arange(1), driven)[1][0, 0])
    play(stage, 201 * US + length, length, tone_on(stage, beside))
    after = float(stage.ensemble.populations(np.arange(1), driven)[1][0, 0])
    assert after == pytest.approx(before, abs=2e-3)


def test_a_tone_off_resonance_leaves_the_ion(quiet: Any) -> None:
    stage = resting(quiet)
    play(stage, 0, 10 * US, ANALYSIS + 1e6)
    assert population(stage, S) > 0.999


@pytest.mark.parametrize("detuning", [0.0, 9e3, -31e3, 120e3])
def test_detuned_flops_follow_rabi_with_the_shift_by_all_other_lines(quiet: Any, detuning: float) -> None:
    stage = resting(quiet)
    own = line(stage, -1 / 2, -3 / 2)
    tone = Tone(ANALYSIS + detuning / 2, 0.0, 1.0)
    shifts = level_shifts(stage.properties, tone, Sideband(own, 0, 0))
    shift = shifts.upper[-3 / 2] - shifts.lower[-1 / 2]
    assert 50 < abs(shift) < 500
    for duration in (4 * US, 17 * US):
        stage = resting(quiet)
        play(stage, 0, duration, tone.frequency)
        whole = np.hypot(50e3, detuning - shift)
        expected = (50e3 / whole) ** 2 * np.sin(np.pi * whole * duration * 1e-12) ** 2
        assert population(stage, D3) == pytest.approx(expected, abs=1e-9)
        assert np.trace(stage.ensemble.coherent[0, 0]).real == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("detuning", [0.0, 3e3, -7e3])
@pytest.mark.parametrize("field", [0.0, 4e-8])
def test_two_half_pulses_make_a_ramsey_fringe(quiet: Any, detuning: float, field: float) -> None:
    stage, wait = resting(quiet), 60 * US
    stage.ensemble.field[:] = field
    moved = detuning - (SHIFTS[D3] - SHIFTS[S]) * field  # of the light against the ion
    tone = Tone(ANALYSIS + detuning / 2, 0.0, 1.0)
    shifts = level_shifts(stage.properties, tone, Sideband(line(stage, -1 / 2, -3 / 2), 0, 0))
    off = moved - (shifts.upper[-3 / 2] - shifts.lower[-1 / 2])
    for start in (0, 5 * US + wait):
        play(stage, start, 5 * US, tone.frequency)
    # Two pulses that are not short against the detuning, with darkness between them: Ramsey's formula.
    whole = np.hypot(50e3, off)
    cosine, sine = np.cos(np.pi * whole * 5e-6), np.sin(np.pi * whole * 5e-6)
    free = np.pi * moved * 60e-6
    expected = (2 * 50e3 / whole * sine * (np.cos(free) * cosine - off / whole * np.sin(free) * sine)) ** 2
    assert population(stage, D3) == pytest.approx(expected, abs=2e-4)  # D5/2 decays meanwhile


@pytest.mark.parametrize("phase", [0.1, 0.25, 0.6])
def test_the_phase_of_the_second_pulse_counts_for_both_passes(quiet: Any, phase: float) -> None:
    stage = resting(quiet)
    play(stage, 0, 5 * US, ANALYSIS)
    play(stage, 20 * US, 5 * US, ANALYSIS, phase=phase / 2)
    assert population(stage, D3) == pytest.approx(np.cos(np.pi * phase) ** 2, abs=5e-3)


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
    stage = resting(quiet, shots=4)
    stage.string.qubit[:] = 0.0
    stage.string.qubit[0] = 0.02
    stage.ensemble.fock[:, 0] = [0, 5, 0, 30]
    stage.ensemble.motion[2, 0] = np.sqrt(7.0)
    stage.ensemble.luck[:] = 0.31
    stage.ensemble.power[:] = 1.1
    stage.weather = replace(Weather.calm(4), qubit_power=np.array([1.0, 1.0, 1.0, 0.9]))
    numbers = stage.ensemble.numbers(np.arange(4))[:, 0]
    assert numbers.tolist() == [0, 5, 6, 30]  # of the Poisson distribution about 7, 30.1 % are below 6
    play(stage, 0, 10 * US, ANALYSIS)
    power = np.array([1.1, 1.1, 1.1, 0.99])
    area = np.pi * np.sqrt(power) * np.exp(-0.01) * eval_laguerre(numbers, 0.02)
    assert stage.ensemble.coherent[:, 0, D3, D3].real == pytest.approx(np.sin(area / 2) ** 2, abs=2e-4)


def test_a_drift_of_the_laser_detunes_and_turns_the_phase(quiet: Any) -> None:
    stage = resting(quiet, shots=3)
    stage.weather = replace(Weather.calm(3), qubit=np.array([0.0, 2e3, -2e3]))
    apart = resting(quiet, shots=3)
    for one in (stage, apart):
        play(one, 0, 5 * US, ANALYSIS)
        play(one, 65 * US, 5 * US, ANALYSIS)
    assert stage.ensemble.coherent[0, 0, D3, D3].real > 0.99
    assert stage.ensemble.coherent[1, 0, D3, D3].real == pytest.approx(
        stage.ensemble.coherent[2, 0, D3, D3].real, abs=0.05
    )
    detuned = resting(quiet)
    play(detuned, 0, 5 * US, ANALYSIS + 1e3)
    play(detuned, 65 * US, 5 * US, ANALYSIS + 1e3)
    assert stage.ensemble.coherent[1, 0, D3, D3].real == pytest.approx(population(detuned, D3), abs=1e-5)
    assert apart.ensemble.coherent[:, 0, D3, D3].real == pytest.approx(1.0, abs=1e-3)


def test_phase_noise_of_the_laser_is_that_of_the_light(quiet: Any) -> None:
    stage, told = resting(quiet, shots=4), []

    def wandered(shots: Any, offset_ps: int) -> Any:
        told.append(offset_ps)
        return np.array([0.0, 0.25, 0.5, 0.75])[shots] * (offset_ps > 0)

    stage.ensemble.laser_turns = wandered  # type: ignore[method-assign]
    play(stage, 0, 5 * US, ANALYSIS)
    play(stage, 20 * US, 5 * US, ANALYSIS)
    assert told == [0, 20 * US]
    assert stage.ensemble.coherent[:, 0, D3, D3].real == pytest.approx([1.0, 0.5, 0.0, 0.5], abs=0.03)


def test_off_resonant_light_turns_the_qubit_by_its_light_shift(quiet: Any) -> None:
    # Between two half pulses, strong light far from all lines: the fringe moves by what its shift says.
    seen = []
    for amplitude in (0.0, 1.0):
        stage = resting(quiet, qubit_light_shift=0.0)
        play(stage, 0, 5 * US, ANALYSIS)
        if amplitude:
            play(stage, 6 * US, 40 * US, ANALYSIS + 0.25e6, amplitude=amplitude)
        state = stage.ensemble.coherent[0, 0]
        seen.append(np.angle(state[D3, S]) / (2 * np.pi))
        assert abs(state[D3, S]) == pytest.approx(0.5, abs=0.02)
    # Of the analysis line itself, 0.5 MHz away: Omega^2 / (2 delta) of 2500 Hz; of all others less than 300.
    turned = np.mod(seen[0] - seen[1] + 0.5, 1.0) - 0.5
    assert abs(turned) == pytest.approx(2500 * 40e-6, rel=0.25)
    assert turned < 0  # blue light brings the levels together: D falls behind


def test_the_light_shift_of_dipole_lines_goes_with_the_power(quiet: Any) -> None:
    for amplitude, expected in ((1.0, 8e3), (0.5, 2e3)):
        plain, shifted = resting(quiet), resting(quiet, qubit_light_shift=8e3)
        play(plain, 0, 9 * US, ANALYSIS, amplitude=amplitude)
        play(shifted, 0, 9 * US, ANALYSIS + expected / 2, amplitude=amplitude)
        assert population(shifted, D3) == pytest.approx(population(plain, D3), abs=1e-6)


def test_levels_that_the_light_passes_by_turn_by_their_shifts(quiet: Any) -> None:
    stage = resting(quiet, qubit_light_shift=3e3)
    stage.ensemble.coherent[0, 0] = np.outer([1, 1, 0], [1, 1, 0]) / 2
    tone = Tone(ANALYSIS + 60e3, 0.0, 1.0)
    found = choose(stage, np.arange(1), tone).drive
    assert found.line.upper == -3 / 2
    shifts = level_shifts(stage.properties, tone, found)
    play(stage, 0, 8 * US, tone.frequency)
    after = stage.ensemble.coherent[0, 0]
    assert np.trace(after).real == pytest.approx(1.0, abs=1e-12)
    assert after[D5, D5].real == pytest.approx(0.5, abs=1e-9)
    # The bystander turns by its own shift, S by that of the line that is driven, exactly.
    alone = resting(quiet, qubit_light_shift=3e3)
    alone.ensemble.coherent[0, 0] = np.diag([1, 0, 0])
    play(alone, 0, 8 * US, tone.frequency)
    assert abs(after[S, S] - alone.ensemble.coherent[0, 0, S, S] / 2) < 1e-12
    expected = -(shifts.upper[-5 / 2] + shifts.dipole - shifts.lower[-1 / 2]) * 8e-6
    rotating = np.angle(_stay(120e3 - (shifts.upper[-3 / 2] + 3e3 - shifts.lower[-1 / 2]), 8e-6)) / (
        2 * np.pi
    )
    seen = np.angle(after[D5, S]) / (2 * np.pi)
    assert np.mod(seen - expected + rotating + 0.5, 1.0) - 0.5 == pytest.approx(0.0, abs=1e-9)


def _stay(off: float, duration: float) -> complex:
    """Return the amplitude to stay in S, in the frame of the shifted levels."""
    whole = np.hypot(50e3, off)
    flop = np.pi * whole * duration
    return complex(np.exp(1j * np.pi * off * duration) * (np.cos(flop) - 1j * off / whole * np.sin(flop)))


def test_a_narrow_beam_turns_the_ions_that_it_meets(quiet: Any) -> None:
    lab = quiet.but(
        qubit_rabi_analysis=50e3, qubit_rabi_mapping=78.125e3, qubit_waist=3e-6, endcap_rest=500.0
    )
    stage = lab.stage(1, ions=3)
    stage.string.qubit[:] = 0.0
    places = stage.positions(0)
    stage.properties = replace(stage.properties, qubit_pointing=float(places[2]))
    stage.ensemble.start(np.zeros(1, dtype=np.int64))
    play(stage, 0, 10 * US, ANALYSIS)
    field = np.exp(-(((places - places[2]) / 3e-6) ** 2))
    found = stage.ensemble.coherent[0, :, D3, D3].real
    assert found == pytest.approx(np.sin(np.pi / 2 * field) ** 2, abs=1e-3)
    assert found[2] > 0.999
    assert found[0] < 1e-3


def test_light_that_nobody_is_there_for_does_nothing(quiet: Any) -> None:
    stage = resting(quiet)
    play(stage, 0, 10 * US, ANALYSIS, amplitude=0.0)
    assert population(stage, S) == pytest.approx(1.0)
    turn(stage, np.arange(0), Rotation((Segment(0, US, Tone(ANALYSIS, 0.0, 1.0)),)))
    assert stage.ensemble.other[..., METASTABLE_D5].max() == 0.0
