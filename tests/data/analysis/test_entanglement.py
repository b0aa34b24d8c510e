"""Fidelity, purity and concurrence of states with known values, and the direct estimator."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis import (
    bell_fidelity,
    concurrence,
    linear_bell_fidelity,
    maximally_entangled_fidelity,
    pauli_effects,
    purity,
    quantify_entanglement,
    reconstruct,
    resample,
)
from data.errors import AnalysisError, EmptySettingError, RangeError, ShapeError


def bell(phase: float) -> NDArray[np.complex128]:
    ket = np.array([1, 0, 0, np.exp(2j * np.pi * phase)]) / np.sqrt(2)
    return np.outer(ket, ket.conj())


def werner(weight: float, phase: float = 0.0) -> NDArray[np.complex128]:
    return weight * bell(phase) + (1 - weight) * np.eye(4) / 4


def probabilities(state: NDArray[np.complex128]) -> NDArray[np.float64]:
    return np.einsum("soij,ji->so", pauli_effects(), state).real.clip(0)


def random_unitary(rng: np.random.Generator, dimension: int) -> NDArray[np.complex128]:
    matrix = rng.standard_normal((dimension, dimension)) + 1j * rng.standard_normal((dimension, dimension))
    return np.linalg.qr(matrix)[0]


def random_states(rng: np.random.Generator, number: int) -> NDArray[np.complex128]:
    roots = rng.standard_normal((number, 4, 4)) + 1j * rng.standard_normal((number, 4, 4))
    roots[: number // 2, :, 2:] = 0  # half of them of rank two
    states = roots @ roots.conj().swapaxes(1, 2)
    return states / np.trace(states, axis1=1, axis2=2)[:, None, None]


@pytest.mark.parametrize("phase", [0.0, 0.1, 0.5, 0.9])
def test_bell_states(phase: float) -> None:
    found = bell_fidelity(bell(phase))
    assert found.fidelity == pytest.approx(1)
    assert found.phase == pytest.approx(phase, abs=1e-12)
    for quantity in (maximally_entangled_fidelity, purity, concurrence):
        assert quantity(bell(phase)) == pytest.approx(1)


@pytest.mark.parametrize("weight", [0.0, 0.2, 1 / 3, 0.5, 0.9, 1.0])
def test_werner_states(weight: float) -> None:
    state = werner(weight, 0.3)
    assert bell_fidelity(state).fidelity == pytest.approx((1 + 3 * weight) / 4)
    assert maximally_entangled_fidelity(state) == pytest.approx((1 + 3 * weight) / 4)
    assert purity(state) == pytest.approx((1 + 3 * weight**2) / 4)
    assert concurrence(state) == pytest.approx(max(0, (3 * weight - 1) / 2), abs=1e-12)


def test_product_states() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        ket = np.kron(random_unitary(rng, 2)[0], random_unitary(rng, 2)[0])
        state = np.outer(ket, ket.conj())
        assert purity(state) == pytest.approx(1)
        assert concurrence(state) == pytest.approx(0, abs=1e-12)
        assert bell_fidelity(state).fidelity <= 0.5 + 1e-12
        assert maximally_entangled_fidelity(state) == pytest.approx(0.5)


def test_pure_states_of_partial_entanglement() -> None:
    angles = np.linspace(0, np.pi / 4, 9)
    kets = np.stack([np.cos(angles), 0 * angles, 0 * angles, np.sin(angles)], axis=1)
    states = kets[:, :, None] * kets[:, None, :]
    assert concurrence(states) == pytest.approx(np.sin(2 * angles), abs=1e-12)
    assert bell_fidelity(states).fidelity == pytest.approx((1 + np.sin(2 * angles)) / 2)


def test_other_bell_states_are_entangled_but_not_of_the_declared_form() -> None:
    singlet = np.outer([0, 1, -1, 0], [0, 1, -1, 0]) / 2
    assert bell_fidelity(singlet).fidelity == pytest.approx(0)
    assert maximally_entangled_fidelity(singlet) == pytest.approx(1)
    assert concurrence(singlet) == pytest.approx(1)


def test_bell_fidelity_is_the_best_of_all_phases() -> None:
    states = random_states(np.random.default_rng(2), 30)
    grid = np.array([bell(phase) for phase in np.linspace(0, 1, 2000, endpoint=False)])
    overlaps = np.einsum("pij,nji->np", grid, states).real
    found = bell_fidelity(states)
    assert found.fidelity == pytest.approx(overlaps.max(axis=1), abs=1e-5)
    assert (found.fidelity >= overlaps.max(axis=1) - 1e-12).all()
    at_phase = [np.trace(bell(phase) @ state).real for phase, state in zip(found.phase, states, strict=True)]
    assert found.fidelity == pytest.approx(at_phase)


def test_concurrence_is_wootters_formula() -> None:
    """The textbook route through eigenvalues of rho rho~, on states of rank four and two."""
    states = random_states(np.random.default_rng(3), 40)
    flip = np.kron([[0, -1j], [1j, 0]], [[0, -1j], [1j, 0]])
    expected = []
    for state in states:
        squares = np.linalg.eigvals(state @ flip @ state.conj() @ flip).real.clip(0)
        roots = np.sort(np.sqrt(squares))[::-1]
        expected.append(max(0, roots[0] - roots[1:].sum()))
    assert np.count_nonzero(expected) > 5
    assert concurrence(states) == pytest.approx(expected, abs=1e-6)


def test_local_rotations_change_only_the_declared_form() -> None:
    rng = np.random.default_rng(4)
    for state in random_states(rng, 10):
        turn = np.kron(random_unitary(rng, 2), random_unitary(rng, 2))
        turned = turn @ state @ turn.conj().T
        for quantity in (maximally_entangled_fidelity, purity, concurrence):
            assert quantity(turned) == pytest.approx(quantity(state))
        # The nearest maximally entangled state is at least as near as any rotated Bell state.
        assert maximally_entangled_fidelity(state) >= bell_fidelity(turned).fidelity - 1e-12


def test_batches_keep_their_shape() -> None:
    states = random_states(np.random.default_rng(5), 6).reshape(2, 3, 4, 4)
    for quantity in (maximally_entangled_fidelity, purity, concurrence):
        assert quantity(states).shape == (2, 3)
        assert quantity(states)[1, 2] == pytest.approx(quantity(states[1, 2]))
    assert bell_fidelity(states).phase.shape == (2, 3)


def test_linear_fidelity_of_exact_frequencies() -> None:
    for phase in (0.0, 0.2, 0.65):
        counts = 1e9 * probabilities(werner(0.9, phase))
        for known in (None, phase):
            found = linear_bell_fidelity(counts, known)
            assert found.value == pytest.approx(0.925, abs=1e-7)
        assert linear_bell_fidelity(counts, phase + 0.5).value == pytest.approx(0.475 - 0.45, abs=1e-7)


@pytest.mark.parametrize("phase", [None, 0.13])
@pytest.mark.slow
def test_linear_fidelity_is_unbiased_and_covers(phase: float | None) -> None:
    """500 data sets, all bounds at 4.9 standard errors: 1e-6 false alarms each.

    The second-order bias left with a free phase is below 0.0002, added to its bound.
    """
    rng = np.random.default_rng(31)
    chances = probabilities(werner(0.92, 0.13))
    found = [linear_bell_fidelity(rng.multinomial(200, chances), phase) for _ in range(500)]
    values = np.array([estimate.value for estimate in found])
    errors = np.array([estimate.error for estimate in found])
    allowed = 4.9 * values.std() / np.sqrt(500) + (0.0002 if phase is None else 0)
    assert abs(values.mean() - 0.94) < allowed
    covered = (np.abs(values - 0.94) < errors).mean()
    assert covered == pytest.approx(0.683, abs=4.9 * np.sqrt(0.683 * 0.317 / 500))


def test_linear_fidelity_of_noise_has_no_coherence_to_subtract() -> None:
    found = linear_bell_fidelity(np.full((9, 4), 5))
    assert found.value == pytest.approx(0.25)
    assert 0.05 < found.error < 0.2


def test_quantify_entanglement_gives_values_of_the_state_and_spread_of_the_samples() -> None:
    rng = np.random.default_rng(41)
    counts = rng.multinomial(200, probabilities(werner(0.92, 0.999)))
    state = reconstruct(counts).density
    samples = reconstruct(resample(rng, counts, 100)).density
    pair = quantify_entanglement(state, samples)
    assert pair.bell_fidelity.value == bell_fidelity(state).fidelity
    assert pair.bell_fidelity.error == pytest.approx(bell_fidelity(samples).fidelity.std(ddof=1))
    assert pair.purity.error == pytest.approx(purity(samples).std(ddof=1))
    assert pair.concurrence.value == concurrence(state)
    # Samples lie on both sides of the cut at a whole turn; their scatter is still a hundredth of a turn.
    phases = bell_fidelity(samples).phase
    assert phases.min() < 0.1
    assert phases.max() > 0.9
    assert 0.001 < pair.phase.error < 0.02
    assert str(pair.phase).endswith(" turn")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: purity(np.eye(2)),
            ShapeError,
            "density has shape (2, 2), but (..., 4, 4) is needed; reshape or slice it first",
        ),
        (
            lambda: concurrence(np.full((2, 4, 4), np.nan)),
            RangeError,
            "density[0, 0, 0] is (nan+0j), but must be finite; reconstruct the state again",
        ),
        (
            lambda: quantify_entanglement(np.eye(4)[None] / 4, np.eye(4)[None] / 4),
            ShapeError,
            "density has shape (1, 4, 4), but (4, 4), one state at a time, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: quantify_entanglement(np.eye(4) / 4, np.eye(4)[None] / 4),
            ShapeError,
            "resampled has shape (1, 4, 4), but (samples, 4, 4) with at least 2 samples is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: linear_bell_fidelity(np.ones((2, 9, 4))),
            ShapeError,
            "counts has shape (2, 9, 4), but (9, 4), one data set at a time, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: linear_bell_fidelity(np.zeros((9, 4))),
            EmptySettingError,
            "setting 0 (ion Z, photon Z) has no counts, but a reconstruction needs at least 1 in "
            "every setting; measure this setting longer, or pass only the effects of the settings measured",
        ),
    ],
)
def test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
