"""Forms of a process: Choi, chi and Pauli-transfer matrix, and its fidelity with a gate.

Conventions:

- Choi matrix: ``sum |i><j| (x) E(|i><j|)``, input before output, trace d; traced over the output: identity.
- Pauli order: I, X, Y, Z, the last qubit fastest.
- Chi matrix: ``E(rho) = sum chi_mn P_m rho P_n``, trace 1.
- Pauli-transfer matrix: ``R_mn = tr(P_m E(P_n)) / d``: real; its first row is 1, 0, 0 ... where the trace is
  preserved.

Source: C. J. Wood, J. D. Biamonte and D. G. Cory, Quantum Inf. Comput. 15, 759 (2015).
"""

from __future__ import annotations

from itertools import product
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from data.analysis.projection import check_matrices
from data.errors import RangeError, ShapeError

_PAULI: Final = dict(
    zip(
        "IXYZ",
        np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]]),
        strict=True,
    )
)
_ROUNDING: Final = 1e-9
_DIMENSIONS: Final = {4: 1, 16: 2}  # size of a Choi matrix -> qubits


def pauli_matrices(qubits: int) -> NDArray[np.complex128]:
    """Return all products of Pauli matrices, shape (4^n, 2^n, 2^n)."""
    return np.array([pauli_product("".join(factors)) for factors in product(_PAULI, repeat=qubits)])


def pauli_product(factors: str) -> NDArray[np.complex128]:
    """Return the product of Pauli matrices, one a qubit, such as ``"XIZ"``; shape (2^n, 2^n)."""
    matrix = np.ones((1, 1), dtype=np.complex128)
    for factor in factors:
        matrix = np.kron(matrix, _PAULI[factor])
    return matrix


def choi_matrix(operators: ArrayLike) -> NDArray[np.complex128]:
    """Return the Choi matrix of a process given by its Kraus operators, or by one unitary.

    Args:
        operators: Shape (d, d) or (operators, d, d).

    Returns:
        Shape (d**2, d**2).

    Raises:
        ShapeError: If the operators are not square.
        RangeError: If an element is not finite, or the operators do not preserve the trace.

    Example:
        >>> choi_matrix([[0, 1], [1, 0]]).real
        array([[0., 0., 0., 0.],
               [0., 1., 1., 0.],
               [0., 1., 1., 0.],
               [0., 0., 0., 0.]])
    """
    kraus = check_matrices("operators", operators).reshape(-1, *np.shape(operators)[-2:])
    kept = np.einsum("kji,kjl->il", kraus.conj(), kraus)
    excess = float(np.abs(kept - np.eye(len(kept))).max())
    if excess > _ROUNDING:
        advice = "sum K^+ K must be the identity"
        raise RangeError("the trace that the operators lose or gain", excess, f"<= {_ROUNDING:.0e}", advice)
    columns = kraus.swapaxes(1, 2).reshape(len(kraus), -1)
    return np.asarray(np.einsum("ki,kj->ij", columns, columns.conj()), dtype=np.complex128)


def pauli_transfer(choi: ArrayLike) -> NDArray[np.float64]:
    """Return the Pauli-transfer matrix of a process on one or two qubits.

    Args:
        choi: Shape (..., d**2, d**2).

    Returns:
        Shape (..., d**2, d**2): output before input.

    Raises:
        ShapeError: If the process is not on one or two qubits.
        RangeError: If an element is not finite.

    Example:
        >>> pauli_transfer(choi_matrix([[0, 1], [1, 0]])).diagonal()
        array([ 1.,  1., -1., -1.])
    """
    matrices, qubits = _check_choi(choi)
    paulis, d = pauli_matrices(qubits), 2**qubits
    parts = matrices.reshape(*matrices.shape[:-2], d, d, d, d)
    elements = np.einsum("...ikjl,mlk,nij->...mn", parts, paulis, paulis, optimize=True)
    return np.asarray(elements.real / d, dtype=np.float64)


def choi_of_transfer(transfer: ArrayLike) -> NDArray[np.complex128]:
    """Return the Choi matrix of a Pauli-transfer matrix, the inverse of `pauli_transfer`.

    Args:
        transfer: Shape (..., d**2, d**2).

    Returns:
        Same shape.

    Raises:
        ShapeError: If the process is not on one or two qubits.
        RangeError: If an element is not finite.
    """
    matrices, qubits = _check_choi(transfer, "transfer")
    paulis, d = pauli_matrices(qubits), 2**qubits
    parts = np.einsum("...mn,mkl,nji->...ikjl", matrices, paulis, paulis, optimize=True)
    return np.asarray(parts.reshape(matrices.shape) / d, dtype=np.complex128)


def chi_matrix(choi: ArrayLike) -> NDArray[np.complex128]:
    """Return the process matrix chi in the basis of Pauli products.

    Args:
        choi: Shape (..., d**2, d**2).

    Returns:
        Same shape; Hermitian, trace 1.

    Raises:
        ShapeError: If the process is not on one or two qubits.
        RangeError: If an element is not finite.

    Source: I. L. Chuang and M. A. Nielsen, J. Mod. Opt. 44, 2455 (1997).

    Example:
        >>> chi_matrix(choi_matrix([[0, 1], [1, 0]])).diagonal().real
        array([0., 1., 0., 0.])
    """
    matrices, qubits = _check_choi(choi)
    columns = pauli_matrices(qubits).swapaxes(1, 2).reshape(4**qubits, -1) / 2**qubits
    chi: NDArray[np.complex128] = columns.conj() @ matrices @ columns.T
    return chi


def apply_process(choi: ArrayLike, density: ArrayLike) -> NDArray[np.complex128]:
    """Return the state that comes out.

    Args:
        choi: Shape (..., d**2, d**2).
        density: What goes in, shape (..., d, d).

    Returns:
        Shape (..., d, d).

    Raises:
        ShapeError: If state and process do not fit.
        RangeError: If an element is not finite.
    """
    matrices, qubits = _check_choi(choi)
    state, d = check_matrices("density", density), 2**qubits
    if state.shape[-1] != d:
        raise ShapeError("density", state.shape, f"(..., {d}, {d}), the input of the process,")
    parts = matrices.reshape(*matrices.shape[:-2], d, d, d, d)
    return np.asarray(np.einsum("...ikjl,...ij->...kl", parts, state), dtype=np.complex128)


def process_fidelity(choi: ArrayLike, unitary: ArrayLike) -> NDArray[np.float64]:
    """Return the overlap of the Choi states of a process and of a gate (entanglement fidelity).

    It is linear in the Choi matrix: as good or as biased as the estimate that it is taken from.

    Args:
        choi: Shape (..., d**2, d**2).
        unitary: The gate, shape (d, d).

    Returns:
        Shape (...).

    Raises:
        ShapeError: If the gate is of another dimension.
        RangeError: If an element is not finite, or the gate is not unitary.

    Source: A. Gilchrist, N. K. Langford and M. A. Nielsen, Phys. Rev. A 71, 062310 (2005).
    """
    matrices, _ = _check_choi(choi)
    target = choi_matrix(unitary)
    if target.shape != matrices.shape[-2:]:
        raise ShapeError("unitary", np.shape(unitary), "the dimension of the process")
    overlaps = np.einsum("...ij,ji->...", matrices, target).real
    return np.asarray(overlaps / len(target), dtype=np.float64)


def average_gate_fidelity(choi: ArrayLike, unitary: ArrayLike) -> NDArray[np.float64]:
    """Return the fidelity with a gate, averaged over all pure input states: (d F_pro + 1) / (d + 1).

    Args:
        choi: Shape (..., d**2, d**2); the process preserves the trace.
        unitary: The gate, shape (d, d).

    Returns:
        Shape (...).

    Raises:
        AnalysisError: As `process_fidelity`.

    Source: M. Horodecki, P. Horodecki and R. Horodecki, Phys. Rev. A 60, 1888 (1999); M. A. Nielsen, Phys.
        Lett. A 303, 249 (2002).

    Example:
        >>> noise = np.eye(4) / 2
        >>> float(average_gate_fidelity(noise, np.eye(2)))
        0.5
    """
    dimension = len(np.asarray(unitary))
    return (dimension * process_fidelity(choi, unitary) + 1) / (dimension + 1)


def _check_choi(choi: ArrayLike, name: str = "choi") -> tuple[NDArray[np.complex128], int]:
    """Return matrices of processes, and on how many qubits they are."""
    matrices = check_matrices(name, choi)
    if matrices.shape[-1] not in _DIMENSIONS:
        raise ShapeError(name, matrices.shape, "(..., 4, 4) for one or (..., 16, 16) for two qubits")
    return matrices, _DIMENSIONS[matrices.shape[-1]]
