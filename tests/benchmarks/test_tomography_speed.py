"""Tomography, beside what a lab script would do. Run with `--benchmark-enable`.

Times are of this process (CPU seconds), so that other work on the machine does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture
from scipy.optimize import minimize

from data.analysis.measurements import pauli_effects
from data.analysis.process_forms import apply_process, choi_matrix
from data.analysis.process_tomography import pauli_preparations, reconstruct_process
from data.analysis.resampling import resample
from data.analysis.tomography import projected_least_squares, reconstruct

pytestmark = pytest.mark.slow

SHOTS = 200
SCIPY_STATES = 5
"""Of the thousand samples, as many are done by scipy: more would take minutes."""


def samples_of(qubits: int, number: int) -> NDArray[np.int64]:
    """Return resamples of a maximally entangled state in 8 % of white noise."""
    rng, dimension = np.random.default_rng(qubits), 2**qubits
    ket = np.zeros(dimension)
    ket[[0, -1]] = np.sqrt(0.5)
    state = 0.92 * np.outer(ket, ket) + 0.08 * np.eye(dimension) / dimension
    chances = np.einsum("soij,ji->so", pauli_effects(qubits), state).real.clip(0)
    return resample(rng, rng.multinomial(SHOTS, chances / chances.sum(axis=1, keepdims=True)), number)


def cpu_seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """Return the shortest time that the work took."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def climb(counts: NDArray[np.int64], gradient: bool) -> NDArray[np.complex128]:
    """Find one state as lab scripts do: L-BFGS on a Cholesky factor, at best with its gradient."""
    flat, weights = pauli_effects().reshape(36, 16), counts.ravel() / counts.sum()
    rows, columns = np.tril_indices(4, -1)

    def root_of(numbers: NDArray[np.float64]) -> NDArray[np.complex128]:
        root = np.diag(numbers[:4]).astype(np.complex128)
        root[rows, columns] = numbers[4:10] + 1j * numbers[10:]
        return root

    def cost(numbers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        root = root_of(numbers)
        norm = np.vdot(root, root).real
        chances = np.maximum((flat @ (root @ root.conj().T / norm).T.ravel()).real, 1e-300)
        slope = 2 * (((weights / chances) @ flat).reshape(4, 4) @ root - root) / norm
        lower = slope[rows, columns]
        return -float(weights @ np.log(chances)), -np.concatenate(
            [slope.diagonal().real, lower.real, lower.imag]
        )

    start = np.concatenate([np.full(4, 0.5), np.full(12, 0.01)])
    work = cost if gradient else lambda numbers: cost(numbers)[0]
    options = {"ftol": 1e-9, "gtol": 1e-6}
    return root_of(minimize(work, start, jac=gradient, method="L-BFGS-B", options=options).x)


@pytest.mark.parametrize(("qubits", "number"), [(1, 1000), (2, 1000), (3, 200), (4, 10)])
def test_likeliest_states(benchmark: BenchmarkFixture, qubits: int, number: int) -> None:
    samples = samples_of(qubits, number)
    found = benchmark.pedantic(reconstruct, (samples,), rounds=3)
    assert (found.gap < 0.05).all()
    benchmark.extra_info["ms a state"] = 1e3 * cpu_seconds(lambda: reconstruct(samples), 2) / number


def test_batches_against_one_by_one(benchmark: BenchmarkFixture) -> None:
    """Ratios of the time for a state: scipy, with and without gradient, and projected least squares."""
    samples = samples_of(2, 1000)
    ours = cpu_seconds(lambda: reconstruct(samples)) / len(samples)
    some = samples[:SCIPY_STATES]
    benchmark.extra_info |= {
        "ms a state": 1e3 * ours,
        "scipy without gradient": cpu_seconds(lambda: [climb(c, False) for c in some], 1)
        / SCIPY_STATES
        / ours,
        "scipy with gradient": cpu_seconds(lambda: [climb(c, True) for c in some]) / SCIPY_STATES / ours,
        "projected least squares": cpu_seconds(lambda: projected_least_squares(samples))
        / len(samples)
        / ours,
    }
    benchmark.pedantic(projected_least_squares, (samples,), rounds=3)


@pytest.mark.parametrize(("gate", "number"), [(np.eye(2), 200), (np.diag([1, 1, 1, -1]), 1)], ids=["1", "2"])
def test_likeliest_processes(benchmark: BenchmarkFixture, gate: NDArray[np.float64], number: int) -> None:
    qubits = len(gate) // 2
    choi = 0.95 * choi_matrix(gate) + 0.05 * np.eye(gate.size) / len(gate)
    put_out = apply_process(choi, pauli_preparations(qubits))
    chances = np.einsum("soij,aji->aso", pauli_effects(qubits), put_out).real.clip(0)
    chances /= chances.sum(axis=-1, keepdims=True)
    counts = np.random.default_rng(1).multinomial(SHOTS, chances, size=(number, *chances.shape[:2]))
    found = benchmark.pedantic(reconstruct_process, (counts,), rounds=2)
    assert (found.gap < 0.05).all()
    benchmark.extra_info["ms a process"] = 1e3 * cpu_seconds(lambda: reconstruct_process(counts), 2) / number
