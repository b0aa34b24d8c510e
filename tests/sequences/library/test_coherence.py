"""Ramsey fringes and echoes, played on a qubit that is where it should be, and on one that is not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sequences import us
from sequences.library import Node, ramsey, spin_echo

Excited = Callable[..., float]


@pytest.mark.parametrize("phase", [0.0, 0.1, 0.25, 0.5, 0.8])
def test_the_phase_of_the_second_pulse_draws_a_fringe(node: Node, excited: Excited, phase: float) -> None:
    expected = (1 + np.cos(2 * np.pi * phase)) / 2
    assert excited(ramsey(node, 100 * us, phase)) == pytest.approx(expected, abs=1e-9)
    assert excited(spin_echo(node, 96 * us, phase)) == pytest.approx(expected, abs=1e-9)


def test_detuned_light_draws_a_fringe_in_time(node: Node, excited: Excited) -> None:
    waits = np.arange(0, 500, 20) * us + 20 * us
    fringe = np.array([excited(ramsey(node, wait, detuning=10e3)) for wait in waits])
    assert fringe[5:] == pytest.approx(fringe[:-5], abs=1e-9)  # a period is 100 us
    assert fringe.max() > 0.95
    assert fringe.min() < 0.05


def test_phase_and_detuning_add_as_written(node: Node, excited: Excited) -> None:
    """Pulses of 5 us each count as 4/pi of their half; the fringe's top must be where the sum is whole."""
    wait, detuning = 400 * us, 500.0
    counted = detuning * (wait + 4 / np.pi * 5 * us)
    phases = np.linspace(0, 1, 1000, endpoint=False)
    fringe = [excited(ramsey(node, wait, phase, detuning)) for phase in phases[::50]]
    expected = (1 + np.cos(2 * np.pi * (counted + phases[::50]))) / 2
    assert fringe == pytest.approx(expected, abs=2e-3)


def test_an_echo_forgives_a_qubit_that_is_off_and_ramsey_does_not(node: Node, excited: Excited) -> None:
    off = 800.0  # Hz, a quarter of a turn and more in the wait
    assert excited(spin_echo(node, 400 * us), off=off) > 0.995
    assert excited(ramsey(node, 400 * us), off=off) < 0.6
