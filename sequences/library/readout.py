"""State readout: ions in S1/2 scatter 397 nm light, ions in D5/2 stay dark."""

from __future__ import annotations

from sequences.ir import Block, Readout
from sequences.language import parallel
from sequences.library.node import Node
from sequences.parameters import Value


def read_ions(node: Node, duration: Value, name: str = "ions") -> Block:
    """Expose the camera under 397 nm and 866 nm light; the readout holds the counts of every ion.

    Args:
        node: to read.
        duration: of the exposure, s; 1.5 ms tells bright from dark.
        name: of the readout.
    """
    values = node.calibration
    return parallel(
        node.doppler.pulse(duration, values.doppler_frequency, values.doppler_amplitude),
        node.repump.pulse(duration, values.repump_frequency, values.repump_amplitude),
        node.camera.expose(duration, Readout(name)),
    )
