"""The CHSH sum of known states, from counts and from states."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.bell_tests import (
    BEST_FIRST,
    BEST_SECOND,
    best_axes,
    chsh,
    chsh_operator,
    greatest_chsh,
    linear_chsh,
    split_chsh,
)
from data.analysis.fidelities import BELL_STATES, Rotation
from data.analysis.measurements import pauli_effects
from data.analysis.process_forms import pauli_product
from data.analysis.tomography import reconstruct
from data.errors import AnalysisError, EmptySettingError, InsufficientDataError, RangeError, ShapeError

PHI = BELL_STATES["Phi+"]
WERNER = 0.92 * np.outer(PHI, PHI) + 0.08 * np.eye(4) / 4
TSIRELSON = 2 * np.sqrt(2)


def outcomes(state: NDArray[np.complex128], effects: NDArray[np.complex128]) -> NDArray[np.float64]:
    chances = np.einsum("soij,ji->so", effects, state).real.clip(0)
    return chances / chances.sum(axis=1, keepdims=True)


def settings_of_the_test() -> NDArray[np.complex128]:
    """Return the effects of (a, b), (a, b'), (a', b), (a', b'): products of (1 +- axis) / 2."""
    paulis = np.array([pauli_product(name) for name in "XYZ"])
    first, second = (np.tensordot(np.array(axes), paulis, 1) for axes in (BEST_FIRST, BEST_SECOND))
    signs = np.array([1, -1])[:, None, None]
    pairs = [(a, b) for a in first for b in second]
    return np.array(
        [
            [np.kron(p, q) for p in (np.eye(2) + signs * a) / 2 for q in (np.eye(2) + signs * b) / 2]
            for a, b in pairs
        ]
    )


def test_known_states() -> None:
    assert greatest_chsh(np.outer(PHI, PHI)) == pytest.approx(TSIRELSON)
    assert greatest_chsh(WERNER) == pytest.approx(0.92 * TSIRELSON)
    assert greatest_chsh(np.eye(4) / 4) == pytest.approx(0)
    product = np.diag([1.0, 0, 0, 0])
    assert greatest_chsh(product) == pytest.approx(2)
    for ket in BELL_STATES.values():
        assert greatest_chsh(np.outer(ket, ket.conj())) == pytest.approx(TSIRELSON)


def test_best_axes_reach_the_greatest_sum_and_random_ones_do_not_pass_it() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        root = rng.standard_normal((4, 2)) + 1j * rng.standard_normal((4, 2))
        state = root @ root.conj().T / np.linalg.norm(root) ** 2
        best = np.trace(chsh_operator(*best_axes(state)) @ state).real
        assert greatest_chsh(state) == pytest.approx(best)
        axes = rng.standard_normal((50, 2, 2, 3))
        axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
        sums = [np.trace(chsh_operator(first, second) @ state).real for first, second in axes]
        assert max(sums) <= best + 1e-9


def test_the_sum_from_the_counts_of_a_bell_test() -> None:
    """2000 data sets: mean and coverage within 4.9 of their standard errors."""
    exact = outcomes(WERNER, settings_of_the_test())
    assert chsh(1e9 * exact).value == pytest.approx(0.92 * TSIRELSON)
    found = [chsh(counts) for counts in np.random.default_rng(5).multinomial(100, exact, size=(2000, 4))]
    values, errors = (np.array([getattr(one, name) for one in found]) for name in ("value", "error"))
    assert abs(values.mean() - 0.92 * TSIRELSON) < 4.9 * values.std() / 2000**0.5
    covered = (np.abs(values - 0.92 * TSIRELSON) < errors).mean()
    assert covered == pytest.approx(0.683, abs=4.9 * np.sqrt(0.683 * 0.317 / 2000))
    assert chsh([[9, 0, 0, 9]] * 3 + [[0, 9, 9, 0]]).value == 4  # a box that no quantum state is
    assert chsh([[9, 0, 0, 9]] * 3 + [[0, 9, 9, 0]]).error > 0.05


def test_the_sum_from_tomography_is_unbiased_and_the_greatest_is_not() -> None:
    """300 data sets, bounds at 4.9 standard errors of the mean. The bias of the greatest is 0.050."""
    counts = np.random.default_rng(6).multinomial(200, outcomes(WERNER, pauli_effects(2)), size=(300, 9))
    direct = np.array([linear_chsh(one).value for one in counts])
    assert abs(direct.mean() - 0.92 * TSIRELSON) < 4.9 * direct.std() / 300**0.5
    greatest = greatest_chsh(reconstruct(counts).density)
    assert greatest.mean() - 0.92 * TSIRELSON == pytest.approx(0.050, abs=4.9 * greatest.std() / 300**0.5)
    assert greatest.mean() - 0.92 * TSIRELSON > 0.03


def test_the_sum_without_a_phase_is_hardly_biased() -> None:
    """Pairs of a phase that nobody knows: 300 data sets, bounds at 4.9 standard errors, bias below 0.003."""
    ket = np.array([1, 0, 0, np.exp(0.34j * np.pi)]) / np.sqrt(2)
    state = 0.92 * np.outer(ket, ket.conj()) + 0.08 * np.eye(4) / 4
    counts = np.random.default_rng(8).multinomial(100, outcomes(state, pauli_effects(2)), size=(300, 9))
    found = [linear_chsh(one, rotation=Rotation(1, "Z")) for one in counts]
    values, errors = (np.array([getattr(one, name) for one in found]) for name in ("value", "error"))
    assert abs(values.mean() - 0.92 * TSIRELSON) < 4.9 * values.std() / 300**0.5 + 0.003
    assert 0.55 < np.mean(abs(values - 0.92 * TSIRELSON) < errors) < 0.81
    assert linear_chsh(counts[0]).value < 2.5


@pytest.mark.slow
def test_axes_of_one_half_judged_by_the_other_promise_nothing_too_high() -> None:
    """150 data sets of a Bell state turned away from the declared axes: 4.9 standard errors of the mean."""
    rng = np.random.default_rng(7)
    ket = np.array([0, 1, 1j, 0]) / np.sqrt(2)
    state = 0.92 * np.outer(ket, ket.conj()) + 0.08 * np.eye(4) / 4
    counts = rng.multinomial(200, outcomes(state, pauli_effects(2)), size=(150, 9))
    found = [split_chsh(rng, one) for one in counts]
    values, errors = (np.array([getattr(one, name) for one in found]) for name in ("value", "error"))
    spread = 4.9 * values.std() / 150**0.5
    assert values.mean() < 0.92 * TSIRELSON + spread
    assert values.mean() == pytest.approx(0.92 * TSIRELSON - 0.013, abs=spread)
    assert (np.abs(values - 0.92 * TSIRELSON) < 1.96 * errors).mean() > 0.9
    assert linear_chsh(counts[0]).value < 2


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: chsh(np.ones((2, 4, 4))),
            ShapeError,
            "counts has shape (2, 4, 4), but (4, 4), one data set at a time, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: chsh([[1, 1, 1, 1]] * 2 + [[0, 0, 0, 0]] * 2),
            EmptySettingError,
            "setting 2 (a', b) has no counts, but a reconstruction needs at least 1 in every setting; "
            "measure this setting longer, or pass only the effects of the settings measured",
        ),
        (
            lambda: chsh_operator(np.eye(3)),
            ShapeError,
            "first has shape (3, 3), but (2, 3), two axes as x, y, z, is needed; reshape or slice it first",
        ),
        (
            lambda: chsh_operator(BEST_FIRST, [[1, 0, 0], [2, 0, 0]]),
            RangeError,
            "the length of second[1] is 2.0, but must be 1; give unit vectors on the Bloch sphere",
        ),
        (
            lambda: greatest_chsh(np.eye(2)),
            ShapeError,
            "density has shape (2, 2), but (..., 4, 4) is needed; reshape or slice it first",
        ),
        (
            lambda: best_axes(np.ones((2, 4, 4))),
            ShapeError,
            "density has shape (2, 4, 4), but (4, 4), one state at a time, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: split_chsh(np.random.default_rng(1), np.eye(4, dtype=int)[[0] * 9]),
            InsufficientDataError,
            "a split of every setting needs at least 2 counts in it, but there are 1; "
            "collect more data or leave this estimate out",
        ),
    ],
)
def test_bell_test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
