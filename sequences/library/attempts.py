"""Trying for a photon until one is seen, with cold ions all the way."""

from __future__ import annotations

import math
from typing import Final

from sequences.ir import Attempt
from sequences.language import attempt, delay, herald, readout, serial
from sequences.library.cooling import doppler_cool, optical_pump, quench
from sequences.library.node import Node
from sequences.library.photon import generate_photon
from sequences.parameters import Value

_DUE_AT_ONCE: Final = 16
"""Events that may have to be handed over for the same instant: frequency, phase, amplitude of five tones."""


def attempt_photon(
    node: Node,
    *,
    quenching: Value,
    pumping: Value,
    pulse: Value,
    window: Value,
    maximum: int,
    every: int,
    cooling: Value,
    timeout: Value | None = None,
    index: int = 0,
) -> Attempt:
    """Bring the ion back, pump, make a photon: again and again until a detector clicks; cool now and then.

    After a photon that nobody saw the ion is in D5/2, from where only 854 nm light brings it back. An attempt
    heats by a few recoils, which is why most need no cooling of their own. Each ends with the time that the
    core needs to decide.

    Args:
        node: with a cold ion in the waist.
        quenching: 854 nm light in each attempt, s.
        pumping: optical pumping in each attempt, s.
        pulse: length of the 393 nm light, s.
        window: length of the gates, s.
        maximum: attempts at most.
        every: failed attempts after which the ions are cooled again.
        cooling: how long they are, s.
        timeout: s, after which no further attempt is begun.
        index: of the readouts.

    Source: Meraner, thesis Innsbruck, ch. 5, for pumping and photon generation in a loop that a click ends.
    """
    one = serial(
        quench(node, quenching),
        optical_pump(node, pumping),
        generate_photon(node, pulse, window, index),
        delay(decision_time(node)),
    )
    seen = herald(readout("photon_h", index), readout("photon_v", index))
    recool = doppler_cool(node, cooling)
    return attempt(one, until=seen, maximum=maximum, timeout=timeout, every=every, between=recool)


def decision_time(node: Node) -> float:
    """Return how long an attempt, or what a branch asks about, must last after its last gate, s.

    The core has to count, to begin the next timeline and to hand over its first events; else these are late.
    """
    core = node.target.dispatcher
    if core is None:
        return 0.0
    time = core.decision + core.playback + core.margin + _DUE_AT_ONCE * core.event_time
    return math.ceil(time / node.grid) * node.grid
