"""Reconstructed processes against known ones, an unrelated iteration, and statistics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.measurements import fold_detection_errors, pauli_effects
from data.analysis.process_forms import apply_process, choi_matrix, process_fidelity
from data.analysis.process_tomography import (
    invert_process,
    pauli_preparations,
    projected_process,
    reconstruct_process,
)
from data.errors import (
    AnalysisError,
    ConvergenceError,
    EmptySettingError,
    PreparationsError,
    RangeError,
    ShapeError,
)

HADAMARD = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
CZ = np.diag([1, 1, 1, -1])
NOISY = 0.95 * choi_matrix(HADAMARD) + 0.05 * np.eye(4) / 2

# Process fidelity of the likeliest process less that of the linear inversion, for NOISY at 200 counts a pair:
# -0.00617(15) over 6000 data sets.
BIAS = 0.00617


def outcomes(
    choi: NDArray[np.complex128],
    preparations: NDArray[np.complex128] | None = None,
    effects: NDArray[np.complex128] | None = None,
) -> NDArray[np.float64]:
    qubits = 1 if len(choi) == 4 else 2
    states = pauli_preparations(qubits) if preparations is None else preparations
    measured = pauli_effects(qubits) if effects is None else effects
    chances = np.einsum("soij,aji->aso", measured, apply_process(choi, states)).real.clip(0)
    return chances / chances.sum(axis=-1, keepdims=True)


def is_process(choi: NDArray[np.complex128]) -> bool:
    size = round(len(choi) ** 0.5)
    kept = np.einsum("ikjk->ij", choi.reshape(size, size, size, size))
    return bool(np.linalg.eigvalsh(choi)[0] > -1e-12 and np.abs(kept - np.eye(size)).max() < 1e-12)


def log_likelihood(choi: NDArray[np.complex128], counts: NDArray[np.int64]) -> float:
    return float((counts * np.log(np.where(counts > 0, outcomes(choi), 1.0))).sum())


def iterate_to_the_end(counts: NDArray[np.int64]) -> NDArray[np.complex128]:
    """The iteration chi -> L^-1 R chi R L^-1 of Fiurasek and Hradil, until it stands still."""
    states, effects = pauli_preparations(1), pauli_effects(1)
    joint = np.array([np.kron(s.T, e) for s in states for e in effects.reshape(-1, 2, 2)])
    choi, weights = np.eye(4, dtype=complex) / 2, counts.ravel()
    for _ in range(30_000):
        slope = np.tensordot(weights / np.einsum("kij,ji->k", joint, choi).real, joint, 1)
        grown = slope @ choi @ slope
        values, vectors = np.linalg.eigh(np.einsum("ikjk->ij", grown.reshape(2, 2, 2, 2)))
        shrink = np.kron((vectors / np.sqrt(values)) @ vectors.conj().T, np.eye(2))
        following = shrink @ grown @ shrink
        if np.abs(following - choi).max() < 1e-13:
            break
        choi = following
    return choi


@pytest.mark.parametrize("gate", [HADAMARD, CZ], ids=["Hadamard", "CZ"])
def test_exact_frequencies_give_the_process(gate: NDArray[np.float64]) -> None:
    choi = 0.9 * choi_matrix(gate) + 0.1 * np.eye(gate.size) / len(gate)
    counts = 1e6 * outcomes(choi)
    assert invert_process(counts) == pytest.approx(choi, abs=1e-9)
    assert projected_process(counts) == pytest.approx(choi, abs=1e-7)
    found = reconstruct_process(counts)
    assert found.choi == pytest.approx(choi, abs=3e-3)
    assert found.gap < 0.05
    assert is_process(found.choi)


@pytest.mark.parametrize("shots", [1, 10, 300])
def test_processes_are_processes(shots: int) -> None:
    """Of an ideal gate, half of whose outcomes never happen, too."""
    rng = np.random.default_rng(shots)
    counts = rng.multinomial(shots, outcomes(choi_matrix(HADAMARD)), size=(2, 6, 4, 3))
    found = reconstruct_process(counts[:, :, :, :, :])
    assert found.choi.shape == (2, 6, 4, 4)
    assert found.gap.shape == found.iterations.shape == (2, 6)
    assert (found.gap < 0.05).all()
    for choi in (*found.choi.reshape(-1, 4, 4), *projected_process(counts).reshape(-1, 4, 4)):
        assert is_process(choi)
    assert reconstruct_process(counts[1, 2]).choi == pytest.approx(found.choi[1, 2], abs=1e-10)


def test_an_unrelated_iteration_finds_the_same_process() -> None:
    rng = np.random.default_rng(7)
    mixed = 0.7 * choi_matrix(HADAMARD) + 0.3 * np.eye(4) / 2
    counts = rng.multinomial(500, outcomes(mixed))
    ours, theirs = reconstruct_process(counts, gap=1e-9), iterate_to_the_end(counts)
    assert process_fidelity(ours.choi, HADAMARD) == pytest.approx(
        process_fidelity(theirs, HADAMARD), abs=1e-6
    )
    assert log_likelihood(theirs, counts) - log_likelihood(ours.choi, counts) < 1e-7


def test_the_gap_of_a_process_is_a_bound() -> None:
    rng = np.random.default_rng(8)
    counts = rng.multinomial(60, outcomes(NOISY), size=(30, 4, 3))
    best = reconstruct_process(counts, gap=1e-8)
    for gap in (5.0, 0.5, 0.05):
        found = reconstruct_process(counts, gap=gap)
        gains = [
            log_likelihood(high, one) - log_likelihood(low, one)
            for high, low, one in zip(best.choi, found.choi, counts, strict=True)
        ]
        assert (np.array(gains) <= found.gap + 1e-8).all()
        assert max(gains) > 0


@pytest.mark.slow
def test_the_gap_of_a_two_qubit_process_is_a_bound() -> None:
    counts = np.random.default_rng(9).multinomial(50, outcomes(0.9 * choi_matrix(CZ) + 0.1 * np.eye(16) / 4))
    rough, fine = reconstruct_process(counts, gap=1.0), reconstruct_process(counts, gap=0.01)
    assert is_process(fine.choi)
    gain = log_likelihood(fine.choi, counts) - log_likelihood(rough.choi, counts)
    assert 0 < gain <= rough.gap
    assert process_fidelity(fine.choi, CZ) == pytest.approx(0.90625, abs=0.05)


def test_other_preparations_and_detectors_that_err() -> None:
    """Six inputs, one of them mixed, and readout errors in the effects."""
    states = np.concatenate([pauli_preparations(1), [np.eye(2) / 2, np.array([[1, -1], [-1, 1]]) / 2]])
    called = fold_detection_errors(pauli_effects(1), [[[0.95, 0.05], [0.02, 0.98]]])
    counts = 1e6 * outcomes(NOISY, states, called)
    assert invert_process(counts, states, called) == pytest.approx(NOISY, abs=1e-9)
    assert reconstruct_process(counts, states, called).choi == pytest.approx(NOISY, abs=3e-3)
    assert process_fidelity(invert_process(counts, states), HADAMARD) < 0.93


def test_bias_of_likelihood_and_inversion_of_processes() -> None:
    """400 data sets: bounds at 4.9 standard errors of the mean, so 1e-6 false alarms."""
    counts = np.random.default_rng(21).multinomial(200, outcomes(NOISY), size=(400, 4, 3))
    linear = process_fidelity(invert_process(counts), HADAMARD)
    assert abs(linear.mean() - 0.9625) < 4.9 * linear.std() / 20
    difference = process_fidelity(reconstruct_process(counts).choi, HADAMARD) - linear
    assert difference.mean() + BIAS == pytest.approx(0, abs=4.9 * difference.std() / 20)
    projected = process_fidelity(projected_process(counts), HADAMARD) - linear
    assert projected.mean() < difference.mean() - 0.005


GOOD = np.full((4, 3, 2), 5)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: reconstruct_process(np.ones((3, 2))),
            ShapeError,
            "counts has shape (3, 2), but (..., preparations, settings, outcomes) is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: reconstruct_process(np.ones((5, 3, 2))),
            ShapeError,
            "counts has shape (5, 3, 2), but (..., 4, 3, 2) as preparations by settings by "
            "outcomes is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: reconstruct_process(GOOD, gap=-1),
            RangeError,
            "gap is -1, but must be > 0; 0.05 is a tenth of a statistical unit",
        ),
        (
            lambda: invert_process(GOOD - 6),
            RangeError,
            "counts[0, 0] is -1.0, but must be finite and >= 0; give numbers of events",
        ),
        (
            lambda: invert_process(GOOD * np.arange(4)[:, None, None]),
            EmptySettingError,
            "setting 0 (input 0, bases Z) has no counts, but a reconstruction needs at least "
            "1 in every setting; "
            "measure this setting longer, or pass only the effects of the settings measured",
        ),
        (
            lambda: invert_process(GOOD, np.array([np.eye(2) / 2] * 4)),
            PreparationsError,
            "only 1 of the 4 input states that a process needs are independent; "
            "prepare more of them (for a qubit: both states of Z, and one each of X and Y)",
        ),
        (
            lambda: invert_process(GOOD, 2 * pauli_preparations(1)),
            RangeError,
            "the deviation of preparations[0] from being of trace 1 is 1.0, but must be <= 1e-09; "
            "give density matrices",
        ),
        (
            lambda: invert_process(GOOD, pauli_preparations(1) @ np.diag([1, -1])),
            RangeError,
            "the deviation of preparations[2] from being Hermitian is 1.0, but must be <= 1e-09; "
            "give density matrices",
        ),
        (
            lambda: invert_process(GOOD, np.eye(2)),
            ShapeError,
            "preparations has shape (2, 2), but (preparations, d, d) is needed; reshape or slice it first",
        ),
        (
            lambda: invert_process(GOOD, pauli_preparations(2)),
            ShapeError,
            "counts has shape (4, 3, 2), but (..., 16, 9, 4) as preparations by settings by "
            "outcomes is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: invert_process(GOOD, pauli_preparations(2), pauli_effects(1)),
            ShapeError,
            "preparations has shape (16, 4, 4), but (preparations, 2, 2), 2 or 4, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: pauli_preparations(3),
            RangeError,
            "qubits is 3, but must be 1 or 2; the counts for more are hopelessly many",
        ),
    ],
)
def test_process_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


def test_a_process_gap_beyond_the_precision_of_numbers_is_refused() -> None:
    with pytest.raises(
        ConvergenceError, match=r"^after 100 steps the log-likelihood may still miss .* 1e-13; "
    ):
        reconstruct_process(np.random.default_rng(1).multinomial(1000, outcomes(NOISY)), gap=1e-13)
