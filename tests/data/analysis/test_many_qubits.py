"""Reconstruction of one to four qubits, with detectors that err, against an independent optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from data.analysis.measurements import fold_detection_errors, pauli_effects, pauli_settings
from data.analysis.tomography import linear_inversion, projected_least_squares, reconstruct
from data.errors import ConvergenceError, EmptySettingError, RangeError, ShapeError


def ghz(qubits: int, weight: float = 1.0) -> NDArray[np.complex128]:
    ket = np.zeros(2**qubits, dtype=complex)
    ket[[0, -1]] = np.sqrt(0.5)
    return weight * np.outer(ket, ket) + (1 - weight) * np.eye(2**qubits) / 2**qubits


def random_density(rng: np.random.Generator, dimension: int, rank: int) -> NDArray[np.complex128]:
    root = rng.standard_normal((dimension, rank)) + 1j * rng.standard_normal((dimension, rank))
    state = root @ root.conj().T
    return state / np.trace(state).real


def outcomes(state: NDArray[np.complex128], effects: NDArray[np.complex128]) -> NDArray[np.float64]:
    chances = np.einsum("soij,ji->so", effects, state).real.clip(0)
    return chances / chances.sum(axis=1, keepdims=True)


def climb_by_scipy(counts: NDArray[np.int64], effects: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Maximise the likelihood over rho = T T^+ / tr by L-BFGS, an unrelated method."""
    size = effects.shape[-1]
    flat, weights = effects.reshape(-1, size, size), counts.ravel() / counts.sum()

    def cost(numbers: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        root = numbers.view(np.complex128).reshape(size, size)
        norm = np.vdot(root, root).real
        state = root @ root.conj().T / norm
        chances = np.maximum((flat.reshape(len(flat), -1) @ state.T.ravel()).real, 1e-300)
        slope = ((weights / chances) @ flat.reshape(len(flat), -1)).reshape(size, size)
        gradient = 2 * (slope @ root - root) / norm
        return -float(weights @ np.log(chances)), -gradient.ravel().view(np.float64)

    start = (np.eye(size) / size + 0.02 * random_density(np.random.default_rng(0), size, size)).ravel()
    options = {"maxiter": 20_000, "maxfun": 40_000, "gtol": 1e-11, "ftol": 1e-16, "maxcor": 40}
    found = minimize(cost, start.view(np.float64).copy(), jac=True, method="L-BFGS-B", options=options)
    root = found.x.view(np.complex128).reshape(size, size)
    return root @ root.conj().T / np.vdot(root, root).real


def climb_by_r_rho_r(counts: NDArray[np.int64], effects: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The iteration of Hradil, with R averaged with the identity, run until it stands still."""
    size = effects.shape[-1]
    flat, weights = effects.reshape(-1, size, size), counts.ravel() / counts.sum()
    state = np.eye(size) / size
    for _ in range(30_000):
        chances = np.einsum("kij,ji->k", flat, state).real
        slope = np.tensordot(weights / chances, flat, 1)
        following = slope @ state @ slope
        following /= np.trace(following).real
        if np.abs(following - state).max() < 1e-13:
            break
        state = following
    return state


def test_names_and_effects_go_together() -> None:
    assert pauli_settings(2) == ("ZZ", "ZX", "ZY", "XZ", "XX", "XY", "YZ", "YX", "YY")
    for qubits in (1, 2, 3):
        effects = pauli_effects(qubits)
        assert effects.shape == (3**qubits, 2**qubits, 2**qubits, 2**qubits)
        assert np.allclose(effects @ effects, effects)
        assert np.allclose(effects.sum(axis=1), np.eye(2**qubits))
    three = pauli_effects(3)
    axis = dict(zip("ZXY", pauli_effects(1), strict=True))
    setting = pauli_settings(3).index("XYZ")
    expected = np.kron(np.kron(axis["X"][1], axis["Y"][0]), axis["Z"][1])  # outcome -+-
    assert three[setting, 0b101] == pytest.approx(expected)


@pytest.mark.parametrize("qubits", [1, 2, 3, 4])
def test_exact_frequencies_give_the_state(qubits: int) -> None:
    state = random_density(np.random.default_rng(qubits), 2**qubits, 2)
    counts = 1e4 * outcomes(state, pauli_effects(qubits))
    assert linear_inversion(counts) == pytest.approx(state, abs=1e-9)
    assert projected_least_squares(counts) == pytest.approx(state, abs=1e-9)
    assert reconstruct(counts).density == pytest.approx(state, abs=0.01)


@pytest.mark.parametrize(("qubits", "weight", "shots"), [(1, 0.9, 50), (2, 0.9, 100), (3, 0.9, 100)])
def test_two_unrelated_methods_find_the_same_state(qubits: int, weight: float, shots: int) -> None:
    """Fidelity with the target to 1e-6, and no independent likelihood above the certified one."""
    effects, target = pauli_effects(qubits), ghz(qubits)
    rng = np.random.default_rng(70 + qubits)
    counts = rng.multinomial(shots, outcomes(ghz(qubits, weight), effects))
    ours = reconstruct(counts, gap=1e-7)
    theirs = climb_by_scipy(counts, effects)
    overlaps = [np.trace(target @ state).real for state in (ours.density, theirs)]
    assert overlaps[0] == pytest.approx(overlaps[1], abs=1e-6)
    heights = [
        float((counts * np.log(outcomes(s, effects).clip(1e-300))).sum()) for s in (ours.density, theirs)
    ]
    assert heights[1] - heights[0] < ours.gap


@pytest.mark.parametrize("qubits", [1, 2])
def test_r_rho_r_run_to_its_end_finds_the_same_state(qubits: int) -> None:
    effects, target = pauli_effects(qubits), ghz(qubits)
    counts = np.random.default_rng(80 + qubits).multinomial(400, outcomes(ghz(qubits, 0.6), effects))
    ours, theirs = reconstruct(counts, gap=1e-9).density, climb_by_r_rho_r(counts, effects)
    assert np.trace(target @ ours).real == pytest.approx(np.trace(target @ theirs).real, abs=1e-6)


@pytest.mark.parametrize("qubits", [3, pytest.param(4, marks=pytest.mark.slow)])
def test_the_gap_of_a_climb_is_a_bound(qubits: int) -> None:
    effects = pauli_effects(qubits)
    rng = np.random.default_rng(90 + qubits)
    sets = 6 if qubits == 3 else 1
    counts = rng.multinomial(20, outcomes(ghz(qubits, 0.95), effects), size=(sets, 3**qubits))
    best = reconstruct(counts, gap=1e-4)
    for gap in (5.0, 0.05):
        found = reconstruct(counts, gap=gap)
        assert (found.gap < gap).all()
        assert np.linalg.eigvalsh(found.density).min() > -1e-12
        assert np.trace(found.density, axis1=1, axis2=2) == pytest.approx(np.ones(sets))
        for high, low, one, bound in zip(best.density, found.density, counts, found.gap, strict=True):
            gain = one * np.log(np.where(one > 0, outcomes(high, effects) / outcomes(low, effects), 1.0))
            assert 0 <= gain.sum() + 1e-4 <= bound + 1e-4


def test_a_climb_gives_each_data_set_what_it_gets_alone() -> None:
    counts = np.random.default_rng(4).multinomial(
        30, outcomes(ghz(3, 0.9), pauli_effects(3)), size=(2, 5, 27)
    )
    together = reconstruct(counts)
    assert together.density.shape == (2, 5, 8, 8)
    assert reconstruct(counts[1, 3]).density == pytest.approx(together.density[1, 3], abs=1e-9)
    assert reconstruct(counts[1, 3]).iterations == together.iterations[1, 3]


@pytest.mark.parametrize("qubits", [1, 2, 3])
def test_detectors_that_err_are_no_error_of_the_state(qubits: int) -> None:
    """With the errors in the effects, exact frequencies give the state; without, they do not."""
    confusions = [[[0.97, 0.03], [0.05, 0.95]], [[0.99, 0.01], [0.08, 0.92]], [[1.0, 0.0], [0.1, 0.9]]][
        :qubits
    ]
    effects = pauli_effects(qubits)
    called = fold_detection_errors(effects, confusions)
    assert np.allclose(called.sum(axis=1), np.eye(2**qubits))
    state = ghz(qubits, 0.95)
    joint = np.eye(1)
    for confusion in confusions:
        joint = np.kron(joint, confusion)
    counts = 1e7 * outcomes(state, effects) @ joint
    assert linear_inversion(counts, called) == pytest.approx(state, abs=1e-9)
    assert reconstruct(counts, called).density == pytest.approx(state, abs=1e-3)
    assert np.abs(reconstruct(counts).density - state).max() > 0.02
    assert fold_detection_errors(effects, [joint]) == pytest.approx(called)


def test_a_gap_beyond_the_numbers_is_refused_for_many_qubits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.analysis.ascent._LONGEST", 50)
    counts = np.random.default_rng(2).multinomial(50, outcomes(ghz(3, 0.9), pauli_effects(3)))
    with pytest.raises(ConvergenceError) as caught:
        reconstruct(counts, gap=1e-13)
    assert str(caught.value) == (
        f"after 50 steps the log-likelihood may still miss {caught.value.gap:.3g}, limit 1e-13; "
        "ask for a larger gap (0.05 is a tenth of a statistical unit)"
    )


def test_faults_of_counts_and_confusions_are_told() -> None:
    empty = np.full((27, 8), 3)
    empty[pauli_settings(3).index("ZXY")] = 0
    with pytest.raises(EmptySettingError, match=r"^setting 5 \(bases ZXY\) has no counts, but a "):
        reconstruct(empty)
    for call, error, text in (
        (
            lambda: pauli_effects(5),
            RangeError,
            "qubits is 5, but must be 1 to 4; the settings of more are too many; pass chosen effects",
        ),
        (
            lambda: fold_detection_errors(np.eye(2), []),
            ShapeError,
            "effects has shape (2, 2), but (settings, outcomes, d, d) is needed; reshape or slice it first",
        ),
        (
            lambda: fold_detection_errors(pauli_effects(2), [np.eye(2)]),
            ShapeError,
            "the product of the confusions has shape (2, 2), but the shape (4, 4) of outcomes by outcomes is "
            "needed; reshape or slice it first",
        ),
        (
            lambda: fold_detection_errors(pauli_effects(1), [[1, 0]]),
            ShapeError,
            "confusions[0] has shape (2,), but (outcomes, outcomes) is needed; reshape or slice it first",
        ),
        (
            lambda: fold_detection_errors(pauli_effects(1), [[[1.1, -0.1], [0, 1]]]),
            RangeError,
            "confusions[0][0, 0] is 1.1, but must be a probability, 0 to 1; calibrate the readout",
        ),
        (
            lambda: fold_detection_errors(pauli_effects(1), [[[0.5, 0.25], [0, 1]]]),
            RangeError,
            "the sum of row 0 of confusions[0] is 0.75, but must be 1; rows are what the outcome is, columns "
            "what it is called",
        ),
    ):
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == text
