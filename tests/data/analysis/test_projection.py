"""Nearest probabilities, states and processes, against the conditions that single them out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.process_forms import choi_matrix
from data.analysis.projection import (
    project_processes,
    project_simplex,
    project_states,
    spread,
    trace_output,
)
from data.errors import AnalysisError, ProjectionError, RangeError, ShapeError


def hermitian(rng: np.random.Generator, *shape: int) -> NDArray[np.complex128]:
    parts = rng.standard_normal((*shape, shape[-1])) + 1j * rng.standard_normal((*shape, shape[-1]))
    return (parts + parts.conj().swapaxes(-1, -2)) / 2


def random_process(rng: np.random.Generator, dimension: int) -> NDArray[np.complex128]:
    parts = rng.standard_normal((3 * dimension, dimension)) + 1j * rng.standard_normal(
        (3 * dimension, dimension)
    )
    return choi_matrix(np.linalg.qr(parts)[0].reshape(3, dimension, dimension))


def test_nearest_probabilities_fulfil_their_conditions() -> None:
    """The difference is one number wherever the result is above zero, and no larger elsewhere."""
    rng = np.random.default_rng(1)
    values = rng.normal(0.2, 1, (300, 6))
    found = project_simplex(values)
    assert found.sum(axis=1) == pytest.approx(np.ones(300))
    assert (found >= 0).all()
    shift = values - found
    most = shift.max(axis=1, keepdims=True)
    assert np.allclose(np.where(found > 0, shift, most), most)
    assert 0 < (found == 0).mean() < 1
    inside = rng.dirichlet(np.ones(5), 20)
    assert project_simplex(inside) == pytest.approx(inside)


@pytest.mark.parametrize("dimension", [2, 4, 8])
def test_nearest_states(dimension: int) -> None:
    """No state makes a sharp angle with what was taken off: the condition of a projection on a convex set."""
    rng = np.random.default_rng(dimension)
    matrices = hermitian(rng, 3, 5, dimension)
    found = project_states(matrices)
    assert found.shape == matrices.shape
    assert np.linalg.eigvalsh(found).min() > -1e-12
    assert np.trace(found, axis1=-2, axis2=-1) == pytest.approx(np.ones((3, 5)))
    off = matrices - found
    inner = np.einsum("...ij,...ji->...", off, found).real
    # Of all states, the eigenvector of the largest eigenvalue goes farthest along what was taken off.
    assert np.linalg.eigvalsh(off)[..., -1] - inner == pytest.approx(np.zeros((3, 5)), abs=1e-9)
    assert project_states(found) == pytest.approx(found, abs=1e-12)


@pytest.mark.parametrize("dimension", [2, 4])
def test_nearest_processes(dimension: int) -> None:
    """They are processes, and no random process makes a sharp angle with what was taken off."""
    rng = np.random.default_rng(10 + dimension)
    processes = np.array([random_process(rng, dimension) for _ in range(6)])
    matrices = processes + 0.3 * hermitian(rng, 6, dimension**2)
    found = project_processes(matrices, dimension)
    assert np.linalg.eigvalsh(found).min() > -1e-12
    assert trace_output(found, dimension) == pytest.approx(np.tile(np.eye(dimension), (6, 1, 1)), abs=1e-12)
    for other in (processes, np.roll(processes, 1, axis=0), np.array([np.eye(dimension**2) / dimension] * 6)):
        angles = np.einsum("nij,nji->n", matrices - found, other - found).real
        assert angles.max() < 1e-6
    assert project_processes(found, dimension) == pytest.approx(found, abs=1e-8)
    nearer = np.linalg.norm(found - processes, axis=(1, 2)) < np.linalg.norm(
        matrices - processes, axis=(1, 2)
    )
    assert nearer.all()


def test_nearest_process_has_a_dual_point() -> None:
    """What was taken off is a multiplier of the trace less a positive matrix across from the result."""
    matrix = random_process(np.random.default_rng(5), 2) + 0.4 * hermitian(np.random.default_rng(6), 4)
    found = project_processes(matrix, 2)
    values, vectors = np.linalg.eigh(found)
    seen = vectors[:, values > 1e-7]
    assert 0 < seen.shape[1] < 4
    # (matrix + Y (x) 1 - found) vanishes on the support of the result: solve for Y there.
    basis = [np.array(b) for b in ([[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [1, 0]], [[0, 1j], [-1j, 0]])]
    columns = np.array([(spread(b.astype(complex), 2) @ seen).ravel() for b in basis]).T
    wanted = ((found - matrix) @ seen).ravel()
    stacked = np.concatenate([columns.real, columns.imag])
    solved, *_ = np.linalg.lstsq(stacked, np.concatenate([wanted.real, wanted.imag]), rcond=None)
    dual = sum(number * b for number, b in zip(solved, basis, strict=True))
    rest = matrix + spread(np.asarray(dual, dtype=complex), 2) - found
    assert np.abs(rest @ seen).max() < 1e-6
    assert np.linalg.eigvalsh(rest).max() < 1e-6


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: project_states(np.ones((2, 3))),
            ShapeError,
            "matrices has shape (2, 3), but (..., d, d) is needed; reshape or slice it first",
        ),
        (
            lambda: project_states(np.full((2, 2), np.nan)),
            RangeError,
            "matrices[0, 0] is (nan+0j), but must be finite; reconstruct it again",
        ),
        (
            lambda: project_processes(np.eye(6), 4),
            ShapeError,
            "chois has shape (6, 6), but (..., 4 * d_out, 4 * d_out) is needed; reshape or slice it first",
        ),
    ],
)
def test_projection_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


def test_a_matrix_that_is_no_process_by_far_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elements of a billion leave no digits for a trace of one."""
    monkeypatch.setattr("data.analysis.projection._LONGEST", 100)
    with pytest.raises(ProjectionError) as caught:
        project_processes(1e9 * hermitian(np.random.default_rng(3), 4), 2)
    assert str(caught.value) == (
        f"after 100 steps the trace over the output is off by {caught.value.deviation:.3g}, limit 1e-09; "
        "the matrix is far from any process: check the counts and the preparations"
    )
