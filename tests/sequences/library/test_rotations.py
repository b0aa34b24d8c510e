"""Rotations of the qubit: right angles and axes from events on the clock's grid, and frames that hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from sequences import Parameter, delay, serial, us
from sequences.errors import DurationError
from sequences.library import Node, map_to_ground, rabi, rotate, turn_frame
from sequences.library.grid import keep_area, nearest_step

X = np.array([[0, 1], [1, 0]])
Y = np.array([[0, -1j], [1j, 0]])
SWAP = X  # from the order (D, S) of the definition to (S, D)


def defined(turns: float, phase: float) -> Any:
    """The rotation as the module defines it."""
    axis = np.cos(2 * np.pi * phase) * X + np.sin(2 * np.pi * phase) * Y
    return SWAP @ expm(-1j * np.pi * turns * axis) @ SWAP


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.37])
@pytest.mark.parametrize("turns", [0.25, 0.5, 1 / 3, 0.123456])
def test_a_rotation_is_what_its_definition_says(
    node: Node, unitary: Any, unlike: Any, turns: float, phase: float
) -> None:
    played = unitary(serial(delay(4 * us), rotate(node, turns, phase)))
    assert unlike(played, defined(turns, phase)) < 1e-12


def test_any_angle_is_played_in_whole_steps(node: Node) -> None:
    pulse = rotate(node, 1 / 3)
    steps = pulse.duration / node.grid
    assert node.grid == pytest.approx(8e-9)
    assert steps == pytest.approx(round(steps), abs=1e-6)
    assert 0 < pulse.duration - 2 / 3 * 10e-6 < node.grid
    assert pulse.duration * pulse.amplitude == pytest.approx(2 / 3 * 10e-6, rel=1e-12)


def test_what_is_on_the_grid_stays_as_it_is(node: Node) -> None:
    assert keep_area(node, 5e-6, 0.7) == (5e-6, 0.7)


def test_an_expression_keeps_its_length(node: Node) -> None:
    length = Parameter("length", unit="s")
    assert keep_area(node, length, 0.7) == (length, 0.7)
    assert nearest_step(node, length) is length


@pytest.mark.parametrize("turns", [0.0, -0.25, float("nan")])
def test_no_rotation_has_no_pulse(node: Node, turns: float) -> None:
    with pytest.raises(Exception, match=r"the duration of the pulse on channel 'qubit'"):
        rotate(node, turns)


def test_a_calibrated_time_between_steps_is_played(node: Node, play: Any) -> None:
    lab = replace(node, calibration=replace(node.calibration, mapping_pi_time=6.4037e-6))
    (pulse,) = play(map_to_ground(lab))
    assert (pulse.stop - pulse.start) * pulse.amplitude == pytest.approx(6.4037e-6, rel=1e-12)


def test_turning_the_frame_turns_the_later_pulses(node: Node, unitary: Any, unlike: Any) -> None:
    there_and_back = serial(rotate(node, 0.25, 0.1), turn_frame(node, 0.5), rotate(node, 0.25, 0.1))
    assert unlike(unitary(there_and_back), np.eye(2)) < 1e-12
    turned = serial(turn_frame(node, 0.2), rotate(node, 0.3, 0.1))
    assert unlike(unitary(turned), defined(0.3, 0.3)) < 1e-12


@pytest.mark.parametrize("detuning", [0.0, 20e3, -60e3])
def test_a_driven_qubit_follows_rabi(node: Node, excited: Callable[..., float], detuning: float) -> None:
    rabi_frequency = 1 / (2 * node.calibration.analysis_pi_time)
    whole = np.hypot(rabi_frequency, detuning)
    for duration in (2e-6, 8e-6, 24e-6):
        expected = (rabi_frequency / whole) ** 2 * np.sin(np.pi * whole * duration) ** 2
        assert excited(rabi(node, duration, detuning)) == pytest.approx(expected, abs=1e-9)


def test_half_the_field_is_half_as_fast(node: Node, excited: Callable[..., float]) -> None:
    assert excited(rabi(node, 20e-6, strength=0.5)) == pytest.approx(1, abs=1e-9)


def test_a_length_below_zero_is_refused(node: Node) -> None:
    with pytest.raises(DurationError, match=r"the duration of the pulse on channel 'qubit' is -1 us"):
        rabi(node, -1 * us)
