"""Composite pulses, played from events: the right rotation, and errors that grow as slowly as published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from sequences import compile_sequence, sequence
from sequences.errors import DeclaredValueError
from sequences.library import Node, Rotation, bb1, corpse, play_rotations, rotate, sk1

Recipe = Callable[..., tuple[Rotation, ...]]


def plain(turns: float, phase: float = 0.0) -> tuple[Rotation, ...]:
    return (Rotation(turns, phase),)


def growth(errors: Any, lost: Any) -> float:
    """The power with which a loss grows."""
    return float(np.polyfit(np.log(errors), np.log(lost), 1)[0])


@pytest.mark.parametrize("phase", [0.0, 0.3])
@pytest.mark.parametrize("turns", [0.25, 0.5, 0.4])
@pytest.mark.parametrize("recipe", [bb1, sk1, corpse])
def test_without_errors_it_is_the_plain_rotation(
    node: Node, unitary: Any, unlike: Any, recipe: Recipe, turns: float, phase: float
) -> None:
    composed = unitary(play_rotations(node, recipe(turns, phase)))
    assert unlike(composed, unitary(rotate(node, turns, phase))) < 1e-12


@pytest.mark.parametrize("turns", [0.25, 0.5])
@pytest.mark.parametrize(("recipe", "power"), [(plain, 2), (sk1, 4), (bb1, 6)])
def test_errors_of_strength_grow_as_published(
    node: Node, unitary: Any, unlike: Any, recipe: Recipe, power: int, turns: float
) -> None:
    block, right = play_rotations(node, recipe(turns)), unitary(rotate(node, turns))
    errors = np.array([0.02, 0.03, 0.045])
    lost = [unlike(unitary(block, strength=1 + error), right) for error in errors]
    assert growth(errors, lost) == pytest.approx(power, abs=0.1)


@pytest.mark.parametrize("error", [0.05, -0.1])
@pytest.mark.parametrize("turns", [0.25, 0.5])
@pytest.mark.parametrize("recipe", [plain, corpse])
def test_what_detuning_costs_is_what_the_algebra_says(
    node: Node, unitary: Any, unlike: Any, recipe: Recipe, turns: float, error: float
) -> None:
    expected = unlike(of_detuned(recipe(turns), error), of_detuned(recipe(turns), 0.0))
    played = played_off(node, play_rotations(node, recipe(turns)), unitary, error)
    lost = unlike(played, unitary(rotate(node, turns)))
    # Pulses are weaker by up to 1e-3 to end on the grid, and CORPSE's so by different parts.
    assert lost == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("turns", [0.25, 0.5])
def test_corpse_cancels_the_first_order_of_a_detuning(unlike: Any, turns: float) -> None:
    errors = np.array([1e-3, 2e-3, 4e-3])
    right = of_detuned(corpse(turns), 0.0)
    lost = [unlike(of_detuned(corpse(turns), error), right) for error in errors]
    assert growth(errors, lost) == pytest.approx(4, abs=0.5)
    assert growth(errors, [unlike(of_detuned(plain(turns), error), right) for error in errors]) < 2.1


def of_detuned(rotations: tuple[Rotation, ...], detuning: float) -> Any:
    """The product of rotations in the frame of the light; the detuning is in parts of the Rabi frequency."""
    product = np.eye(2, dtype=complex)
    for rotation in rotations:
        angle = 2 * np.pi * rotation.phase
        drive = np.array([[0, np.exp(1j * angle)], [np.exp(-1j * angle), 0]])
        product = expm(-1j * np.pi * rotation.turns * (drive + detuning * np.diag([1, -1]))) @ product
    return product


def played_off(node: Node, block: Any, unitary: Any, error: float) -> Any:
    """Play a block on a qubit that is off by a part of the Rabi frequency; seen in the frame of the light."""
    off = error / (2 * node.calibration.analysis_pi_time)
    (timeline,) = compile_sequence(sequence("test", block), node.target).timelines()
    start = node.target.lead - node.target.by_name["qubit"].latency
    stop = start + timeline.duration * node.target.period

    def frame(time: float) -> Any:
        return np.diag(np.exp(1j * np.pi * off * time * np.array([1, -1])))

    return frame(stop) @ unitary(block, off=off) @ frame(start).conj()


@pytest.mark.parametrize("recipe", [bb1, sk1, corpse])
def test_angles_beyond_a_turn_are_refused(recipe: Recipe) -> None:
    for turns in (0.0, 1.25):
        with pytest.raises(DeclaredValueError) as caught:
            recipe(turns)
        expected = f"turns: {turns:g} is wrong: composite pulses turn by up to 1, and not by 0"
        assert str(caught.value) == expected
