"""Tones are coherent on the core's clock: Ramsey fringes through programs, whatever is between the pulses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sequences.ir import Block
from sequences.language import delay, repeat, serial
from sequences.library import optical_pump
from sequences.program import Play, Program
from sequences.timeline import Operation

PULSE = 5e-6
"""A half pulse as the lab plays it, s."""


@pytest.fixture(scope="module")
def lab(quiet: Any) -> Any:
    """The lab with a qubit beam for which a half pulse takes 5 us, across the trap axis."""
    return quiet.but(qubit_rabi_analysis=50e3, qubit_axial_cosine=0.0)


def flipped(lab: Any, program: Program | Block, shots: int = 3) -> np.ndarray:
    """Return the population (shots,) that was brought to D5/2, of that in the right spin to begin with."""
    stage = lab.stage(shots, block=program)
    stage.ensemble.evolve(np.arange(shots), slice(None), 0)
    return np.asarray(1 - stage.ensemble.in_ground(np.arange(shots))[:, 0])


def half(lab: Any, detuning: float = 0.0, phase: float = 0.0) -> Block:
    """Return half a pulse of light that is detuned (Hz) and has a phase (turns)."""
    own = lab.properties
    frequency = own.qubit_resonance + detuning / own.qubit_passes
    return lab.node.qubit.pulse(PULSE, frequency, 1.0, phase / own.qubit_passes)


def fringe(detuning: float, apart: float, phase: float = 0.0) -> float:
    """Return the flip of two half pulses, exact for the detuning that acts during them too.

    Args:
        detuning: of the light, Hz.
        apart: between the end of the first pulse and the start of the second, s.
        phase: of the second pulse against the first, turns.

    Source: Ramsey, Phys. Rev. 78, 695 (1950).
    """
    whole = np.hypot(50e3, detuning)
    angle = np.pi * whole * PULSE
    wait = np.pi * (detuning * apart + phase)
    along = np.cos(angle) * np.cos(wait) - detuning / whole * np.sin(angle) * np.sin(wait)
    return float((2 * 50e3 / whole * np.sin(angle) * along) ** 2)


@pytest.mark.parametrize("detuning", [0.0, 2.5e3, -7e3, 12e3])
@pytest.mark.parametrize("phase", [0.0, 0.3])
def test_a_detuned_ramsey_experiment_gives_its_fringe(lab: Any, detuning: float, phase: float) -> None:
    for apart in (20e-6, 64e-6, 100e-6):
        block = serial(
            optical_pump(lab.node, 50e-6), half(lab, detuning), delay(apart), half(lab, detuning, phase)
        )
        # Zero-point motion and pumping leave some thousandths.
        assert flipped(lab, block) == pytest.approx([fringe(detuning, apart, phase)] * 3, abs=0.02)


def test_pulses_are_coherent_across_timelines_and_loops(lab: Any) -> None:
    pump, detuning = optical_pump(lab.node, 50e-6), 5e3
    one = serial(pump, half(lab, detuning), delay(60e-6), half(lab, detuning))
    split = serial(
        pump, repeat(half(lab, detuning), 1), repeat(delay(20e-6), 3), repeat(half(lab, detuning), 1)
    )
    assert flipped(lab, split) == pytest.approx(flipped(lab, one), abs=1e-5)


def test_a_tone_that_was_elsewhere_meanwhile_comes_back_in_phase(lab: Any) -> None:
    # The synthesizer plays far off resonance between the pulses, for any time: the fringe does not care.
    pump, detuning = optical_pump(lab.node, 50e-6), 5e3
    node = lab.node
    for length in (7e-6, 13.4e-6):
        away = serial(delay(10e-6), node.qubit.pulse(length, 150e6, 1.0, 0.77), delay(50e-6 - length))
        block = serial(pump, half(lab, detuning), away, half(lab, detuning))
        assert flipped(lab, block) == pytest.approx([fringe(detuning, 60e-6)] * 3, abs=0.02)


def test_a_tone_that_stays_on_and_changes_frequency_keeps_the_cores_clock(lab: Any) -> None:
    # One tone, never off: on resonance, far away, and back. The same as two pulses, but for what little the
    # light far away does.
    own, node = lab.properties, lab.node
    timeline = lab.timeline(
        50e-6,
        (0.0, "qubit", Operation.FREQUENCY, own.qubit_resonance),
        (0.0, "qubit", Operation.AMPLITUDE, 1.0),
        (PULSE, "qubit", Operation.FREQUENCY, 150e6),
        (35e-6, "qubit", Operation.FREQUENCY, own.qubit_resonance),
        (35e-6, "qubit", Operation.PHASE, 0.2 / own.qubit_passes),
        (35e-6 + PULSE, "qubit", Operation.AMPLITUDE, 0.0),
    )
    pump = lab.program(optical_pump(node, 50e-6))
    program = replace(pump, steps=(*pump.steps, Play(timeline)))
    assert flipped(lab, program) == pytest.approx([fringe(0.0, 30e-6, 0.2)] * 3, abs=0.02)


def test_a_tone_that_is_on_across_a_seam_is_one_pulse(lab: Any) -> None:
    own = lab.properties
    on = lab.timeline(
        PULSE,
        (0.0, "qubit", Operation.FREQUENCY, own.qubit_resonance),
        (0.0, "qubit", Operation.AMPLITUDE, 1.0),
    )
    off = lab.timeline(10e-6, (PULSE, "qubit", Operation.AMPLITUDE, 0.0))
    pump = lab.program(optical_pump(lab.node, 50e-6))
    program = replace(pump, steps=(*pump.steps, Play(on), Play(off)))
    assert flipped(lab, program) == pytest.approx([1.0] * 3, abs=0.02)
