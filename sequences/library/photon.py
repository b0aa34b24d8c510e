"""One photon from the ion in the cavity waist, entangled with it."""

from __future__ import annotations

from sequences.ir import Block, Readout
from sequences.language import parallel
from sequences.library.node import Node
from sequences.parameters import Value


def generate_photon(node: Node, pulse: Value, window: Value, index: int = 0) -> Block:
    """Play the bichromatic 393 nm pulse with the gates of both photon detectors open.

    The two tones drive S1/2(m=-1/2) to D5/2(m=-5/2) with a V photon and to D5/2(m=-3/2) with an H photon;
    together they leave (|D5/2,-5/2>|V> + e^{i theta}|D5/2,-3/2>|H>)/sqrt 2.

    Args:
        node: with an ion in the waist.
        pulse: length of the light, s.
        window: length of the gates, s; they open with the light.
        index: the readouts ``photon_h[index]`` and ``photon_v[index]`` hold the clicks.

    Source: Stute et al., Nature 485, 482 (2012); Krutyanskiy et al., PRX Quantum 5, 020308 (2024).
    """
    values = node.calibration
    return parallel(
        node.raman_v.pulse(pulse, values.raman_v_frequency, values.raman_v_amplitude),
        node.raman_h.pulse(pulse, values.raman_h_frequency, values.raman_h_amplitude),
        node.detector_h.gate(window, Readout("photon_h", index)),
        node.detector_v.gate(window, Readout("photon_v", index)),
    )
