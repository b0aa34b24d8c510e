"""Negativity and entanglement of formation of states with known values."""

from __future__ import annotations

import numpy as np
import pytest

from data.analysis.entanglement import concurrence, entanglement_of_formation
from data.analysis.negativities import log_negativity, negativity, partial_transpose
from data.errors import RangeError, ShapeError

BELL = np.outer([1, 0, 0, 1], [1, 0, 0, 1]) / 2
WEIGHTS = np.linspace(0, 1, 11)
WERNER = WEIGHTS[:, None, None] * BELL + (1 - WEIGHTS)[:, None, None] * np.eye(4) / 4


def test_werner_states_have_known_entanglement() -> None:
    expected = np.maximum(0, (3 * WEIGHTS - 1) / 4)
    assert negativity(WERNER) == pytest.approx(expected, abs=1e-12)
    assert log_negativity(WERNER) == pytest.approx(np.log2(1 + 2 * expected), abs=1e-12)
    assert entanglement_of_formation(WERNER)[[0, -1]] == pytest.approx([0, 1], abs=1e-12)
    chances = (1 + np.sqrt(1 - concurrence(WERNER)[7] ** 2)) / 2
    entropy = -chances * np.log2(chances) - (1 - chances) * np.log2(1 - chances)
    assert entanglement_of_formation(WERNER)[7] == pytest.approx(entropy)


def test_formation_of_a_pure_state_is_the_entropy_of_a_part() -> None:
    angles = np.array([1e-5, 0.1, 0.4, np.pi / 4])
    kets = np.stack([np.cos(angles), 0 * angles, 0 * angles, np.sin(angles)], axis=1)
    states = kets[:, :, None] * kets[:, None, :]
    shares = np.sin(angles) ** 2
    entropy = -shares * np.log2(shares) - (1 - shares) * np.log2(1 - shares)
    assert entanglement_of_formation(states) == pytest.approx(entropy, rel=1e-5)
    # A pure state cos |00> + sin |11> has negativity cos sin.
    assert negativity(states) == pytest.approx(np.sin(2 * angles) / 2)


def test_partial_transpose_turns_the_first_part_alone() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((2, 2)), rng.standard_normal((4, 4))
    product = np.kron(first, second)
    assert partial_transpose(product, 2) == pytest.approx(np.kron(first.T, second))
    assert partial_transpose(np.kron(second, first), 4) == pytest.approx(np.kron(second.T, first))
    assert partial_transpose(np.array([product] * 3)).shape == (3, 8, 8)


def test_a_ghz_state_is_entangled_across_every_cut() -> None:
    ket = np.zeros(8)
    ket[[0, 7]] = np.sqrt(0.5)
    for first in (2, 4):
        assert negativity(np.outer(ket, ket), first) == pytest.approx(0.5)


def test_negativity_messages() -> None:
    with pytest.raises(ShapeError) as ragged:
        negativity(np.eye(4) / 4, 3)
    assert str(ragged.value) == (
        "density has shape (4, 4), but a multiple of 3, the size of the first part, is needed; "
        "reshape or slice it first"
    )
    with pytest.raises(RangeError) as broken:
        log_negativity(np.full((4, 4), np.inf))
    assert str(broken.value) == "density[0, 0] is (inf+0j), but must be finite; reconstruct it again"
