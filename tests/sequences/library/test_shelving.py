"""Shelving on two lines, played on an ion with three levels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hardware_sim.physics.qubit import rotation
from sequences.library import Node, shelve

LEVELS = {"S": 0, "D-5/2": 1, "D-3/2": 2}


def left_in_s(node: Node, pulses: Any, strength: float) -> float:
    """Play pulses, each on the line that it is tuned to."""
    values = node.calibration
    lines = {
        values.mapping_frequency: ("D-5/2", 1 / (2 * values.mapping_pi_time)),
        values.analysis_frequency: ("D-3/2", 1 / (2 * values.analysis_pi_time)),
    }
    state = np.array([1.0, 0.0, 0.0], dtype=complex)
    for pulse in pulses:
        upper, rabi = lines[pulse.frequency]
        pair = [LEVELS["S"], LEVELS[upper]]
        state[pair] = rotation(strength * rabi * pulse.amplitude, 0.0, pulse.stop - pulse.start) @ state[pair]
    return float(abs(state[0]) ** 2)


@pytest.mark.parametrize("strength", [0.9, 1.05])
def test_what_one_pulse_leaves_is_squared_by_the_other(node: Node, play: Any, strength: float) -> None:
    pulses = play(shelve(node))
    assert len(pulses) == 2
    once = left_in_s(node, pulses[:1], strength)
    assert once > 0.005
    assert left_in_s(node, pulses, strength) == pytest.approx(once**2)
