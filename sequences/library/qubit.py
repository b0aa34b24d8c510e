"""729 nm pulses: map the entangled qubit to the optical transition, and turn it.

The qubit is {S1/2(m=-1/2), D5/2(m=-3/2)}. A rotation by an angle theta about the axis at a phase phi in the
equator is exp(-i theta/2 (cos(2 pi phi) X + sin(2 pi phi) Y)) in the basis (D, S).
"""

from __future__ import annotations

from sequences.ir import Pulse, Shift
from sequences.language import Frame
from sequences.library.grid import keep_area
from sequences.library.node import Node
from sequences.parameters import Value


def map_to_ground(node: Node) -> Pulse:
    """Swap D5/2(m=-5/2) and S1/2(m=-1/2) by a pi pulse: afterwards the qubit is {S1/2(-1/2), D5/2(-3/2)}."""
    values = node.calibration
    duration, amplitude = keep_area(node, values.mapping_pi_time, values.mapping_amplitude)
    return node.qubit.pulse(duration, values.mapping_frequency, amplitude)


def qubit_frame(node: Node, detuning: Value = 0.0) -> Frame:
    """Return the rotating frame of the qubit: its pulses are coherent however far apart they are.

    Args:
        node: to play on.
        detuning: of the light from the qubit, Hz. Frames of all detunings share their phase.
    """
    values = node.calibration
    frequency = values.analysis_frequency + detuning / values.qubit_passes
    return Frame(node.qubit, frequency, "qubit", values.qubit_passes)


def rotate(
    node: Node, turns: Value, phase: Value = 0.0, strength: Value = 1.0, detuning: Value = 0.0
) -> Pulse:
    """Rotate the qubit about an axis in the equator.

    Args:
        node: to play on.
        turns: rotation angle, turns (0.25 is a pi/2 pulse).
        phase: of the axis, turns.
        strength: 1 plays the pulse, 0 leaves it dark for the same time (a setting without a rotation).
        detuning: of the light from the qubit, Hz.
    """
    values = node.calibration
    duration, amplitude = keep_area(node, 2 * turns * values.analysis_pi_time, values.analysis_amplitude)
    return qubit_frame(node, detuning).pulse(duration, strength * amplitude, phase)


def turn_frame(node: Node, phase: Value) -> Shift:
    """Turn the axes of all later rotations by a phase (turns): a rotation about Z that takes no time."""
    return qubit_frame(node).shift(phase)


def rabi(node: Node, duration: Value, detuning: Value = 0.0, strength: Value = 1.0) -> Pulse:
    """Drive the qubit for a time, usually a scanned parameter: the ions oscillate between S1/2 and D5/2.

    P(D) = (R/W)^2 sin^2(pi W duration), with R = strength / (2 pi time) and W^2 = R^2 + detuning^2.

    Args:
        node: to play on.
        duration: s.
        detuning: of the light from the qubit, Hz.
        strength: of the light's field, 1 is calibrated.

    Source: C. Foot, Atomic Physics (Oxford 2005), 7.3.
    """
    amplitude = strength * node.calibration.analysis_amplitude
    return qubit_frame(node, detuning).pulse(duration, amplitude)
