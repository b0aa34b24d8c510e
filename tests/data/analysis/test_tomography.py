"""Reconstruction against known states, an independent optimiser, and statistics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from data.analysis import SETTINGS, bell_fidelity, linear_inversion, pauli_effects, reconstruct, resample
from data.errors import AnalysisError, ConvergenceError, EmptySettingError, RangeError, ShapeError

BELL = np.outer([1, 0, 0, 1], [1, 0, 0, 1]) / 2
WERNER = 0.92 * BELL + 0.08 * np.eye(4) / 4
EFFECTS = pauli_effects()

# Overlap of the likeliest state less that of the linear inversion, for WERNER at 200 counts a setting:
# -0.00162(1) over 20 000 data sets.
BIAS = 0.00162


def random_state(rng: np.random.Generator, rank: int) -> NDArray[np.complex128]:
    root = rng.standard_normal((4, rank)) + 1j * rng.standard_normal((4, rank))
    state = root @ root.conj().T
    return state / np.trace(state).real


def probabilities(
    state: NDArray[np.complex128], effects: NDArray[np.complex128] = EFFECTS
) -> NDArray[np.float64]:
    values = np.einsum("soij,ji->so", effects, state).real.clip(0)
    return values / values.sum(axis=1, keepdims=True)


def draw(rng: np.random.Generator, state: NDArray[np.complex128], shots: int, sets: int) -> NDArray[np.int64]:
    return np.array([rng.multinomial(shots, probabilities(state)) for _ in range(sets)])


def log_likelihood(state: NDArray[np.complex128], counts: NDArray[np.int64]) -> float:
    # Written out on purpose, not shared with the code under test.
    total = 0.0
    for setting in range(counts.shape[0]):
        for outcome in range(counts.shape[1]):
            if counts[setting, outcome]:
                chance = np.trace(EFFECTS[setting, outcome] @ state).real
                total += counts[setting, outcome] * np.log(chance)
    return total


def maximise_by_scipy(counts: NDArray[np.int64]) -> NDArray[np.complex128]:
    """Maximise the likelihood over rho = T T^+ / tr with an unrelated, unconstrained optimiser."""
    weights = counts / counts.sum()

    def cost(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        root = (flat[:16] + 1j * flat[16:]).reshape(4, 4)
        norm = np.sum(np.abs(root) ** 2)
        chances = np.einsum("soij,jk,ik->so", EFFECTS, root, root.conj()).real / norm
        slope = np.einsum("so,soij->ij", weights / np.maximum(chances, 1e-300), EFFECTS)
        gradient = 2 * (slope @ root - root) / norm
        value = -np.sum(weights * np.log(np.maximum(chances, 1e-300)))
        return value, -np.concatenate([gradient.real.ravel(), gradient.imag.ravel()])

    start = np.concatenate([np.eye(4).ravel() + 0.1, 0.05 * np.arange(16.0)])
    found = minimize(cost, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 3000})
    root = (found.x[:16] + 1j * found.x[16:]).reshape(4, 4)
    return root @ root.conj().T / np.sum(np.abs(root) ** 2)


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_known_states_are_found_in_the_limit_of_many_counts(rank: int) -> None:
    state = random_state(np.random.default_rng(rank), rank)
    counts = 1e9 * probabilities(state)
    assert linear_inversion(counts) == pytest.approx(state, abs=1e-9)
    assert reconstruct(counts).density == pytest.approx(state, abs=1e-4)


@pytest.mark.parametrize("ket", [[1, 0, 0, 1], [0, 1, 1j, 0], [1, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0]])
def test_pure_states_without_noise(ket: list[complex]) -> None:
    """Half of the probabilities are zero here, and the maximum lies on the boundary of the states."""
    vector = np.array(ket) / np.linalg.norm(ket)
    found = reconstruct(1000 * probabilities(np.outer(vector, vector.conj())), gap=1e-6)
    assert (vector.conj() @ found.density @ vector).real == pytest.approx(1, abs=1e-8)


def test_states_are_states() -> None:
    rng = np.random.default_rng(3)
    counts = np.concatenate(
        [draw(rng, random_state(rng, rank), shots, 5) for rank in (1, 2, 4) for shots in (1, 9, 400)]
    )
    found = reconstruct(counts)
    assert (found.gap < 0.05).all()
    assert (found.gap >= 0).all()
    assert found.iterations.max() < 20
    assert found.density == pytest.approx(found.density.conj().swapaxes(-1, -2), abs=1e-12)
    assert np.trace(found.density, axis1=-2, axis2=-1) == pytest.approx(1, abs=1e-12)
    assert np.linalg.eigvalsh(found.density).min() > 0


@pytest.mark.parametrize(("rank", "shots"), [(4, 200), (2, 200), (1, 50), (3, 20)])
def test_agreement_with_an_independent_optimiser(rank: int, shots: int) -> None:
    rng = np.random.default_rng(100 + rank)
    counts = draw(rng, 0.8 * BELL + 0.2 * random_state(rng, rank), shots, 1)[0]
    ours, theirs = reconstruct(counts, gap=1e-10), maximise_by_scipy(counts)
    assert log_likelihood(theirs, counts) - log_likelihood(ours.density, counts) < 1e-7
    assert bell_fidelity(ours.density).fidelity == pytest.approx(bell_fidelity(theirs).fidelity, abs=1e-6)


def test_gap_is_a_bound() -> None:
    """What a far better reconstruction gains stays below the gap that was certified, for loose gaps too."""
    rng = np.random.default_rng(8)
    counts = draw(rng, WERNER, 60, 40)
    best = reconstruct(counts, gap=1e-9)
    for gap in (5.0, 0.5, 0.05, 1e-3):
        found = reconstruct(counts, gap=gap)
        assert (found.gap < gap).all()
        gains = [
            log_likelihood(high, one) - log_likelihood(low, one)
            for high, low, one in zip(best.density, found.density, counts, strict=True)
        ]
        assert (np.array(gains) <= found.gap + 1e-9).all()
        assert max(gains) > 0


def test_batch_is_the_same_as_one_by_one() -> None:
    rng = np.random.default_rng(9)
    counts = draw(rng, WERNER, 30, 300).reshape(3, 100, 9, 4)
    together = reconstruct(counts)
    assert together.density.shape == (3, 100, 4, 4)
    assert together.gap.shape == together.iterations.shape == (3, 100)
    for index in ((0, 0), (1, 57), (2, 99)):
        alone = reconstruct(counts[index])
        assert alone.density == pytest.approx(together.density[index], abs=1e-12)
        assert alone.iterations == together.iterations[index]
    assert linear_inversion(counts)[1, 57] == pytest.approx(linear_inversion(counts[1, 57]), abs=1e-14)
    assert reconstruct(np.empty((0, 9, 4))).density.shape == (0, 4, 4)


def test_other_measurements() -> None:
    """A single qubit with a six-outcome effect, and misaligned analysers that the effects know about."""
    directions = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
    paulis = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    six = ((np.eye(2) + np.tensordot(directions, paulis, 1)) / 6)[None]
    state = np.array([[0.7, 0.2 - 0.3j], [0.2 + 0.3j, 0.3]])
    assert reconstruct(1e8 * probabilities(state, six), six).density == pytest.approx(state, abs=1e-4)

    # Detectors of unequal efficiency, so that the outcomes of white noise are not equally likely.
    uneven = np.array([[0.3 * np.eye(2) + (np.eye(2) + pauli) / 4] for pauli in paulis])
    uneven = np.concatenate([uneven, np.eye(2) - uneven], axis=1)
    exact = 1e8 * probabilities(state, uneven)
    assert linear_inversion(exact, uneven) == pytest.approx(state, abs=1e-12)
    assert reconstruct(exact, uneven).density == pytest.approx(state, abs=1e-4)

    angle = 0.3
    turn = np.kron(np.eye(2), [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    tilted = turn @ EFFECTS @ turn.T
    counts = 1e8 * probabilities(WERNER.astype(np.complex128), tilted)
    assert reconstruct(counts, tilted).density == pytest.approx(WERNER, abs=1e-4)
    assert bell_fidelity(reconstruct(counts).density).fidelity < 0.92


def test_one_count_a_setting_is_enough_for_an_answer() -> None:
    counts = np.zeros((9, 4))
    counts[:, 0] = 1
    found = reconstruct(counts)
    assert found.gap < 0.05
    # All outcomes ++: the state that points along all axes at once.
    assert all(np.trace(EFFECTS[setting, 0] @ found.density).real > 0.5 for setting in range(9))


def test_bias_of_the_likelihood_and_of_the_inversion() -> None:
    """400 data sets: bounds at 4.9 standard errors of the mean, so 1e-6 false alarms.

    The overlap with a fixed state is linear and has no bias; that of the positive state is low by BIAS.
    """
    counts = draw(np.random.default_rng(21), WERNER, 200, 400)
    overlap = np.einsum("ij,nji->n", BELL, linear_inversion(counts)).real
    assert abs(overlap.mean() - 0.94) < 4.9 * overlap.std() / np.sqrt(400)
    likely = np.einsum("ij,nji->n", BELL, reconstruct(counts).density).real
    assert abs(likely.mean() - 0.94 + BIAS) < 4.9 * likely.std() / np.sqrt(400)
    # On the same counts the difference scatters far less than either.
    difference = likely - overlap
    assert difference.mean() + BIAS == pytest.approx(0, abs=4.9 * difference.std() / np.sqrt(400))
    assert difference.mean() < -4.9 * difference.std() / np.sqrt(400)


def test_resampled_errors_are_the_scatter_of_repeated_experiments() -> None:
    """Ratio of Monte-Carlo error to true scatter: its spread is 4 %, the bound 20 %, so 1e-6 false alarms."""
    rng = np.random.default_rng(22)
    counts = draw(rng, WERNER, 200, 400)
    scatter = bell_fidelity(reconstruct(counts).density).fidelity.std(ddof=1)
    samples = reconstruct(resample(rng, counts[:10], 100)).density
    errors = bell_fidelity(samples).fidelity.std(axis=0, ddof=1)
    assert errors.mean() / scatter == pytest.approx(1, abs=0.2)


def test_resamples_are_poissonian_and_never_empty() -> None:
    """Means within 4.9 standard errors; 36 counts compared, so 4e-5 false alarms."""
    rng = np.random.default_rng(23)
    counts = draw(rng, WERNER, 100, 1)[0]
    samples = resample(rng, counts, 4000)
    assert samples.shape == (4000, 9, 4)
    assert (np.abs(samples.mean(axis=0) - counts) <= 4.9 * np.sqrt(counts / 4000)).all()
    # The variance of a Poisson variance estimate is (2 m**2 + m) / n.
    spread = np.sqrt((2 * counts**2 + counts) / 4000)
    assert (np.abs(samples.var(axis=0) - counts) <= 4.9 * spread).all()
    assert not samples[:, counts == 0].any()
    few = resample(rng, np.eye(4, dtype=int)[[0] * 9], 500)
    assert (few.sum(axis=-1) >= 1).all()


def test_resamples_repeat_with_the_seed() -> None:
    counts = np.full((9, 4), 7)
    first, second = (resample(np.random.default_rng(4), counts, 5) for _ in range(2))
    assert np.array_equal(first, second)


def test_empty_setting_is_named() -> None:
    counts = np.full((2, 9, 4), 10)
    counts[1, SETTINGS.index("XY")] = 0
    for call in (reconstruct, linear_inversion, lambda c: resample(np.random.default_rng(0), c)):
        with pytest.raises(EmptySettingError) as caught:
            call(counts)
        assert str(caught.value) == (
            "setting 5 (ion X, photon Y) of data set 1 has no counts, but a reconstruction needs at least 1 "
            "in every setting; measure this setting longer, or pass only the effects of the settings measured"
        )
    with pytest.raises(EmptySettingError, match=r"^setting 5 has no counts, "):
        reconstruct(counts[1], EFFECTS)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: reconstruct(np.ones((9, 3))),
            ShapeError,
            "counts has shape (9, 3), but (..., 9, 4) as settings by outcomes is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: reconstruct(np.full((9, 4), -1)),
            RangeError,
            "counts[0, 0] is -1.0, but must be finite and >= 0; give numbers of events",
        ),
        (
            lambda: reconstruct(np.full((9, 4), np.nan)),
            RangeError,
            "counts[0, 0] is nan, but must be finite and >= 0; give numbers of events",
        ),
        (
            lambda: reconstruct(np.ones((9, 4)), gap=0),
            RangeError,
            "gap is 0, but must be > 0; 0.05 is a tenth of a statistical unit",
        ),
        (
            lambda: resample(np.random.default_rng(0), np.ones((9, 4)), 1),
            RangeError,
            "samples is 1, but must be >= 2; the published errors use 200",
        ),
        (
            lambda: resample(np.random.default_rng(0), np.full((9, 4), 0.5)),
            RangeError,
            "a count is 0.5, but must be a whole number of events; resample raw counts",
        ),
        (
            lambda: resample(np.random.default_rng(0), np.ones(4)),
            ShapeError,
            "counts has shape (4,), but (..., settings, outcomes) is needed; reshape or slice it first",
        ),
    ],
)
def test_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text


def test_a_gap_beyond_the_precision_of_numbers_is_refused() -> None:
    with pytest.raises(ConvergenceError) as caught:
        reconstruct(draw(np.random.default_rng(1), WERNER, 1000, 1), gap=1e-13)
    assert caught.value.gap > 1e-13
    assert str(caught.value) == (
        f"after 100 steps the log-likelihood may still miss {caught.value.gap:.3g}, limit 1e-13; "
        "ask for a larger gap (0.05 is a tenth of a statistical unit)"
    )
