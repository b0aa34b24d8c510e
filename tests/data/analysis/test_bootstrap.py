"""Resamples, and what is said of a state from them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from data.analysis.bell_tests import BEST_FIRST, BEST_SECOND
from data.analysis.bootstrap import StateBootstrap, bootstrap_state
from data.analysis.entanglement import concurrence, purity
from data.analysis.fidelities import BELL_STATES, fidelity
from data.analysis.measurements import fold_detection_errors, pauli_effects
from data.analysis.pair_report import report_pair
from data.analysis.resampling import resample, resample_shots, resample_state, split_counts
from data.analysis.tomography import reconstruct
from data.errors import AnalysisError, EmptySettingError, InsufficientDataError, RangeError, ShapeError

PHI = BELL_STATES["Phi+"]
WERNER = 0.92 * np.outer(PHI, PHI) + 0.08 * np.eye(4) / 4


def outcomes(
    state: NDArray[np.complex128], effects: NDArray[np.complex128] | None = None
) -> NDArray[np.float64]:
    chances = np.einsum("soij,ji->so", pauli_effects() if effects is None else effects, state).real.clip(0)
    return chances / chances.sum(axis=1, keepdims=True)


def data_set(seed: int, shots: int = 200) -> NDArray[np.int64]:
    return np.random.default_rng(seed).multinomial(shots, outcomes(WERNER))


def test_resamples_by_shots_are_multinomial() -> None:
    """Means within 4.9 standard errors; an outcome never seen is never drawn; sums as measured."""
    rng, counts = np.random.default_rng(1), data_set(1, 100)
    counts[0] = [70, 0, 0, 30]
    drawn = resample_shots(rng, np.array([counts, 2 * counts]), 3000)
    assert drawn.shape == (3000, 2, 9, 4)
    assert (drawn.sum(axis=-1) == np.array([[100], [200]])).all()
    assert not drawn[:, :, 0, 1:3].any()
    deviation = np.abs(drawn[:, 0].mean(axis=0) - counts)
    assert (deviation <= 4.9 * np.sqrt(counts * (1 - counts / 100) / 3000)).all()


def test_resamples_of_a_state_follow_its_probabilities() -> None:
    """36 means within 4.9 standard errors: 4e-5 false alarms; sums of every setting as measured."""
    effects = fold_detection_errors(pauli_effects(), [[[0.9, 0.1], [0.1, 0.9]], np.eye(2)])
    counts = data_set(2) + np.arange(9)[:, None]
    drawn = resample_state(np.random.default_rng(2), WERNER, counts, 3000, effects)
    totals = counts.sum(axis=1)
    assert (drawn.sum(axis=-1) == totals).all()
    chances = outcomes(WERNER, effects)
    deviation = np.abs((drawn / totals[:, None]).mean(axis=0) - chances)
    assert (deviation <= 4.9 * np.sqrt(chances * (1 - chances) / totals[:, None] / 3000)).all()


def test_halves_of_counts_are_independent() -> None:
    """Over repeated experiments halves of one setting are uncorrelated: 1500 of them, bound at 4.9 / sqrt."""
    rng = np.random.default_rng(3)
    counts = rng.multinomial(61, [0.5, 0.2, 0.3], size=(1500, 1))
    halves = np.array([split_counts(rng, one) for one in counts])[:, :, 0]
    assert (halves.sum(axis=1) == counts[:, 0]).all()
    assert (halves.sum(axis=2) == [30, 31]).all()
    assert abs(np.corrcoef(halves[:, 0, 0], halves[:, 1, 0])[0, 1]) < 4.9 / 1500**0.5


def test_all_ways_to_draw_give_the_same_errors() -> None:
    """Of 1000 samples each; a standard deviation is good to 2.2 %, the bound is 15 %."""
    rng, counts = np.random.default_rng(4), data_set(4, 300)
    state = reconstruct(counts).density
    draws = (
        resample(rng, counts, 1000),
        resample_shots(rng, counts, 1000),
        resample_state(rng, state, counts, 1000),
    )
    errors = [fidelity(reconstruct(drawn).density, PHI).fidelity.std() for drawn in draws]
    assert errors[0] == pytest.approx(errors[1], rel=0.15)
    assert errors[2] == pytest.approx(errors[1], rel=0.15)


def test_a_judgement_is_made_of_its_samples() -> None:
    found = bootstrap_state(np.random.default_rng(5), data_set(5), 400)
    values = concurrence(found.samples)
    judged = found.judge(concurrence, confidence=0.9, unit="ebit")
    assert judged.estimate.value == pytest.approx(concurrence(found.density))
    assert judged.estimate.error == pytest.approx(values.std(ddof=1))
    assert judged.estimate.unit == "ebit"
    assert judged.bias == pytest.approx(values.mean() - judged.estimate.value)
    assert judged.corrected.value == pytest.approx(2 * judged.estimate.value - values.mean())
    assert (values < judged.low).mean() == pytest.approx(0.05, abs=0.003)
    assert (values > judged.high).mean() == pytest.approx(0.05, abs=0.003)
    assert found.judge(purity).confidence == 0.95


def test_the_same_seed_gives_the_same_judgement() -> None:
    first, second = (
        bootstrap_state(np.random.default_rng(6), data_set(6), 200).judge(purity) for _ in range(2)
    )
    assert first == second


def test_a_report_holds_all_of_a_pair() -> None:
    """Errors and values against the truth within 4.9 errors; estimators beside each other agree."""
    ket = np.array([1, 0, 0, 1j]) / np.sqrt(2)
    state = 0.92 * np.outer(ket, ket.conj()) + 0.08 * np.eye(4) / 4
    counts = np.random.default_rng(7).multinomial(400, outcomes(state))
    report = report_pair(np.random.default_rng(8), counts, samples=200)
    truth = {
        "fidelity": 0.94,
        "local_fidelity": 0.94,
        "purity": 0.8848,
        "concurrence": 0.88,
        "negativity": 0.44,
    }
    for name, true in truth.items():
        judged = getattr(report, name)
        assert abs(judged.estimate.value - true) < 4.9 * judged.estimate.error
        assert judged.low < judged.estimate.value < judged.high
    assert abs(report.linear_fidelity.value - 0.94) < 4.9 * report.linear_fidelity.error
    assert abs(report.linear_fidelity.value - report.fidelity.estimate.value) < 0.02
    assert report.local_fidelity.estimate.value >= report.fidelity.estimate.value
    assert report.turns == pytest.approx(0.25, abs=0.03)
    assert report.gap < 0.05
    assert abs(report.chsh.value - 0.92 * np.sqrt(8)) < 4.9 * report.chsh.error
    assert abs(report.split_chsh.value - 0.92 * np.sqrt(8)) < 4.9 * report.split_chsh.error
    assert report.greatest_chsh.estimate.value > 2.5
    fixed = report_pair(np.random.default_rng(8), counts, ket, None, samples=200)
    assert fixed.turns == 0
    assert fixed.linear_fidelity.value == pytest.approx(report.linear_fidelity.value, abs=0.01)
    assert abs(fixed.chsh.value - 0.92 * np.sqrt(8)) < 4.9 * fixed.chsh.error
    # Declared axes stay as they are. These suit a phase of zero: at a quarter of a turn, E(ZZ) is left of S.
    declared = report_pair(np.random.default_rng(8), counts, axes=(BEST_FIRST, BEST_SECOND), samples=200)
    assert abs(declared.chsh.value - 0.92 * np.sqrt(2)) < 4.9 * declared.chsh.error


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: bootstrap_state(RNG, data_set(1), 50).judge(purity),
            InsufficientDataError,
            "a 0.95 interval needs at least 200 samples, but there are 50; "
            "collect more data or leave this estimate out",
        ),
        (
            lambda: bootstrap_state(RNG, data_set(1), 50).judge(purity, 1.0),
            RangeError,
            "confidence is 1.0, but must be between 0 and 1; two standard deviations are 0.95",
        ),
        (
            lambda: bootstrap_state(RNG, data_set(1)[None]),
            ShapeError,
            "counts has shape (1, 9, 4), but (settings, outcomes), one data set at a time, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: StateBootstrap(np.eye(4)[None] / 4, np.eye(4)[None] / 4),
            ShapeError,
            "density has shape (1, 4, 4), but (d, d), one state at a time, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: StateBootstrap(np.eye(4) / 4, np.eye(2)[None] / 2),
            ShapeError,
            "samples has shape (1, 2, 2), but (samples, 4, 4) is needed; reshape or slice it first",
        ),
        (
            lambda: resample_state(RNG, np.eye(2) / 2, data_set(1)),
            ShapeError,
            "density has shape (2, 2), but the shape (4, 4) of the effects is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: resample_state(RNG, WERNER, data_set(1)[None]),
            ShapeError,
            "counts has shape (1, 9, 4), but (9, 4), one data set at a time, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: resample_shots(RNG, np.full((2, 2), 2.5)),
            RangeError,
            "a count is 2.5, but must be a whole number of events; resample raw counts",
        ),
        (
            lambda: resample_shots(RNG, np.zeros((2, 2))),
            EmptySettingError,
            "setting 0 has no counts, but a reconstruction needs at least 1 in every setting; "
            "measure this setting longer, or pass only the effects of the settings measured",
        ),
        (
            lambda: split_counts(RNG, np.ones((2, 3, 4))),
            ShapeError,
            "counts has shape (2, 3, 4), but (settings, outcomes), one data set at a time, is needed; "
            "reshape or slice it first",
        ),
        (
            lambda: report_pair(RNG, data_set(1)[None]),
            ShapeError,
            "counts has shape (1, 9, 4), but (settings, outcomes), one data set at a time, is needed; "
            "reshape or slice it first",
        ),
    ],
)
def test_bootstrap_messages(call: Callable[[], object], error: type[AnalysisError], text: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == text
