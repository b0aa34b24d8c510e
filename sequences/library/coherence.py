"""How long a qubit remembers: Ramsey's experiment and Hahn's echo."""

from __future__ import annotations

from sequences.ir import Block
from sequences.language import delay, serial, subsequence
from sequences.library.decoupling import Decoupling, decouple
from sequences.library.node import Node
from sequences.library.qubit import rotate
from sequences.parameters import Value


@subsequence
def ramsey(node: Node, wait: Value, phase: Value = 0.0, detuning: Value = 0.0) -> Block:
    """Turn the qubit by a quarter, wait, and turn it by a quarter again.

    From S1/2, and but for what happens during the pulses, P(D) = (1 + cos 2 pi (detuning wait + phase)) / 2.

    Args:
        node: to play on.
        wait: between the pulses, s.
        phase: of the second pulse, turns.
        detuning: of the light from the qubit, Hz.

    Source: N. Ramsey, Phys. Rev. 78, 695 (1950).
    """
    return serial(
        rotate(node, 0.25, detuning=detuning), delay(wait), rotate(node, 0.25, phase, detuning=detuning)
    )


@subsequence
def spin_echo(node: Node, wait: Value, phase: Value = 0.0) -> Block:
    """Play Ramsey's pulses with a half turn between them: what stays the same for the wait cancels.

    From S1/2, P(D) = (1 + cos 2 pi phase) / 2.

    Args:
        node: to play on.
        wait: between the quarter turns, s, with the half turn in its middle.
        phase: of the last pulse, turns.

    Source: E. Hahn, Phys. Rev. 80, 580 (1950).
    """
    return serial(rotate(node, 0.25), decouple(node, Decoupling.CPMG, 1, wait), rotate(node, 0.25, phase))
