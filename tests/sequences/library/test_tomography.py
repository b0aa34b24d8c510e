"""Analysis pulses: whatever the state, bright tells "+" of the chosen basis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sequences import Line, sequence, us
from sequences.ir import Pulse, leaves
from sequences.library import Basis, Node, analyse, analyse_each, product_bases

PAULI = {
    Basis.X: np.array([[0, 1], [1, 0]]),
    Basis.Y: np.array([[0, -1j], [1j, 0]]),
    Basis.Z: np.diag([1, -1]),
}


@pytest.mark.parametrize("basis", list(Basis))
def test_bright_ions_were_in_the_plus_state(node: Node, unitary: Any, basis: Basis) -> None:
    played = unitary(analyse(node, basis))
    bright = np.diag([1.0, 0.0])
    observed = played.conj().T @ bright @ played
    assert observed == pytest.approx((np.eye(2) + PAULI[basis]) / 2, abs=1e-9)


def test_every_basis_takes_the_same_time(node: Node) -> None:
    assert len({analyse(node, basis).duration for basis in Basis}) == 1


def test_ions_are_analysed_one_after_the_other_each_in_its_basis(node: Node) -> None:
    marker = Line.of(node.target, "marker")
    block = analyse_each(node, [Basis.Y, Basis.X], lambda ion: marker.pulse((1 + ion) * us))
    played = [leaf for leaf in leaves(sequence("s", block).body) if isinstance(leaf, Pulse)]
    assert [leaf.channel.name for leaf in played] == ["marker", "qubit", "marker", "qubit"]
    assert [leaf.duration for leaf in played[::2]] == [1 * us, 2 * us]
    assert played[1::2] == [analyse(node, Basis.Y), analyse(node, Basis.X)]


def test_products_of_bases_are_all_there_once() -> None:
    settings = list(product_bases(4))
    assert len(settings) == len(set(settings)) == 81
    assert {len(bases) for bases in settings} == {4}
