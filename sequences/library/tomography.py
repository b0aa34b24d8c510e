"""Analysis of the ions' qubits in any basis: a pulse that turns the basis onto Z, before state readout.

An ion that is found bright (in S1/2) was in the "+" state of its basis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import product
from types import MappingProxyType
from typing import Final

from sequences.ir import Block, Pulse
from sequences.language import serial, subsequence
from sequences.library.node import Node
from sequences.library.qubit import rotate


class Basis(StrEnum):
    """The axis of the Bloch sphere along which a qubit is read."""

    X = "X"
    Y = "Y"
    Z = "Z"


ANALYSIS: Final[Mapping[Basis, tuple[float, float]]] = MappingProxyType(
    {Basis.X: (1.0, 0.25), Basis.Y: (1.0, 0.0), Basis.Z: (0.0, 0.0)}
)
"""Basis -> strength and phase (turns) of the quarter turn that brings it onto Z.

With S as "+" of Z, a quarter turn about the axis at a quarter of a turn brings X onto Z, and one at phase 0
brings Y.
"""


def analyse(node: Node, basis: Basis) -> Pulse:
    """Turn all ions so that their readout tells them in a basis; every basis takes the same time."""
    strength, phase = ANALYSIS[basis]
    return rotate(node, 0.25, phase, strength)


@subsequence
def analyse_each(node: Node, bases: Sequence[Basis], address: Callable[[int], Block]) -> Block:
    """Turn every ion in a basis of its own, one after the other, where 729 nm light can be sent to one ion.

    Args:
        node: to play on.
        bases: one for each ion.
        address: returns the block that sends the light to an ion: tones of a deflector, or a `shuttle`.
    """
    parts: list[Block] = []
    for ion, basis in enumerate(bases):
        parts += [address(ion), analyse(node, basis)]
    return serial(*parts)


def product_bases(ions: int) -> Iterator[tuple[Basis, ...]]:
    """Yield all 3^ions settings of a tomography; the last ion's basis changes fastest.

    Source: D. James et al., Phys. Rev. A 64, 052312 (2001).

    Example:
        >>> ["".join(bases) for bases in product_bases(2)]
        ['XX', 'XY', 'XZ', 'YX', 'YY', 'YZ', 'ZX', 'ZY', 'ZZ']
    """
    return product(Basis, repeat=ions)
