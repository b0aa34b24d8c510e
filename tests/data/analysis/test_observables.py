"""Expectation values and fidelities straight from counts: exact, unbiased, and with the right errors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.entanglement import bell_fidelity, linear_bell_fidelity
from data.analysis.fidelities import BELL_STATES, Rotation, fidelity, linear_fidelity
from data.analysis.measurements import fold_detection_errors, pauli_effects, pauli_settings
from data.analysis.observables import estimate_observable, estimate_observables
from data.analysis.process_forms import pauli_product
from data.errors import AnalysisError, EmptySettingError, RangeError, ShapeError

PHI = BELL_STATES["Phi+"]


def noisy(ket: NDArray[np.complex128], weight: float = 0.92) -> NDArray[np.complex128]:
    return weight * np.outer(ket, ket.conj()) + (1 - weight) * np.eye(len(ket)) / len(ket)


def outcomes(state: NDArray[np.complex128], effects: NDArray[np.complex128]) -> NDArray[np.float64]:
    chances = np.einsum("soij,ji->so", effects, state).real.clip(0)
    return chances / chances.sum(axis=1, keepdims=True)


def random_ket(rng: np.random.Generator, dimension: int) -> NDArray[np.complex128]:
    ket = rng.standard_normal(dimension) + 1j * rng.standard_normal(dimension)
    return ket / np.linalg.norm(ket)


@pytest.mark.parametrize("qubits", [1, 2, 3])
def test_exact_frequencies_give_exact_values(qubits: int) -> None:
    rng = np.random.default_rng(qubits)
    state, target = noisy(random_ket(rng, 2**qubits)), random_ket(rng, 2**qubits)
    counts = 1e9 * outcomes(state, pauli_effects(qubits))
    for factors in ("XYZ", "ZIX", "IIY"):
        observable = pauli_product(factors[:qubits])
        found = estimate_observable(counts, observable)
        assert found.value == pytest.approx(np.trace(observable @ state).real, abs=1e-9)
    overlap = (target.conj() @ state @ target).real
    assert linear_fidelity(counts, target).value == pytest.approx(overlap, abs=1e-9)
    assert fidelity(state, target).fidelity == pytest.approx(overlap)


def test_covariance_is_the_scatter_of_repeated_experiments() -> None:
    """2000 data sets; the relative error of a variance is sqrt(2 / 2000), the bounds are 4.9 of it."""
    effects = fold_detection_errors(pauli_effects(2), [[[0.98, 0.02], [0.05, 0.95]], np.eye(2)])
    observables = np.array([pauli_product("XX"), pauli_product("ZI"), np.outer(PHI, PHI)])
    counts = np.random.default_rng(3).multinomial(150, outcomes(noisy(PHI), effects), size=(2000, 9))
    values, covariance = estimate_observables(counts, observables, effects)
    expected = np.einsum("kij,ji->k", observables, noisy(PHI)).real
    scatter = np.cov(values.T)
    errors = np.sqrt(np.diagonal(scatter))
    assert (np.abs(values.mean(axis=0) - expected) < 4.9 * errors / 2000**0.5).all()
    correlated = covariance.mean(axis=0) - scatter
    assert (np.abs(correlated) < (4.9 * np.sqrt(2 / 2000) + 0.02) * np.outer(errors, errors)).all()
    alone, one = estimate_observables(counts[7], observables, effects)
    assert values[7] == pytest.approx(alone)
    assert covariance[7] == pytest.approx(one)


def test_errors_stay_above_zero_for_perfect_outcomes() -> None:
    counts = np.array([[50, 0], [25, 25], [25, 25]])
    found = estimate_observable(counts, pauli_product("Z"))
    assert found.value == pytest.approx(1)
    assert 0.01 < found.error < 0.05


@pytest.mark.parametrize(("qubit", "axis"), [(0, "X"), (1, "Y"), (1, "Z")])
def test_an_open_rotation_takes_the_best_of_all_turns(qubit: int, axis: str) -> None:
    """Against a search over 4000 turns, each made by an exponential of the Pauli matrix."""
    rng = np.random.default_rng(9)
    root = rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4))
    state = root @ root.conj().T / np.linalg.norm(root) ** 2
    pauli = pauli_product("I" * qubit + axis + "I" * (1 - qubit))
    angles = np.pi * np.arange(4000) / 4000
    kets = np.cos(angles)[:, None] * PHI - 1j * np.sin(angles)[:, None] * (pauli @ PHI)
    overlaps = np.einsum("ni,ij,nj->n", kets.conj(), state, kets).real
    found = fidelity(state, PHI, Rotation(qubit, axis))
    assert found.fidelity == pytest.approx(overlaps.max(), abs=1e-6)
    assert (found.turns - np.argmax(overlaps) / 4000 + 0.5) % 1 == pytest.approx(0.5, abs=5e-4)
    assert fidelity(np.array([state, state]), PHI, Rotation(qubit, axis)).turns.shape == (2,)
    counts = 1e10 * outcomes(state, pauli_effects(2))
    assert linear_fidelity(counts, PHI, Rotation(qubit, axis)).value == pytest.approx(
        overlaps.max(), abs=1e-6
    )


def test_the_pair_s_own_functions_are_special_cases() -> None:
    ket = np.array([1, 0, 0, np.exp(0.6j * np.pi)]) / np.sqrt(2)
    counts = np.random.default_rng(4).multinomial(80, outcomes(noisy(ket), pauli_effects(2)))
    assert linear_fidelity(counts, PHI, Rotation(1, "Z")) == linear_bell_fidelity(counts)
    assert linear_fidelity(counts, ket).value == pytest.approx(linear_bell_fidelity(counts, 0.3).value)
    # The formula from five parities and Jeffreys' prior, as in the papers on ion-photon pairs.
    parity = dict(zip(pauli_settings(2), counts @ [1, -1, -1, 1] / 80, strict=True))
    coherence = (parity["XX"] - parity["YY"]) / 4 - 1j * (parity["XY"] + parity["YX"]) / 4
    expected = (1 + parity["ZZ"]) / 4 + (np.exp(0.6j * np.pi) * coherence).real
    assert linear_bell_fidelity(counts, 0.3).value == pytest.approx(expected)
    open_phase, same = fidelity(noisy(ket), PHI, Rotation(1, "Z")), bell_fidelity(noisy(ket))
    assert open_phase.fidelity == pytest.approx(same.fidelity)
    assert open_phase.turns == pytest.approx(same.phase)
    assert open_phase.turns == pytest.approx(0.3)


def test_an_open_phase_of_three_ions() -> None:
    ghz = np.zeros(8, dtype=complex)
    ghz[[0, 7]] = np.sqrt(0.5)
    turned = ghz.copy()
    turned[7] *= np.exp(0.4j * np.pi)
    found = fidelity(noisy(turned, 0.8), ghz, Rotation(2, "Z"))
    assert found.fidelity == pytest.approx(0.8 + 0.2 / 8)
    assert found.turns == pytest.approx(0.2)


COUNTS = np.full((9, 4), 5)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: estimate_observable(COUNTS[None], np.eye(4)),
            ShapeError,
            "counts has shape (1, 9, 4), but (settings, outcomes), one data set at a time, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: estimate_observable(COUNTS, np.eye(2)),
            ShapeError,
            "observables has shape (1, 2, 2), but (observables, 4, 4) is needed; reshape or slice it first",
        ),
        (
            lambda: estimate_observable(COUNTS, np.triu(np.ones((4, 4)))),
            RangeError,
            "the deviation of observables[0] from being Hermitian is 1.0, but must be <= 1e-09; "
            "add its adjoint and halve",
        ),
        (
            lambda: linear_fidelity(COUNTS * (np.arange(9) != 4)[:, None], PHI),
            EmptySettingError,
            "setting 4 (ion X, photon X) has no counts, but a reconstruction needs at least "
            "1 in every setting; "
            "measure this setting longer, or pass only the effects of the settings measured",
        ),
        (
            lambda: linear_fidelity(COUNTS[None], PHI),
            ShapeError,
            "counts has shape (1, 9, 4), but (settings, outcomes), one data set at a time, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: fidelity(np.eye(4) / 4, [1, 0]),
            ShapeError,
            "target has shape (2,), but (4,), a vector as long as the state is wide, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: fidelity(np.eye(4) / 4, [1, 0, 0, 1]),
            RangeError,
            f"the norm of target is {2**0.5}, but must be 1; divide the vector by it",
        ),
        (
            lambda: fidelity(np.eye(2) / 2, [1, 0], Rotation(1, "Z")),
            ShapeError,
            "target has shape (2,), but that of qubits, of which number 1 is rotated, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: Rotation(0, "V"),
            RangeError,
            "axis is V, but must be X, Y or Z; name the axis on the Bloch sphere",
        ),
        (
            lambda: Rotation(-1, "Z"),
            RangeError,
            "qubit is -1, but must be >= 0; qubits count from zero",
        ),
    ],
)
def test_observable_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
