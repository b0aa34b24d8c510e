"""State readout: ions in S1/2 scatter 397 nm light, ions in D5/2 stay dark."""

from __future__ import annotations

from sequences.ir import Block, Readout
from sequences.language import Detector, parallel, subsequence
from sequences.library.node import Node
from sequences.parameters import Value


@subsequence
def read_ions(node: Node, duration: Value, name: str = "ions") -> Block:
    """Expose the camera under 397 nm and 866 nm light; the readout holds the counts of every ion.

    Args:
        node: to read.
        duration: of the exposure, s; 1.5 ms tells bright from dark.
        name: of the readout.
    """
    return parallel(_illuminate(node, duration), node.camera.expose(duration, Readout(name)))


def count_fluorescence(node: Node, detector: Detector, duration: Value, name: str = "fluorescence") -> Block:
    """Count the fluorescence of all ions together: a counter decides within the shot, a camera does not.

    Args:
        node: to read.
        detector: that sees 397 nm light, a photomultiplier; `Detector.of(node.target, "its name")`.
        duration: of the gate, s.
        name: of the readout, which a `branch` can ask for.
    """
    return parallel(_illuminate(node, duration), detector.gate(duration, Readout(name)))


def _illuminate(node: Node, duration: Value) -> Block:
    values = node.calibration
    return parallel(
        node.doppler.pulse(duration, values.doppler_frequency, values.doppler_amplitude),
        node.repump.pulse(duration, values.repump_frequency, values.repump_amplitude),
    )
