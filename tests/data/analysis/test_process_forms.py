"""Forms of known processes, and their fidelities with gates."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.process_forms import (
    apply_process,
    average_gate_fidelity,
    chi_matrix,
    choi_matrix,
    choi_of_transfer,
    pauli_matrices,
    pauli_transfer,
    process_fidelity,
)
from data.errors import AnalysisError, RangeError, ShapeError

HADAMARD = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
CNOT = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])


def random_kraus(rng: np.random.Generator, dimension: int, number: int = 3) -> NDArray[np.complex128]:
    shape = number * dimension, dimension
    isometry = np.linalg.qr(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))[0]
    return isometry.reshape(number, dimension, dimension)


def random_density(rng: np.random.Generator, dimension: int) -> NDArray[np.complex128]:
    root = rng.standard_normal((dimension, dimension)) + 1j * rng.standard_normal((dimension, dimension))
    return root @ root.conj().T / np.linalg.norm(root) ** 2


@pytest.mark.parametrize("dimension", [2, 4])
def test_all_forms_do_the_same_to_a_state(dimension: int) -> None:
    """Kraus sum, Choi, chi and Pauli transfer, each by its own formula."""
    rng = np.random.default_rng(dimension)
    kraus, state = random_kraus(rng, dimension), random_density(rng, dimension)
    expected = sum(k @ state @ k.conj().T for k in kraus)
    choi, paulis = choi_matrix(kraus), pauli_matrices(1 if dimension == 2 else 2)
    assert apply_process(choi, state) == pytest.approx(expected)
    chi = chi_matrix(choi)
    assert np.trace(chi).real == pytest.approx(1)
    assert chi == pytest.approx(chi.conj().T)
    assert np.einsum("mn,mij,jk,nkl->il", chi, paulis, state, paulis) == pytest.approx(expected)
    transfer = pauli_transfer(choi)
    assert transfer[0] == pytest.approx(np.eye(dimension**2)[0], abs=1e-12)
    bloch = np.einsum("nij,ji->n", paulis, state).real
    assert np.tensordot(transfer @ bloch, paulis, 1) / dimension == pytest.approx(expected)
    assert choi_of_transfer(transfer) == pytest.approx(choi)
    assert pauli_transfer(np.array([choi, choi]))[1] == pytest.approx(transfer)


def test_gates_in_the_form_of_pauli_transfer() -> None:
    assert pauli_transfer(choi_matrix(HADAMARD)) == pytest.approx(
        np.array([[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, -1, 0], [0, 1, 0, 0]]), abs=1e-12
    )
    # CNOT: X I -> X X and I Z -> Z Z, in the order II IX IY IZ XI XX ...
    transfer = pauli_transfer(choi_matrix(CNOT))
    assert transfer[5, 4] == pytest.approx(1)
    assert transfer[15, 3] == pytest.approx(1)


@pytest.mark.parametrize("dimension", [2, 4])
def test_average_fidelity_is_the_average_over_input_states(dimension: int) -> None:
    """20 000 random kets; the bound is 4.9 standard errors of their mean."""
    rng = np.random.default_rng(30 + dimension)
    kraus, gate = random_kraus(rng, dimension, 2), random_kraus(rng, dimension, 1)[0]
    kets = rng.standard_normal((20_000, dimension)) + 1j * rng.standard_normal((20_000, dimension))
    kets /= np.linalg.norm(kets, axis=1, keepdims=True)
    wanted = kets @ gate.T
    overlaps = sum(np.abs(np.einsum("ni,ni->n", wanted.conj(), kets @ k.T)) ** 2 for k in kraus)
    found = average_gate_fidelity(choi_matrix(kraus), gate)
    assert found == pytest.approx(overlaps.mean(), abs=4.9 * overlaps.std() / np.sqrt(20_000))


def test_fidelities_of_known_processes() -> None:
    noisy = 0.9 * choi_matrix(HADAMARD) + 0.1 * np.eye(4) / 2
    assert process_fidelity(noisy, HADAMARD) == pytest.approx(0.925)
    assert average_gate_fidelity(noisy, HADAMARD) == pytest.approx(0.95)
    assert process_fidelity(choi_matrix(CNOT), np.eye(4)) == pytest.approx(0.25)
    batch = np.array([[noisy, choi_matrix(HADAMARD)]])
    assert process_fidelity(batch, HADAMARD) == pytest.approx(np.array([[0.925, 1.0]]))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: choi_matrix([[1, 0], [0, 0.5]]),
            RangeError,
            "the trace that the operators lose or gain is 0.75, but must be <= 1e-09; "
            "sum K^+ K must be the identity",
        ),
        (
            lambda: pauli_transfer(np.eye(3)),
            ShapeError,
            "choi has shape (3, 3), but (..., 4, 4) for one or (..., 16, 16) for two qubits is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: choi_of_transfer(np.eye(2)),
            ShapeError,
            "transfer has shape (2, 2), but (..., 4, 4) for one or (..., 16, 16) for two qubits is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: apply_process(np.eye(4) / 2, np.eye(4) / 4),
            ShapeError,
            "density has shape (4, 4), but (..., 2, 2), the input of the process, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: process_fidelity(np.eye(4) / 2, np.eye(4)),
            ShapeError,
            "unitary has shape (4, 4), but the dimension of the process is needed; reshape or slice it first",
        ),
        (
            lambda: chi_matrix(np.full((4, 4), np.nan)),
            RangeError,
            "choi[0, 0] is (nan+0j), but must be finite; reconstruct it again",
        ),
    ],
)
def test_process_form_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
