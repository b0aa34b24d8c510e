"""Photons from ions in the cavity waist, each entangled with its ion: one, or a train from a whole string."""

from __future__ import annotations

from collections.abc import Sequence

from sequences.ir import Block, Readout
from sequences.language import at, delay, parallel, serial, subsequence
from sequences.library.node import Node
from sequences.library.shuttling import Transport, shuttle
from sequences.parameters import Value


@subsequence
def generate_photon(node: Node, pulse: Value, window: Value, index: int = 0) -> Block:
    """Play the bichromatic 393 nm pulse with the gates of both photon detectors open.

    The two tones drive S1/2(m=-1/2) to D5/2(m=-5/2) with a V photon and to D5/2(m=-3/2) with an H photon;
    together they leave (|D5/2,-5/2>|V> + e^{i theta}|D5/2,-3/2>|H>)/sqrt 2.

    Args:
        node: with an ion in the waist.
        pulse: length of the light, s.
        window: length of the gates, s; they open with the light, or when light of that time arrives.
        index: the readouts ``photon_h[index]`` and ``photon_v[index]`` hold the clicks.

    Source: Stute et al., Nature 485, 482 (2012); Krutyanskiy et al., PRX Quantum 5, 020308 (2024).
    """
    gates = (
        node.detector_h.gate(window, Readout("photon_h", index)),
        node.detector_v.gate(window, Readout("photon_v", index)),
    )
    late = node.calibration.photon_delay
    at_once = isinstance(late, float) and late == 0
    return parallel(*_tones(node, pulse), *(gates if at_once else (at(late, gate) for gate in gates)))


def raman_tones(node: Node, pulse: Value) -> Block:
    """Play the bichromatic 393 nm pulse of a length (s)."""
    return parallel(*_tones(node, pulse))


def _tones(node: Node, pulse: Value) -> tuple[Block, Block]:
    values = node.calibration
    return (
        node.raman_v.pulse(pulse, values.raman_v_frequency, values.raman_v_amplitude),
        node.raman_h.pulse(pulse, values.raman_h_frequency, values.raman_h_amplitude),
    )


@subsequence
def generate_train(
    node: Node,
    transport: Transport,
    ions: Sequence[int],
    *,
    pulse: Value,
    window: Value,
    step: Value,
    settling: Value,
) -> Block:
    """Bring ions into the waist one after the other; each emits a photon there.

    Args:
        node: with the first of the ions in the waist and all of them pumped.
        transport: the voltages.
        ions: in the order of their visits; each has readouts of its own index.
        pulse: length of the light, s.
        window: length of the gates, s.
        step: duration of each move, s.
        settling: rest after each move, s.

    Source: Canteri et al., PRL 135, 080801 (2025).
    """
    parts: list[Block] = []
    for place, ion in enumerate(ions):
        if place > 0:
            parts += [shuttle(node, transport, ions[place - 1], ion, step), delay(settling)]
        parts.append(generate_photon(node, pulse, window, ion))
    return serial(*parts)
