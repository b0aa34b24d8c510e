"""Cold ions in a known state: Doppler and sideband cooling, optical pumping."""

from __future__ import annotations

import math

from sequences.errors import DeclaredValueError
from sequences.ir import Block
from sequences.language import parallel, serial, subsequence
from sequences.library.grid import keep_area
from sequences.library.node import Node
from sequences.parameters import Value


@subsequence
def doppler_cool(node: Node, duration: Value) -> Block:
    """Cool all modes to the Doppler limit and bring every ion back to S1/2.

    397 nm light cools; 866 nm and 854 nm light empty the two metastable levels.

    Args:
        node: to cool on.
        duration: s; a few milliseconds from hot, a few hundred microseconds between attempts.

    Source: D. Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. IV.
    """
    values = node.calibration
    return parallel(
        node.doppler.pulse(duration, values.doppler_frequency, values.doppler_amplitude),
        node.repump.pulse(duration, values.repump_frequency, values.repump_amplitude),
        node.quench.pulse(duration, values.quench_frequency, values.quench_amplitude),
    )


@subsequence
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


@subsequence
def quench(node: Node, duration: Value) -> Block:
    """Bring every ion back to S1/2 with 854 nm light through P3/2, and 866 nm against leaks to D3/2.

    Args:
        node: to play on.
        duration: s; some microseconds.
    """
    values = node.calibration
    return parallel(
        node.quench.pulse(duration, values.quench_frequency, values.quench_amplitude),
        node.repump.pulse(duration, values.repump_frequency, values.repump_amplitude),
    )


@subsequence
def sideband_cool(
    node: Node, mode_frequency: float, lamb_dicke: float, cycles: int, quenching: Value, pumping: Value
) -> Block:
    """Cool one mode towards its ground state, a phonon a cycle.

    Each cycle takes an ion from S1/2(m=-1/2) and n phonons to D5/2(m=-5/2) and n - 1 by a pi pulse on the
    red sideband, brings it back by quenching and pumps what went astray. The pulses are those of n = cycles,
    ..., 1: they grow as 1/sqrt(n), so that what is cooled by one is met by the next.

    Args:
        node: to cool on, after Doppler cooling and pumping.
        mode_frequency: of the motion, Hz, for example of `axial_modes`.
        lamb_dicke: of the mode in the 729 nm light, `lamb_dicke`.
        cycles: pulses; some times the mean phonon number after Doppler cooling.
        quenching: 854 nm light in each cycle, s.
        pumping: 397 nm sigma- light in each cycle, s.

    Raises:
        DeclaredValueError: no cycles, or a mode that the light does not see.

    Source: F. Diedrich et al., Phys. Rev. Lett. 62, 403 (1989); the sideband's Rabi frequency is
    eta sqrt(n) Omega: D. Leibfried et al., Rev. Mod. Phys. 75, 281 (2003), sec. II.
    """
    if cycles < 1:
        raise DeclaredValueError("cycles", f"{cycles} is wrong: cooling takes at least one")
    if lamb_dicke == 0:
        raise DeclaredValueError("lamb_dicke", "0 is wrong: the light does not see this mode")
    values = node.calibration
    frequency = values.mapping_frequency - mode_frequency / values.qubit_passes
    parts: list[Block] = []
    for phonons in range(cycles, 0, -1):
        slower = abs(lamb_dicke) * math.sqrt(phonons)
        duration, amplitude = keep_area(node, values.mapping_pi_time / slower, values.mapping_amplitude)
        pulse = node.qubit.pulse(duration, frequency, amplitude)
        parts += [pulse, quench(node, quenching), optical_pump(node, pumping)]
    return serial(*parts)
