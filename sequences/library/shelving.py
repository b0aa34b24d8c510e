"""Shelving: ions in D5/2 are dark, and safe from 397 nm light."""

from __future__ import annotations

from sequences.ir import Block
from sequences.language import serial, subsequence
from sequences.library.node import Node
from sequences.library.qubit import map_to_ground, rotate


@subsequence
def shelve(node: Node) -> Block:
    """Bring ions from S1/2(m=-1/2) to D5/2 by two pi pulses on two lines.

    The first ends in m = -5/2; the second takes what it left behind to m = -3/2. Where one pulse leaves a
    fraction p in S1/2, both leave p^2.

    Source: W. Nagourney, J. Sandberg and H. Dehmelt, Phys. Rev. Lett. 56, 2797 (1986), for shelving.
    """
    return serial(map_to_ground(node), rotate(node, 0.5))
