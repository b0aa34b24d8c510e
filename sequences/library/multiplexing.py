"""Photons from several ions of a resting string, one after the other, on their way at the same time."""

from __future__ import annotations

from collections.abc import Sequence

from sequences.errors import DeclaredValueError
from sequences.ir import Block, Readout
from sequences.language import Tone, at, delay, parallel, serial, subsequence
from sequences.library.node import Node
from sequences.library.photon import raman_tones
from sequences.parameters import Value


@subsequence
def multiplex_photons(
    node: Node,
    places: Sequence[float],
    *,
    pulse: Value,
    window: Value,
    switching: Value,
    meanwhile: Block | None = None,
) -> Block:
    """Point the 393 nm beam at one ion after the other; each photon finds the gates open when it arrives.

    The photons follow each other so closely that all are under way before the first has arrived: a long fibre
    is used as often as there are ions for each time that its light takes.

    Args:
        node: with the string at rest in the cavity and all ions pumped.
        places: of the ions from the waist along the trap axis, m, in the order of their photons; the k-th has
            the readouts ``photon_h[k]`` and ``photon_v[k]``.
        pulse: length of the light on each ion, s.
        window: length of each gate, s.
        switching: time that the deflector takes to point elsewhere, s.
        meanwhile: what is played from the end of the last pulse on, for example on the ions' qubits; it may
            end before or after the last gate.

    Raises:
        UnknownChannelError: the setup has no deflector (`raman_deflector`).
        DeclaredValueError: no places.

    Source: Krutyanskiy et al., PRX Quantum 5, 020308 (2024).
    """
    if not places:
        raise DeclaredValueError("places", "() is wrong: at least one ion emits")
    emission = [_emit_at(node, place, pulse, switching) for place in places]
    spacing = pulse + switching
    gates = [
        at(node.calibration.photon_delay + switching + index * spacing, _open(node, window, index))
        for index in range(len(places))
    ]
    # Gates of one detector must not overlap, however long they are: each is a part of its own in time order.
    return parallel(serial(*emission, *([meanwhile] if meanwhile is not None else [])), serial(*gates))


def _emit_at(node: Node, place: float, pulse: Value, switching: Value) -> Block:
    """Point the beam at a place (m from the waist), wait until it is there, and play the light."""
    values = node.calibration
    deflector = node.raman_deflector or Tone.of(node.target, "raman_deflector")
    frequency = values.raman_deflector_frequency + place / values.raman_deflector_scale
    return parallel(
        deflector.pulse(switching + pulse, frequency, values.raman_deflector_amplitude),
        serial(delay(switching), raman_tones(node, pulse)),
    )


def _open(node: Node, window: Value, index: int) -> Block:
    return parallel(
        node.detector_h.gate(window, Readout("photon_h", index)),
        node.detector_v.gate(window, Readout("photon_v", index)),
    )
