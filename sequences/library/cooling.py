"""Cold ions in a known state: Doppler cooling and optical pumping."""

from __future__ import annotations

from sequences.ir import Block
from sequences.language import parallel
from sequences.library.node import Node
from sequences.parameters import Value


def doppler_cool(node: Node, duration: Value) -> Block:
    """Cool all modes to the Doppler limit and bring every ion back to S1/2.

    397 nm light cools; 866 nm and 854 nm light empty the two metastable levels.

    Args:
        node: to cool on.
        duration: s; a few milliseconds from hot, a few hundred microseconds between attempts.
    """
    values = node.calibration
    return parallel(
        node.doppler.pulse(duration, values.doppler_frequency, values.doppler_amplitude),
        node.repump.pulse(duration, values.repump_frequency, values.repump_amplitude),
        node.quench.pulse(duration, values.quench_frequency, values.quench_amplitude),
    )


def optical_pump(node: Node, duration: Value) -> Block:
    """Pump every ion into S1/2(m=-1/2) with sigma- light at 397 nm, and 866 nm against leaks to D3/2.

    Args:
        node: to pump on.
        duration: s; some 20 us.
    """
    values = node.calibration
    return parallel(
        node.pumping.pulse(duration, values.pumping_frequency, values.pumping_amplitude),
        node.repump.pulse(duration, values.repump_frequency, values.repump_amplitude),
    )
