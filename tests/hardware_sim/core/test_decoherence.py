"""What noise leaves of a qubit, with sequences of the library, against filter functions in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hardware_sim.core.ensemble import D3, SHIFTS, Ensemble, S
from hardware_sim.physics.dephasing import (
    contrast_of_flicker,
    contrast_of_laser,
    contrast_of_line,
    contrast_of_offset,
)
from hardware_sim.physics.noise import Lines
from sequences.ir import Block
from sequences.language import Trigger, serial
from sequences.library import Decoupling, decouple, optical_pump, ramsey, read_ions, rotate, spin_echo

SHOTS = 1500
SENSITIVITY = float(abs(SHIFTS[D3] - SHIFTS[S]))  # Hz/T of the qubit
DECAY = 1.168  # s, of D5/2
READ = 3e-3  # errors of pulses and readout, of a contrast
MS = 10**9  # ps

Pulses = Callable[[Any, float], Block]


def contrast(lab: Any, pulses: Pulses, before: Block | None = None, **properties: float) -> float:
    """Return the difference of the dark populations for the last pulse at phases 0 and one half."""
    node, dark = lab.node, []
    weakened = math.exp(-lab.stage(1).string.qubit[:, 0].sum() / 2)
    lab = lab.but(
        qubit_rabi_analysis=50e3 / weakened, **properties
    )  # a half turn takes 10 us, as is believed
    for phase in (0.0, 0.5):
        steps = [optical_pump(node, 40e-6), pulses(node, phase), read_ions(node, 1.5e-3)]
        block = serial(*([before] if before else []), *steps)
        record = lab.play(block, SHOTS, seed=7)
        dark.append(float((record.counts["ions"] < 8).mean()))
    return dark[0] - dark[1]


def five_sigma(expected: float) -> float:
    """Return five standard errors of a contrast, and what pulses and readout cost."""
    return 5 * math.sqrt(0.5 * (1 - expected**2) / SHOTS + 1e-6) + READ


def kept(wait: float) -> float:
    """Return what the decay of D5/2 leaves of a contrast."""
    return math.exp(-wait / DECAY / 2)


def free(wait: float) -> Pulses:
    return lambda node, phase: ramsey(node, wait, phase)


def echo(wait: float) -> Pulses:
    return lambda node, phase: spin_echo(node, wait, phase)


def cpmg(wait: float, pulses: int) -> Pulses:
    def play(node: Any, phase: float) -> Block:
        held = decouple(node, Decoupling.CPMG, pulses, wait)
        return serial(rotate(node, 0.25), held, rotate(node, 0.25, phase))

    return play


def middles(pulses: int) -> list[float]:
    return [(number + 0.5) / pulses for number in range(pulses)]


@pytest.mark.parametrize("wait", [5e-3, 15e-3])
def test_an_offset_that_is_constant_in_a_shot_spoils_ramsey_and_not_an_echo(quiet: Any, wait: float) -> None:
    noise = {"magnetic_noise": 1e-9}
    expected = contrast_of_offset(1e-9 * SENSITIVITY, wait) * kept(wait)
    assert contrast(quiet, free(wait), **noise) == pytest.approx(expected, abs=five_sigma(expected))
    whole = kept(wait)
    assert contrast(quiet, echo(wait), **noise) == pytest.approx(whole, abs=five_sigma(whole))


def test_half_turns_in_step_with_the_mains_let_them_in(quiet: Any) -> None:
    # Half turns 10 ms apart follow 50 Hz; Ramsey's experiment over whole cycles, and half turns out of step,
    # see nothing of it. Shots start at any phase of the mains: their length is no whole number of cycles.
    mains = {"mains_field": 0.9e-9, "mains_third": 0.0, "mains_fifth": 0.0}
    amplitude, wait = 0.9e-9 * SENSITIVITY, 40e-3
    peak = contrast_of_line(amplitude, 50.0, wait, middles(4)) * kept(wait)
    apart = contrast_of_line(amplitude, 50.0, wait, middles(10)) * kept(wait)
    assert peak < 0.5
    assert apart > 0.8
    assert contrast(quiet, cpmg(wait, 4), **mains) == pytest.approx(peak, abs=five_sigma(peak))
    assert contrast(quiet, cpmg(wait, 10), **mains) == pytest.approx(apart, abs=five_sigma(apart))
    whole = kept(wait)
    assert contrast(quiet, free(wait), **mains) == pytest.approx(whole, abs=five_sigma(whole))


def test_a_sequence_that_waits_for_the_mains_sees_one_phase_of_them(quiet: Any) -> None:
    # The field is sin(2 pi 50 Hz t) from the trigger on: the same in each shot, it turns the phase of the
    # qubit, and takes no contrast.
    lab = quiet.listening()
    mains = {"mains_field": 0.9e-9, "mains_third": 0.0, "mains_fifth": 0.0}
    triggered = Trigger(lab.node.target.by_name["mains"]).wait(25e-3)
    wait, begun = 10e-3, 40e-6
    turned = 0.9e-9 * SENSITIVITY / (2 * np.pi * 50)
    turned *= math.cos(2 * np.pi * 50 * begun) - math.cos(2 * np.pi * 50 * (begun + wait))
    quadratures = [
        contrast(lab, lambda node, phase, at=at: ramsey(node, wait, phase + at), triggered, **mains)
        for at in (0.0, 0.25)
    ]
    size = kept(wait)
    assert math.hypot(*quadratures) == pytest.approx(size, abs=five_sigma(0.7))
    assert abs(quadratures[0]) == pytest.approx(size * abs(math.cos(2 * np.pi * turned)), abs=five_sigma(0.7))


@pytest.mark.parametrize(
    ("pulses", "flips"), [(free, []), (echo, [0.5]), (lambda wait: cpmg(wait, 6), middles(6))]
)
def test_flicker_is_filtered_by_the_pulses(quiet: Any, pulses: Any, flips: list[float]) -> None:
    noise = {"magnetic_flicker": 1e-9, "magnetic_flicker_low": 1.0, "magnetic_flicker_high": 1e3}
    wait = 18e-3
    expected = contrast_of_flicker(1e-9 * SENSITIVITY, 1.0, 1e3, wait, flips) * kept(wait)
    # Lines at random frequencies are no perfect Gaussian noise: 0.02.
    assert contrast(quiet, pulses(wait), **noise) == pytest.approx(expected, abs=five_sigma(expected) + 0.02)


def test_an_echo_does_not_help_against_the_line_width_of_the_laser(quiet: Any) -> None:
    wait = 10e-3
    expected = contrast_of_laser(30.0, wait) * kept(wait)
    for pulses in (free(wait), echo(wait)):
        seen = contrast(quiet, pulses, qubit_linewidth=30.0)
        assert seen == pytest.approx(expected, abs=five_sigma(expected))


def test_the_shipped_lab_has_the_published_contrast(quiet: Any, innsbruck: Any) -> None:
    # Published: 0.57(8) after 20 ms without echo.
    names = (
        *("magnetic_noise", "magnetic_flicker", "mains_field", "mains_third", "mains_fifth"),
        "qubit_linewidth",
    )
    noise = {name: getattr(innsbruck.properties, name) for name in names}
    assert contrast(quiet, free(20e-3), **noise) == pytest.approx(0.57, abs=0.05 + five_sigma(0.57))


def test_ions_that_evolve_apart_feel_the_same_field() -> None:
    one, two = Ensemble(2, 2, 6), Ensemble(2, 2, 6)
    every = np.arange(2)
    for ensemble in (one, two):
        ensemble.lines = (Lines(np.full((2, 1), 5e-9), np.array([[50.0], [170.0]]), np.zeros((2, 1))),)
        ensemble.coherent[:] = np.full((3, 3), 1 / 3)
        ensemble.start(np.full(2, 7 * MS))
    one.evolve(every, slice(None), 9 * MS)
    two.evolve(every, slice(0, 1), 4 * MS)
    two.evolve(every, slice(1, 2), 6 * MS)
    two.evolve(every[:1], slice(None), 8 * MS)
    two.clock_ps[:] += 2 * MS
    two.evolve(every, slice(None), 7 * MS)
    assert np.abs(one.coherent - two.coherent).max() < 1e-12
    assert np.abs(one.coherent[0] - one.coherent[1]).max() > 1e-3
    turned = np.angle(one.coherent[:, 0, S, D3]) / (2 * np.pi)
    frequency = np.array([50.0, 170.0])
    exact = 5e-9 * np.sin(2 * np.pi * frequency * 9e-3) / (2 * np.pi * frequency)
    assert turned == pytest.approx((SHIFTS[D3] - SHIFTS[S]) * exact, rel=1e-3)


def test_the_field_is_told_as_it_is_at_each_time() -> None:
    ensemble = Ensemble(1, 1, 3)
    ensemble.field[:] = 2e-9
    ensemble.lines = (Lines(np.array([[3e-9]]), np.array([[50.0]]), np.array([[0.0]])),)
    ensemble.start(np.array([123 * MS]))
    ensemble.clock_ps[:] += 4 * MS
    seen = ensemble.field_at(np.array([0]), 3 * MS)
    assert seen == pytest.approx(2e-9 + 3e-9 * math.cos(2 * np.pi * 50 * 7e-3))
    assert ensemble.laser_turns(np.array([0]), 3 * MS) == 0.0
