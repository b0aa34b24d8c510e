"""729 nm pulses: map the entangled qubit to the optical transition, and turn it for analysis."""

from __future__ import annotations

from sequences.ir import Block
from sequences.library.node import Node
from sequences.parameters import Value


def map_to_ground(node: Node) -> Block:
    """Swap D5/2(m=-5/2) and S1/2(m=-1/2) by a pi pulse: afterwards the qubit is {S1/2(-1/2), D5/2(-3/2)}."""
    values = node.calibration
    return node.qubit.pulse(values.mapping_pi_time, values.mapping_frequency, values.mapping_amplitude)


def rotate(node: Node, turns: Value, phase: Value = 0.0, strength: Value = 1.0) -> Block:
    """Rotate the qubit {S1/2(-1/2), D5/2(-3/2)} about an axis in the equator.

    Args:
        node: to play on.
        turns: rotation angle, turns (0.25 is a pi/2 pulse).
        phase: of the axis, turns.
        strength: 1 plays the pulse, 0 leaves it dark for the same time (a setting without a rotation).
    """
    values = node.calibration
    return node.qubit.pulse(
        2 * turns * values.analysis_pi_time,
        values.analysis_frequency,
        strength * values.analysis_amplitude,
        phase / values.qubit_passes,
    )
